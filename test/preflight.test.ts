import { CreateWorkGroupCommand } from '@aws-sdk/client-athena';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { CreateStreamCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clients, clients, quicksightIn } from '../activities/aws.ts';
import { preflight } from '../activities/preflight.ts';
import { resources } from '../activities/registry.ts';
import type { Resource } from '../activities/resource.ts';
import { surveyActivities } from '../activities/survey.ts';
import type { Local } from '../local/start.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import type { Stage } from '../pipeline/stages.ts';
import { localAws } from './local-aws.ts';
import { ACCOUNT, pipelineOf, principal } from './looked.ts';

let local: Local;
let aws: Clients;
/** What has no name in any region. */
let nameless: RegExp;
const resolve = async (host: string) => {
  if (nameless.test(host)) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
};
const checks = (spec: object = {}, account = ACCOUNT) =>
  preflight(aws, quicksightIn(local), resolve)['account.check']({ ...pipelineOf(spec), account });
const check = async (spec: object = {}, account = ACCOUNT) =>
  Object.fromEntries((await checks(spec, account)).map(({ name, state, message }) => [name, `${state}: ${message}`]));
const failing = (operation: string, name: string, message = 'told so') =>
  local.faults.put({ rules: [{ operation, fault: { kind: 'error', name, message } }] });

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
});
beforeEach(() => {
  nameless = /^$/;
  local.faults.put({ rules: [] });
  local.calls.clear();
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

describe('the account is looked at before anything is made', () => {
  it('and takes the pipeline', async () => {
    const all = await check();
    expect(Object.values(all).filter((line) => !line.startsWith('ok: '))).toEqual([]);
    expect(Object.keys(all)).toEqual([
      'budget',
      'region',
      'credentials',
      'Kinesis shards',
      'IAM roles',
      'Firehose',
      'Managed Flink',
      'S3 buckets',
      'Glue crawlers',
      'Athena workgroups',
      'QuickSight',
      'QuickSight principal',
      'windows',
    ]);
    expect(local.calls.all().filter(({ operation }) => !/^(Get|List|Describe)/.test(operation))).toEqual([]);
    const told = await checks();
    expect(told.map(({ calls }) => calls)).toEqual([0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2]);
  });

  it("refuses other accounts' credentials, a budget that is too small, and a principal that is not there", async () => {
    expect((await check({}, '111111111111')).credentials).toMatch(
      /^refused: the worker's credentials are of account 000000000000, the pipeline is of 111111111111/,
    );
    const all = await check({ maxHourlyCost: 0.1, quicksightPrincipal: principal('user', 'nobody') });
    expect(all.budget).toMatch(/^refused: it costs/);
    expect(all['QuickSight principal']).toMatch(/^refused: there is no user 'nobody' in us-east-1/);
    const { 'QuickSight principal': group } = await check({ quicksightPrincipal: principal('group', 'nobody') });
    expect(group).toMatch(/^refused: there is no group 'nobody' in us-east-1/);
  });

  it('refuses an account without QuickSight, or with its small edition, and never subscribes it', async () => {
    failing('DescribeAccountSubscription', 'ResourceNotFoundException');
    expect((await check()).QuickSight).toMatch(
      /^refused: the account has no subscription; subscribe account 000000000000 to QuickSight by hand/,
    );
    local.faults.put({ rules: [] });
    const small = { ...aws, quicksight: answering(aws.quicksight, { AccountInfo: { Edition: 'STANDARD' } }) };
    const all = await preflight(small, quicksightIn(local), resolve)['account.check'](pipelineOf());
    expect(all.find(({ name }) => name === 'QuickSight')).toMatchObject({
      state: 'refused',
      message: expect.stringMatching(/^edition STANDARD/),
    });
  });

  it('is told a principal of another region than where identities are', async () => {
    const { 'QuickSight principal': told } = await check({ quicksightPrincipal: principal('user', 'local', 'eu-west-1') });
    expect(told).toBe('refused: the identity region is us-east-1, not eu-west-1; name the user by its ARN there');
  });

  it('refuses where a look is not permitted, naming the permission', async () => {
    failing('DescribeLimits', 'AccessDeniedException', 'not for you');
    const all = await check();
    expect(all['Kinesis shards']).toBe(
      "refused: the worker's credentials lack kinesis:DescribeLimits in us-east-1 of account 000000000000 (AccessDeniedException: not for you); allow it to them, then try again",
    );
    expect(all.credentials).toMatch(/^ok/);
  });

  it.each(['InvalidClientTokenId', 'ExpiredToken', 'SignatureDoesNotMatch', 'UnrecognizedClientException', 'AccessDenied'])(
    'refuses credentials that AWS answers with %s, in one line, and asks no further',
    async (name) => {
      failing('GetCallerIdentity', name, 'The security token included in the request is invalid.');
      const all = await checks();
      expect(all.map((each) => each.name)).toEqual(['budget', 'region', 'credentials']);
      const { state, message } = all.at(-1)!;
      expect({ state, lines: message.split('\n').length }).toEqual({ state: 'refused', lines: 1 });
      expect(message).toContain(`(${name}: The security token included in the request is invalid.)`);
      expect(message).toMatch(/us-east-1.*(renew them|allow it to them)/);
    },
  );

  it('refuses a region that there is not, or that lacks a service', async () => {
    nameless = /us-east-1/;
    const none = await check();
    expect(Object.keys(none)).toEqual(['budget', 'region']);
    expect(none.region).toMatch(/^refused: no service of AWS has a name in region us-east-1: there is no such region/);
    nameless = /^quicksight\./;
    expect((await check()).region).toBe('refused: region us-east-1 has no quicksight; choose one that has');
    expect((await check({ target: 'local' })).region).toMatch(/^ok/);
  });

  it.each(['cn-north-1', 'us-gov-west-1', 'us-iso-east-1', 'us-isob-east-1', 'eu-isoe-west-1', 'eusc-de-east-1'])(
    'takes no spec of region %s, whose partition is another',
    (region) => {
      expect(() => pipelineOf({ region })).toThrow(/region: must be in the partition aws, not of China/);
    },
  );

  it('refuses shards that there cannot be, and only those that are not there yet', async () => {
    const openOf = (ShardLimit: number, OpenShardCount: number) => ({
      ...aws,
      kinesis: answering(aws.kinesis, { ShardLimit, OpenShardCount }, 'DescribeLimits'),
    });
    const shards = async (limit: number, open: number) => {
      const all = await preflight(openOf(limit, open), quicksightIn(local), resolve)['account.check'](pipelineOf({ shards: 3 }));
      const { state, message, calls } = all.find(({ name }) => name === 'Kinesis shards')!;
      return { state, message, calls };
    };
    // Each stream of metrics has one.
    const all = 3 + LAKE_TABLES.length - 1;
    expect(await shards(20, 20 - all)).toMatchObject({ state: 'ok' });
    expect(await shards(20, 21 - all)).toMatchObject({
      state: 'refused',
      message: `${21 - all} of 20 shards are open in us-east-1, and the pipeline wants ${all} more; ask AWS for more, or lower 'shards'`,
    });
    await aws.kinesis.send(new CreateStreamCommand({ StreamName: 'looked', ShardCount: 2 }));
    await aws.kinesis.send(new CreateStreamCommand({ StreamName: 'looked-player-metrics', ShardCount: 1 }));
    expect(await shards(20, 23 - all)).toMatchObject({
      state: 'warning',
      message: expect.stringContaining(`wants ${all - 3} more`),
      calls: LAKE_TABLES.length,
    });
    expect(await shards(20, 24 - all)).toMatchObject({ state: 'refused' });
  });
});

describe('room in the account for what is yet to be made', () => {
  const told = async (spec: object, with_: Partial<Clients>, name: string) => {
    const all = await preflight({ ...aws, ...with_ }, quicksightIn(local), resolve)['account.check'](pipelineOf(spec));
    const { state, message, calls } = all.find((each) => each.name === name)!;
    return { state, message, calls };
  };
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'firehose.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };

  it('is refused where IAM has less, in one line with its numbers, and counts only roles that are not there', async () => {
    const roles = (Roles: number, name: string) =>
      told({ name }, { iam: answering(aws.iam, { SummaryMap: { Roles, RolesQuota: 1000 } }, 'GetAccountSummary') }, 'IAM roles');
    expect(await roles(996, 'rolled')).toMatchObject({ state: 'ok', message: '996 of 1000 IAM roles of account 000000000000 are there' });
    expect(await roles(997, 'rolled')).toMatchObject({
      state: 'refused',
      message:
        '997 of 1000 IAM roles of account 000000000000 are there, and the pipeline wants 4 more; ask AWS for more, or remove roles that nobody needs',
      calls: 4,
    });
    const RoleName = names(pipelineOf({ name: 'rolled' })).roles.studio;
    await aws.iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) }));
    expect(await roles(997, 'rolled')).toMatchObject({ state: 'ok' });
    expect(await roles(998, 'rolled')).toMatchObject({ state: 'refused', message: expect.stringContaining('wants 3 more') });
    expect((await check())['IAM roles']).toBe('ok: 1 of 1000 IAM roles of account 000000000000 are there');
  });

  it('is a warning where the quota may have been raised', async () => {
    const own = Object.values(names(pipelineOf()).deliveries);
    const others = (count: number) => Array.from({ length: count }, (_, i) => `other-${i}`);
    const deliveries = (DeliveryStreamNames: string[]) =>
      told({}, { firehose: answering(aws.firehose, { DeliveryStreamNames, HasMoreDeliveryStreams: false }) }, 'Firehose');
    expect(await deliveries(others(4994))).toMatchObject({ state: 'ok', message: '4994 delivery streams are in us-east-1' });
    expect(await deliveries(others(4995))).toMatchObject({
      state: 'warning',
      message:
        '4995 delivery streams are in us-east-1, and the pipeline wants 6 more; AWS allows 5000 unless it was asked for more, so ask it if you have not',
    });
    expect(await deliveries([...own, ...others(6000)])).toMatchObject({ state: 'ok' });
    const applications = (all: string[]) => {
      const ApplicationSummaries = all.map((ApplicationName) => ({ ApplicationName }));
      return told({}, { kinesisAnalyticsV2: answering(aws.kinesisAnalyticsV2, { ApplicationSummaries }) }, 'Managed Flink');
    };
    expect(await applications(others(49))).toMatchObject({ state: 'ok' });
    expect(await applications(others(50))).toMatchObject({ state: 'warning', message: expect.stringContaining('wants 1 more') });
    expect(await applications([names(pipelineOf()).application, ...others(50)])).toMatchObject({ state: 'ok' });
  });

  it('is looked for over all pages of buckets, crawlers and workgroups, and counts none that is there', async () => {
    const n = names(pipelineOf());
    const others = (count: number) => Array.from({ length: count }, (_, i) => `other-${i}`);
    const buckets = (all: string[]) =>
      told({}, { s3: answering(aws.s3, { Buckets: all.map((Name) => ({ Name })) }, 'ListBuckets') }, 'S3 buckets');
    expect(await buckets(others(9_999))).toMatchObject({ state: 'ok', message: '9999 buckets are in account 000000000000', calls: 0 });
    expect(await buckets(others(10_000))).toMatchObject({
      state: 'warning',
      message:
        '10000 buckets are in account 000000000000, and the pipeline wants 1 more; AWS allows 10000 unless it was asked for more, so ask it if you have not',
    });
    expect(await buckets([n.bucket, ...others(10_000)])).toMatchObject({ state: 'ok' });
    const crawlers = (CrawlerNames: string[]) => told({}, { glue: answering(aws.glue, { CrawlerNames }, 'ListCrawlers') }, 'Glue crawlers');
    expect(await crawlers(others(999))).toMatchObject({ state: 'ok', message: '999 crawlers are in us-east-1' });
    expect(await crawlers(others(1_000))).toMatchObject({ state: 'warning', message: expect.stringContaining('AWS allows 1000') });
    expect(await crawlers([n.crawler, ...others(1_000)])).toMatchObject({ state: 'ok' });
    const groups = (all: string[]) =>
      told({}, { athena: answering(aws.athena, { WorkGroups: all.map((Name) => ({ Name })) }, 'ListWorkGroups') }, 'Athena workgroups');
    expect(await groups(others(1_000))).toMatchObject({ state: 'warning', message: expect.stringContaining('AWS allows 1000') });
    expect(await groups([n.workgroup, ...others(1_000)])).toMatchObject({ state: 'ok' });
    for (let i = 0; i < 60; i++) await aws.athena.send(new CreateWorkGroupCommand({ Name: `group-${i}` }));
    expect(await told({}, {}, 'Athena workgroups')).toMatchObject({
      state: 'ok',
      message: expect.stringMatching(/^6[01] workgroups/),
      calls: 2,
    });
  });

  it('may not be looked at: refused where AWS tells the quota, a warning where it does not', async () => {
    failing('GetAccountSummary', 'AccessDenied', 'not for you');
    expect((await check())['IAM roles']).toMatch(/^refused: the worker's credentials lack iam:GetAccountSummary/);
    failing('ListDeliveryStreams', 'AccessDeniedException', 'not for you');
    expect((await check()).Firehose).toMatch(/^warning: the worker's credentials lack firehose:ListDeliveryStreams/);
    failing('ListApplications', 'AccessDeniedException', 'not for you');
    expect((await check())['Managed Flink']).toMatch(/^warning: the worker's credentials lack kinesisanalytics:ListApplications/);
    failing('ListBuckets', 'AccessDenied', 'not for you');
    expect((await check())['S3 buckets']).toMatch(/^warning: the worker's credentials lack s3:/);
  });
});

describe('the survey of all stages', () => {
  const look = () => surveyActivities(resources(aws) as unknown as Record<Stage, Resource>)['stages.survey'](pipelineOf());

  it('fails for good where it may not look, with each stage and what it lacks', async () => {
    const words = 'User: arn:aws:iam::000000000000:user/me is not authorized to perform: glue:GetDatabase on resource: x';
    failing('GetDatabase', 'AccessDeniedException', words);
    const refused = await look().catch((error: unknown) => error);
    expect(refused).toMatchObject({ nonRetryable: true, type: 'NotPermitted' });
    const lines = (refused as Error).message.split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(
      `Glue database looked_flink: the worker's credentials lack glue:GetDatabase in us-east-1 of account 000000000000 (AccessDeniedException: ${words}); allow it to them, then try again`,
    );
  });

  it('says of unknown credentials once what it would say of every stage', async () => {
    local.faults.put({ rules: [{ fault: { kind: 'error', name: 'ExpiredTokenException', message: 'it has expired' } }] });
    const refused = await look().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      nonRetryable: true,
      message: expect.stringMatching(/^AWS in us-east-1 does not take the worker's cred[^\n]*$/),
    });
  });

  it('is tried again when AWS only had trouble, and says with what', async () => {
    failing('GetDatabase', 'ServiceFailure', 'once more, please');
    await expect(look()).rejects.toMatchObject({
      type: 'ServiceFailure',
      message: expect.stringMatching(/^looking at Glue database looked_\w+: ServiceFailure: once more, please/),
      nonRetryable: false,
    });
  });
});

/** A client that has one answer ready, for one operation or whatever it is asked. */
function answering<Client extends object>(client: Client, answer: object, operation?: string): Client {
  const { send } = client as { send(command: object): Promise<unknown> };
  const ours = (command: object) =>
    operation === undefined || command.constructor.name === `${operation}Command` ? Promise.resolve(answer) : send.call(client, command);
  return new Proxy(client, { get: (target, key) => (key === 'send' ? ours : Reflect.get(target, key)) });
}
