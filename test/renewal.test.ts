import { gzipSync } from 'node:zlib';
import { PutRecordCommand, UpdateShardCountCommand } from '@aws-sdk/client-kinesis';
import { CreateApplicationCommand, DeleteApplicationCommand, TagResourceCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { continuing, type Done } from '../activities/calls.ts';
import { shardIds } from '../activities/kinesis/shards.ts';
import { application } from '../activities/kinesis-analytics-v2/application.ts';
import { type Application, creationOf } from '../activities/kinesis-analytics-v2/configuration.ts';
import { textOf, writtenIn } from '../activities/kinesis-analytics-v2/note.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import { notYet } from '../activities/not-yet.ts';
import { survey } from '../activities/resource.ts';
import { METRICS } from '../activities/s3/metrics.ts';
import { createdTwice } from '../chaos/effects.ts';
import type { Local } from '../local/start.ts';
import { names, OWNER_TAG } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { eventually } from './eventually.ts';
import { localAws } from './local-aws.ts';
import { AROUND_STUDIO, SQL_STREAMS, stand, stepsOf } from './stand.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'renewed', tags: { team: 'ops' } }), account: '000000000000' };
const { application: ApplicationName, applicationArn: ResourceARN, studioLogStreamArn, roleArns, ...n } = names(pipeline);
const MINUTE = 60_000;
const DELETION_MS = 300;
/** An hour ago, and later than a note may lie behind. */
const LONG_AGO = { shards: shardIds(pipeline.shards), from: Date.now() - 60 * MINUTE };
const KNOWN = Date.now() - 10 * MINUTE;

let local: Local;
let aws: Clients;

const found = async (): Promise<Application | undefined> => application(aws).find(pipeline);
/** An application that is stopped, whose note begins an hour ago. */
async function madeLongAgo(): Promise<void> {
  await gone();
  await aws.kinesisAnalyticsV2.send(new CreateApplicationCommand(creationOf(pipeline, LONG_AGO)));
  local.calls.clear();
}
async function gone(): Promise<void> {
  const there = await found();
  if (there === undefined) return;
  const { CreateTimestamp, ApplicationStatus } = there;
  if (ApplicationStatus !== 'DELETING')
    await aws.kinesisAnalyticsV2.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }));
  await eventually(async () => {
    if (await found()) throw notYet('it is still there');
  });
}
const say = (Value: string) =>
  aws.kinesisAnalyticsV2.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'data2dashboard:renewal', Value }] }));
/** The calls that changed the application, or tried to. */
const changes = () =>
  local.calls
    .all()
    .filter(({ service, operation }) => service === 'kinesisanalytics' && !/^(Describe|List)/.test(operation))
    .map(({ operation }) => operation);
const seeded = () => notebookActivities(aws)['notebook.seed'](pipeline);
/** Until it would start. */
const untilStart = (work: () => Promise<unknown>) => eventually(work).catch((error: { type?: string }) => error.type);

beforeAll(async () => {
  local = await localAws({ durations: { 'application delete': DELETION_MS } });
  aws = clients(local);
  await stand(aws, pipeline, ...AROUND_STUDIO, ...SQL_STREAMS);
  // No Flink is needed here.
  local.faults.put({ rules: [{ operation: 'StartApplication', fault: { kind: 'error', name: 'InvalidRequestException' } }] });
});
beforeEach(madeLongAgo);
afterEach(() => expect(createdTwice(local.calls.all())).toEqual([]));
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

it.each(['notebook.seed', 'notebook.start'] as const)(
  '%s makes a stopped application with another note anew, and starts it',
  async (step) => {
    await say(`notebook ${new Date().toISOString()} ${new Date(KNOWN).toISOString()}`);
    local.calls.clear();
    expect(await untilStart(() => notebookActivities(aws)[step](pipeline))).toBe('StartFailed');
    expect(changes()).toEqual(['DeleteApplication', 'CreateApplication', 'StartApplication']);
    const after = (await found())!;
    expect(writtenIn(textOf(after))).toEqual({ ...LONG_AGO, from: KNOWN });
    expect(after.tags).toEqual(names(pipeline).tags);
    expect(after.ServiceExecutionRole).toBe(roleArns.studio);
    expect(after.CloudWatchLoggingOptionDescriptions).toMatchObject([{ LogStreamARN: studioLogStreamArn }]);
    expect(after.ApplicationConfigurationDescription).not.toHaveProperty('ApplicationSnapshotConfigurationDescription');
    expect(await survey(application(aws), pipeline)).toMatchObject({ action: 'none', differences: [] });
  },
);

it('leaves an application alone whose note is the one that it would get', async () => {
  expect(await untilStart(seeded)).toBe('StartFailed');
  expect(changes()).toEqual(['StartApplication']);
});

