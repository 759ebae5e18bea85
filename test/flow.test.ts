import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutRecordCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { idsOf, shardsOf } from '../activities/kinesis/shards.ts';
import { flow } from '../activities/kinesis-analytics-v2/flow.ts';
import { flinkOf, jobOf } from '../activities/kinesis-analytics-v2/job.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import type { Fault } from '../local/faults.ts';
import type { Local } from '../local/start.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { eventually } from './eventually.ts';
import { notebookOf, until } from './local/studio-process.ts';
import { localAws } from './local-aws.ts';
import { AROUND_STUDIO, SQL_STREAMS, stand } from './stand.ts';

const pipelineOf = (name: string): Pipeline => ({
  ...parseSpec({ name, windowSeconds: 5, local: { speed: 20 } }),
  account: '000000000000',
});
const pipeline = pipelineOf('dry');
const n = names(pipeline);
/** Older than any window takes to come out. */
const OLD_MS = 100_000;
const [FIRST, SECOND] = ['0', `${2n ** 127n}`];

let local: Local;
let aws: Clients;

/** One record into the shard that has this hash key. */
const put = (of: Pipeline, ExplicitHashKey: string, record: object) =>
  aws.kinesis.send(
    new PutRecordCommand({
      StreamName: names(of).streams.events,
      PartitionKey: 'x',
      ExplicitHashKey,
      Data: Buffer.from(JSON.stringify({ match_id: 'm', server_id: 's', ...record })),
    }),
  );
const time = (ms: number) => new Date(ms).toISOString().slice(0, -1);
const kill = (i: number) => ({
  event_id: `kill-${i}`,
  event_type: 'kill',
  event_time: time(Date.now() - OLD_MS + i),
  killer_id: 'player-1',
  victim_id: 'player-2',
  killer_team: 'red',
  victim_team: 'blue',
  weapon: 'rifle',
});
const heartbeat = () => ({ event_id: `beat-${Date.now()}`, event_type: 'heartbeat', event_time: time(Date.now()) });

/** Looks until it is said. */
async function says(what: RegExp | undefined, between: () => Promise<unknown> = async () => undefined, seconds = 80): Promise<void> {
  for (const end = Date.now() + seconds * 1000; ; await new Promise((later) => setTimeout(later, 500))) {
    await between();
    const said = await flow(aws, pipeline);
    if (what === undefined ? said === undefined : what.test(said ?? '')) return;
    if (Date.now() > end) throw new Error(`it says: ${said}`);
  }
}

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
  await stand(aws, pipeline, ...AROUND_STUDIO, ...SQL_STREAMS, 'studio');
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

