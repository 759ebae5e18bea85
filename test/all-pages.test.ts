import { TagDeliveryStreamCommand } from '@aws-sdk/client-firehose';
import { AttachRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AddTagsToStreamCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { kinds } from '../activities/listings.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps, survey } from '../activities/resource.ts';
import { tagMap } from '../activities/tags.ts';
import type { Local } from '../local/start.ts';
import { names, OWNER_TAG } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';
import { localAws } from './local-aws.ts';
import { onePerPage } from './one-per-page.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'paged' }), account: '000000000000' };
const n = names(pipeline);

let local: Local;
let aws: Clients;
const resource = (stage: Stage) => resources(aws)[stage] as unknown as Resource;
const act = (stage: Stage) => steps(resource(stage), youngRole(aws));

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

it('every policy of a role is seen and taken off, on however many pages they are', async () => {
  await act('crawlerRole').ensure(pipeline);
  const RoleName = n.roles.crawler;
  const arns = ['One', 'Three', 'Two'].map((name) => `arn:aws:iam::aws:policy/${name}`);
  for (const PolicyArn of arns) await aws.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
  const inline = ['first', 'fourth', 'second'];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: 's3:*', Resource: '*' }] });
  onePerPage(aws.iam, 'MaxItems');
  for (const PolicyName of inline) await aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));

  const { differences } = await survey(resource('crawlerRole'), pipeline);
  expect(differences.map(({ field }) => field)).toEqual([
    ...inline.map((name) => `inline policy ${name}`),
    ...arns.map((arn) => `managed policy ${arn}`),
  ]);
  await act('crawlerRole').remove(pipeline);
  await act('crawlerRole').gone(pipeline);
});

it('every tag of a stream is read, those of more than a page too', async () => {
  await act('events').ensure(pipeline);
  const Tags = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`a-${i}`, 'before ours in the order']));
  await aws.kinesis.send(new AddTagsToStreamCommand({ StreamName: n.streams.events, Tags }));
  await eventually(() => act('events').ready(pipeline));
  expect(await survey(resource('events'), pipeline)).toMatchObject({ action: 'none', differences: [] });
  const streams = await kinds(aws, pipeline)
    .find(({ what }) => what === 'Kinesis stream')!
    .list();
  expect(await streams[0]!.tags()).toMatchObject({ ...Tags, [OWNER_TAG]: pipeline.name });
});

it('every tag of a delivery stream is read, those of more than a page too', async () => {
  for (const stage of ['bucket', 'firehoseLogs', 'firehoseRole', 'events', 'eventsDelivery'] as const) {
    await eventually(() => act(stage).ensure(pipeline));
    await eventually(() => act(stage).ready(pipeline));
  }
  const Tags = Array.from({ length: 60 }, (_, i) => ({ Key: `a-${i}`, Value: 'before ours in the order' }));
  for (const some of [Tags.slice(0, 30), Tags.slice(30)])
    await aws.firehose.send(new TagDeliveryStreamCommand({ DeliveryStreamName: n.deliveries.events, Tags: some }));
  expect(await survey(resource('eventsDelivery'), pipeline)).toMatchObject({ action: 'none', differences: [] });
  const deliveries = await kinds(aws, pipeline)
    .find(({ what }) => what === 'delivery stream')!
    .list();
  expect(await deliveries[0]!.tags()).toMatchObject({ ...tagMap(Tags), [OWNER_TAG]: pipeline.name });
});
