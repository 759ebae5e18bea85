import type { KinesisClient, Shard } from '@aws-sdk/client-kinesis';
import { hashKeyOf } from '../../pipeline/lanes.ts';
import { names } from '../../pipeline/names.ts';
import type { Game } from '../../pipeline/simulation.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { idsOf, rows, shardsOf } from './shards.ts';

/** An event arrives after it happened, but for clocks that differ. */
const EARLY_MS = 60_000;

/** The numbers of a lane's events that have come into the stream since a moment (milliseconds since the epoch): into the shard it aims at, and those it was split or merged from. */
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
  const position = { StreamName, ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(since - EARLY_MS) };
  const head = `${run}-${lane}-`;
  const numbers = new Set<number>();
  for (const ShardId of idsOf((await shardsOf(kinesis, StreamName)).filter(isAimedAt)))
    for await (const page of rows(kinesis, { ...position, ShardId }))
      for (const { event_id: id = '' } of page) if (id.startsWith(head)) numbers.add(Number(id.slice(head.length)));
  return numbers;
}
