import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  CreateCrawlerCommand,
  type CreateCrawlerCommandInput,
  CreateDatabaseCommand,
  GetCrawlerCommand,
  GetPartitionsCommand,
  GetTableCommand,
  GlueClient,
  StartCrawlerCommand,
} from '@aws-sdk/client-glue';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type Local, startLocal } from '../../local/start.ts';

export const Bucket = 'glue-lake';
export const database = 'game';
export const role = 'arn:aws:iam::000000000000:role/crawler';
let dir: string;
export let local: Local;
/** Clients of the local AWS, which is there while the suite that imports this runs. */
export let glue: GlueClient;
export let s3: S3Client;
export let iam: IAMClient;

/** Starts the local AWS on the state of before. */
export const start = async () => {
  local = await startLocal({ dir, log: () => undefined });
  glue = new GlueClient({ ...local, maxAttempts: 1 });
  s3 = new S3Client({ ...local, forcePathStyle: true, maxAttempts: 1 });
};
const document = (...statements: object[]) =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements.map((statement) => ({ Effect: 'Allow', ...statement })) });
/** Gives the crawler's role these rights and no others. */
export const permit = (...statements: object[]) =>
  iam.send(new PutRolePolicyCommand({ RoleName: 'crawler', PolicyName: 'p', PolicyDocument: document(...statements) }));
/** What a crawler needs to look. */
export const READING = [
  { Action: 's3:ListBucket', Resource: `arn:aws:s3:::${Bucket}` },
  { Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` },
  { Action: ['glue:Get*', 'glue:BatchGet*'], Resource: '*' },
];
/** And to write down what it saw. */
export const WRITING = [
  {
    Action: ['glue:CreateTable', 'glue:UpdateTable', 'glue:BatchCreatePartition', 'glue:BatchDeletePartition', 'glue:UpdatePartition'],
    Resource: ['catalog', `database/${database}`, `table/${database}/*`].map((thing) => `arn:aws:glue:us-east-1:000000000000:${thing}`),
  },
];
export const lines = (rows: (object | string)[]) =>
  gzipSync(rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
/** Puts a zipped file of these lines into the lake. */
export const put = (Key: string, rows: (object | string)[]) => s3.send(new PutObjectCommand({ Bucket, Key, Body: lines(rows) }));
export const failsWith = (name: string) => expect.objectContaining({ name });
export const tableOf = async (Name: string, DatabaseName = database) =>
  (await glue.send(new GetTableCommand({ DatabaseName, Name }))).Table!;
/** The columns of a table. */
export const columnsOf = async (name: string) =>
  Object.fromEntries((await tableOf(name)).StorageDescriptor!.Columns!.map((column) => [column.Name, column.Type]));
/** The values of a table's partitions. */
export const valuesOf = async (TableName: string, Expression?: string) =>
  (await glue.send(new GetPartitionsCommand({ DatabaseName: database, TableName, Expression }))).Partitions!.map(({ Values: values }) =>
    values!.join('/'),
  );

/** Makes a crawler over a path. */
export const crawler = (Name: string, path: string, more: Partial<CreateCrawlerCommandInput> = {}) =>
  glue.send(
    new CreateCrawlerCommand({
      Name,
      Role: role,
      DatabaseName: database,
      Targets: { S3Targets: [{ Path: `s3://${Bucket}/${path}` }] },
      ...more,
    }),
  );

/** Starts a crawl and gives how it ended, once the crawler is READY. */
export async function crawled(Name: string) {
  await glue.send(new StartCrawlerCommand({ Name }));
  return (await settled(Name)).LastCrawl!;
}

export async function settled(Name: string) {
  for (;;) {
    const { Crawler: now } = await glue.send(new GetCrawlerCommand({ Name }));
    if (now!.State === 'READY') return now!;
    await setTimeout(20);
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'glue-'));
  await start();
  iam = new IAMClient({ ...local, maxAttempts: 1 });
  const trust = document({ Principal: { Service: 'glue.amazonaws.com' }, Action: 'sts:AssumeRole' });
  await iam.send(new CreateRoleCommand({ RoleName: 'crawler', AssumeRolePolicyDocument: trust }));
  await permit(...READING, ...WRITING);
  await s3.send(new CreateBucketCommand({ Bucket }));
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: database }, Tags: { team: 'data' } }));
});

afterAll(async () => {
  await local.close();
  await rm(dir, { recursive: true });
});
