import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { CreateDatabaseCommand, GlueClient } from '@aws-sdk/client-glue';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import {
  CreateApplicationCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  StartApplicationCommand,
  StopApplicationCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chromium } from 'playwright-core';
import { permissionPolicy } from '../../activities/iam/policies.ts';
import { buildNote } from '../../activities/kinesis-analytics-v2/note.ts';
import { controlOf } from '../../local/control-client.ts';
import { names } from '../../pipeline/names.ts';
import type { GameEvent } from '../../pipeline/schema.ts';
import { parseSpec } from '../../pipeline/spec.ts';
import { toolPaths } from '../../setup/tools.mjs';
import { expectMetrics, play } from './metrics.ts';
import { type AwsProcess, endAws, isAlive, jvmOf, notebookOf, type Paragraph, startAws, until } from './studio-process.ts';

const pipeline = { ...parseSpec({}), account: '000000000000' };
const { application: ApplicationName, noteId, streams, ...all } = names(pipeline);
const START = Date.parse('2026-11-23T18:00:00Z');
let dir: string;
let aws: AwsProcess;
let studio: ReturnType<typeof notebookOf>;
let kinesis: KinesisClient;
let events: GameEvent[] = [];

async function start(): Promise<void> {
  aws = await startAws(dir);
  studio = notebookOf(aws.config, ApplicationName, noteId);
  kinesis = new KinesisClient(aws.config);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'notebook-'));
  await start();
  const [iam, glue, logs] = [new IAMClient(aws.config), new GlueClient(aws.config), new CloudWatchLogsClient(aws.config)];
  const trust = { Effect: 'Allow', Principal: { Service: 'kinesisanalytics.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [trust] });
  await iam.send(new CreateRoleCommand({ RoleName: all.roles.studio, AssumeRolePolicyDocument: policy }));
  await allow();
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: all.flinkDatabase } }));
  await logs.send(new CreateLogGroupCommand({ logGroupName: all.studioLogGroup }));
  await logs.send(new CreateLogStreamCommand({ logGroupName: all.studioLogGroup, logStreamName: all.studioLogStream }));
  await kinesis.send(new CreateStreamCommand({ StreamName: streams.events, ShardCount: pipeline.shards }));
  for (const StreamName of Object.values(streams).filter((name) => name !== streams.events))
    await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const MavenReference = { GroupId: 'org.apache.flink', ArtifactId: 'flink-sql-connector-kinesis', Version: '1.15.4' };
  await studio.client.send(
    new CreateApplicationCommand({
      ApplicationName,
      RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0',
      ApplicationMode: 'INTERACTIVE',
      ServiceExecutionRole: all.roleArns.studio,
      ApplicationConfiguration: {
        FlinkApplicationConfiguration: {
          ParallelismConfiguration: { ConfigurationType: 'CUSTOM', Parallelism: pipeline.shards },
          CheckpointConfiguration: { ConfigurationType: 'CUSTOM', CheckpointInterval: 7_000, MinPauseBetweenCheckpoints: 3_000 },
        },
        ApplicationCodeConfiguration: { CodeContentType: 'PLAINTEXT', CodeContent: { TextContent: buildNote(pipeline) } },
        ZeppelinApplicationConfiguration: {
          CatalogConfiguration: {
            GlueDataCatalogConfiguration: { DatabaseARN: `arn:aws:glue:us-east-1:000000000000:database/${all.flinkDatabase}` },
          },
          CustomArtifactsConfiguration: [{ ArtifactType: 'DEPENDENCY_JAR', MavenReference }],
        },
      },
      CloudWatchLoggingOptions: [{ LogStreamARN: all.studioLogStreamArn }],
    }),
  );
  for (const used of [iam, glue, logs]) used.destroy();
});

/** Gives the application's role the product's policy without some actions. */
async function allow(...without: string[]): Promise<void> {
  const policy = permissionPolicy('studio', pipeline, names(pipeline));
  const Statement = policy.Statement.map((each) => ({ ...each, Action: [each.Action].flat().filter((name) => !without.includes(name)) }));
  const PolicyDocument = JSON.stringify({ ...policy, Statement: Statement.filter(({ Action }) => Action.length > 0) });
  const iam = new IAMClient(aws.config);
  await iam.send(new PutRolePolicyCommand({ RoleName: all.roles.studio, PolicyName: 'p', PolicyDocument }));
  iam.destroy();
}

/** What Flink was refused, of an operation of Kinesis, since a moment. */
const refusals = async (since: number, operation: string) =>
  (await controlOf(aws.config).calls()).filter((call) => call.at >= since && call.operation === operation && call.outcome === DENIED);
const DENIED = 'AccessDeniedException';

afterAll(async () => {
  await endAws(aws, 'SIGTERM');
  await rm(dir, { recursive: true });
});

