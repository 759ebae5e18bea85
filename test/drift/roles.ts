import {
  AttachRolePolicyCommand,
  DeleteRolePolicyCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import type { Stage } from '../../pipeline/stages.ts';
import { ANYTHING, ground, n, type Row, row } from './ground.ts';

const ROLES: [Stage, string][] = [
  ['firehoseRole', n.roles.firehose],
  ['studioRole', n.roles.studio],
  ['crawlerRole', n.roles.crawler],
  ['quicksightRole', n.roles.quicksight],
];
const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';
const EC2 = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
const put = (RoleName: string, PolicyName: string) =>
  ground.aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: ANYTHING }));

export const rows: Row[] = ROLES.flatMap(([stage, RoleName]) => [
  row(stage, ['Description'], () => ground.aws.iam.send(new UpdateRoleCommand({ RoleName, Description: 'mine' }))),
  row(stage, ['AssumeRolePolicyDocument'], () => ground.aws.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: EC2 }))),
  row(stage, ['inline policy least-privilege'], () => put(RoleName, 'least-privilege')),
  row(stage, ['inline policy least-privilege'], () =>
    ground.aws.iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'least-privilege' })),
  ),
  row(stage, ['inline policy more'], () => put(RoleName, 'more')),
  row(stage, [`managed policy ${ADMINISTRATOR}`], () =>
    ground.aws.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: ADMINISTRATOR })),
  ),
]);
