import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Aws } from '../../local/aws.ts';
import { assertAssumable, roleOf } from '../../local/iam/assume.ts';
import type { Role } from '../../local/iam/roles.ts';
import { openJournal } from '../../local/journal.ts';
import { type Local, startLocal } from '../../local/start.ts';

const trust = (service: string, Condition?: object) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole', Condition }],
  });
const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['s3:PutObject'], Resource: "arn:aws:s3:::lake/(it's)*" }],
});
const RoleName = 'game-firehose';
let dir: string;
let local: Local;
let iam: IAMClient;

const start = async () => {
  local = await startLocal({ dir });
  iam = new IAMClient({ ...local, maxAttempts: 1 });
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iam-'));
  await start();
});

afterAll(async () => {
  iam.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

test('the caller is the user of the local account', async () => {
  const sts = new STSClient({ ...local, maxAttempts: 1 });
  await expect(sts.send(new GetCallerIdentityCommand({}))).resolves.toMatchObject({
    Account: '000000000000',
    Arn: 'arn:aws:iam::000000000000:user/local',
  });
  sts.destroy();
});

describe('a role', () => {
  test('is made once and keeps what it was given over a restart', async () => {
    const input = {
      RoleName,
      Path: '/data2dashboard/',
      Description: 'delivers <game> & "more"',
      AssumeRolePolicyDocument: trust('firehose.amazonaws.com'),
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2' },
      ],
    };
    const { Role } = await iam.send(new CreateRoleCommand(input));
    expect(Role).toMatchObject({
      Arn: 'arn:aws:iam::000000000000:role/data2dashboard/game-firehose',
      Tags: input.Tags,
      CreateDate: expect.any(Date),
    });
    await expect(iam.send(new CreateRoleCommand(input))).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' });
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'deliver', PolicyDocument: policy }));
    await local.close();
    await start();
    const found = (await iam.send(new GetRoleCommand({ RoleName }))).Role!;
    expect({ ...found, Tags: undefined }).toEqual({ ...Role, Tags: undefined });
    expect(decodeURIComponent(found.AssumeRolePolicyDocument!)).toBe(input.AssumeRolePolicyDocument);
    const got = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: 'deliver' }));
    expect(got.PolicyDocument).not.toMatch(/[!'()*{"]/);
    expect(decodeURIComponent(got.PolicyDocument!)).toBe(policy);
  });

  test('is listed by path, in pages, without its tags', async () => {
    await iam.send(new CreateRoleCommand({ RoleName: 'elsewhere', AssumeRolePolicyDocument: trust('glue.amazonaws.com') }));
    const { Roles = [] } = await iam.send(new ListRolesCommand({ PathPrefix: '/data2dashboard/' }));
    expect(Roles.map((role) => [role.RoleName, role.Tags])).toEqual([[RoleName, undefined]]);
    const first = await iam.send(new ListRolesCommand({ MaxItems: 1 }));
    const second = await iam.send(new ListRolesCommand({ MaxItems: 1, Marker: first.Marker }));
    expect([first, second].map(({ Roles: page, IsTruncated }) => [page?.[0]?.RoleName, IsTruncated])).toEqual([
      ['elsewhere', true],
      [RoleName, false],
    ]);
    await iam.send(new DeleteRoleCommand({ RoleName: 'elsewhere' }));
  });

  test('has tags to add and take away', async () => {
    await iam.send(
      new TagRoleCommand({
        RoleName,
        Tags: [
          { Key: 'b', Value: 'new' },
          { Key: 'c', Value: '' },
        ],
      }),
    );
    await iam.send(new UntagRoleCommand({ RoleName, TagKeys: ['a'] }));
    expect((await iam.send(new ListRoleTagsCommand({ RoleName }))).Tags).toEqual([
      { Key: 'b', Value: 'new' },
      { Key: 'c', Value: '' },
    ]);
  });

  test('refuses documents that IAM would refuse', async () => {
    const create = (AssumeRolePolicyDocument: string) => iam.send(new CreateRoleCommand({ RoleName: 'bad', AssumeRolePolicyDocument }));
    for (const document of ['{', '{}', '[]', trust('firehose'), trust('firehose.amazonaws.com').replace('Allow', 'Perhaps'), policy])
      await expect(create(document)).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' });
    await expect(iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: policy }))).rejects.toMatchObject({
      name: 'MalformedPolicyDocumentException',
    });
    const put = (PolicyDocument: string) => iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'bad', PolicyDocument }));
    for (const document of ['no json', trust('firehose.amazonaws.com')])
      await expect(put(document)).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' });
    await expect(put(policy.replace('lake', 'x'.repeat(11_000)))).rejects.toMatchObject({ name: 'LimitExceededException' });
    await expect(
      iam.send(new CreateRoleCommand({ RoleName: 'no/slash', AssumeRolePolicyDocument: trust('glue.amazonaws.com') })),
    ).rejects.toMatchObject({ name: 'ValidationError' });
  });

  test('goes only after its policies, and is missing then', async () => {
    await expect(iam.send(new DeleteRoleCommand({ RoleName }))).rejects.toMatchObject({ name: 'DeleteConflictException' });
    expect((await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames).toEqual(['deliver']);
    expect((await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }))).AttachedPolicies ?? []).toEqual([]);
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'deliver' }));
    await expect(iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'deliver' }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
    await iam.send(new DeleteRoleCommand({ RoleName }));
    for (const command of [
      new GetRoleCommand({ RoleName }),
      new DeleteRoleCommand({ RoleName }),
      new ListRolePoliciesCommand({ RoleName }),
    ])
      await expect(iam.send(command as GetRoleCommand)).rejects.toMatchObject({
        name: 'NoSuchEntityException',
        $metadata: { httpStatusCode: 404 },
      });
  });
});