test('starts, and runs its note up to the one job of all INSERTs, at one subtask a shard', async () => {
  const { OperationId } = await studio.client.send(new StartApplicationCommand({ ApplicationName }));
  expect(await studio.status()).toBe('STARTING');
  await studio.running();
  const told = await studio.client.send(new DescribeApplicationOperationCommand({ ApplicationName, OperationId }));
  expect(told.ApplicationOperationInfoDetails!.OperationStatus).toBe('SUCCESSFUL');

  expect(await studio.run()).toEqual({ status: 'OK', message: '' });
  expect(await studio.run()).toMatchObject({ exception: 'IOException', message: expect.stringContaining('still in RUNNING state') });
  await studio.noteRuns();
  expect(new Set((await studio.states()).slice(0, -1))).toEqual(new Set(['FINISHED']));
  const [job, ...others] = await studio.jobs();
  expect(others).toEqual([]);
  const { vertices } = await studio.flink(`/jobs/${job!.jid}`);
  const reading = vertices.filter(({ name }: { name: string }) => name.includes('game_events'));
  expect(reading.map((vertex: { parallelism: number }) => vertex.parallelism)).toEqual(reading.map(() => pipeline.shards));
  expect(reading.length).toBeGreaterThan(0);
  expect(await studio.flink(`/jobs/${job!.jid}/checkpoints/config`)).toMatchObject({ interval: 7_000, min_pause: 3_000 });
});

test('counts every kill once, in its window, whatever is sent twice', async () => {
  events = await play(kinesis, streams.events, 0, 3000, START);
  await expectMetrics(kinesis, streams.player_metrics, events, 'player');
  await expectMetrics(kinesis, streams.team_metrics, events, 'team');
});

test('shows its paragraphs on a page, and runs them from there', async () => {
  const browser = await chromium.launch({ executablePath: toolPaths().chromium, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    await studio.zeppelin('POST', `/${noteId}/paragraph`, { title: '<b>tables</b>', text: '%flink.ssql\nSHOW TABLES' });
    await page.goto(await studio.url());
    await page.getByRole('button', { name: 'Run <b>tables</b>' }).click();
    await page.getByRole('table', { name: 'Result of <b>tables</b>' }).getByRole('cell', { name: 'game_events' }).waitFor();
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      ...['game events', 'player metrics', 'team metrics', 'leaderboards', 'server metrics', 'late events'],
      ...['events read', 'events once', 'late rows', 'events on time', 'events counted', 'player parts', 'team parts', 'server parts'],
      ...['player windows', 'window metrics'],
      '<b>tables</b>',
    ]);
    expect(new URL(page.url()).search).toBe('');
    await page.getByRole('button', { name: 'Stop all' }).click();
    await page.getByRole('region', { name: 'window metrics' }).getByText('ABORT').waitFor();
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
  }
  expect((await studio.jobs()).map(({ state }) => state)).toEqual(['CANCELED']);
  const { body } = await studio.zeppelin('GET', `/${noteId}`);
  await studio.zeppelin('DELETE', `/${noteId}/paragraph/${body.paragraphs.at(-1).id}`);
});

test('stops a note at the first paragraph that fails, with the reason of Flink', async () => {
  const texts = ['%md\nhello', '%flink.ssql\nSELECT * FROM nowhere', '%flink.ssql\nSHOW TABLES'];
  const { body: id } = await studio.zeppelin('POST', '/import', { name: 'failing', paragraphs: texts.map((text) => ({ text })) });
  await studio.zeppelin('POST', `/job/${id}?blocking=true`);
  const [hello, nowhere, tables] = (await studio.zeppelin('GET', `/job/${id}`)).body.paragraphs as Paragraph[];
  expect([hello, nowhere, tables].map((paragraph) => paragraph!.status)).toEqual(['FINISHED', 'ERROR', 'READY']);
  expect(nowhere!.errorMessage).toContain("Object 'nowhere' not found");
  const shown = await studio.zeppelin('POST', `/run/${id}/${tables!.id}`);
  expect(shown.body.msg).toEqual([{ type: 'TABLE', data: expect.stringMatching(/^table name\n(.*\n)*game_events\n/) }]);
});

test('takes a SET of table options alone, unquoted, and for its own paragraph', async () => {
  const query = 'SELECT CAST(TO_TIMESTAMP_LTZ(0, 3) AS STRING) AS at_zero';
  const texts = [
    `SET table.local-time-zone=Asia/Tokyo;\n${query}`,
    query,
    "SET 'table.exec.state.ttl' = '1 h'",
    'SET execution.checkpointing.interval=1s',
  ];
  const paragraphs = texts.map((text) => ({ text: `%flink.ssql\n${text}` }));
  const { body: id } = await studio.zeppelin('POST', '/import', { name: 'setting', paragraphs });
  const said: string[] = [];
  for (const { id: paragraph } of (await studio.zeppelin('GET', `/job/${id}`)).body.paragraphs)
    said.push((await studio.zeppelin('POST', `/run/${id}/${paragraph}`)).body.msg.at(-1).data);
  expect(said[0]).toContain('1970-01-01 09:00:00');
  expect(said[1]).not.toContain('1970-01-01 09:00:00');
  expect(said.slice(2)).toEqual([
    "'table.exec.state.ttl' is not a valid table/sql config",
    'execution.checkpointing.interval is not a valid table/sql config',
  ]);
  await studio.zeppelin('DELETE', `/${id}`);
});

