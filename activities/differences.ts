/** The keys of `wanted` whose value AWS does not report so. Whatever AWS adds by itself (defaults, ids) is no difference; an empty list equals an absent one. */
export const differences = (wanted: object, reported: object | undefined): string[] =>
  Object.entries(wanted)
    .filter(([key, value]) => !covers((reported as Record<string, unknown> | undefined)?.[key], value))
    .map(([key]) => key);

function covers(reported: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) {
    const items = Array.isArray(reported) ? reported : [];
    return items.length === wanted.length && wanted.every((item, i) => covers(items[i], item));
  }
  if (typeof wanted === 'object' && wanted !== null) return differences(wanted, (reported ?? {}) as object).length === 0;
  return reported === wanted;
}
