import type { Difference } from './resource.ts';

/** The fields of `wanted`, by their dotted paths, whose value AWS reports otherwise. Whatever AWS adds by itself (defaults, ids) is no difference; an empty list equals an absent one. */
export const differences = (wanted: object, reported: object | undefined, path = ''): Difference[] =>
  Object.entries(wanted).flatMap(([key, value]) =>
    between(value, (reported as Record<string, unknown> | undefined)?.[key], `${path}${key}`),
  );

function between(wanted: unknown, is: unknown, field: string): Difference[] {
  if (wanted === undefined) return [];
  if (Array.isArray(wanted)) {
    const items = Array.isArray(is) ? is : [];
    const isSame = items.length === wanted.length && wanted.every((item, i) => between(item, items[i], field).length === 0);
    return isSame ? [] : [{ field, is, wanted }];
  }
  if (typeof wanted === 'object' && wanted !== null) return differences(wanted, (is ?? {}) as object, `${field}.`);
  return is === wanted ? [] : [{ field, is, wanted }];
}
