import { awsError } from '../aws.ts';

/** One page of `all` in the order of `keyOf`, with the members that IAM puts beside a list. */
export function page<Item>(
  all: Item[],
  keyOf: (item: Item) => string,
  { Marker: marker, MaxItems: max = 100 }: { Marker?: string; MaxItems?: number },
): { items: Item[]; IsTruncated: boolean; Marker?: string } {
  if (max < 1 || max > 1000)
    throw awsError('ValidationError', `1 validation error detected: Value '${max}' at 'maxItems' must be between 1 and 1000`);
  const after = marker === undefined ? '' : Buffer.from(marker, 'base64').toString();
  const left = all.filter((item) => keyOf(item) > after).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const items = left.slice(0, max);
  const more = items.length < left.length;
  return { items, IsTruncated: more, Marker: more ? Buffer.from(keyOf(items.at(-1)!)).toString('base64') : undefined };
}
