import { CreateWorkGroupCommand } from '@aws-sdk/client-athena';
import { CreateRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import type { Clients } from '../../activities/aws.ts';
import { names } from '../../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../../pipeline/spec.ts';
import type { Stage } from '../../pipeline/stages.ts';

const ACCOUNT = '000000000000';

/** The pipeline whose every field somebody changes. */
export const pipeline: Pipeline = {
  ...parseSpec({
    name: 'drift',
    delivery: { seconds: 1 },
    quicksightPrincipal: `arn:aws:quicksight:us-east-1:${ACCOUNT}:user/default/ops`,
    tags: { team: 'live ops' },
  }),
  account: ACCOUNT,
};
export const n = names(pipeline);
export const account = { AwsAccountId: ACCOUNT };

/** The account that the rows work on; there is one once it stands. */
export const ground = {} as { aws: Clients };

/** One change behind our back, and the fields that it is seen in, exactly. `replace`: what only making the thing anew brings back. */
export interface Row {
  stage: Stage;
  fields: string[];
  change(): Promise<unknown>;
  replace?: true;
}

/** The same of what nobody can change here, or nobody at all: AWS's answer to a command is altered. `mends`: the operation that brings it back. */
export interface Pretence {
  stage: Stage;
  fields: string[];
  command: string;
  alter(answer: object): object;
  mends?: string;
}

export const row = (stage: Stage, fields: string[], change: () => Promise<unknown>, replace?: true): Row => ({
  stage,
  fields,
  change,
  replace,
});

/** Things of somebody else, to point ours at. */
export const other = {
  role: 'drifting-other',
  roleArn: `arn:aws:iam::${ACCOUNT}:role/drifting-other`,
  bucket: `drifting-other-${ACCOUNT}`,
  workgroup: 'drifting-other',
};

/** A policy that allows everything. */
export const ANYTHING = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] });

/** Makes the things of somebody else. */
export async function makeOther({ iam, s3, athena }: Clients): Promise<void> {
  const Service = ['firehose', 'kinesisanalytics', 'glue', 'quicksight'].map((service) => `${service}.amazonaws.com`);
  const trust = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' }] };
  await iam.send(new CreateRoleCommand({ RoleName: other.role, AssumeRolePolicyDocument: JSON.stringify(trust) }));
  await iam.send(new PutRolePolicyCommand({ RoleName: other.role, PolicyName: 'any', PolicyDocument: ANYTHING }));
  await s3.send(new CreateBucketCommand({ Bucket: other.bucket }));
  const ResultConfiguration = { OutputLocation: `s3://${other.bucket}/` };
  await athena.send(new CreateWorkGroupCommand({ Name: other.workgroup, Configuration: { ResultConfiguration } }));
}
