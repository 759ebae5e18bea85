import { constants } from 'node:fs';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type Clients, clients, type Target } from '../activities/aws.ts';
import { idsOf, records, shardsOf } from '../activities/kinesis/shards.ts';
import { userRecords } from '../pipeline/aggregation.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { UsageError } from './user-error.ts';

/** Makes the folder that copies are to be kept in; throws UsageError where nothing can be written there. */
export async function mayKeep(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
    await access(dir, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--keep ${dir}: nothing can be written there (${(error as Error).message}); give another folder`);
  }
}

/**
 * Copies what others need to recount into `dir`: `s3/<key>` (the lake's gzip files and Athena's results), `streams/<stream>/<shard>.jsonl` (a record a
 * line, those of aggregates one by one: sequenceNumber, arrival, partitionKey, data) and `report.json`.
 */
export async function keepCopies(dir: string, pipeline: Pipeline, target: Target, report: object): Promise<void> {
  const aws = clients(target);
  await write(join(dir, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  await copyBucket(dir, names(pipeline).bucket, aws);
  for (const table of LAKE_TABLES) await copyStream(dir, names(pipeline).streams[table], aws);
}

async function copyBucket(dir: string, Bucket: string, { s3 }: Clients): Promise<void> {
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, ContinuationToken }));
    for (const { Key = '' } of page.Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      await write(join(dir, 's3', Key), (await Body?.transformToByteArray()) ?? '');
    }
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
}

async function copyStream(dir: string, StreamName: string, { kinesis }: Clients): Promise<void> {
  for (const ShardId of idsOf(await shardsOf(kinesis, StreamName))) {
    const lines: string[] = [];
    for await (const page of records(kinesis, { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
      for (const { SequenceNumber: sequenceNumber, ApproximateArrivalTimestamp: arrival, PartitionKey = '', Data } of page)
        for (const { partitionKey, data } of userRecords({ partitionKey: PartitionKey, data: Data ?? new Uint8Array(0) }))
          lines.push(JSON.stringify({ sequenceNumber, arrival, partitionKey, data: parsed(Buffer.from(data).toString()) }));
    await write(join(dir, 'streams', StreamName, `${ShardId}.jsonl`), lines.map((line) => `${line}\n`).join(''));
  }
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** What was malformed on purpose is kept as its text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
