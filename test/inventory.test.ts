import { CreateLogGroupCommand, CreateLogStreamCommand, DescribeLogStreamsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateRoleCommand, DeleteRoleCommand } from '@aws-sdk/client-iam';
import { CreateStreamCommand, DeleteStreamCommand } from '@aws-sdk/client-kinesis';
import { TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Clients, clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { type Failures, inventoryActivities } from '../activities/inventory.ts';
import { carryingTag } from '../activities/owned.ts';
import { resources } from '../activities/registry.ts';
import { type Found, type Resource, steps } from '../activities/resource.ts';
import { leftLines, unsavedLines } from '../client/left.ts';
import type { Local } from '../local/start.ts';
import { PRICES } from '../pipeline/cost.ts';
import { LAKE_TABLES, names, OWNER_TAG } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { ofBucket, ofCrawler, ofStream, ofStudio } from '../pipeline/standing-cost.ts';
import type { Leftover } from '../workflows/messages.ts';
import { eventually } from './eventually.ts';
import { localAws } from './local-aws.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'left-over', shards: 3, keep: { streamHours: 48 } }), account: '000000000000' };
const n = names(pipeline);
const UP: Stage[] = [
  ...(['bucket', 'studioLogs', 'studioRole', 'events', 'playerMetrics', 'teamMetrics'] as const),
  ...(['leaderboards', 'serverMetrics', 'lateEvents', 'flinkDatabase', 'studio'] as const),
];

let local: Local;
let aws: Clients;
let registry: Record<Stage, Resource>;

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
  registry = resources(aws) as unknown as Record<Stage, Resource>;
  for (const stage of UP) {
    const { ensure, ready } = steps(registry[stage], youngRole(aws));
    // A stream keeps its records for a day at first, and is told the rest when it stands.
    while ((await eventually(() => ensure(pipeline))).outcome !== 'unchanged') await eventually(() => ready(pipeline));
  }
});
beforeEach(() => local.faults.put({ rules: [] }));
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

const look = (kept: Stage[] = [], failures: Failures = {}) =>
  inventoryActivities(aws, registry)['inventory.left'](pipeline, kept, failures);
const of = (left: Leftover[], label: string) => left.find((each) => each.label === label);
const denied = (service: string, ...operations: string[]) =>
  local.faults.put({
    rules: operations.map((operation) => ({ service, operation, fault: { kind: 'error', name: 'AccessDeniedException', message: 'no' } })),
  });
const STREAM = `Kinesis stream ${n.streams.events}`;
const STUDIO = `Studio application ${n.application}`;

