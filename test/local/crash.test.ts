import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateCrawlerCommand, GetCrawlerCommand, GetTableCommand, GlueClient, StartCrawlerCommand } from '@aws-sdk/client-glue';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateStreamCommand, KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { controlOf } from '../../local/control-client.ts';
import type { Rule } from '../../local/faults.ts';
import { type AwsProcess, endAws, startAws, until } from './studio-process.ts';

let dir: string;
let aws: AwsProcess;
const clients: { destroy(): void }[] = [];
/** A client of the process as it is now. */
function client<Made extends { destroy(): void }>(kind: new (config: AwsProcess['config'] & { maxAttempts: number }) => Made): Made {
  const made = new kind({ ...aws.config, maxAttempts: 1 });
  clients.push(made);
  return made;
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crash-'));
  aws = await startAws(dir);
});
afterEach(async () => {
  for (const each of clients.splice(0)) each.destroy();
  await endAws(aws, 'SIGKILL');
  await rm(dir, { recursive: true });
});

/** Does something at which the local AWS is to die, sees it die, and starts it again; the fault was met once then. */
async function dying(rule: Omit<Rule, 'fault'>, when: 'before' | 'after', work: () => Promise<unknown>): Promise<void> {
  await controlOf(aws.config).faults({ rules: [{ ...rule, times: 1, fault: { kind: 'crash', when } }] });
  const died = once(aws.process, 'exit');
  await work();
  expect(await died).toEqual([null, 'SIGKILL']);
  aws = await startAws(dir);
  expect(await controlOf(aws.config).counts()).toMatchObject([{ struck: 1 }]);
}

it.each([
  ['before', []],
  ['after', ['s']],
] as const)('a crash %s a call takes effect leaves the streams %o, once', async (when, left) => {
  const create = () => client(KinesisClient).send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }));
  await dying({ service: 'kinesis', operation: 'CreateStream' }, when, () => expect(create()).rejects.toThrow());
  expect((await client(KinesisClient).send(new ListStreamsCommand({}))).StreamNames).toEqual(left);
  if (when === 'before') await create();
});

it('a crash after a crawl lets the crawl go on at the next start', async () => {
  const iam = client(IAMClient);
  const trust = { Effect: 'Allow', Principal: { Service: 'glue.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const rights = { Effect: 'Allow', Action: ['glue:*', 's3:*', 'logs:*'], Resource: '*' };
  const document = (Statement: object) => JSON.stringify({ Version: '2012-10-17', Statement: [Statement] });
  await iam.send(new CreateRoleCommand({ RoleName: 'crawler', AssumeRolePolicyDocument: document(trust) }));
  await iam.send(new PutRolePolicyCommand({ RoleName: 'crawler', PolicyName: 'all', PolicyDocument: document(rights) }));
  const s3 = client(S3Client);
  await s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'kills/one.json', Body: '{"weapon":"bow"}\n' }));
  const Targets = { S3Targets: [{ Path: 's3://lake/kills/' }] };
  const glue = client(GlueClient);
  await glue.send(new CreateCrawlerCommand({ Name: 'c', Role: 'arn:aws:iam::000000000000:role/crawler', DatabaseName: 'game', Targets }));
  await dying({ service: 'glue', operation: 'Crawl' }, 'after', () =>
    glue.send(new StartCrawlerCommand({ Name: 'c' })).catch(() => 'it died before it answered'),
  );
  const again = client(GlueClient);
  const look = async () => (await again.send(new GetCrawlerCommand({ Name: 'c' }))).Crawler;
  const crawler = await until(look, (seen) => seen?.State === 'READY');
  expect(crawler?.LastCrawl?.Status).toBe('SUCCEEDED');
  expect((await again.send(new GetTableCommand({ DatabaseName: 'game', Name: 'kills' }))).Table?.Name).toBe('kills');
});