test('starts a new cluster when the JVM is killed, and says by ABORT that the note must be run again', async () => {
  await studio.run();
  await studio.noteRuns();
  const killed = jvmOf(aws.process.pid!)!;
  process.kill(killed, 'SIGKILL');
  await until(studio.status, (state) => state !== 'RUNNING');
  await studio.running();
  expect(jvmOf(aws.process.pid!)).not.toBe(killed);
  expect((await studio.states()).at(-1)).toBe('ABORT');
});

test('comes back by itself after kill -9 of the local AWS, leaves no orphan, and counts on when the note is run again', async () => {
  const jvm = jvmOf(aws.process.pid!)!;
  await endAws(aws, 'SIGKILL');
  await until(
    async () => isAlive(jvm),
    (alive) => !alive,
  );
  await start();
  await studio.running();
  expect((await studio.states()).at(-1)).toBe('ABORT');
  await studio.run();
  await studio.noteRuns();
  events = [...events, ...(await play(kinesis, streams.events, 3000, 1000, START + 60_000))];
  await expectMetrics(kinesis, streams.player_metrics, events, 'player');
});

test('works by a key of its role: what the policy does not allow is refused, and goes on once it is allowed again', async () => {
  for (const [turn, operation] of ['GetRecords', 'PutRecords'].entries()) {
    const since = Date.now();
    await allow(`kinesis:${operation}`);
    events = [...events, ...(await play(kinesis, streams.events, 10_000 + turn * 1000, 200, START + (turn + 5) * 60_000))];
    const [first] = await until(
      () => refusals(since, operation),
      ({ length }) => length > 0,
    );
    expect(first).toMatchObject({ service: 'kinesis', caller: `role/${all.roles.studio}` });
    await allow();
    await until(studio.jobs, (jobs) => jobs.some(({ state }) => state === 'RUNNING'));
  }
  await expectMetrics(kinesis, streams.player_metrics, events, 'player');
});

test('makes tables, and writes its log, as far as its role allows', async () => {
  const logs = new CloudWatchLogsClient(aws.config);
  const logged = async () =>
    (await logs.send(new FilterLogEventsCommand({ logGroupName: all.studioLogGroup, limit: 10_000 }))).events!.length;
  await studio.zeppelin('DELETE', `/job/${noteId}`);
  await allow('glue:CreateTable', 'logs:PutLogEvents');
  const before = await logged();
  await studio.run();
  const [failed] = await until(
    async () =>
      ((await studio.zeppelin('GET', `/job/${noteId}`)).body.paragraphs as Paragraph[]).filter(({ status }) => status === 'ERROR'),
    ({ length }) => length > 0,
  );
  expect(failed!.errorMessage).toMatch(
    /assumed-role\/\S+\/KinesisAnalytics is not authorized to perform: glue:CreateTable on resource: arn:aws:glue:/,
  );
  expect(await logged()).toBe(before);
  await allow();
  await studio.run();
  await until(studio.states, (states) => !states.includes('ERROR'));
  await studio.noteRuns();
  expect(await logged()).toBeGreaterThan(before);
  logs.destroy();
});

test('takes up a new configuration by a restart, and ends when stopped; started again, it runs in the JVM that is still warm', async () => {
  const { ApplicationDetail } = await studio.client.send(new DescribeApplicationCommand({ ApplicationName }));
  await studio.client.send(
    new UpdateApplicationCommand({
      ApplicationName,
      ConditionalToken: ApplicationDetail!.ConditionalToken,
      ApplicationConfigurationUpdate: {
        ZeppelinApplicationConfigurationUpdate: { MonitoringConfigurationUpdate: { LogLevelUpdate: 'WARN' } },
      },
    }),
  );
  expect(await studio.status()).toBe('UPDATING');
  await studio.running();
  expect((await studio.states()).at(-1)).toBe('ABORT');
  await studio.client.send(new StopApplicationCommand({ ApplicationName }));
  await until(studio.status, (state) => state === 'READY');
  const jvm = jvmOf(aws.process.pid!);
  await studio.client.send(new StartApplicationCommand({ ApplicationName }));
  await studio.running();
  expect(jvmOf(aws.process.pid!)).toBe(jvm);
  await studio.run();
  await studio.noteRuns();
  events = [...events, ...(await play(kinesis, streams.events, 20_000, 200, START + 10 * 60_000))];
  await expectMetrics(kinesis, streams.player_metrics, events, 'player');
  await studio.client.send(new StopApplicationCommand({ ApplicationName }));
  await until(studio.status, (state) => state === 'READY');
  const logs = new CloudWatchLogsClient(aws.config);
  const found = await logs.send(
    new FilterLogEventsCommand({ logGroupName: all.studioLogGroup, filterPattern: '"switched from state RUNNING to"' }),
  );
  expect(found.events?.map(({ message }) => message)).toContainEqual(expect.stringContaining('Job insert-into'));
  logs.destroy();
});