describe('by name', () => {
  it('gives each thing that stands, with what it costs an hour', async () => {
    await aws.s3.send(new PutObjectCommand({ Bucket: n.bucket, Key: 'lake/one', Body: Buffer.alloc(1024) }));
    const { left, unseen } = await look();
    expect(unseen).toBeUndefined();
    expect(left).toHaveLength(UP.length);
    const hour = PRICES.shardHour + PRICES.retentionShardHour;
    expect(of(left, STREAM)).toEqual({
      label: STREAM,
      arn: n.streamArn('events'),
      why: 'AWS still has it, ready',
      costs: { perHour: expect.closeTo(3 * hour, 10), basis: '3 shards, 48 h of retention' },
    });
    expect(of(left, STUDIO)?.costs).toEqual({ perHour: 0, basis: 'stopped' });
    expect(of(left, `S3 bucket ${n.bucket}`)?.costs?.perHour).toBeCloseTo((PRICES.s3GbMonth / 730) * 2 ** -20, 15);
    expect(of(left, `IAM role ${n.roles.studio}`)?.costs).toEqual({ perHour: 0, basis: 'only its use is billed' });
  });

  it('leaves out what is kept on purpose', async () => {
    const { left } = await look(['bucket', 'flinkDatabase']);
    expect(left).toHaveLength(UP.length - 2);
  });

  it('says of what would not go what AWS said, and of what that needs that it waits', async () => {
    const { left } = await look([], { studio: 'removing Studio application: it resists' });
    expect(of(left, STUDIO)?.why).toBe('removing Studio application: it resists');
    for (const label of [STREAM, `Glue database ${n.flinkDatabase}`])
      expect(of(left, label)?.why).toBe(`it was not removed, since ${STUDIO} needs it and would not go`);
    expect(of(left, `S3 bucket ${n.bucket}`)?.why).toBe('AWS still has it, ready');
  });

  it('names what has our name and not our tag, and whose it is', async () => {
    const ResourceARN = n.applicationArn;
    await aws.kinesisAnalyticsV2.send(new UntagResourceCommand({ ResourceARN, TagKeys: [OWNER_TAG] }));
    expect(of((await look()).left, STUDIO)?.why).toMatch(
      /^it does not carry the tag data2dashboard:pipeline, so it was left alone; .*'left-over'/,
    );
    await aws.kinesisAnalyticsV2.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: OWNER_TAG, Value: 'another' }] }));
    expect(of((await look()).left, STUDIO)?.why).toBe("it belongs to pipeline 'another', so it was left alone");
    await aws.kinesisAnalyticsV2.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: OWNER_TAG, Value: pipeline.name }] }));
    expect(of((await look()).left, STUDIO)?.why).toBe('AWS still has it, ready');
  });

  it('says what it may not look at', async () => {
    denied('kinesis', 'DescribeStreamSummary');
    const found = of((await look()).left, STREAM);
    expect(found?.why).toMatch(/^whether it is there could not be looked at: AccessDeniedException: no/);
    expect(found?.costs).toBeUndefined();
  });

  it('is tried again when AWS fails, but not for ever', async () => {
    local.faults.put({
      rules: [{ service: 'kinesis', operation: 'DescribeStreamSummary', fault: { kind: 'error', name: 'KMSDisabledException' } }],
    });
    const attempt = (number: number) =>
      new MockActivityEnvironment({ attempt: number }, { logger: new DefaultLogger('ERROR', () => undefined) }).run(() =>
        look(),
      ) as ReturnType<typeof look>;
    await expect(attempt(1)).rejects.toThrow('KMSDisabledException');
    local.faults.put({ rules: [{ service: 'iam', operation: 'ListRoles', fault: { kind: 'error', name: 'ServiceFailureException' } }] });
    await expect(attempt(1)).rejects.toThrow('ServiceFailureException');
    expect((await attempt(8)).unseen).toEqual([expect.stringContaining("the account's IAM roles could not be listed: ServiceFailure")]);
    local.faults.put({
      rules: [{ service: 'kinesis', operation: 'DescribeStreamSummary', fault: { kind: 'error', name: 'KMSDisabledException' } }],
    });
    expect(of((await attempt(8)).left, STREAM)?.why).toContain('could not be looked at: KMSDisabledException');
  });
});

describe('what Glue logged of the crawler', () => {
  const logGroupName = '/aws-glue/crawlers';
  const LABEL = `log stream ${n.crawler} of log group ${logGroupName}`;

  it('is left where the crawler is gone without it, and goes with it otherwise; what others logged stays', async () => {
    await aws.logs.send(new CreateLogGroupCommand({ logGroupName }));
    for (const logStreamName of [n.crawler, `${n.crawler}-2`])
      await aws.logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const { left } = await look();
    expect(left.slice(UP.length)).toEqual([
      {
        label: LABEL,
        arn: `arn:aws:logs:us-east-1:000000000000:log-group:${logGroupName}:log-stream:${n.crawler}`,
        why: 'Glue wrote it for a crawler that is gone; delete it by hand',
        costs: { perHour: 0, basis: 'only its use is billed' },
      },
    ]);
    denied('logs', 'DescribeLogStreams');
    expect(of((await look()).left, LABEL)?.why).toMatch(/^whether it is there could not be looked at: AccessDenied/);
    local.faults.put({ rules: [] });
    await registry.crawler.remove(pipeline, { State: 'READY' } as Found);
    expect((await look()).left).toHaveLength(UP.length);
    const { logStreams } = await aws.logs.send(new DescribeLogStreamsCommand({ logGroupName }));
    expect(logStreams?.map(({ logStreamName }) => logStreamName)).toEqual([`${n.crawler}-2`]);
    await registry.crawler.remove(pipeline, { State: 'READY' } as Found);
  });
});

