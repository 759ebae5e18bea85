import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { payloads } from '../pipeline/aggregation.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Clients } from './aws.ts';
import { idsOf, patiently, shardsOf } from './kinesis/shards.ts';

/** Where events lie as they were sent. */
export type PlaceName = 'stream' | 'lake';

/** The records of a place that came after `from` (milliseconds since the epoch), some at a time, as text. */
export type Reader = (clients: Clients, pipeline: Pipeline, from: number) => AsyncGenerator<string[], void, undefined>;

/** An event arrives after it happened, but for clocks that differ. */
const EARLY_MS = 60_000;
const HOUR_MS = 3_600_000;

export const READERS: Record<PlaceName, Reader> = {
  stream: async function* ({ kinesis }, pipeline, from) {
    const StreamName = names(pipeline).streams.events;
    for (const ShardId of idsOf(await shardsOf(kinesis, StreamName))) {
      const position =
        from === 0
          ? { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const }
          : { StreamName, ShardId, ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(from - EARLY_MS) };
      let { ShardIterator } = await patiently(() => kinesis.send(new GetShardIteratorCommand(position)));
      while (ShardIterator) {
        const {
          Records = [],
          NextShardIterator,
          MillisBehindLatest = 0,
        } = await patiently(() => kinesis.send(new GetRecordsCommand({ ShardIterator })));
        yield Records.flatMap(({ Data = NOTHING }) => payloads(Data).map(textOf));
        ShardIterator = MillisBehindLatest > 0 ? NextShardIterator : undefined;
      }
    }
  },
  lake: async function* ({ s3 }, pipeline, from) {
    const { bucket: Bucket, prefix } = names(pipeline);
    const Prefix = prefix('events');
    // Objects are named by the hour of their first record's arrival.
    const StartAfter = from === 0 ? undefined : `${Prefix}${hourPath(from - EARLY_MS - HOUR_MS)}`;
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix, StartAfter, ContinuationToken }));
      for (const { Key } of page.Contents ?? []) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        const lines = (await unzipped((await Body?.transformToByteArray()) ?? NOTHING)).toString('latin1').split('\n');
        yield lines.filter((line) => line !== '');
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
  },
};

const NOTHING = new Uint8Array(0);
const unzipped = promisify(gunzip);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

function hourPath(time: number): string {
  const [year, month, day, hour] = new Date(time).toISOString().split(/[-T:]/);
  return `year=${year}/month=${month}/day=${day}/hour=${hour}`;
}
