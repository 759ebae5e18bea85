import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { clients } from '../../activities/aws.ts';
import { idsOf, shardsOf } from '../../activities/kinesis/shards.ts';
import { payloads } from '../../pipeline/aggregation.ts';
import { startChild } from '../../processes/children.ts';
import { certificate } from './install.ts';

const PASSWORD = 'of this run of the bench only';

/** A local AWS of its own process, behind TLS, which ends in another process. */
export interface Sink {
  /** What a producer is told by its environment. */
  environment: Record<string, string>;
  /** A new stream. */
  stream(name: string, shards: number): Promise<void>;
  /** Events in a stream, those of aggregates one by one. */
  count(name: string): Promise<number>;
  close(): Promise<void>;
}

/** Starts one with an empty state. */
export async function sink(): Promise<Sink> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-producer-'));
  const said: Record<string, string> = {};
  const script = (path: string) => ['--import', 'tsx', fileURLToPath(new URL(path, import.meta.url))];
  const aws = startChild({
    name: 'local AWS',
    command: process.execPath,
    args: [...script('../../local/main.ts'), '--port', '0', '--state', join(dir, 'state')],
    logFile: join(dir, 'aws.log'),
    log: (line) => {
      const [name = '', value = ''] = line.split('=');
      said[name] = value;
    },
    ready: { line: (line) => line.startsWith('AWS_REGION=') },
  });
  await aws.ready;
  const credentials = { accessKeyId: said.AWS_ACCESS_KEY_ID!, secretAccessKey: said.AWS_SECRET_ACCESS_KEY! };
  const { AWS_ENDPOINT_URL: endpoint = '', AWS_REGION: region = '' } = said;
  const pfx = join(dir, 'certificate.p12');
  await certificate(pfx, PASSWORD);
  let port = '';
  const front = startChild({
    name: 'TLS',
    command: process.execPath,
    args: [...script('tls.ts'), new URL(endpoint).port, pfx, PASSWORD],
    logFile: join(dir, 'tls.log'),
    log: (line) => {
      port ||= /^\d+$/.exec(line)?.[0] ?? '';
    },
    ready: { line: (line) => /^\d+$/.test(line) },
  });
  await front.ready;
  const { kinesis } = clients({ endpoint, region, credentials });
  return {
    environment: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      BENCH_HOST: 'localhost',
      BENCH_PORT: port,
      BENCH_TEMP: dir,
    },
    stream: async (StreamName, ShardCount) => {
      await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount }));
    },
    count: async (name) => {
      let count = 0;
      for (const shard of idsOf(await shardsOf(kinesis, name))) count += await countIn(kinesis, name, shard);
      return count;
    },
    close: async () => {
      kinesis.destroy();
      await front.stop();
      await aws.stop();
      await rm(dir, { recursive: true });
    },
  };
}

async function countIn(kinesis: KinesisClient, StreamName: string, ShardId: string): Promise<number> {
  let { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }));
  let count = 0;
  for (let reads = 1; ShardIterator; reads++) {
    const page = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    for (const { Data } of page.Records ?? []) count += payloads(Data ?? new Uint8Array()).length;
    ShardIterator = page.MillisBehindLatest ? page.NextShardIterator : undefined;
    if (reads % 4 === 0) await new Promise((later) => setTimeout(later, 1000)); // a shard allows five reads a second
  }
  return count;
}
