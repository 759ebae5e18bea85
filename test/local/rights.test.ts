import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetCrawlerCommand, StartCrawlerCommand } from '@aws-sdk/client-glue';
import { PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { PutRecordCommand } from '@aws-sdk/client-kinesis';
import { StartApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { CreateIngestionCommand, DescribeIngestionCommand } from '@aws-sdk/client-quicksight';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../../activities/aws.ts';
import { permissionPolicy, ROLE_POLICY, type Service, trustPolicy } from '../../activities/iam/policies.ts';
import { dashboardUrl } from '../../activities/quicksight/page.ts';
import type { Local } from '../../local/start.ts';
import { names } from '../../pipeline/names.ts';
import { parseSpec } from '../../pipeline/spec.ts';
import { bringUp, standUp, until, windowsFrom } from '../dashboard-lake.ts';
import { localAws } from '../local-aws.ts';

const pipeline = { ...parseSpec({ name: 'rights', delivery: { seconds: 1 } }), account: '000000000000' };
const all = names(pipeline);
const AwsAccountId = pipeline.account;

let local: Local;
let aws: Clients;
/** What the local AWS says for itself. */
let said: string[] = [];

beforeAll(async () => {
  local = await localAws({ log: (part, message) => said.push(`${part} ${message}`) });
  aws = clients({ ...local, app: 'test' });
  await standUp(aws, windowsFrom(new Date('2026-11-23T18:00:00Z'), 2, 2), pipeline);
  await bringUp(aws, ['firehoseLogs', 'firehoseRole', 'events', 'eventsDelivery'], pipeline);
  await bringUp(aws, ['studioLogs', 'studioRole', 'flinkDatabase', 'studio'], pipeline);
});
afterEach(async () => {
  said = [];
  for (const service of ['crawler', 'firehose', 'quicksight', 'studio'] as const) {
    await without(service);
    await trusts(service, 'sts:AssumeRole');
  }
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

/** Gives a role the policy of the product without some of its actions, on some resource or on any. */
async function without(service: Service, ...actions: (string | [action: string, resource: RegExp])[]): Promise<void> {
  const policy = permissionPolicy(service, pipeline, all);
  const taken = actions.map((each) => (typeof each === 'string' ? [each, /./] : each)) as [string, RegExp][];
  const Statement = policy.Statement.map(({ Action, ...rest }) => ({
    ...rest,
    Action: [Action].flat().filter((name) => !taken.some(([action, resource]) => name === action && resource.test(String(rest.Resource)))),
  })).filter(({ Action }) => Action.length > 0);
  const PolicyDocument = JSON.stringify({ ...policy, Statement });
  await aws.iam.send(new PutRolePolicyCommand({ RoleName: all.roles[service], PolicyName: ROLE_POLICY, PolicyDocument }));
}

/** Gives a role the trust of the product, for this action of STS. */
async function trusts(service: Service, Action: string): Promise<void> {
  const trust = trustPolicy(service, pipeline, all);
  const PolicyDocument = JSON.stringify({ ...trust, Statement: trust.Statement.map((statement) => ({ ...statement, Action })) });
  await aws.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: all.roles[service], PolicyDocument }));
}

const refused = (service: Service, action: string, session: string) =>
  expect.stringMatching(
    new RegExp(
      `User: arn:aws:sts::000000000000:assumed-role/${all.roles[service]}/${session} is not authorized to perform: ${action} on resource: arn:aws:\\S+ because no identity-based policy allows the ${action} action`,
    ),
  );
const logged = async (logGroupName: string): Promise<string> =>
  JSON.stringify((await aws.logs.send(new FilterLogEventsCommand({ logGroupName }))).events);

describe("the crawler's role", () => {
  const crawled = async () => {
    await aws.glue.send(new StartCrawlerCommand({ Name: all.crawler }));
    const look = async () => (await aws.glue.send(new GetCrawlerCommand({ Name: all.crawler }))).Crawler!;
    await until(async () => (await look()).State === 'READY', 'the crawl');
    return (await look()).LastCrawl!;
  };

  it.each(['s3:ListBucket', 's3:GetObject', 'glue:GetDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:BatchGetPartition'])(
    'without %s fails the crawl',
    async (action) => {
      await without('crawler', action);
      expect(await crawled()).toMatchObject({ Status: 'FAILED', ErrorMessage: refused('crawler', action, 'AWS-Crawler') });
      await without('crawler');
      expect(await crawled()).toMatchObject({ Status: 'SUCCEEDED' });
    },
  );

  it('without logs:PutLogEvents leaves a crawl that succeeds without a log', async () => {
    const group = '/aws-glue/crawlers';
    await until(async () => (await logged(group)).includes('SUCCEEDED'), 'the log');
    await without('crawler', 'logs:PutLogEvents');
    const { MessagePrefix, Status } = await crawled();
    expect(Status).toBe('SUCCEEDED');
    await until(async () => said.some((line) => line.includes('logs:PutLogEvents')), 'the refusal');
    expect(await logged(group)).not.toContain(MessagePrefix);
  });
});

describe("QuickSight's role", () => {
  let count = 0;
  const DataSetId = all.dataSets.history;
  const refreshed = async () => {
    const id = { AwsAccountId, DataSetId, IngestionId: `run-${++count}` };
    await aws.quicksight.send(new CreateIngestionCommand(id));
    const look = async () => (await aws.quicksight.send(new DescribeIngestionCommand(id))).Ingestion!;
    await until(async () => ['COMPLETED', 'FAILED'].includes((await look()).IngestionStatus!), 'the ingestion');
    return look();
  };

  it.each<[string, RegExp]>([
    ['athena:StartQueryExecution', /./],
    ['glue:GetDatabase', /./],
    ['glue:GetTable', /./],
    ['glue:GetPartitions', /./],
    ['s3:ListBucket', /./],
    ['s3:GetObject', /lake\/\*/],
    ['s3:GetBucketLocation', /./],
    ['s3:PutObject', /./],
    ['s3:GetObject', /results/],
  ])('without %s on %s fails a refresh', async (action, resource) => {
    await without('quicksight', [action, resource]);
    expect(await refreshed()).toMatchObject({
      IngestionStatus: 'FAILED',
      ErrorInfo: { Type: 'PERMISSION_DENIED', Message: refused('quicksight', action, 'QuickSight') },
    });
    await without('quicksight');
    expect(await refreshed()).toMatchObject({ IngestionStatus: 'COMPLETED' });
  });

  it('that trusts QuickSight no longer fails a refresh, and the live visuals', async () => {
    await trusts('quicksight', 'sts:TagSession');
    expect(await refreshed()).toMatchObject({ IngestionStatus: 'FAILED', ErrorInfo: { Type: 'FAILURE_TO_ASSUME_ROLE' } });
    const address = (await dashboardUrl(aws, pipeline)).replace('?', '/data?');
    const { visuals } = (await (await fetch(address)).json()) as { visuals: { importMode: string; error?: string }[] };
    const live = visuals.filter(({ importMode }) => importMode === 'DIRECT_QUERY');
    expect(live.length).toBeGreaterThan(0);
    for (const { error } of live) expect(error).toMatch(/^Failed to assume your role/);
  });
});

describe("Firehose's role", () => {
  const { bucket: Bucket, streams, prefix, firehoseLogGroup } = all;
  const objects = async () => (await aws.s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix('events') }))).KeyCount ?? 0;
  const delivered = async () => {
    const before = await objects();
    await aws.kinesis.send(new PutRecordCommand({ StreamName: streams.events, PartitionKey: 'k', Data: Buffer.from('{"event_id":"r"}') }));
    return { arrives: () => until(async () => (await objects()) > before, 'the object'), before };
  };

  it.each(['kinesis:GetRecords', 'kinesis:ListShards', 's3:PutObject'])(
    'without %s delivers nothing, and says so in its log',
    async (action) => {
      await without('firehose', action);
      const { arrives, before } = await delivered();
      await until(async () => (await logged(firehoseLogGroup)).includes(`to perform: ${action}`), 'the log');
      expect(JSON.stringify(said)).toEqual(refused('firehose', action, 'FirehoseDelivery'));
      expect(await objects()).toBe(before);
      await without('firehose');
      await arrives();
    },
  );

  it('without logs:PutLogEvents keeps its reasons to itself', async () => {
    await without('firehose', 's3:PutObject', 'logs:PutLogEvents');
    const since = await logged(firehoseLogGroup);
    const { arrives } = await delivered();
    await until(async () => said.some((line) => line.includes('logs:PutLogEvents')), 'the refusal');
    expect(await logged(firehoseLogGroup)).toBe(since);
    await without('firehose');
    await arrives();
  });

  it('that trusts Firehose no longer ends the delivery until it does', async () => {
    await trusts('firehose', 'sts:TagSession');
    const { arrives, before } = await delivered();
    await until(async () => said.some((line) => line.includes('Firehose is unable to assume role')), 'the refusal');
    expect(await objects()).toBe(before);
    await trusts('firehose', 'sts:AssumeRole');
    await arrives();
  });
});

describe("Studio's role", () => {
  const start = () => aws.kinesisAnalyticsV2.send(new StartApplicationCommand({ ApplicationName: all.application }));

  it('that trusts Studio no longer refuses the start', async () => {
    await trusts('studio', 'sts:TagSession');
    await expect(start()).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: expect.stringContaining("doesn't have sufficient privileges"),
    });
  });

  it('without glue:GetDatabase refuses the start', async () => {
    await without('studio', 'glue:GetDatabase');
    await expect(start()).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: refused('studio', 'glue:GetDatabase', 'KinesisAnalytics'),
    });
  });
});
