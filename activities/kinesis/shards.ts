import { setTimeout as delay } from 'node:timers/promises';
import {
  type _Record,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  type KinesisClient,
  ListShardsCommand,
  type Shard,
} from '@aws-sdk/client-kinesis';
import { payloads } from '../../pipeline/aggregation.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { isNamed, undefinedIfMissing } from '../errors.ts';

/** Every shard that the stream still keeps, by rising id; none if there is no such stream. */
export async function shardsOf(kinesis: KinesisClient, StreamName: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let NextToken: string | undefined;
  do {
    const page = await undefinedIfMissing(
      kinesis.send(new ListShardsCommand(NextToken ? { NextToken } : { StreamName })),
      'ResourceNotFoundException',
    );
    shards.push(...(page?.Shards ?? []));
    NextToken = page?.NextToken;
  } while (NextToken);
  return shards;
}

/** True for a shard that takes records. */
export const isOpen = ({ SequenceNumberRange }: Shard): boolean => SequenceNumberRange?.EndingSequenceNumber === undefined;

/** The ids of a list of shards. */
export const idsOf = (shards: Shard[]): string[] => shards.map(({ ShardId = '' }) => ShardId);

/** Ids as a stream gives them, from the `first` on. */
export const shardIds = (count: number, first = 0): string[] =>
  Array.from({ length: count }, (_, i) => `shardId-${String(first + i).padStart(12, '0')}`);

/** The open shards of the events stream as the spec wants them: those that are there, or the ids that new ones would get. */
export async function wantedShards(kinesis: KinesisClient, pipeline: Pipeline): Promise<string[]> {
  const all = await shardsOf(kinesis, names(pipeline).streams.events);
  const open = all.filter(isOpen);
  if (open.length === pipeline.shards) return idsOf(open);
  const last = all.at(-1)?.ShardId;
  return shardIds(pipeline.shards, last === undefined ? 0 : Number(last.slice('shardId-'.length)) + 1);
}

/** One record of a stream of JSON, as far as it is looked at. */
export interface Row {
  event_id?: string;
  event_type?: string;
  event_time?: string;
  /** Milliseconds since the epoch. */
  arrival: number;
}

/** The records of a shard from a position on, page by page, up to where the shard ends at this moment; an abort ends it with an error. */
export async function* records(
  kinesis: KinesisClient,
  position: GetShardIteratorCommandInput,
  { Limit, abortSignal }: { Limit?: number; abortSignal?: AbortSignal } = {},
): AsyncGenerator<_Record[], void, undefined> {
  const turn = <Value>(read: () => Promise<Value>) => patiently(read, { abortSignal });
  let { ShardIterator } = await turn(() => kinesis.send(new GetShardIteratorCommand(position), { abortSignal }));
  while (ShardIterator) {
    const { Records = [], ...page } = await turn(() => kinesis.send(new GetRecordsCommand({ ShardIterator, Limit }), { abortSignal }));
    yield Records;
    ShardIterator = page.MillisBehindLatest ? page.NextShardIterator : undefined;
  }
}

/** The same, read as JSON, those of aggregates one by one. What is no JSON is left out. */
export async function* rows(
  kinesis: KinesisClient,
  position: GetShardIteratorCommandInput,
  Limit?: number,
): AsyncGenerator<Row[], void, undefined> {
  for await (const page of records(kinesis, position, { Limit }))
    yield page.flatMap(({ Data = NOTHING, ApproximateArrivalTimestamp }) =>
      payloads(Data).flatMap((data) => rowOf(data, Number(ApproximateArrivalTimestamp)) ?? []),
    );
}

/** Reads once it is its turn, trying every so many milliseconds: a shard allows five reads a second to all its readers together, of which Flink and Firehose are two. */
export async function patiently<Value>(
  read: () => Promise<Value>,
  { every = 250, abortSignal }: { every?: number; abortSignal?: AbortSignal } = {},
): Promise<Value> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isNamed(error, 'ProvisionedThroughputExceededException', 'LimitExceededException')) throw error;
      await delay(every, undefined, { signal: abortSignal });
    }
  }
}

const NOTHING = new Uint8Array(0);

function rowOf(data: Uint8Array, arrival: number): Row | undefined {
  try {
    return { ...(JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString()) as Row), arrival };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Milliseconds since the epoch at which an event happened; its time is UTC and carries no zone. */
export const happenedAt = ({ event_time: time = '' }: Row): number => Date.parse(`${time}Z`);
