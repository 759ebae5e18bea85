/** The tag that remembers which tags of the spec a resource has, as a mark of each key: one that the spec no longer has is taken off by it. */
export const KEYS_TAG = 'data2dashboard:tags';

type Tags = Record<string, string>;

/** The tags of the spec, and the one that remembers them if there are any. */
export function remembered(tags: Tags): Tags {
  const marks = Object.keys(tags).map(markOf).sort().join('');
  return marks === '' ? {} : { ...tags, [KEYS_TAG]: marks };
}

/** The keys on a resource that the spec once set and no longer has; tags of others are theirs. */
export function droppedFrom(found: Tags, wanted: Tags): string[] {
  const marks: string[] = found[KEYS_TAG]?.match(/.{6}/g) ?? [];
  return Object.keys(found).filter((key) => !(key in wanted) && (key === KEYS_TAG || marks.includes(markOf(key))));
}

/** Six hexadecimal digits (FNV-1a): forty marks fit into the 256 characters of a tag's value. */
function markOf(key: string): string {
  let hash = 0x811c9dc5;
  for (const character of key) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  return (hash >>> 8).toString(16).padStart(6, '0');
}
