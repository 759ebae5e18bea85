import { HOUR_MS } from '../../pipeline/time.ts';

/** A shard as the catalog keeps it: its range of hash keys, both ends included, and what it came from. */
export interface StreamShard {
  id: string;
  from: string;
  to: string;
  parent?: string;
  /** The other parent of a merged shard. */
  adjacent?: string;
  /** When it was split off or merged; left out for those that the stream was made with. */
  opened?: Date;
  /** Since when it takes no more records. */
  closed?: Date;
}

/** The largest hash key. */
export const MAX_HASH = (1n << 128n) - 1n;

/** The id of the shard that was the `number`th, from 0, to be made in its stream. */
export const shardId = (number: number): string => `shardId-${String(number).padStart(12, '0')}`;

/** True for a shard that takes records. */
export const isOpen = ({ closed }: Readonly<StreamShard>): boolean => closed === undefined;

/** True once nothing can be left in a closed shard. */
export const isExpired = ({ closed }: Readonly<StreamShard>, retentionHours: number, now: number): boolean =>
  closed !== undefined && now - closed.getTime() > retentionHours * HOUR_MS;

/** The shards that `id` comes from, as far as they are still kept. */
export const parentsOf = (shards: readonly Readonly<StreamShard>[], { parent, adjacent }: Readonly<StreamShard>): Readonly<StreamShard>[] =>
  shards.filter(({ id }) => id === parent || id === adjacent);

/** The shards that came from `id`. */
export const childrenOf = (shards: readonly Readonly<StreamShard>[], id: string): Readonly<StreamShard>[] =>
  shards.filter(({ parent, adjacent }) => parent === id || adjacent === id);

/** All hash keys in `count` ranges of equal width. */
export function evenly(count: number): { from: string; to: string }[] {
  const width = (MAX_HASH + 1n) / BigInt(count);
  const starts = Array.from({ length: count }, (_, i) => width * BigInt(i));
  return starts.map((from, i) => ({ from: String(from), to: String(i === count - 1 ? MAX_HASH : starts[i + 1]! - 1n) }));
}

/** A list of shards that is being reshaped, by AWS's two steps alone. */
export interface Reshaping {
  shards: StreamShard[];
  /** Cuts an open shard in two, the second from hash key `at` on. */
  split(id: string, at: bigint): void;
  /** Joins two open neighbours. */
  merge(left: string, right: string): void;
}

/** Begins to reshape at `now`; closed shards stay in the list, new ones follow all ids ever given. */
export function reshaping(before: readonly Readonly<StreamShard>[], now: Date): Reshaping {
  const shards = before.map((shard) => ({ ...shard }));
  const open = (id: string) => shards.find((shard) => shard.id === id && isOpen(shard))!;
  // Ids are in rising order, and the newest shard cannot have expired: it was open last.
  const add = (shard: Omit<StreamShard, 'id' | 'opened'>) =>
    shards.push({ id: shardId(Number(shards.at(-1)!.id.slice('shardId-'.length)) + 1), opened: now, ...shard });
  return {
    shards,
    split: (id, at) => {
      const parent = open(id);
      parent.closed = now;
      add({ from: parent.from, to: String(at - 1n), parent: id });
      add({ from: String(at), to: parent.to, parent: id });
    },
    merge: (left, right) => {
      const [first, second] = [open(left), open(right)];
      first.closed = now;
      second.closed = now;
      add({ from: first.from, to: second.to, parent: left, adjacent: right });
    },
  };
}

/** Reshapes to `count` open shards of equal width: cuts at every new border that lies within a shard, then joins what lies between two borders. */
export function uniformly(before: readonly Readonly<StreamShard>[], count: number, now: Date): StreamShard[] {
  const { shards, split, merge } = reshaping(before, now);
  const ranges = evenly(count).map(({ from, to }) => ({ from: BigInt(from), to: BigInt(to) }));
  const within = (from: bigint, to: bigint) =>
    shards.filter((shard) => isOpen(shard) && BigInt(shard.to) >= from && BigInt(shard.from) <= to).sort(byRange);
  for (const { from } of ranges) {
    const [cut] = within(from, from);
    if (cut && BigInt(cut.from) < from) split(cut.id, from);
  }
  for (const { from, to } of ranges)
    for (let pair = within(from, to); pair.length > 1; pair = within(from, to)) merge(pair[0]!.id, pair[1]!.id);
  return shards;
}

const byRange = (a: StreamShard, b: StreamShard) => (BigInt(a.from) < BigInt(b.from) ? -1 : 1);
