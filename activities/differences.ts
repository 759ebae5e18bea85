import type { Difference } from './resource.ts';

/** The fields of `wanted`, by their paths (`Sheets[0].Name`), whose value AWS reports otherwise. Whatever AWS adds by itself (defaults, ids) is no difference; an empty list equals an absent one. */
export const differences = (wanted: object, reported: object | undefined, path = ''): Difference[] =>
  Object.entries(wanted).flatMap(([key, value]) =>
    between(value, (reported as Record<string, unknown> | undefined)?.[key], `${path}${key}`),
  );

function between(wanted: unknown, is: unknown, field: string): Difference[] {
  if (wanted === undefined) return [];
  if (Array.isArray(wanted)) {
    const items = Array.isArray(is) ? is : [];
    // Of lists of different lengths nobody can tell which items are the same ones.
    if (items.length !== wanted.length) return [{ field, is, wanted }];
    return wanted.flatMap((item, i) => between(item, items[i], `${field}[${i}]`));
  }
  if (wanted instanceof Date) return is instanceof Date && Number(is) === Number(wanted) ? [] : [{ field, is, wanted }];
  if (typeof wanted === 'object' && wanted !== null) return differences(wanted, (is ?? {}) as object, `${field}.`);
  return is === wanted ? [] : [{ field, is, wanted }];
}
