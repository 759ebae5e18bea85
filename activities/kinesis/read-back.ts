import { KinesisClient, type Shard } from '@aws-sdk/client-kinesis';
import { hashKeyOf } from '../../pipeline/lanes.ts';
import { names } from '../../pipeline/names.ts';
import type { Game } from '../../pipeline/simulation.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { configOf, type Target } from '../target.ts';
import type { PutEntry } from './put-records.ts';
import { idsOf, records, rows, shardsOf } from './shards.ts';

/** A record that a shard is known to have: whatever is sent from then on comes after it. */
export interface ShardPosition {
  ShardId: string;
  SequenceNumber: string;
}

/** A record that may be stored, as nobody heard the answer of its call; if so, after this position. */
export interface Unconfirmed {
  entry: PutEntry;
  after: ShardPosition;
}

/** Which of these the stream has. */
export type LookUp = (stream: string, unconfirmed: Unconfirmed[]) => Promise<ReadonlySet<PutEntry>>;

/** Records wait no longer for it: sent again, they may be there twice. */
const LOOK_MS = 5_000;

/** Looks in the shards, from the earliest of the positions on, for records of the same key and bytes; each that is found accounts for one. */
export function lookUpIn(target: Target): LookUp {
  let kinesis: KinesisClient | undefined;
  return async (StreamName, unconfirmed) => {
    kinesis ??= new KinesisClient(configOf(target));
    const abortSignal = AbortSignal.timeout(LOOK_MS);
    const found = new Set<PutEntry>();
    for (const { ShardId, SequenceNumber: StartingSequenceNumber } of earliest(unconfirmed.map(({ after }) => after))) {
      const sought = new Map<string, Unconfirmed[]>();
      for (const one of unconfirmed.filter(({ after }) => after.ShardId === ShardId)) {
        const content = contentOf(one.entry);
        sought.set(content, [...(sought.get(content) ?? []), one]);
      }
      const position = { StreamName, ShardId, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' as const, StartingSequenceNumber };
      for await (const page of records(kinesis, position, { abortSignal }))
        for (const { SequenceNumber = '', ...record } of page) {
          const all = sought.get(contentOf(record)) ?? [];
          const at = all.findIndex(({ after }) => isAfter({ ShardId, SequenceNumber }, after));
          for (const one of at < 0 ? [] : all.splice(at, 1)) found.add(one.entry);
        }
    }
    return found;
  };
}

/** Of each shard the earliest. */
function earliest(positions: ShardPosition[]): ShardPosition[] {
  const byShard = new Map<string, ShardPosition>();
  for (const position of positions) {
    const known = byShard.get(position.ShardId);
    if (known === undefined || isAfter(known, position)) byShard.set(position.ShardId, position);
  }
  return [...byShard.values()];
}

/** True when the first of two positions in one shard lies after the second. */
export const isAfter = (a: ShardPosition, b: ShardPosition): boolean => BigInt(a.SequenceNumber) > BigInt(b.SequenceNumber);

const contentOf = ({ PartitionKey = '', Data }: Partial<PutEntry>): string =>
  `${PartitionKey}\n${Buffer.from(Data ?? []).toString('latin1')}`;

/** The numbers of a lane's events that have come into the stream since a moment (milliseconds since the epoch, by AWS's clock): into the shard it aims at, and those it was split or merged from. */
export async function sentSince(
  kinesis: KinesisClient,
  pipeline: Pipeline,
  { game: { run, lanes }, lane }: { game: Game; lane: number },
  since: number,
): Promise<Set<number>> {
  const StreamName = names(pipeline).streams.events;
  const hashKey = BigInt(hashKeyOf(lane, lanes));
  const isAimedAt = ({ HashKeyRange: range }: Shard) =>
    BigInt(range!.StartingHashKey!) <= hashKey && hashKey <= BigInt(range!.EndingHashKey!);
  const position = { StreamName, ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(since) };
  const head = `${run}-${lane}-`;
  const numbers = new Set<number>();
  for (const ShardId of idsOf((await shardsOf(kinesis, StreamName)).filter(isAimedAt)))
    for await (const page of rows(kinesis, { ...position, ShardId }))
      for (const { event_id: id = '' } of page) if (id.startsWith(head)) numbers.add(Number(id.slice(head.length)));
  return numbers;
}
