import {
  CreateBucketCommand,
  GetBucketTaggingCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Difference, steps, survey } from '../activities/resource.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { eventually } from './eventually.ts';
import { localAws } from './local-aws.ts';

const THEIR_RULE = { ID: 'theirs', Status: 'Enabled', Filter: { Prefix: 'old/' }, Expiration: { Days: 30 } } as const;

let local: Local;
let aws: Clients;
let pipeline: Pipeline;
let count = 0;
const bucket = () => resources(aws).bucket;
const act = () => steps(bucket(), youngRole(aws));
const Bucket = () => names(pipeline).bucket;
/** What taking it over would change, as the pipeline's workflow carries it. */
const met = async (): Promise<Difference[]> => {
  const { action, differences } = await survey(bucket(), pipeline, { adopt: true });
  expect(action).toBe('adopt');
  return JSON.parse(JSON.stringify(differences));
};
const theirPolicy = () =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Sid: 'Theirs', Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: `${names(pipeline).bucketArn}/*` }],
  });

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
});
beforeEach(async () => {
  pipeline = { ...parseSpec({ name: `taken${count++}`, target: 'local' }), account: local.account };
  await aws.s3.send(new CreateBucketCommand({ Bucket: Bucket() }));
  await aws.s3.send(new PutBucketTaggingCommand({ Bucket: Bucket(), Tagging: { TagSet: [{ Key: 'team', Value: 'theirs' }] } }));
  await aws.s3.send(new PutBucketPolicyCommand({ Bucket: Bucket(), Policy: theirPolicy() }));
  await aws.s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket: Bucket(), LifecycleConfiguration: { Rules: [THEIR_RULE] } }));
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

describe('a bucket of somebody that was taken over, and is given back', () => {
  it('has its tags again, and each field that stays changed is told with what it was', async () => {
    const differences = await met();
    await eventually(() => act().ensure(pipeline, { adopt: true }));
    const { stays } = await act().release(pipeline, differences);
    const { TagSet } = await aws.s3.send(new GetBucketTaggingCommand({ Bucket: Bucket() }));
    expect(TagSet).toEqual([{ Key: 'team', Value: 'theirs' }]);
    expect(stays).toContain(`S3 bucket ${Bucket()}: policy was ${theirPolicy()}`);
    const rules = stays?.find((line) => line.includes('lifecycle.Rules was '))?.split(' was ')[1];
    expect(JSON.parse(rules!)).toEqual([THEIR_RULE]);
    const changed = differences.filter(({ field }) => !field.startsWith('Tags.')).map(({ field }) => field);
    expect(stays?.map((line) => /: (.*?) was /.exec(line)?.[1])).toEqual(changed);
  });

  it('says so again when it is asked again, since the first answer may not have been heard', async () => {
    const differences = await met();
    await eventually(() => act().ensure(pipeline, { adopt: true }));
    const { stays } = await act().release(pipeline, differences);
    expect(await act().release(pipeline, differences)).toMatchObject({ mutatingCalls: 0, stays });
  });

  it('is not said to be changed where that was put back meanwhile, or had not been begun', async () => {
    const differences = await met();
    expect(await act().release(pipeline, differences)).toMatchObject({ mutatingCalls: 0, stays: [] });
    await eventually(() => act().ensure(pipeline, { adopt: true }));
    await aws.s3.send(new PutBucketPolicyCommand({ Bucket: Bucket(), Policy: theirPolicy() }));
    const { stays } = await act().release(pipeline, differences);
    expect(stays?.filter((line) => line.includes(': policy '))).toEqual([]);
    expect(stays).not.toEqual([]);
  });
});