test('a role can be assumed by the service it trusts, once it has spread, from the resource it names', async () => {
  const journal = await openJournal(join(dir, 'assume.log'));
  let now = 1000;
  const takes = () => 500;
  const aws = { account: '000000000000', takes, journal, now: () => now } as unknown as Aws;
  const Condition = {
    StringEquals: { 'aws:SourceAccount': '000000000000' },
    ArnLike: { 'aws:SourceArn': 'arn:aws:firehose:*:*:deliverystream/game-*' },
  };
  const put = (trustPolicy: string) =>
    journal
      .table<Role>('iam.roles')
      .set('r', { name: 'r', path: '/', created: new Date(1000), maxSessionDuration: 3600, trustPolicy, policies: {}, tags: {} });
  const arn = 'arn:aws:iam::000000000000:role/r';
  const source = (name: string) => `arn:aws:firehose:us-east-1:000000000000:deliverystream/${name}`;
  const assume =
    (service = 'firehose.amazonaws.com', from?: string) =>
    () =>
      assertAssumable(aws, arn, service, 'InvalidArgumentException', from);
  put(trust('firehose.amazonaws.com', Condition));
  expect(assume()).toThrow(/Firehose is unable to assume role/);
  now = 1500;
  expect(assume()).not.toThrow();
  expect(assume('firehose.amazonaws.com', source('game-events'))).not.toThrow();
  expect(assume('firehose.amazonaws.com', source('other'))).toThrow(/unable to assume/);
  expect(assume('glue.amazonaws.com')).toThrow(/Service is unable to assume provided role. Please verify the role's TrustPolicy/);
  put(trust('firehose.amazonaws.com', { StringEquals: { 'aws:SourceAccount': '111111111111' } }));
  expect(assume()).toThrow(expect.objectContaining({ name: 'InvalidArgumentException' }));
  expect([roleOf(aws, arn)?.name, roleOf(aws, `${arn}x`), roleOf(aws, arn.replace('role/r', 'role/path/r'))]).toEqual([
    'r',
    undefined,
    undefined,
  ]);
  await journal.close();
});
