import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DescribeApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { type Clients, clients } from '../activities/aws.ts';
import { writtenIn } from '../activities/kinesis-analytics-v2/note.ts';
import { requestTeardown, startPipeline } from '../client/pipeline.ts';
import { type Snapshot, snapshot } from '../client/snapshot.ts';
import { undefinedIfUnanswered } from '../client/transient.ts';
import { type Local, startLocal } from '../local/start.ts';
import { mismatches } from '../pipeline/audit.ts';
import { names } from '../pipeline/names.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { type Child, startChild } from '../processes/children.ts';
import { taskQueue } from '../worker/connect.ts';
import type { audit } from '../workflows/index.ts';
import { pause } from '../workflows/messages.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';
import { lakeRows } from './lake.ts';
import { delivered, metricsOf } from './recount.ts';
import { temporalServer } from './temporal-server.ts';

const WINDOW_SECONDS = 5;
const pipeline: Pipeline = {
  ...parseSpec({ name: 'operated', windowSeconds: WINDOW_SECONDS, generator: { rate: 60 }, delivery: { seconds: 1 } }),
  account: '000000000000',
};
const n = names(pipeline);

let dir: string;
let local: Local;
let aws: Clients;
let env: TestWorkflowEnvironment;
const workers: Child[] = [];

/** A worker in a process of its own, as `npm start` runs it. */
async function work(): Promise<Child> {
  const { endpoint, credentials, region } = local;
  const worker = startChild({
    name: 'worker',
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('../worker/main.ts', import.meta.url))],
    env: {
      NODE_OPTIONS: '',
      TEMPORAL_ADDRESS: env.address,
      TEMPORAL_NAMESPACE: 'default',
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    logFile: join(dir, 'worker.log'),
    ready: { line: (line) => line === 'ready' },
  });
  workers.push(worker);
  await worker.ready;
  return worker;
}

const kill = async (worker: Child) => {
  process.kill(worker.pid!, 'SIGKILL');
  expect(await worker.exited).toEqual({ signal: 'SIGKILL' });
};

/** The status, once it is so; the test's own time bounds the waiting. */
async function until(isSo: (now: Snapshot) => boolean): Promise<Snapshot> {
  for (;;) {
    const now = await undefinedIfUnanswered(snapshot(env.client, pipeline.name));
    if (now && isSo(now)) return now;
    if (now?.pipeline.state === 'held') throw new Error(`it is held: ${now.pipeline.reason}`);
    await delay(100);
  }
}
const isRunning = ({ pipeline: now, notebook }: Snapshot) => now.state === 'running' && notebook?.state === 'running';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-operate-'));
  local = await startLocal({ dir: join(dir, 'aws'), log: () => undefined });
  aws = clients(local);
  // A server that has never heard of our search attributes, as one of the user's or of docker-compose.yml.
  env = await temporalServer();
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await env?.teardown();
  for (const client of Object.values(aws)) client.destroy();
  await local?.close();
  await rm(dir, { recursive: true });
});

describe('two workers on one task queue', () => {
  it('register the search attributes at their start', async () => {
    await Promise.all([work(), work()]);
    const { customAttributes } = await env.connection.operatorService.listSearchAttributes({ namespace: 'default' });
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(SEARCH_ATTRIBUTES.map(({ name }) => name)));
  });

  it('bring a pipeline up though one of them is killed on the way', async () => {
    await startPipeline(env.client, { pipeline });
    await until(({ pipeline: now }) => Object.values(now.stages).filter((state) => state === 'ready').length > 4);
    await kill(workers[0]!);
    const { pipeline: now } = await until(isRunning);
    expect(new Set(Object.values(now.stages))).toEqual(new Set(['ready']));
  });

  it('keep it running when the other is killed', async () => {
    await work();
    await kill(workers[1]!);
    const before = await until(isRunning);
    const after = await until((now) => isRunning(now) && now.generator!.acknowledged > before.generator!.acknowledged + 200);
    expect(after.generator).toMatchObject({ state: 'running', game: before.generator!.game });
  });
});

type MetricRow = Parameters<typeof delivered>[0][number];
const windows = async () =>
  new Set((await lakeRows<MetricRow>(aws, pipeline, 'player_metrics')).map(({ window_start: start }) => start.slice(0, 19)));

