import { GetRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { crawlActivities } from '../activities/glue/crawl.ts';
import { advised, isRefusal } from '../activities/iam/refusal.ts';
import { CHANGED_TAG } from '../activities/iam/role.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps, type YoungRole } from '../activities/resource.ts';
import { tagMap } from '../activities/tags.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';
import { localAws } from './local-aws.ts';

const MINUTE = 60_000;
const pipeline: Pipeline = { ...parseSpec({ name: 'role-play' }), account: '000000000000' };
const n = names(pipeline);

let local: Local;
let aws: Clients;
/** How far AWS's clock is ahead of ours. */
let ahead = 0;
const oldRole: YoungRole = async () => undefined;
const act = (stage: Stage, young = oldRole) => steps(resources(aws)[stage] as unknown as Resource, young);
const failing = (operation: string, name: string, message: string) =>
  local.faults.put({ rules: [{ operation, fault: { kind: 'error', name, message } }] });
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => expect('it').toBe('failed'),
    (error: Error) => error,
  );

beforeAll(async () => {
  local = await localAws({ now: () => Date.now() + ahead });
  aws = clients(local);
  for (const stage of [
    'bucket',
    'firehoseLogs',
    'firehoseRole',
    'crawlerRole',
    'quicksightRole',
    'events',
    'lakeDatabase',
    'workgroup',
  ] as const) {
    await eventually(() => act(stage).ensure(pipeline));
    await eventually(() => act(stage).ready(pipeline));
  }
});
beforeEach(() => {
  ahead = 0;
  local.faults.put({ rules: [] });
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

describe('a refusal, once the role is no longer new', () => {
  it.each([
    ['LimitExceededException', 'Rate exceeded for delivery stream role-play-events'],
    ['ServiceUnavailableException', 'Access to role-play-events is not possible just now'],
    ['ThrottlingException', 'Rate exceeded'],
    ['SomethingElse', 'Stream role-play under account 1 could not be read; database role_play neither'],
  ])('is none when AWS says %s: %s', async (name, message) => {
    expect(isRefusal({ name, message }, pipeline)).toBe(false);
    failing('CreateDeliveryStream', name, message);
    expect(await failureOf(act('eventsDelivery').ensure(pipeline))).toMatchObject({ nonRetryable: false, type: name });
  });

  it.each([
    [
      'Role arn:x is not authorized to perform: kinesis:DescribeStream on resource arn:y',
      `(role ${n.roles.firehose}: action kinesis:DescribeStream, which its policy 'least-privilege' has to allow; npx d2d plan --policies shows them)`,
    ],
    [
      'Firehose is unable to assume role arn:x. Please check the role provided.',
      `(role ${n.roles.firehose}: action sts:AssumeRole, which its trust policy has to allow to the service; npx d2d plan --policies shows them)`,
    ],
    [
      'Verify that the IAM role has access to the bucket.',
      `(role ${n.roles.firehose}: what firehose:CreateDeliveryStream needs, which its policy 'least-privilege' has to allow; npx d2d plan --policies shows them)`,
    ],
  ])('is final, with role, action and policy: %s', async (message, advice) => {
    failing('CreateDeliveryStream', 'InvalidArgumentException', message);
    const failure = await failureOf(act('eventsDelivery').ensure(pipeline));
    expect(failure).toMatchObject({ nonRetryable: true, type: 'RoleRefused' });
    expect(failure?.message).toBe(`ensuring delivery stream role-play-events: InvalidArgumentException: ${message} ${advice}`);
  });

  it.each([
    [
      'eventsDelivery' as const,
      {
        DeliveryStreamStatus: 'CREATING_FAILED',
        FailureDescription: { Type: 'UNKNOWN_ERROR', Details: 'Access was denied to kinesis:ListShards' },
      },
      /^UNKNOWN_ERROR: .* \(role role-play-us-east-1-firehose: action kinesis:ListShards, which its policy/,
    ],
    [
      'dataSource' as const,
      { Status: 'CREATION_FAILED', ErrorInfo: { Type: 'ACCESS_DENIED', Message: 'Failed to assume your role' } },
      /^ACCESS_DENIED: .* \(role role-play-us-east-1-quicksight: action sts:AssumeRole, which its trust policy/,
    ],
    [
      'history' as const,
      {
        ingestions: [
          { IngestionId: 'one', IngestionStatus: 'FAILED', ErrorInfo: { Type: 'PERMISSION_DENIED', Message: 'no permission for it' } },
        ],
      },
      /^ingestion one: PERMISSION_DENIED: .* \(role role-play-us-east-1-quicksight: what the service needs, which its policy/,
    ],
  ])('that AWS only tells of afterwards, of %s, names them too', async (stage, found, words) => {
    const resource = { ...(resources(aws)[stage] as unknown as Resource), find: async () => found as object, look: undefined };
    const failure = await failureOf(steps(resource, oldRole).ready(pipeline));
    expect(failure).toMatchObject({ nonRetryable: true, type: 'BrokenResource', message: expect.stringMatching(words) });
  });

  it('of a crawl names them too', async () => {
    await eventually(() => act('crawler').ensure(pipeline));
    const crawl = crawlActivities(aws);
    const since = await crawl['crawl.since'](pipeline);
    await aws.iam.send(new PutRolePolicyCommand({ RoleName: n.roles.crawler, PolicyName: 'least-privilege', PolicyDocument: NOTHING }));
    await crawl['crawl.start'](pipeline, since);
    ahead = 20 * MINUTE;
    const failure = await failureOf(eventually(() => crawl['crawl.finished'](pipeline, since)));
    expect(failure).toMatchObject({ nonRetryable: true, type: 'CrawlRefused' });
    expect(failure?.message).toMatch(
      /\(role role-play-us-east-1-crawler: action glue:GetDatabase, which its policy 'least-privilege' has to allow;/,
    );
  });

  it('has nothing added to what is none', () => {
    expect(advised('it ended', 'the disk is full', pipeline, 'crawler')).toBe('it ended');
  });
});

const NOTHING = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' }] });

describe('a refusal of the caller, not of a role', () => {
  const DEV = 'arn:aws:iam::000000000000:user/dev';
  const passRole = (who: string) => `User: ${who} is not authorized to perform: iam:PassRole on resource: ${n.roleArns.firehose}`;
  const youngOne: YoungRole = async () => n.roles.firehose;

  it.each([DEV, 'arn:aws:sts::000000000000:assumed-role/aws-admin/me', 'arn:aws:iam::000000000000:root'])(
    'is final while the role is new, and says who lacks what: %s',
    async (who) => {
      failing('CreateDeliveryStream', 'AccessDeniedException', passRole(who));
      const failure = await failureOf(act('eventsDelivery', youngOne).ensure(pipeline));
      expect(failure).toMatchObject({ nonRetryable: true, type: 'CallerRefused' });
      expect(failure?.message).toBe(
        `ensuring delivery stream role-play-events: AccessDeniedException: ${passRole(who)} (the worker calls as ${who}: action iam:PassRole, which its own policies have to allow, not a role's; IAM shows them at ${who.split(':').at(-1)})`,
      );
    },
  );

  it('is final where no role is in play', async () => {
    const message = `User: ${DEV} is not authorized to perform: kinesis:CreateStream on resource: x`;
    failing('CreateStream', 'AccessDeniedException', message);
    expect(await failureOf(act('playerMetrics').ensure(pipeline))).toMatchObject({ nonRetryable: true, type: 'CallerRefused' });
  });

  it.each([
    passRole(`arn:aws:sts::000000000000:assumed-role/${n.roles.firehose}/session`),
    passRole(n.roleArns.firehose),
    passRole('arn:aws:sts::000000000000:assumed-role/aws-quicksight-service-role-v0/session'),
    passRole('arn:aws:sts::999999999999:assumed-role/FirehoseService/i-1'),
    'User: firehose.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: x',
    `Role ${n.roleArns.firehose} is not authorized to perform: kinesis:DescribeStream`,
    'Access was denied.',
  ])('is none, but waited out, when AWS says: %s', async (message) => {
    failing('CreateDeliveryStream', 'InvalidArgumentException', message);
    expect(await failureOf(act('eventsDelivery', youngOne).ensure(pipeline))).toMatchObject({ nonRetryable: false, type: 'RoleNotSpread' });
    expect(await failureOf(act('eventsDelivery').ensure(pipeline))).toMatchObject({ nonRetryable: true, type: 'RoleRefused' });
  });
});

describe('whether a role is new', () => {
  const isYoung = () => youngRole(aws)(pipeline, 'firehose');
  const widen = () =>
    aws.iam.send(new PutRolePolicyCommand({ RoleName: n.roles.firehose, PolicyName: 'least-privilege', PolicyDocument: NOTHING }));

  it.each([-4.5 * MINUTE, 4.5 * MINUTE, 30 * MINUTE])('goes by the clock of AWS, which is %d ms ahead of ours', async (skew) => {
    ahead = skew + 60 * MINUTE;
    await aws.iam.send(new GetRoleCommand({ RoleName: n.roles.firehose })).catch(() => undefined);
    expect(await isYoung()).toBeUndefined();
    await widen();
    expect(await act('firehoseRole').ensure(pipeline)).toMatchObject({ outcome: 'changed' });
    const { Role } = await aws.iam.send(new GetRoleCommand({ RoleName: n.roles.firehose }));
    expect(Math.abs(Date.parse(tagMap(Role?.Tags)[CHANGED_TAG]!) - (Date.now() + ahead))).toBeLessThan(3000);
    expect(await isYoung()).toBe(n.roles.firehose);
    ahead += 5 * MINUTE;
    await isYoung();
    expect(await isYoung()).toBeUndefined();
  });

  it('is known before the policy that makes it so', async () => {
    ahead = 3 * 60 * MINUTE;
    await isYoung();
    await widen();
    local.faults.put({ rules: [{ operation: 'PutRolePolicy', fault: { kind: 'lostAnswer' } }] });
    await failureOf(act('firehoseRole').ensure(pipeline));
    local.faults.put({ rules: [] });
    expect(await isYoung()).toBe(n.roles.firehose);
  });
});
