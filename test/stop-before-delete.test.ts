import { StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { StartCrawlerCommand } from '@aws-sdk/client-glue';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps } from '../activities/resource.ts';
import { emptyBucket } from '../activities/s3/empty-bucket.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';
import { localAws } from './local-aws.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'stopped' }), account: '000000000000' };
const n = names(pipeline);
const FOR_EVER_MS = 600_000;

let local: Local;
let aws: Clients;
const of = (stage: Stage) => steps(resources(aws)[stage] as unknown as Resource, youngRole(aws));
/** Takes a stage away, and gives the calls that changed something. */
async function removed(stage: Stage): Promise<string[]> {
  local.calls.clear();
  await eventually(() => of(stage).remove(pipeline));
  await eventually(() => of(stage).gone(pipeline));
  return local.calls
    .all()
    .map(({ operation }) => operation)
    .filter((operation) => !/^(Get|List|Describe|Head|BatchGet)/.test(operation));
}

beforeAll(async () => {
  local = await localAws({ durations: { query: FOR_EVER_MS, crawl: FOR_EVER_MS } });
  aws = clients(local);
  for (const stage of ['bucket', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup'] as const) {
    await eventually(() => of(stage).ensure(pipeline));
    await eventually(() => of(stage).ready(pipeline));
  }
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

it('every query that runs or waits is stopped before its workgroup goes, on however many pages they are', async () => {
  const queries = Array.from({ length: 60 }, (_, i) => `SELECT ${i}`);
  for (const QueryString of queries) await aws.athena.send(new StartQueryExecutionCommand({ QueryString, WorkGroup: n.workgroup }));
  expect(await removed('workgroup')).toEqual([...queries.map(() => 'StopQueryExecution'), 'DeleteWorkGroup']);
});

it('a crawl that runs is stopped, and its log goes, before its crawler does, even if it is called missing once', async () => {
  await aws.glue.send(new StartCrawlerCommand({ Name: n.crawler }));
  const missing = { kind: 'error', name: 'ResourceNotFoundException' } as const;
  local.faults.put({ rules: [{ service: 'logs', operation: 'DeleteLogStream', times: 1, fault: missing }] });
  expect(await removed('crawler')).toEqual(['StopCrawler', 'DeleteLogStream', 'DeleteLogStream', 'DeleteCrawler']);
});

it('a bucket is emptied in several calls, each of some pages side by side, and goes with the last', async () => {
  const which = { Bucket: n.bucket, ExpectedBucketOwner: pipeline.account };
  for (let i = 0; i < 8; i++) await aws.s3.send(new PutObjectCommand({ Bucket: n.bucket, Key: `lake/${i}`, Body: 'x' }));
  expect(await emptyBucket(aws.s3, which, { forMs: 0, page: 2 })).toEqual({ deleted: 6, isAll: false });
  expect(await of('bucket').remove(pipeline)).toMatchObject({ emptying: undefined });
  await of('bucket').gone(pipeline);
});

it('unfinished uploads, all versions and delete markers go too, page by page', async () => {
  const Bucket = 'versioned';
  const which = { Bucket, ExpectedBucketOwner: pipeline.account };
  await aws.s3.send(new CreateBucketCommand({ Bucket }));
  await aws.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  for (const Key of ['a', 'b', 'c', 'd', 'e']) {
    for (const Body of ['one', 'two']) await aws.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
    await aws.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    const { UploadId } = await aws.s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    await aws.s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
  }
  local.calls.clear();
  expect(await emptyBucket(aws.s3, which, { page: 4 })).toEqual({ deleted: 15, isAll: true });
  const times = (wanted: string) => local.calls.all().filter(({ operation }) => operation === wanted).length;
  expect([times('ListMultipartUploads'), times('ListObjectVersions'), times('DeleteObjects')]).toEqual([2, 4, 4]);
  expect((await aws.s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toBeUndefined();
  await aws.s3.send(new DeleteBucketCommand({ Bucket }));
});

it('what S3 refuses to delete holds up nothing else, and is told once all else is gone', async () => {
  const locked = { Key: 'locked', VersionId: 'null' };
  let kept = [...Array.from({ length: 9 }, (_, i) => ({ Key: `${i}`, VersionId: 'null' })), locked];
  const send = async ({ input }: { input: { Delete?: { Objects: { Key: string }[] }; KeyMarker?: string; MaxKeys?: number } }) => {
    if (input.Delete === undefined) {
      const Versions = kept.filter(({ Key }) => Key > (input.KeyMarker ?? '')).slice(0, input.MaxKeys);
      return { Versions, IsTruncated: Versions.at(-1) !== kept.at(-1), NextKeyMarker: Versions.at(-1)?.Key };
    }
    const asked = input.Delete.Objects.map(({ Key }) => Key);
    kept = kept.filter(({ Key }) => Key === 'locked' || !asked.includes(Key));
    return { Errors: asked.includes('locked') ? [{ Key: 'locked', Code: 'AccessDenied', Message: 'Access Denied' }] : [] };
  };
  const s3 = { send } as unknown as Clients['s3'];
  const which = { Bucket: 'held', ExpectedBucketOwner: pipeline.account };
  expect(await emptyBucket(s3, which, { page: 4 })).toEqual({ deleted: 9, isAll: false });
  await expect(emptyBucket(s3, which)).rejects.toThrow('S3 did not delete 1 objects, the first locked: AccessDenied');
});