describe('by tag', () => {
  const stray = 'zz-somewhere-else';
  const Tags = { [OWNER_TAG]: pipeline.name };
  const strangers = Array.from({ length: 101 }, (_, i) => `a-stranger-${i}`);
  const role = (RoleName: string) => ({
    RoleName,
    AssumeRolePolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'glue.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    }),
    Tags: [{ Key: OWNER_TAG, Value: pipeline.name }],
  });
  const roles = ['forgotten', 'left-over-eu-west-1-firehose'];

  beforeAll(async () => {
    for (const StreamName of strangers) await aws.kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    await aws.kinesis.send(new CreateStreamCommand({ StreamName: stray, ShardCount: 2, Tags }));
    await aws.kinesis.send(new CreateStreamCommand({ StreamName: `${pipeline.name}-2`, ShardCount: 1 }));
    for (const name of roles) await aws.iam.send(new CreateRoleCommand(role(name)));
  });
  afterAll(async () => {
    for (const StreamName of [...strangers, stray, `${pipeline.name}-2`]) await aws.kinesis.send(new DeleteStreamCommand({ StreamName }));
    for (const RoleName of roles) await aws.iam.send(new DeleteRoleCommand({ RoleName }));
  });

  it('finds what carries the tag under any name, on any page, with what it costs; another region’s roles are no matter', async () => {
    const { left } = await look();
    expect(left.slice(UP.length)).toEqual([
      {
        label: `Kinesis stream ${stray}`,
        arn: `arn:aws:kinesis:us-east-1:000000000000:stream/${stray}`,
        why: "it carries the pipeline's tag, and no stage names it",
        costs: { perHour: 2 * PRICES.shardHour, basis: '2 shards' },
      },
      expect.objectContaining({ label: 'IAM role forgotten', costs: { perHour: 0, basis: 'only its use is billed' } }),
    ]);
  });

  it('says of which things it could not ask, and lists those that are named like ours', async () => {
    denied('kinesis', 'ListTagsForStream');
    const { found, unseen } = await carryingTag(aws, pipeline, LAKE_TABLES.map(n.streamArn));
    expect(found.find(({ label }) => label === `Kinesis stream ${pipeline.name}-2`)?.why).toMatch(
      /^whose it is could not be looked at: AccessDenied/,
    );
    expect(unseen).toEqual(["102 of the account's Kinesis streams could not be asked for their tags: AccessDeniedException: no"]);
  });

  it('says which kinds it could not list', async () => {
    denied('iam', 'ListRoles');
    expect((await look()).unseen).toEqual(["the account's IAM roles could not be listed: AccessDeniedException: no"]);
  });

  it('does not ask for ever, and asks names like ours first', async () => {
    local.calls.clear();
    const { unseen } = await carryingTag(aws, pipeline, [], 0);
    expect(unseen).toContain("109 of the account's 109 Kinesis streams were not asked for their tags, since that takes too long");
    expect(local.calls.all().some(({ operation }) => operation === 'ListTagsForStream')).toBe(false);
    await carryingTag(aws, pipeline, []);
    const asked = local.calls.all().filter(({ operation }) => operation === 'ListTagsForStream');
    const first = asked.slice(0, 4).map(({ input }) => (input as { StreamName: string }).StreamName);
    expect(first.every((name) => name.startsWith(pipeline.name))).toBe(true);
  });
});

describe('the cost of what stands', () => {
  it('goes by what AWS bills of each kind', () => {
    expect(ofStream(1, 24)).toEqual({ perHour: 0.015, basis: '1 shard' });
    expect(ofStream(4, 48, true)).toEqual({ perHour: 0.04, basis: 'on demand, without its use' });
    expect(ofStudio(2, false)).toEqual({ perHour: 4 * 0.11, basis: '2 + 2 KPU' });
    expect(ofCrawler(true)).toEqual({ perHour: 0.44, basis: 'while it crawls' });
    expect(ofBucket(730 * 1024 ** 3, false)).toEqual({ perHour: expect.closeTo(0.023, 10), basis: 'more than 7.3e+2 GB' });
  });

  it('is told of each thing, and of all together', () => {
    const left: Leftover[] = [
      { label: 'Studio application x', why: 'it resists', costs: ofStudio(2, false) },
      { label: 'S3 bucket y', why: 'no leave to look' },
    ];
    expect(leftLines({ left }, 'aws')).toEqual([
      '  Studio application x: it resists; $0.440 an hour (2 + 2 KPU)',
      '  S3 bucket y: no leave to look; what it costs is not known',
      'Billed: together $0.440 an hour, $321 a month.',
    ]);
    expect(leftLines({ left }, 'local').at(-1)).toBe(
      'Nothing is billed here; on AWS they would cost together $0.440 an hour, $321 a month.',
    );
    expect(leftLines({ left: [] }, 'aws')).toEqual([]);
  });

  it('goes with what is not in the lake, of data that was kept', () => {
    expect(unsavedLines({ left: [], unsaved: ['3 events'] })).toEqual(['not in the lake: 3 events']);
    expect(unsavedLines({ left: [] })).toEqual([]);
  });
});