describe('Flink itself', () => {
  const refused = (fault: Fault) => local.faults.put({ rules: [{ service: 'kinesis', operation: 'PutRecords', fault }] });
  let kills = 0;
  const beat = async () => {
    for (const key of [FIRST, SECOND]) await put(pipeline, key, heartbeat());
    // What counts is what has come in of late.
    await put(pipeline, FIRST, kill(kills++));
  };
  const act = () => notebookActivities(aws);

  it('runs no job', async () => {
    while (kills < 5) await put(pipeline, FIRST, kill(kills++));
    await eventually(() => act()['notebook.start'](pipeline));
    await eventually(() => act()['notebook.awaitStarted'](pipeline));
    await says(/: Flink runs no job of the note \(none was submitted\)$/);
  });

  it('waits for a silent shard', async () => {
    refused({ kind: 'partial', share: 1 });
    await act()['notebook.run'](pipeline);
    await eventually(() => act()['notebook.awaitRunning'](pipeline));
    const [, second] = idsOf(await shardsOf(aws.kinesis, n.streams.events));
    await says(
      new RegExp(`: event time has not begun in Flink, since nothing comes into ${second}: a shard without records .* counts as idle$`),
    );
  });

  it('is refused by the sink: record by record, then as a whole, which restarts the job', async () => {
    await says(/: event time goes on in Flink, so rows are made but do not reach the stream: its sink fails or is refused$/, beat);
    refused({ kind: 'error', name: 'ResourceNotFoundException', message: 'Stream dry-player-metrics not found' });
    await says(/; Flink last restarted the job for: .*Stream dry-player-metrics not found/, beat);
    local.faults.put({ rules: [] });
    await says(undefined, beat);
  });

  it('is started anew when somebody edits its note, and no query of somebody else is taken for its job', async () => {
    const studio = notebookOf(local, n.application, n.noteId);
    const runs = async () => {
      await eventually(() => act()['notebook.awaitStarted'](pipeline));
      await act()['notebook.run'](pipeline);
      await eventually(() => act()['notebook.awaitRunning'](pipeline));
    };
    const { body: other } = await studio.zeppelin('POST', '/import', {
      name: 'of a user',
      paragraphs: [{ text: '%flink.ssql(type=update)\nSELECT event_id FROM game_events' }],
    });
    await studio.zeppelin('POST', `/job/${other}`);
    await until(studio.jobs, (jobs) => jobs.filter(({ state }) => state === 'RUNNING').length === 2);
    expect(await act()['notebook.checkJob'](pipeline)).toEqual({ running: true });
    await studio.zeppelin('DELETE', `/job/${n.noteId}`);
    const job = await jobOf(await flinkOf(aws.kinesisAnalyticsV2, pipeline));
    expect([job.id, job.states.includes('RUNNING'), job.latest]).toEqual([undefined, true, expect.any(String)]);
    await studio.zeppelin('DELETE', `/job/${other}`);
    await runs();

    const { paragraphs } = (await studio.zeppelin('GET', `/${n.noteId}`)).body;
    const { id, text } = paragraphs[7];
    await studio.zeppelin('PUT', `/${n.noteId}/paragraph/${id}`, { text: `${text} AND event_type = 'kill'` });
    const reason = 'somebody edited the note in Zeppelin: paragraph 8 is not as the application has it';
    expect(await act()['notebook.checkJob'](pipeline)).toEqual({ running: false, reason });
    local.calls.clear();
    await eventually(() => act()['notebook.seed'](pipeline));
    const changes = local.calls
      .all()
      .filter(({ operation }) => /^(Tag|Stop|Delete|Create|Start|Update)\w*(Application|Resource)$/.test(operation));
    const made = ['TagResource', 'StopApplication', 'DeleteApplication', 'CreateApplication', 'StartApplication'];
    expect(changes.map(({ operation }) => operation)).toEqual(made);
    await runs();
    expect(await act()['notebook.checkJob'](pipeline)).toEqual({ running: true });
    expect((await studio.zeppelin('GET', `/${n.noteId}`)).body.paragraphs[7].text).toBe(text);
  });
});