it('creates the application again when whoever deleted it did not come to that', async () => {
  const { CreateTimestamp } = (await found())!;
  await aws.kinesisAnalyticsV2.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }));
  expect(await untilStart(seeded)).toBe('StartFailed');
  expect(changes()).toEqual(['DeleteApplication', 'CreateApplication', 'StartApplication']);
  expect((await found())?.tags).toMatchObject({ [OWNER_TAG]: pipeline.name });
});

it('tells of an application that was gone, also in a later attempt, which finds the one that was made since', async () => {
  const { CreateTimestamp } = (await found())!;
  await aws.kinesisAnalyticsV2.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }));
  await eventually(async () => {
    if (await found()) throw notYet('it is being deleted');
  });
  const done: Done = { calls: 0, mutatingCalls: 0 };
  const start = () => continuing(done, () => notebookActivities(aws)['notebook.start'](pipeline));
  expect(await untilStart(start)).toBe('StartFailed');
  expect((await found())?.ApplicationStatus).toBe('READY');
  await expect(start()).rejects.toMatchObject({ type: 'StartFailed' });
  expect(done.found).toBe(`application ${ApplicationName} was gone`);
});

it('two that make it anew at the same time make one', async () => {
  await say(`notebook ${new Date().toISOString()} ${new Date(KNOWN).toISOString()}`);
  await Promise.all([untilStart(seeded), untilStart(() => stepsOf(aws, 'studio').ensure(pipeline)), untilStart(seeded)]);
  expect((await found())?.ApplicationStatus).toBe('READY');
});

it('starts none that its stage is making anew, until nobody does any more', async () => {
  await say(`spec ${new Date(Date.now() - 14 * MINUTE).toISOString()}`);
  await expect(seeded()).rejects.toMatchObject({ type: 'NotYet', message: expect.stringContaining('is being made anew for its spec') });
  await say(`spec ${new Date(Date.now() - 16 * MINUTE).toISOString()}`);
  local.calls.clear();
  expect(await untilStart(seeded)).toBe('StartFailed');
  expect(changes()).toEqual(['DeleteApplication', 'CreateApplication', 'StartApplication']);
});

it('its stage goes on with what it had begun', async () => {
  await say(`spec ${new Date().toISOString()} ${new Date(KNOWN).toISOString()}`);
  const renewal = { field: 'renewal (made anew)', is: 'broken off', wanted: 'finished' };
  expect(await survey(application(aws), pipeline)).toMatchObject({ action: 'change', differences: [renewal] });
  local.calls.clear();
  await eventually(() => stepsOf(aws, 'studio').ensure(pipeline));
  expect(changes()).toEqual(['DeleteApplication', 'CreateApplication']);
  expect(writtenIn(textOf(await found()))?.from).toBe(KNOWN);
});

it('says in a plan that another note takes another application, and asks for consent where that is not ours', async () => {
  const others = { ...pipeline, shards: 4 };
  const wanted = await survey(application(aws), others);
  expect(wanted).toMatchObject({ action: 'change' });
  expect(wanted.differences.map(({ field }) => field)).toEqual(['Parallelism', 'TextContent (made anew)']);
  await gone();
  await aws.kinesisAnalyticsV2.send(new CreateApplicationCommand({ ...creationOf(pipeline, LONG_AGO), Tags: undefined }));
  expect(await survey(application(aws), others, { adopt: true })).toMatchObject({ action: 'replace' });
  expect(await survey(application(aws), pipeline, { adopt: true })).toMatchObject({ action: 'adopt' });
});

it('without a note, begins before the first event in shards of a reshard, whose events no SQL may have read', async () => {
  await stand(aws, pipeline, 'bucket');
  const time = (ms: number) => new Date(ms).toISOString().slice(0, -1);
  const window = { window_start: time(Date.now() + 10 * MINUTE), window_end: time(Date.now() + 10 * MINUTE + 10_000) };
  for (const table of METRICS)
    await aws.s3.send(
      new PutObjectCommand({ Bucket: n.bucket, Key: `${n.prefix(table)}2026/11/27/10/x.gz`, Body: gzipSync(JSON.stringify(window)) }),
    );
  await aws.kinesis.send(
    new UpdateShardCountCommand({ StreamName: n.streams.events, TargetShardCount: 4, ScalingType: 'UNIFORM_SCALING' }),
  );
  const began = Date.now();
  const event = { event_id: 'e', event_type: 'kill', event_time: time(began) };
  for (let i = 0; i < 4; i++) {
    const ExplicitHashKey = String((2n ** 128n / 4n) * BigInt(i));
    const Data = Buffer.from(JSON.stringify(event));
    await aws.kinesis.send(new PutRecordCommand({ StreamName: n.streams.events, PartitionKey: 'x', ExplicitHashKey, Data }));
  }
  await gone();
  await untilStart(seeded);
  const { from = 0 } = writtenIn(textOf(await found()))!;
  expect(from).toBeGreaterThan(0);
  expect(from).toBeLessThan(began);
});
