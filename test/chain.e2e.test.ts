import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { gameOf, laneTotal } from '../pipeline/lanes.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { STAGES } from '../pipeline/stages.ts';
import { d2d, descendants, ended, type Run, start } from './product.ts';
import { delivered, lakeRecords, metricsOf, streamRecords } from './recount.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'd2d-chain-'));
});
afterEach(async () => {
  await Promise.all(runs.splice(0).map(ended));
  await rm(cwd, { recursive: true, force: true });
});

const runs: Run[] = [];
const begin = (...args: string[]): Run => {
  const run = start(cwd, ...args);
  runs.push(run);
  return run;
};

const killed = (pids: number[]) => {
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
};

type MetricRow = Parameters<typeof delivered>[0][number];

describe('the whole chain', () => {
  it('loses, doubles and miscounts nothing, though its worker is killed while it provisions and while it generates', async () => {
    // A seed that nobody knows beforehand: no stage can pass with anything but what came through the stage before it.
    const seed = Math.floor(Math.random() * 2 ** 32);
    const events = 6000;
    await writeFile(join(cwd, 'data2dashboard.yaml'), `generator: { seed: ${seed} }\n`);

    const run = begin('--once', '--events', String(events), '--rate', '300', '--json', '--keep', 'kept', '--state', '.data2dashboard');
    await until(
      () => readFile(join(cwd, '.data2dashboard/aws/catalog.log'), 'utf8').catch(() => ''),
      (catalog) => catalog.includes('"kinesis.streams"'),
    );
    killed(descendants(run.child.pid!, 'worker/main.ts'));
    await run.says('worker is back');
    await run.says('ok  Firehose');
    await until(
      async () => ((await d2d(cwd, 'status')).facts as Partial<Status>).generator?.acknowledged ?? 0,
      (sent) => sent > 0,
    );
    killed(descendants(run.child.pid!, 'worker/main.ts'));
    const { code, output } = await run.ended;

    const report = JSON.parse(output.trim().split('\n').at(-1)!);
    expect({ ...report, said: code === 0 ? '' : run.said() }).toMatchObject({
      generated: events,
      acknowledged: events,
      inStream: events,
      inS3: events,
      inAthena: events,
      lost: 0,
      duplicates: 0,
      windowsWrong: 0,
      leftovers: 0,
      said: '',
    });
    expect(code).toBe(0);

    const kept = join(cwd, 'kept');
    const raw = lakeRecords<GameEvent>(kept, 'events');
    const played = raw.filter(({ event_type }) => event_type !== 'heartbeat');
    const byId = new Map(played.map((event) => [event.event_id, event]));
    const [first] = byId.keys();
    const game = gameOf(parseSpec({ generator: { seed } }), first!.split('-')[0]!);
    for (let lane = 0; lane < game.lanes; lane++) {
      const lines = laneOf(game, lane);
      for (let i = 0; i < laneTotal(lane, game.lanes, events); i++) {
        const { event_time: _, ...wanted } = JSON.parse(lines.next(0)) as GameEvent;
        expect(byId.get(`${game.run}-${lane}-${i}`)).toMatchObject(wanted);
      }
    }
    expect(byId.size).toBe(events);
    // Heartbeats go on while the copies are made.
    const idsOf = (rows: GameEvent[]) => new Set(rows.filter(({ event_type: type }) => type !== 'heartbeat').map(({ event_id: id }) => id));
    expect(idsOf(streamRecords<GameEvent>(kept, 'data2dashboard'))).toEqual(idsOf(raw));

    const { players, teams } = metricsOf(raw, 10, lakeRecords<{ event_id: string }>(kept, 'late_events'));
    expect(delivered(lakeRecords<MetricRow>(kept, 'player_metrics'))).toEqual(players);
    expect(delivered(lakeRecords<MetricRow>(kept, 'team_metrics'))).toEqual(teams);
    expect(report.windowsChecked).toBeGreaterThan(players.length + teams.length);
    const kills = [...byId.values()].filter(({ event_type }) => event_type === 'kill').length;
    expect([report.killsGenerated, report.killsOnDashboard]).toEqual([kills, kills]);
  });

  it('goes on after a stop with the same pipeline and data, heals a killed part, pauses, and leaves no process behind when killed itself', async () => {
    const first = begin();
    await first.says('Ready in');
    const before = (await d2d(cwd, 'status')).facts as unknown as Status;
    expect(before).toMatchObject({ ok: true, state: 'running', notebook: { state: 'running' } });
    const second = begin();
    expect((await second.ended).code).toBe(0);
    expect(second.said()).toContain('already runs');

    // Whoever read what it says has gone, and one Ctrl-C comes from the terminal and from npm.
    first.child.stderr!.destroy();
    first.child.kill('SIGINT');
    first.child.kill('SIGINT');
    expect((await first.ended).code).toBe(0);
    expect(descendants(first.child.pid!)).toEqual([]);

    const again = begin();
    await again.says('Ready in');
    expect(again.said()).toContain('goes on where it was');
    killed(descendants(again.child.pid!, 'local/main.ts'));
    await again.says('local AWS is back');

    const paused = await d2d(cwd, 'pause');
    expect(paused.facts).toMatchObject({ ok: true, state: 'paused', generator: { state: 'paused' } });
    const stood = (await d2d(cwd, 'status')).facts as unknown as Status;
    expect(stood.generator.acknowledged).toBe((paused.facts as unknown as Status).generator.acknowledged);
    expect(stood.generator.acknowledged).toBeGreaterThan(before.generator.acknowledged);
    expect(stood.generator.game).toEqual(before.generator.game);
    expect((await d2d(cwd, 'resume')).facts).toMatchObject({ ok: true, state: 'running' });
    const nothing = { created: 0, changed: 0, mutatingCalls: 0 };
    expect((await d2d(cwd, 'up')).facts).toMatchObject({ ok: true, ...nothing, unchanged: Object.keys(STAGES).length });
    expect(await d2d(cwd, 'plan')).toMatchObject({ code: 0, facts: { ok: true } });
    await writeFile(join(cwd, 'data2dashboard.yaml'), 'windowSeconds: 20\n');
    expect(await d2d(cwd, 'plan')).toMatchObject({ code: 1, facts: { ok: false } });
    expect(await d2d(cwd, 'up')).toMatchObject({ code: 1, facts: { ok: false, error: expect.stringContaining('windowSeconds') } });
    await rm(join(cwd, 'data2dashboard.yaml'));
    const { facts } = await d2d(cwd, 'query', 'pipeline_counts');
    expect(facts).toMatchObject({ ok: true, question: 'pipeline_counts', more: false });
    const { facts: audited } = await d2d(cwd, 'audit');
    expect(audited).toMatchObject({ ok: true, lost: 0, duplicates: 0, windowsWrong: 0, faults: [] });
    expect(await d2d(cwd, 'query', 'no_such_question')).toMatchObject({ code: 2, facts: { ok: false } });

    expect(await d2d(cwd, 'down')).toEqual({ code: 0, facts: { v: 1, ok: true, left: [], inTemporal: [] } });
    expect(await d2d(cwd, 'down')).toEqual({ code: 0, facts: { v: 1, ok: true, left: [], inTemporal: [] } });
    expect(await d2d(cwd, 'status')).toMatchObject({ code: 1, facts: { ok: false, state: 'down' } });

    const children = descendants(again.child.pid!);
    expect(children.length).toBeGreaterThan(4);
    again.child.kill('SIGKILL');
    await again.ended;
    await gone(children);
  });

  it('heeds pause, resume and down while it still comes up, and comes up again', async () => {
    const run = begin();
    await run.says('ok  Firehose');
    await until(
      async () => (await d2d(cwd, 'status')).facts as Partial<Status>,
      ({ generator }) => (generator?.acknowledged ?? 0) > 0,
    );
    const paused = (await d2d(cwd, 'pause')).facts as unknown as Status;
    expect(paused).toMatchObject({ ok: true, state: 'starting', generator: { state: 'paused' } });
    expect((await d2d(cwd, 'status')).facts).toMatchObject({ generator: { state: 'paused', acknowledged: paused.generator.acknowledged } });
    expect((await d2d(cwd, 'resume')).facts).toMatchObject({ ok: true, generator: { state: 'running' } });
    expect(await d2d(cwd, 'down')).toEqual({ code: 0, facts: { v: 1, ok: true, left: [], inTemporal: [] } });
    const up = d2d(cwd, 'up');
    await until(
      async () => (await d2d(cwd, 'status')).facts,
      ({ state }) => state === 'starting',
    );
    expect(await d2d(cwd, 'down')).toEqual({ code: 0, facts: { v: 1, ok: true, left: [], inTemporal: [] } });
    expect(await up).toMatchObject({ code: 1, facts: { ok: false } });
  });

  it('refuses a bad spec with every fault in one listing, and starts nothing', async () => {
    await writeFile(join(cwd, 'data2dashboard.yaml'), 'name: NO\nshards: 0\ngenerator: { rate: -1, speed: 3 }\n');
    const run = begin();
    expect((await run.ended).code).toBe(2);
    for (const path of ['name', 'shards', 'generator.rate', 'generator.speed']) expect(run.said()).toContain(`  ${path}: `);
  });
});

interface Status {
  generator: { acknowledged: number; game: object };
}

async function until<Value>(ask: () => Promise<Value>, isEnough: (value: Value) => boolean): Promise<void> {
  while (!isEnough(await ask())) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Resolves once none of the processes is there any more; the test's time-out bounds the waiting. */
async function gone(pids: number[]): Promise<void> {
  const isThere = (pid: number) => descendants(pid).length > 0 || alive(pid);
  while (pids.some(isThere)) await new Promise((resolve) => setTimeout(resolve, 100));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