describe('a Flink that says', () => {
  const other = pipelineOf('told');
  const { streams } = names(other);
  let flink: Server;
  let said: Record<string, object>;
  const SINKS = LAKE_TABLES.filter((table) => table !== 'events');
  const told = () => {
    const { port } = flink.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/flinkdashboard?authToken=x`;
    const kinesisAnalyticsV2 = { send: async () => ({ AuthorizedUrl: url }) } as unknown as Clients['kinesisAnalyticsV2'];
    return flow({ ...aws, kinesisAnalyticsV2 }, other);
  };
  const job = (state: string, mark: number) => ({
    '/jobs/overview': {
      jobs: [
        { jid: 'old', state: 'CANCELED', 'start-time': 1 },
        { jid: 'j', state, 'start-time': 2 },
      ],
    },
    '/jobs/j': {
      now: Date.now(),
      vertices: [
        { id: 'a', name: 'Source: game_events[1] -> Calc[2]', parallelism: 2 },
        { id: 'b', name: `Calc[9] -> (${SINKS.map((table, i) => `${table}[${i + 10}]: Writer`).join(', ')})`, parallelism: 2 },
      ],
    },
    '/jobs/j/vertices/b/watermarks': [{ value: `${mark}` }, { value: `${mark + 5}` }],
  });
  const exception = {
    '/jobs/j/exceptions': { 'root-exception': 'org.x.JobException: gave up\n\tat a\nCaused by: java.lang.Error: inner words\n\tat b' },
  };
  const none = { '/jobs/j/exceptions': { 'root-exception': null } };

  beforeAll(async () => {
    await stand(aws, other, ...SQL_STREAMS);
    flink = createServer((request, response) => {
      const path = new URL(request.url!, 'http://x').pathname.replace('/flinkdashboard', '');
      response.setHeader('set-cookie', 'VerifiedAuthToken=y; Path=/');
      response.end(JSON.stringify(said[path] ?? {}));
    });
    await new Promise<void>((resolve) => flink.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void flink.close());

  it('nothing is said while nothing goes in', async () => {
    said = { '/jobs/overview': { jobs: [] } };
    expect(await told()).toBeUndefined();
  });

  it('that a shard holds event time back, which shard that is', async () => {
    for (let i = 0; i < 5; i++) await put(other, FIRST, kill(i));
    const [, second] = idsOf(await shardsOf(aws.kinesis, streams.events));
    said = { ...job('RUNNING', 0), ...none };
    expect(await told()).toBe(
      `kills go in, but for 70 s no window has come out into ${streams.player_metrics} and ${streams.team_metrics}: event time has not begun in Flink, ` +
        `since nothing comes into ${second}: a shard without records or heartbeats holds it back until it counts as idle`,
    );
  });

  it('that it restarts, for what', async () => {
    said = { ...job('RESTARTING', 0), ...exception };
    expect(await told()).toMatch(
      /: Flink runs no job of the note \(CANCELED, RESTARTING\); Flink last restarted the job for: java.lang.Error: inner words$/,
    );
  });

  it('that event time goes on, that it is the sink', async () => {
    said = { ...job('RUNNING', Date.now() - 5_000), ...none };
    expect(await told()).toMatch(
      /: event time goes on in Flink, so rows are made but do not reach the stream: its sink fails or is refused$/,
    );
  });

  it('that event time stands though every shard has records, that a subtask does not read', async () => {
    await put(other, SECOND, heartbeat());
    const mark = Date.parse('2026-11-23T18:00:00Z');
    said = { ...job('RUNNING', mark), ...exception };
    expect(await told()).toMatch(
      /: event time stands at 2026-11-23T18:00:00 UTC in Flink although every shard has records: a subtask does not read, .*; .* java.lang.Error: inner words$/,
    );
  });

  it('that event time is behind though windows come out and newer events wait in every shard, by how much', async () => {
    for (const StreamName of [streams.player_metrics, streams.team_metrics])
      await aws.kinesis.send(new PutRecordCommand({ StreamName, PartitionKey: 'x', Data: Buffer.from('{}') }));
    const beat = async (key: string, ms: number) => put(other, key, { ...heartbeat(), event_time: time(ms) });
    const behind = { ...job('RUNNING', Date.now() - 300_000), ...none };
    said = behind;
    // Nothing has come of late, as where the game is paused.
    const paused = Date.now() + 11_000;
    while (Date.now() < paused) await new Promise((later) => setTimeout(later, 500));
    expect(await told()).toBeUndefined();
    // The other shard's are as old as what Flink has read: they come late into the stream.
    await beat(FIRST, Date.now());
    await beat(SECOND, Date.now() - 290_000);
    expect(await told()).toBeUndefined();
    await beat(SECOND, Date.now());
    expect(await told()).toMatch(
      /^windows come out 31[0-9] s after they end: Flink has events of that time still to read\..* lower the rate/,
    );
    said = { ...job('RUNNING', Date.now() - 10_000), ...none };
    expect(await told()).toBeUndefined();
    said = { ...job('RESTARTING', 0), ...none };
    expect(await told()).toBeUndefined();
  });
});
