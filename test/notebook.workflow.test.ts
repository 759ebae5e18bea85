import { PutRecordsCommand, UpdateShardCountCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Worker } from '@temporalio/worker';
import { type Clients, clients } from '../activities/aws.ts';
import { createActivities } from '../activities/index.ts';
import { idsOf, isOpen, rows, shardIds, shardsOf } from '../activities/kinesis/shards.ts';
import { application } from '../activities/kinesis-analytics-v2/application.ts';
import { flinkOf, jobOf, sourceOf } from '../activities/kinesis-analytics-v2/job.ts';
import { textOf, writtenIn } from '../activities/kinesis-analytics-v2/note.ts';
import { notebookActivities as studio } from '../activities/kinesis-analytics-v2/notebook.ts';
import type { Local } from '../local/start.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { parallelismFor } from '../pipeline/parallelism.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { foundation, only, type Stage } from '../pipeline/stages.ts';
import { slidingSeconds } from '../pipeline/windows.ts';
import { heartbeats } from '../worker/heartbeat.ts';
import { begin } from '../workflows/cursor.ts';
import type { generate } from '../workflows/generate.ts';
import { flushLedger, type NotebookState, notebookQuery, pause, resume, suspend, updateSpec } from '../workflows/messages.ts';
import type { keepNotebook } from '../workflows/notebook.ts';
import type { provision } from '../workflows/provision.ts';
import { cancelled } from './cancelled.ts';
import { eventually } from './eventually.ts';
import { lakeRows } from './lake.ts';
import { localAws } from './local-aws.ts';
import { delivered, metricsOf } from './recount.ts';
import { temporalServer, workerIn } from './temporal-server.ts';

const TEN_MINUTES = 600_000;
const BACKLOG = 400;
const WINDOW_SECONDS = 5;
const pipeline: Pipeline = {
  ...parseSpec({
    name: 'sqlgoeson',
    windowSeconds: WINDOW_SECONDS,
    generator: { rate: 60 },
    delivery: { seconds: 1 },
    local: { speed: 10 },
  }),
  account: '000000000000',
};
const all = names(pipeline);
const taskQueue = 'notebook';

let local: Local;
let aws: Clients;
let env: TestWorkflowEnvironment;
let worker: Worker;
let working: Promise<void>;
let generator: WorkflowHandle<typeof generate>;
let notebook: WorkflowHandle<typeof keepNotebook>;
/** How far the clock of the local AWS is behind. */
let behind = TEN_MINUTES;

const up = (wanted: Pipeline, passes: (stage: Stage) => boolean) =>
  env.client.workflow.execute<typeof provision>('provision', {
    taskQueue,
    workflowId: `up-${wanted.shards}-${Date.now()}`,
    args: [{ pipeline: wanted, plan: only(foundation(), passes) }],
  });

const status = (): Promise<NotebookState> => notebook.query(notebookQuery);

async function until<Value>(look: () => Promise<Value>, isSo: (value: Value) => boolean, seconds = 60): Promise<Value> {
  for (const end = Date.now() + seconds * 1000; ; await new Promise((later) => setTimeout(later, 200))) {
    const value = await look();
    if (isSo(value)) return value;
    if (Date.now() > end)
      throw new Error(`after ${seconds} s it still is ${JSON.stringify(value)}; the notebook is ${JSON.stringify(await status())}`);
  }
}

const described = () => application(aws).look!(pipeline);
/** The note that is in the application; undefined while that is made anew. */
const noteText = async () => textOf(await described());

const openIds = async () => idsOf((await shardsOf(aws.kinesis, all.streams.events)).filter(isOpen));
const jobNow = async () => jobOf(await flinkOf(aws.kinesisAnalyticsV2, pipeline));
/** In how many subtasks the stream is read; undefined while nothing runs. */
const subtasks = async () => ((await described())?.ApplicationStatus === 'RUNNING' ? sourceOf(await jobNow())?.parallelism : undefined);