describe('a running pipeline', () => {
  it('is given a third shard: the SQL goes on at parallelism 3, and no event is lost, doubled or in a wrong window', async () => {
    await startPipeline(env.client, { pipeline: { ...pipeline, shards: 3 } });
    await until((now) => now.pipeline.pipeline.shards === 3 && isRunning(now));
    const { ApplicationDetail } = await aws.kinesisAnalyticsV2.send(new DescribeApplicationCommand({ ApplicationName: n.application }));
    const { ApplicationCodeConfigurationDescription: code, FlinkApplicationConfigurationDescription: flink } =
      ApplicationDetail!.ApplicationConfigurationDescription!;
    expect(writtenIn(code?.CodeContentDescription?.TextContent)?.shards.length).toBeGreaterThanOrEqual(3);
    expect(flink?.ParallelismConfigurationDescription?.Parallelism).toBeGreaterThanOrEqual(3);
    const before = (await windows()).size;
    while ((await windows()).size < before + 2) await delay(500);

    await env.client.workflow.getHandle(n.workflows.pipeline).signal(pause);
    await until(({ pipeline: now }) => now.state === 'paused' && now.closed);
    const counted = await env.client.workflow.execute<typeof audit>('audit', {
      taskQueue: taskQueue(pipeline),
      workflowId: `${n.workflows.audit}/by-test`,
      args: [{ pipeline: { ...pipeline, shards: 3 }, patience: '180 seconds' }],
    });
    expect(mismatches(counted)).toEqual([]);
    expect(counted.generated).toBeGreaterThan(1000);

    const late = await lakeRows<{ event_id: string }>(aws, pipeline, 'late_events');
    const { players, teams } = metricsOf(await lakeRows<GameEvent>(aws, pipeline, 'events'), WINDOW_SECONDS, late);
    const found = async () => [
      delivered(await lakeRows<MetricRow>(aws, pipeline, 'player_metrics')),
      delivered(await lakeRows<MetricRow>(aws, pipeline, 'team_metrics')),
    ];
    for (const end = Date.now() + 15_000; Date.now() < end && JSON.stringify(await found()) !== JSON.stringify([players, teams]); )
      await delay(500);
    expect(await found()).toEqual([players, teams]);
    expect(players.length).toBeGreaterThan(100);
  });

  it('is taken down in the reverse order, each stopped or emptied before it goes, roles once nobody takes them; what resists is told', async () => {
    local.calls.clear();
    const down = () => requestTeardown(env.client, { ...pipeline, shards: 3 });
    local.faults.put({ rules: [{ service: 's3', operation: 'DeleteBucket', fault: { kind: 'error', name: 'ValidationException' } }] });
    const why = expect.stringMatching(/^removing S3 bucket .+: ValidationException: /);
    const costs = { perHour: 0, basis: '0.0 GB' };
    expect(await down()).toEqual({ left: [{ label: `S3 bucket ${n.bucket}`, arn: n.bucketArn, why, costs }] });
    local.faults.put({ rules: [] });
    expect(await down()).toEqual({ left: [] });
    expect(await down()).toEqual({ left: [] });
    const calls = local.calls.all().filter(({ outcome }) => outcome === 'ok');
    const of = (operation: string, name = '') =>
      calls.flatMap(({ operation: is, input }, i) =>
        is === operation && (!name || Object.values(input as object).includes(name)) ? [i] : [],
      );
    const removals = Object.fromEntries(
      Object.entries(DELETIONS).map(([stage, [operation, name]]) => [stage, of(operation, name)]),
    ) as Record<Stage, number[]>;
    for (const [stage, found] of Object.entries(removals)) expect([stage, found.length > 0]).toEqual([stage, true]);
    for (const [stage, { needs }] of Object.entries(STAGES))
      for (const need of needs.filter((each) => each !== 'tables'))
        expect([`${stage} before ${need}`, Math.max(...removals[stage as Stage]) < Math.min(...removals[need])]).toEqual([
          `${stage} before ${need}`,
          true,
        ]);
    const comesFirst = (first: string, then: string) =>
      expect([first, then, Math.min(...of(first)) < Math.min(...of(then))]).toEqual([first, then, true]);
    comesFirst('StopApplication', 'DeleteApplication');
    comesFirst('DeleteObjects', 'DeleteBucket');
    comesFirst('DeleteRolePolicy', 'DeleteRole');
    expect(calls.filter(({ operation }) => /^(Create|Start|Put)(?!ApplicationPresignedUrl|Records)/.test(operation))).toEqual([]);
    const { count } = await env.client.workflow.count(`PipelineName = '${pipeline.name}' AND ExecutionStatus = 'Running'`);
    expect(count).toBe(0);
  });
});

/** The call that each stage's end is, and what it is called there. */
const DELETIONS: Record<Stage, [operation: string, name: string]> = {
  bucket: ['DeleteBucket', n.bucket],
  firehoseLogs: ['DeleteLogGroup', n.firehoseLogGroup],
  studioLogs: ['DeleteLogGroup', n.studioLogGroup],
  firehoseRole: ['DeleteRole', n.roles.firehose],
  studioRole: ['DeleteRole', n.roles.studio],
  crawlerRole: ['DeleteRole', n.roles.crawler],
  quicksightRole: ['DeleteRole', n.roles.quicksight],
  events: ['DeleteStream', n.streams.events],
  playerMetrics: ['DeleteStream', n.streams.player_metrics],
  teamMetrics: ['DeleteStream', n.streams.team_metrics],
  leaderboards: ['DeleteStream', n.streams.leaderboards],
  serverMetrics: ['DeleteStream', n.streams.server_metrics],
  lateEvents: ['DeleteStream', n.streams.late_events],
  flinkDatabase: ['DeleteDatabase', n.flinkDatabase],
  lakeDatabase: ['DeleteDatabase', n.lakeDatabase],
  eventsDelivery: ['DeleteDeliveryStream', n.deliveries.events],
  playerDelivery: ['DeleteDeliveryStream', n.deliveries.player_metrics],
  teamDelivery: ['DeleteDeliveryStream', n.deliveries.team_metrics],
  leaderboardDelivery: ['DeleteDeliveryStream', n.deliveries.leaderboards],
  serverDelivery: ['DeleteDeliveryStream', n.deliveries.server_metrics],
  lateDelivery: ['DeleteDeliveryStream', n.deliveries.late_events],
  studio: ['DeleteApplication', n.application],
  crawler: ['DeleteCrawler', n.crawler],
  workgroup: ['DeleteWorkGroup', n.workgroup],
  questions: ['DeleteNamedQuery', ''],
  auditTable: ['DeleteTable', n.lastAudit.table],
  dataSource: ['DeleteDataSource', n.dataSource],
  views: ['DeleteTable', 'window_leaders'],
  players: ['DeleteDataSet', n.dataSets.players],
  teams: ['DeleteDataSet', n.dataSets.teams],
  history: ['DeleteDataSet', n.dataSets.history],
  audits: ['DeleteDataSet', n.dataSets.audits],
  analysis: ['DeleteAnalysis', n.analysis],
  dashboard: ['DeleteDashboard', n.dashboard],
};
