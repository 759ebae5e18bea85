import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Worker } from '@temporalio/worker';
import { type Clients, clients } from '../activities/aws.ts';
import { createActivities } from '../activities/index.ts';
import { announce } from '../client/state.ts';
import type { Local } from '../local/start.ts';
import { type Audit, mismatches } from '../pipeline/audit.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { troubleOf } from '../pipeline/trouble.ts';
import { taskQueue } from '../worker/connect.ts';
import { heartbeats } from '../worker/heartbeat.ts';
import type { audit } from '../workflows/index.ts';
import { type Audited, audited, putRecords, standing } from './audit-lake.ts';
import { putRows } from './lake.ts';
import { localAws } from './local-aws.ts';
import { d2d } from './product.ts';
import { temporalServer, workerIn } from './temporal-server.ts';

/** Behind the making of the streams: what is older is not looked for in them. */
const SOON_MS = 30_000;

let local: Local;
let aws: Clients;
let env: TestWorkflowEnvironment;
let worker: Worker;
let product: ReturnType<typeof createActivities>;
let working: Promise<void>;
const game = audited('mutated', Date.now() + SOON_MS);
const leaky = audited('leaky', Date.now() + SOON_MS);
/** What the stream of `leaky` lacks at first. */
const lost = victimOf(leaky, 5);
/** That of every pipeline here. */
const QUEUE = taskQueue(game.pipeline);

beforeAll(async () => {
  [local, env] = await Promise.all([localAws(), temporalServer()]);
  aws = clients(local);
  const { region, endpoint, credentials } = local;
  product = createActivities({ target: { region, endpoint, credentials }, client: env.client, taskQueue: QUEUE });
  worker = await workerIn(env, {
    taskQueue: QUEUE,
    activities: {
      ...product,
      // None stands here.
      'audit.dashboard': async () => undefined,
    },
    interceptors: { activity: [heartbeats] },
  });
  working = worker.run();
  await standing(aws, game);
  await standing(aws, leaky, [lost.record]);
});
afterAll(async () => {
  worker?.shutdown();
  await working;
  await env?.teardown();
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

type Victim = ReturnType<typeof victimOf>;
/** Which record is to suffer: one that trouble on purpose leaves alone. */
function victimOf({ scene, sent }: Audited, seed: number) {
  const lane = seed % 2;
  let i = (seed * 7919) % 1_000;
  while (troubleOf(scene.game, lane, i) !== undefined) i++;
  const id = `${scene.game.run}-${lane}-${i}`;
  const at = sent[lane]!.findIndex((record) => record.startsWith(`{"event_id":"${id}"`));
  const minute = `${new Date(scene.base + i * 100).toISOString().slice(0, 16)}Z`;
  return { lane, id, at, minute, record: sent[lane]![at]! };
}

/** The minutes of which events were held back at the end, as a lane's last one to two blocks were. */
const { base, game: played } = game.scene;
const heldBack = new Set(
  [1_200 - (2 * played.lateAfter) / 100, 1_199].map((i) => `${new Date(base + i * 100).toISOString().slice(0, 16)}Z`),
);

let number = 0;
/** The product's audit of the last hour, and its faults as one text. */
async function found({ pipeline }: Audited): Promise<Audit & { faults: string }> {
  const report = await env.client.workflow.execute<typeof audit>('audit', {
    taskQueue: QUEUE,
    workflowId: `audit-${number++}`,
    args: [{ pipeline, hours: 1, patience: '0 seconds' }],
  });
  return { ...report, faults: mismatches(report).join('\n') };
}

const put = (table: LakeTable, name: string, rows: (object | string)[]) => putRows(aws, game.pipeline, table, name, rows, game.hour);
/** An event that still is one, with another server. */
const altered = (record: string) => record.replace(/("server_id":"[^"]*)"/, '$1x"');

describe('an audit by the product, from the workflow to the bytes,', () => {
  it('finds nothing where nothing befell', async () => {
    expect(await found(game)).toMatchObject({ faults: '', generated: expect.any(Number), lost: 0, windowsWrong: 0, minutes: [] });
  });

  it.each([1, 3, 5])('names place and minute of one record that S3 has not, one twice, and one otherwise (seed %i)', async (seed) => {
    const victims = [seed, seed + 20, seed + 40].map((each) => victimOf(game, each));
    const [dropped, doubled, changed] = victims as [Victim, Victim, Victim];
    const { lane } = dropped;
    const records = game.sent[lane]!.flatMap((record, at) => {
      if (at === dropped.at) return [];
      if (at === doubled.at) return [record, record];
      return [at === changed.at ? altered(record) : record];
    });
    await put('events', `lane-${lane}`, records);
    const { faults, minutes } = await found(game);
    await put('events', `lane-${lane}`, game.sent[lane]!);
    expect(faults).toContain(`lake: 1 missing: ${dropped.id} (it is in the stream)`);
    expect(faults).toContain(`lake: 1 there more often than they were sent: ${doubled.id}`);
    expect(faults).toContain(`lake: 1 altered: ${changed.id}`);
    const of = (minute: string) => victims.map((victim) => (victim.minute === minute ? 1 : 0)) as [number, number, number];
    expect(new Set(minutes!.map(({ minute }) => minute))).toEqual(new Set(victims.map(({ minute }) => minute)));
    for (const { minute, generated, inStream, inS3, inAthena, ...counts } of minutes!) {
      const [missing, twice, otherwise] = of(minute);
      expect([inStream, inS3]).toEqual([generated, generated - missing]);
      // Athena only counts: what was held back at the end and has come may stand in for what is missing.
      expect([generated - missing, ...(heldBack.has(minute) ? [generated] : [])]).toContain(inAthena);
      expect(counts).toEqual({ altered: otherwise, twice });
    }
  });

  it('misses an object that lies in another hour', async () => {
    const Key = await put('events', 'lane-1', []);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: names(game.pipeline).bucket, Key }));
    const elsewhere = await putRows(aws, game.pipeline, 'events', 'lane-1', game.sent[1]!, game.hour - 5 * 3_600_000);
    const { faults, lost: events, minutes } = await found(game);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: names(game.pipeline).bucket, Key: elsewhere }));
    await put('events', 'lane-1', game.sent[1]!);
    expect(events).toBeGreaterThan(1_100);
    expect(faults).toContain(`lake: ${events} missing: ${game.scene.game.run}-1-0 (it is in the stream)`);
    expect(minutes.reduce((sum, { generated, inS3 }) => sum + generated - inS3!, 0)).toBe(events);
  });

  it.each<[string, (rows: object[]) => object[], number]>([
    ['lacks a row', (rows) => rows.slice(1), 1],
    ['has a row with a kill too many', ([first, ...rest]) => [{ ...first, kills: 99 }, ...rest], 1],
    ['has a row twice, which counts once', (rows) => [rows[0]!, ...rows], 0],
  ])('tells of the metrics of a window that %s', async (_, mutated, wrong) => {
    await put('player_metrics', 'all', mutated(game.metrics.player_metrics));
    const { windowsWrong, faults } = await found(game);
    await put('player_metrics', 'all', game.metrics.player_metrics);
    if (wrong === 0) expect([windowsWrong, faults]).toEqual([0, '']);
    else
      expect(faults).toMatch(
        /^windowsWrong is \d+, not 0: [^\n]*player \S+ \w+ of [-0-9]+ [:0-9]+ (is missing|is \S+ and by the events \S+)[^\n]*$/,
      );
  });

  it('names place and minute of one record that the stream has not, twice, or otherwise', async () => {
    const dropped = await found(leaky);
    expect(dropped.faults).toContain(`stream: 1 missing: ${lost.id} (it is in the lake)`);
    expect(dropped.minutes).toMatchObject([{ minute: lost.minute }]);

    const { lane, id, minute, record } = victimOf(game, 4);
    await putRecords(aws, game.pipeline, lane, [record]);
    const doubled = await found(game);
    expect(doubled.faults).toContain(`stream: 1 there more often than they were sent: ${id}`);
    expect(doubled.minutes).toMatchObject([{ minute, twice: 1 }]);
    await putRecords(aws, game.pipeline, lane, [altered(record)]);
    expect((await found(game)).faults).toContain(`stream: 1 altered: ${id}`);
  });

  it('does not wait for a dashboard that somebody took away', async () => {
    await expect(product['audit.dashboard'](game.pipeline)).rejects.toMatchObject({ nonRetryable: true, message: 'mutated is not there' });
  });
});

