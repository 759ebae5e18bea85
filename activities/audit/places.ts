import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { payloads } from '../../pipeline/aggregation.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { HOUR_MS } from '../../pipeline/time.ts';
import type { Clients } from '../aws.ts';
import { idsOf, patiently, shardsOf } from '../kinesis/shards.ts';
import { eachPage } from '../pages.ts';

/** Where events lie as they were sent. */
export type PlaceName = 'stream' | 'lake';

/** The records of a place that came after `from`, and at least those of them that came before `upTo` (milliseconds since the epoch), some at a time, as text. */
export type Reader = (
  clients: Pick<Clients, 'kinesis' | 's3'>,
  pipeline: Pipeline,
  from: number,
  upTo: number,
) => AsyncGenerator<string[], void, undefined>;

/** An event arrives after it happened, but for clocks that differ. */
const EARLY_MS = 60_000;
/** Where the first hour begins of which the lake's objects may hold what happened since `from`: they are named by the hour of their first record's arrival. */
export const keptFrom = (from: number): number => Math.floor((from - EARLY_MS - HOUR_MS) / HOUR_MS) * HOUR_MS;

/** On AWS, a quarter of the 2 MB that a shard gives a second to all its readers together: Flink and Firehose must not wait for an audit. */
const PACED_BYTES = 512 * 1024;
/** And one of its five reads a second. */
const PACED_MS = 1_000;
/** Records of the first read, of whose size nothing is known yet, and of any. */
const FIRST_LIMIT = 100;
const MOST_LIMIT = 10_000;

export const READERS: Record<PlaceName, Reader> = {
  stream: async function* (clients, pipeline, from, upTo) {
    const shards = idsOf(await shardsOf(clients.kinesis, names(pipeline).streams.events));
    // On AWS each shard goes at a slow pace of its own.
    if (pipeline.target === 'aws') yield* sideBySide(shards.map((shard) => recordsOf(clients, pipeline, shard, from, upTo)));
    else for (const shard of shards) yield* recordsOf(clients, pipeline, shard, from, upTo);
  },
  lake: async function* ({ s3 }, pipeline, from) {
    const { bucket: Bucket, prefix } = names(pipeline);
    const Prefix = prefix('events');
    const StartAfter = from === 0 ? undefined : `${Prefix}${hourPath(keptFrom(from))}`;
    const listings = eachPage(
      (ContinuationToken) => s3.send(new ListObjectsV2Command({ Bucket, Prefix, StartAfter, ContinuationToken })),
      ({ NextContinuationToken }) => NextContinuationToken,
    );
    for await (const { Contents = [] } of listings)
      for (const { Key } of Contents) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        const bytes = await unzipped((await Body?.transformToByteArray()) ?? NOTHING).catch((cause: unknown) => {
          throw new Error(`unpacking ${Bucket}/${Key}: ${(cause as Error).message}`, { cause });
        });
        const lines = bytes.toString('latin1').split('\n');
        yield lines.filter((line) => line !== '');
      }
  },
};

/** The records of one shard, up to where it ends; on AWS, or to where those begin that came after `upTo`. */
async function* recordsOf(
  { kinesis }: Pick<Clients, 'kinesis'>,
  pipeline: Pipeline,
  ShardId: string,
  from: number,
  upTo: number,
): AsyncGenerator<string[], void, undefined> {
  const StreamName = names(pipeline).streams.events;
  const isPaced = pipeline.target === 'aws';
  const position =
    from === 0
      ? { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const }
      : { StreamName, ShardId, ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(from - EARLY_MS) };
  let { ShardIterator } = await patiently(() => kinesis.send(new GetShardIteratorCommand(position)));
  let Limit = isPaced ? FIRST_LIMIT : undefined;
  while (ShardIterator) {
    const input = { ShardIterator, Limit };
    const page = await patiently(() => kinesis.send(new GetRecordsCommand(input)), { every: isPaced ? PACED_MS : undefined });
    const { Records = [], NextShardIterator, MillisBehindLatest = 0 } = page;
    const bytes = Records.reduce((sum, { Data = NOTHING }) => sum + Data.length, 0);
    // It waits before the records are taken, lest the next read come sooner than others'.
    if (isPaced) await delay(Math.max(PACED_MS, (bytes / PACED_BYTES) * 1_000));
    if (isPaced && bytes > 0) Limit = Math.min(MOST_LIMIT, Math.max(1, Math.floor((PACED_BYTES * Records.length) / bytes)));
    yield Records.flatMap(({ Data = NOTHING }) => payloads(Data).map(textOf));
    // One that goes on may be written faster than it is read here.
    const isPast = isPaced && Number(Records.at(-1)?.ApproximateArrivalTimestamp ?? 0) > upTo + EARLY_MS;
    ShardIterator = MillisBehindLatest > 0 && !isPast ? NextShardIterator : undefined;
  }
}

/** What several give, as it comes. */
async function* sideBySide<Item>(sources: AsyncGenerator<Item, void, undefined>[]): AsyncGenerator<Item, void, undefined> {
  const step = async (source: AsyncGenerator<Item, void, undefined>) => ({ source, result: await source.next() });
  const next = new Map(sources.map((source) => [source, step(source)]));
  while (next.size > 0) {
    const { source, result } = await Promise.race(next.values());
    if (result.done) next.delete(source);
    else {
      next.set(source, step(source));
      yield result.value;
    }
  }
}

const NOTHING = new Uint8Array(0);
const unzipped = promisify(gunzip);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

function hourPath(time: number): string {
  const [year, month, day, hour] = new Date(time).toISOString().split(/[-T:]/);
  return `year=${year}/month=${month}/day=${day}/hour=${hour}`;
}
