import { names, OWNER_TAG } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { droppedFrom } from '../pipeline/tags.ts';
import { notYet } from './not-yet.ts';
import type { Difference, Found, Resource } from './resource.ts';

const FIELD = 'Tags.';
/** What the keys of all tags begin with that no spec has set. */
const OURS = 'data2dashboard:';

/** What AWS shows without its owner's tag counts as nobody's once it was looked for twice: its reads are only eventually consistent. */
export async function findWithOwner<Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<Thing | undefined> {
  const found = await resource.find(pipeline);
  return found !== undefined && ownerOf(found) === undefined ? resource.find(pipeline) : found;
}

/** What AWS does not show counts as absent likewise. */
export const findTwice = async <Thing extends Found>(resource: Resource<Thing>, pipeline: Pipeline): Promise<Thing | undefined> =>
  (await findWithOwner(resource, pipeline)) ?? resource.find(pipeline);

/** True for a difference in a tag. */
export const isOfTags = ({ field }: Difference): boolean => field.startsWith(FIELD);

/** The tags that we set and that are otherwise, and those that we once set and no longer want; what others added is theirs. */
export function tagDifferences({ tags }: Found, pipeline: Pipeline): Difference[] {
  if (tags === undefined) return [];
  const wanted = names(pipeline).tags;
  return [...Object.keys(wanted), ...droppedFrom(tags, wanted)].flatMap((key) =>
    tags[key] === wanted[key] ? [] : [{ field: `${FIELD}${key}`, is: tags[key], wanted: wanted[key] }],
  );
}

/** Makes differences in tags go away. What is no longer wanted goes first, while the thing still remembers that we set it. */
export async function retag<Thing extends Found>(
  resource: Resource<Thing>,
  pipeline: Pipeline,
  found: Thing,
  differences: Difference[],
): Promise<void> {
  const all = differences.filter(isOfTags);
  const dropped = all.flatMap(({ field, wanted }) => (wanted === undefined ? [field.slice(FIELD.length)] : []));
  if (dropped.length > 0) await resource.untag!(pipeline, found, dropped);
  const left = Object.fromEntries(Object.entries(found.tags ?? {}).filter(([key]) => !dropped.includes(key)));
  if (all.length > dropped.length) await resource.tag!(pipeline, { ...found, tags: left }, names(pipeline).tags);
}

/**
 * Gives a thing back that was taken over: takes our tags off, and sets those of the spec back to what they were by the differences that taking over met. Returns, in
 * words, what of these differences is no longer as it was met: it stays as it is.
 */
export async function giveBack<Thing extends Found>(
  resource: Resource<Thing>,
  pipeline: Pipeline,
  met: Difference[] = [],
): Promise<string[]> {
  const found = await findTwice(resource, pipeline);
  const stays = await notAsMet(resource, pipeline, found, met);
  if (found !== undefined) await resetTags(resource, pipeline, found, met);
  return stays.map(({ field, is }) => `${resource.label(pipeline)}: ${field} was ${formerly(is)}`);
}

/** What was met otherwise than now, tags apart. Asked of what is no longer ours too: an attempt before may have given it back and not been heard. */
async function notAsMet<Thing extends Found>(
  resource: Resource<Thing>,
  pipeline: Pipeline,
  found: Thing | undefined,
  met: Difference[],
): Promise<Difference[]> {
  const others = met.filter((each) => !isOfTags(each));
  const isAnothers = found !== undefined && ![undefined, pipeline.name].includes(ownerOf(found));
  if (others.length === 0 || isAnothers) return [];
  if (found === undefined || resource.status(found) !== 'ready') return others;
  const now = await resource.differences(pipeline, found);
  return others.filter(({ field, is }) => !now.some((each) => each.field === field && asJson(each.is) === asJson(is)));
}

/** As Temporal carries a value that was met, which makes undefined nothing. */
const asJson = (value: unknown): string => JSON.stringify(value ?? null);

/** Characters of a former value: it is to be put back by hand. */
const LONGEST = 1_000;

function formerly(is: unknown): string {
  if (is === undefined || is === null) return 'not there';
  const text = typeof is === 'string' ? is : JSON.stringify(is);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length} characters)`;
}

async function resetTags<Thing extends Found>(
  resource: Resource<Thing>,
  pipeline: Pipeline,
  found: Thing,
  met: Difference[],
): Promise<void> {
  if (found.tags === undefined || !isOurs(found, pipeline)) return;
  const before = met.filter(isOfTags).map(({ field, is }) => [field.slice(FIELD.length), is] as const);
  const kept = before.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const added = before.flatMap(([key, is]) => (is === undefined || is === null ? [key] : []));
  const ours = Object.keys(found.tags).filter((key) => key.startsWith(OURS));
  const tags = { ...found.tags, ...Object.fromEntries(kept) };
  if (kept.length > 0) await resource.tag!(pipeline, found, Object.fromEntries(kept));
  await resource.untag!(pipeline, { ...found, tags }, [...new Set([...ours, ...added])]);
}

/**
 * What is owned through its parent, with the parent's tags. No such thing outlives its parent: where AWS shows the one and not the other, either is only on its way,
 * and taking it for somebody else's would be wrong.
 */
export function throughParent<Thing extends object>(
  label: string,
  thing: Thing | undefined,
  parentTags: Found['parentTags'],
): (Thing & Found) | undefined {
  if (thing === undefined) return undefined;
  if (parentTags === undefined) throw notYet(`${label} is there, and what holds it is not`);
  return { ...thing, parentTags };
}

/** The pipeline that a thing belongs to, by its own tag or its parent's; undefined: none of ours made it. */
export const ownerOf = ({ tags, parentTags }: Found): string | undefined => (tags ?? parentTags)?.[OWNER_TAG];

/** True for what carries the pipeline's tag, or is owned through a parent that does. */
export const isOurs = (found: Found | undefined, { name }: Pipeline): boolean => found !== undefined && ownerOf(found) === name;
