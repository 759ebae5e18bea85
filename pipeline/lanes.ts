import { LAKE_TABLES } from './names.ts';
import { peakOf, type Rate, rateSchema, rateWords } from './rate.ts';
import type { Game } from './simulation.ts';
import { type Spec, shardTakes, singly } from './spec.ts';
import { type Sized, streamShards } from './stream-shards.ts';

const HASH_KEYS = 2n ** 128n;
/** What is held back on purpose comes between one and two times this late, with the next event of its lane. */
const LATE_SECONDS = 15;
/** However slow the pace, it comes before the SQL could, after a restart, read the second of two copies without the first. */
export const LATEST_SECONDS = 120;

/** The hash key at which a lane aims: the middle of the range of its shard, when as many shards as lanes share the hash keys evenly. */
export const hashKeyOf = (lane: number, lanes: number): string =>
  (((BigInt(lane) * 2n + 1n) * HASH_KEYS) / (BigInt(lanes) * 2n)).toString();

/** How many of a game's events are a lane's, if there are `total` in all, `earlier` of which other games have sent. */
export const laneTotal = (lane: number, lanes: number, total: number | undefined, earlier = 0): number =>
  total === undefined ? Number.MAX_SAFE_INTEGER : Math.floor((Math.max(0, total - earlier) + lanes - 1 - lane) / lanes);

/** What a stream takes in a second, when as much is sent as it takes. */
export const mostOf = (spec: Pick<Spec, 'shards' | 'generator'>): number => spec.shards * shardTakes(spec);

/** The game that a spec asks for, under a name of its own. */
export function gameOf({ generator: { seed, players, trouble }, shards }: Pick<Spec, 'generator' | 'shards'>, run: string): Game {
  return { run, seed, players, lanes: shards, trouble, lateAfter: LATE_SECONDS * 1000 };
}

/** True while a game is what the spec asks for; its pace may be another. */
export const isOf = (game: Game, spec: Pick<Spec, 'generator' | 'shards'>): boolean =>
  JSON.stringify(gameOf(spec, game.run)) === JSON.stringify(game);

/** True when at this pace of a lane, in events a second, the next event could come too late for what is held back: then that is sent at the end of each stretch. */
export const holdsTooLong = (pace: number): boolean => 1 / pace > LATEST_SECONDS - 2 * LATE_SECONDS;

/** Throws in one line why a pipeline, as it was made, cannot send at another rate. */
export function mustBeSendable(wanted: Rate, pipeline: Sized): void {
  const reason = whyUnsendable(wanted, pipeline);
  if (reason !== undefined) throw new Error(reason);
}

/** The same in words; undefined for a rate that it can send at. */
export function whyUnsendable(wanted: Rate, pipeline: Sized): string | undefined {
  const { shards, generator } = pipeline;
  const { success, error, data } = rateSchema.safeParse(wanted);
  if (!success) return `the rate ${error.issues[0]?.message}`;
  const most = mostOf(pipeline);
  if ((peakOf(data) ?? 0) > most)
    return `a rate of ${peakOf(data)} events/s is more than ${shards} shards take (${most}${singly(pipeline)})`;
  const rated = { ...pipeline, generator: { ...generator, rate: data } };
  for (const table of LAKE_TABLES) {
    const [there, needed] = [streamShards(pipeline, table), streamShards(rated, table)];
    if (needed > there)
      return `a rate of ${rateWords(data)} needs ${needed} shards of ${table}, and ${there} stand; set it as generator.rate in the spec, and run npx d2d up`;
  }
  return undefined;
}
