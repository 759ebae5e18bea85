import { asyncLocalStorage, Context } from '@temporalio/activity';
import { OWNER_TAG } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { BY_USE } from '../pipeline/standing-cost.ts';
import type { Leftover } from '../workflows/messages.ts';
import type { Clients } from './aws.ts';
import { isNamed, isRefused } from './errors.ts';
import { type Kind, kinds, type Thing } from './listings.ts';

/** What carries a pipeline's tag, and what could not be asked for its tags. */
export interface Carrying {
  found: Leftover[];
  unseen: string[];
}

/** Of one kind so many things are asked at once: services answer about five such questions a second. */
const AT_ONCE = 4;
/** An account may hold more than can be asked in the time of an activity. */
const PATIENCE_MS = 60_000;
const GONE = ['ResourceNotFoundException', 'EntityNotFoundException', 'NoSuchEntityException', 'NoSuchBucket', 'NoSuchTagSet'];

/**
 * Asks every thing in the account's region of a kind that pipelines are made of for its tags, whatever its name, but for the `known` ARNs; names like the
 * pipeline's first.
 */
export async function carryingTag(clients: Clients, pipeline: Pipeline, known: string[], patience = PATIENCE_MS): Promise<Carrying> {
  const until = Date.now() + patience;
  const all = await Promise.all(kinds(clients, pipeline).map((kind) => lookThrough(kind, pipeline, known, until)));
  return { found: all.flatMap(({ found }) => found), unseen: all.flatMap(({ unseen }) => unseen) };
}

async function lookThrough(kind: Kind, pipeline: Pipeline, known: string[], until: number): Promise<Carrying> {
  const found: Leftover[] = [];
  const unseen: string[] = [];
  const { what } = kind;
  const listed = await allOf(kind);
  if (!Array.isArray(listed)) return { found, unseen: [`the account's ${what}s could not be listed: ${listed.refusal}`] };
  const strangers = listed.filter(({ arn }) => !known.includes(arn));
  const refusals: string[] = [];
  let late = 0;
  await eachOf(inOrder(strangers, pipeline), async (thing) => {
    if (Date.now() >= until) late++;
    else {
      const { name, arn } = thing;
      const look = await tagsOf(thing);
      if ('refusal' in look && isLike(name, pipeline))
        found.push({ label: `${what} ${name}`, arn, why: `whose it is could not be looked at: ${look.refusal}` });
      else if ('refusal' in look) refusals.push(look.refusal);
      else if (look.tags[OWNER_TAG] === pipeline.name)
        found.push({
          label: `${what} ${name}`,
          arn,
          why: "it carries the pipeline's tag, and no stage names it",
          costs: (await thing.costs?.()) ?? BY_USE,
        });
    }
  });
  if (refusals.length > 0) unseen.push(`${refusals.length} of the account's ${what}s could not be asked for their tags: ${refusals[0]}`);
  if (late > 0) unseen.push(`${late} of the account's ${listed.length} ${what}s were not asked for their tags, since that takes too long`);
  return { found, unseen };
}

/** Attempts after which an inventory says what it could not look at, whatever the reason, rather than never end. */
const ATTEMPTS = 8;

/** True when looking again is in vain: it is not permitted, or has been tried often enough. */
export const isVain = (error: unknown): boolean =>
  isRefused(error) || (asyncLocalStorage.getStore() !== undefined && Context.current().info.attempt >= ATTEMPTS);

const said = (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`;

async function allOf({ list }: Kind): Promise<Thing[] | { refusal: string }> {
  try {
    return await list();
  } catch (error) {
    if (isNamed(error, ...GONE)) return [];
    if (isVain(error)) return { refusal: said(error) };
    throw error;
  }
}

/** What goes between the listing and the question has no tags. */
async function tagsOf({ tags }: Thing): Promise<{ tags: Record<string, string> } | { refusal: string }> {
  try {
    return { tags: await tags() };
  } catch (error) {
    if (isNamed(error, ...GONE)) return { tags: {} };
    if (isVain(error)) return { refusal: said(error) };
    throw error;
  }
}

/** True for a name that the pipeline might have given. */
const isLike = (name: string, pipeline: Pipeline): boolean =>
  [pipeline.name, pipeline.name.replaceAll('-', '_')].some((own) => name.startsWith(own) || name.endsWith(`/${own}`));

const inOrder = (things: Thing[], pipeline: Pipeline): Thing[] =>
  [...things].sort((a, b) => Number(isLike(b.name, pipeline)) - Number(isLike(a.name, pipeline)));

async function eachOf<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const inTurn = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
}