const lake = <Row>(table: LakeTable): Promise<Row[]> => lakeRows(aws, pipeline, table);

type MetricRow = Parameters<typeof delivered>[0][number];
const windowsInLake = async () => new Set((await lake<MetricRow>('player_metrics')).map(({ window_start: start }) => start));

/** Records in the events stream, each shard read to its end. */
async function recordsInStream(): Promise<number> {
  let count = 0;
  for (const ShardId of idsOf(await shardsOf(aws.kinesis, all.streams.events)))
    for await (const page of rows(aws.kinesis, { StreamName: all.streams.events, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
      count += page.length;
  return count;
}

/** Waits until the metrics in the lake are those that a recount of the lake's events gives; shows the difference when they do not come to be. */
async function expectExact(): Promise<void> {
  const recounted = async () => metricsOf(await lake<GameEvent>('events'), WINDOW_SECONDS, await lake<{ event_id: string }>('late_events'));
  const wrong = async () => {
    const { players, teams } = await recounted();
    const [isPlayers, isTeams] = [delivered(await lake<MetricRow>('player_metrics')), delivered(await lake<MetricRow>('team_metrics'))];
    const found = new Map([...isPlayers, ...isTeams].map((metric) => [metric.key, metric]));
    const differing = [...players, ...teams].filter((metric) => JSON.stringify(found.get(metric.key)) !== JSON.stringify(metric));
    return [
      ...differing.map((metric) => ({ wanted: metric, found: found.get(metric.key) })),
      ...Array(Math.max(0, found.size - players.length - teams.length)),
    ];
  };
  await until(wrong, ({ length }) => length === 0, 30);
  expect((await recounted()).players.length).toBeGreaterThan(100);
}

beforeAll(async () => {
  local = await localAws({ now: () => Date.now() - behind });
  const { region, endpoint, credentials } = local;
  aws = clients(local);
  env = await temporalServer();
  worker = await workerIn(env, {
    taskQueue,
    activities: createActivities({ target: { region, endpoint, credentials }, client: env.client, taskQueue }),
    interceptors: { activity: [heartbeats] },
    maxHeartbeatThrottleInterval: '500 milliseconds',
  });
  working = worker.run();
  await up(pipeline, (stage) => stage !== 'crawler');
  // Events of ten minutes ago: what a restart must not read again.
  const lane = laneOf(gameOf(parseSpec({ shards: 1, generator: { seed: 2 } }), 'old'), 0);
  const old = Array.from({ length: BACKLOG }, (_, i) => JSON.parse(lane.next(Date.now() - behind + i * 10)) as GameEvent);
  const Records = old.map((event) => ({ Data: Buffer.from(JSON.stringify(event)), PartitionKey: event.match_id }));
  const { FailedRecordCount } = await aws.kinesis.send(new PutRecordsCommand({ StreamName: all.streams.events, Records }));
  expect(FailedRecordCount).toBe(0);
  behind = 0;
  for (const client of Object.values(aws)) (client as { config: { systemClockOffset: number } }).config.systemClockOffset = 0;
  const start = { taskQueue, workflowId: '' };
  const cursor = begin(pipeline, 'r', false);
  generator = await env.client.workflow.start<typeof generate>('generate', {
    ...start,
    workflowId: all.workflows.generate,
    args: [{ pipeline, cursor }],
  });
  notebook = await env.client.workflow.start<typeof keepNotebook>('keepNotebook', {
    ...start,
    workflowId: all.workflows.notebook,
    args: [{ pipeline }],
  });
});

afterAll(async () => {
  worker?.shutdown();
  await working;
  await env?.teardown();
  for (const client of Object.values(aws)) client.destroy();
  await local?.close();
});

it('stops deeply, and goes on where the windows stopped without reading all of the stream again', async () => {
  await until(status, ({ state }) => state === 'running');
  await until(windowsInLake, ({ size }) => size >= 4);
  expect(writtenIn(await noteText())).toEqual({ shards: shardIds(2) });

  await notebook.signal(suspend);
  await until(status, ({ state }) => state === 'suspended');
  const before = await windowsInLake();
  const stoppedAt = Date.now();
  await notebook.signal(resume);
  await until(status, ({ state }) => state === 'running');
  const { from = 0, shards } = writtenIn(await noteText())!;
  const last = Math.max(...[...before].map((start) => Date.parse(`${start.replace(' ', 'T')}Z`)));
  expect(shards).toEqual(shardIds(2));
  expect(last - from).toBeGreaterThanOrEqual(WINDOW_SECONDS * 1000);
  expect(stoppedAt - from).toBeLessThan(120_000);

  await until(windowsInLake, ({ size }) => size >= before.size + 2);
  const { vertices } = (await jobNow()) as unknown as { vertices: { name: string; metrics: { 'write-records': number } }[] };
  const read = vertices.find(({ name }) => name.includes('Source'))!.metrics['write-records'];
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual((await recordsInStream()) - BACKLOG);
  expect(await status()).toMatchObject({ state: 'running', restarts: 0 });
});

it('tells when all rows are out, those of the sliding windows too', async () => {
  await until(status, ({ state }) => state === 'running', 120);
  await generator.signal(pause);
  const { last } = await until(
    () => generator.executeUpdate(flushLedger),
    ({ sending }) => !sending,
  );
  await eventually(() => studio(aws)['notebook.drained'](pipeline, last));
  const ends: number[] = [];
  for (const ShardId of idsOf(await shardsOf(aws.kinesis, all.streams.player_metrics)))
    for await (const page of rows(aws.kinesis, { StreamName: all.streams.player_metrics, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
      for (const { window_end: end } of page as unknown as MetricRow[]) ends.push(Date.parse(`${end.replace(' ', 'T')}Z`));
  // Kills come every few seconds.
  expect(Math.max(...ends)).toBeGreaterThan(last + (slidingSeconds(pipeline) - 3 * WINDOW_SECONDS) * 1000);
  await generator.signal(resume);
});

it('goes from 2 over 4 to 3 shards with every window closed before, one shard to a subtask', async () => {
  for (const shards of [4, 3]) {
    const wanted = { ...pipeline, shards };
    await generator.signal(pause);
    const closes = Date.now() + WINDOW_SECONDS * 1000 + 7_000;
    await until(
      async () => Date.now(),
      (now) => now > closes,
    );
    const { failed } = await up(wanted, (stage) => stage === 'events' || stage === 'studio');
    expect(failed).toEqual({});
    await notebook.signal(updateSpec, wanted);
    await generator.signal(updateSpec, wanted);
    await generator.signal(resume);
    const open = await openIds();
    expect(open).toHaveLength(shards);
    // Closed ones are read as well, while sliding windows are open that began in their time.
    const read = writtenIn(await noteText())!.shards;
    expect(read).toEqual(expect.arrayContaining(open));
    const parallelism = parallelismFor(all.streams.events, read);
    await until(subtasks, (count) => count === parallelism);
    await until(status, ({ state }) => state === 'running');
    const before = await windowsInLake();
    await until(windowsInLake, ({ size }) => size >= before.size + 2);
  }
});

it('notices shards that were merged behind its back, and every kill of every life is in its window', async () => {
  await aws.kinesis.send(
    new UpdateShardCountCommand({ StreamName: all.streams.events, TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' }),
  );
  const open = await openIds();
  await until(noteText, (text) => open.every((shard) => writtenIn(text)?.shards.includes(shard)));
  await until(status, ({ state }) => state === 'running');
  await generator.signal(pause);
  await until(
    () => generator.executeUpdate(flushLedger),
    ({ sending }) => !sending,
  );
  await expectExact();
  await cancelled(generator);
  await cancelled(notebook);
});
