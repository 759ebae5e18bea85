import { DescribeApplicationCommand, StopApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type Clients, clients } from '../activities/aws.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { eventually } from './eventually.ts';
import { localAws } from './local-aws.ts';
import { AROUND_STUDIO, SQL_STREAMS, stand, stepsOf } from './stand.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'stuck', local: { speed: 20 } }), account: '000000000000' };
const { application: ApplicationName } = names(pipeline);

let local: Local;
let aws: Clients;

beforeAll(async () => {
  local = await localAws({ durations: { 'application stop': 600_000 } });
  aws = clients(local);
  await stand(aws, pipeline, ...AROUND_STUDIO, ...SQL_STREAMS, 'studio');
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

it('an application is stopped by force when the stop that somebody else began takes too long', async () => {
  const act = notebookActivities(aws);
  const status = async () =>
    (await aws.kinesisAnalyticsV2.send(new DescribeApplicationCommand({ ApplicationName }))).ApplicationDetail?.ApplicationStatus;
  const within = (seconds: number, work: () => Promise<unknown>) =>
    new MockActivityEnvironment(
      { scheduledTimestampMs: Date.now() - (seconds * 1000) / pipeline.local.speed },
      { logger: new DefaultLogger('ERROR', () => undefined) },
    )
      .run(work)
      .catch((error: { type?: string }) => error.type);
  const studio = stepsOf(aws, 'studio');
  const stops = () => local.calls.all().filter(({ operation }) => operation === 'StopApplication').length;
  await eventually(() => act['notebook.start'](pipeline));
  await eventually(() => act['notebook.awaitStarted'](pipeline));

  await aws.kinesisAnalyticsV2.send(new StopApplicationCommand({ ApplicationName }));
  expect(await status()).toBe('STOPPING');
  for (const work of [() => act['notebook.stop'](pipeline), () => studio.gone(pipeline)]) expect(await within(1, work)).toBe('NotYet');
  expect(stops()).toBe(1);
  for (const work of [() => act['notebook.stop'](pipeline), () => studio.gone(pipeline)]) expect(await within(61, work)).toBe('NotYet');
  expect(stops()).toBe(2);
  expect(await status()).toBe('FORCE_STOPPING');
  await studio.remove(pipeline);
  expect(stops()).toBe(2);
});