describe('npx d2d audit', () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'd2d-audit-'));
    const { name, shards, windowSeconds } = leaky.pipeline;
    await writeFile(join(cwd, 'data2dashboard.yaml'), JSON.stringify({ name, shards, windowSeconds }));
    const { endpoint, credentials, region } = local;
    const temporal = { address: env.address, namespace: env.namespace ?? 'default' };
    await announce(join(cwd, '.data2dashboard'), { pid: process.pid, temporal, aws: { endpoint, region, ...credentials } });
  });
  afterAll(() => rm(cwd, { recursive: true }));
  const audit = () => d2d(cwd, 'audit', '--hours', '1', '--wait', '0 seconds');

  it('ends with 0 when every event is everywhere, and with 1 and their names when an object of the lake is taken away', async () => {
    const { pipeline, sent, scene } = leaky;
    await putRecords(aws, pipeline, lost.lane, [lost.record]);
    expect(await audit()).toMatchObject({ code: 0, facts: { ok: true, lost: 0, faults: [] } });
    const Key = await putRows(aws, pipeline, 'events', 'lane-0', [], leaky.hour);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: names(pipeline).bucket, Key }));
    const { code, facts } = await audit();
    await putRows(aws, pipeline, 'events', 'lane-0', sent[0]!, leaky.hour);
    expect({ code, ...facts }).toMatchObject({ code: 1, ok: false, lost: expect.any(Number) });
    const gone = Array.from({ length: 20 }, (_, i) => `${scene.game.run}-0-${i} (it is in the stream)`);
    expect(facts.faults).toContain(`lake: ${facts.lost} missing: ${gone.join(', ')}, …`);
  });
});
