import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetQueryExecutionCommand, GetQueryResultsCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clients } from '../activities/aws.ts';
import { settled } from '../activities/poll.ts';
import { stageActivities } from '../activities/registry.ts';
import { statements } from '../activities/sql.ts';
import { type Local, startLocal } from '../local/start.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { QUESTIONS } from '../pipeline/schedules.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { heartbeat } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { crawl, matchFrom, metricsRows, putRows } from './lake.ts';
import { scenario, sentBy, toldApart } from './scenarios.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'questions', windowSeconds: 10 }), account: '000000000000' };
const n = names(pipeline);
/** The last full hour: within every range that is asked for. */
const HOUR_MS = 3_600_000;
const HOUR = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;
const WEEK_MS = 7 * 86_400_000;

const scene = { ...scenario('asked', 1, 1, { trouble: { late: 0.05, duplicate: 0.05 } }), base: HOUR + 3_000 };
const records = sentBy(scene, 0).map((json) => JSON.parse(json) as GameEvent);
const { onTime, late } = toldApart(scene);
const events = [...onTime, ...late];
const kills = events.filter(({ event_type: type }) => type === 'kill');
const metrics = metricsRows(onTime, late, pipeline.windowSeconds);
const copies = records.length - 1 - events.length;

let dir: string;
let local: Local;
let aws: ReturnType<typeof clients>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-questions-'));
  local = await startLocal({ dir, log: () => {} });
  aws = clients(local);
  const act = stageActivities(aws);
  for (const stage of ['bucket', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup', 'questions'] as const)
    await act[`${stage}.ensure`](pipeline);
  await put('events', 'a', [...records, heartbeat('q', 1, HOUR), heartbeat('q', 2, HOUR)]);
  for (const [table, rows] of Object.entries(metrics)) await put(table as LakeTable, 'a', rows);
  await crawl(aws, pipeline);
  await act['views.ensure'](pipeline);
}, 60_000);

afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

const tally = (of: (event: GameEvent) => string | undefined, among = kills): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const event of among) {
    const name = of(event);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
};

describe('the questions of sql/athena', () => {
  it('count what has come through', async () => {
    expect(await ask('pipeline_counts')).toEqual([
      {
        events: events.length,
        distinct_events: events.length,
        duplicates: 0,
        copies,
        kills: kills.length,
        late: late.length,
        heartbeats: 3,
      },
    ]);
    expect(await ask('kills_total')).toEqual([{ kills: kills.length, deaths: kills.length, kills_in_events: kills.length }]);
  });

  it('tell how the pipeline does, minute by minute', async () => {
    const minutes = await ask('pipeline_operations');
    const sum = (column: string) => minutes.reduce((all, row) => all + Number(row[column]), 0);
    expect({ events: sum('events'), copies: sum('copies'), late: sum('late') }).toEqual({
      events: events.length,
      copies,
      late: late.length,
    });
    for (const { events: all, late: some, late_share } of minutes) expect(late_share).toBe(Number(some) / Number(all));
    for (const column of ['seconds_since_event', 'seconds_since_window'])
      expect(Math.abs(Number(minutes[0]![column]) - (Date.now() - HOUR) / 1000)).toBeLessThan(600);
  });

  it('rank players by ratio, by deaths and by form, late events included', async () => {
    const [killed, died] = [tally(({ killer_id }) => killer_id), tally(({ victim_id }) => victim_id)];
    const ratio = await ask('player_kill_ratio');
    for (const { player_id, kills: all, deaths, kill_death_ratio } of ratio) {
      expect([all, deaths]).toEqual([killed.get(String(player_id)) ?? 0, died.get(String(player_id)) ?? 0]);
      expect(kill_death_ratio).toBe(Number(all) / Math.max(Number(deaths), 1));
    }
    const ratios = ratio.map(({ kill_death_ratio }) => Number(kill_death_ratio));
    expect(ratios).toEqual([...ratios].sort((a, b) => b - a));
    const deaths = (await ask('player_deaths')).map((row) => Number(row.deaths));
    expect(deaths).toEqual([...deaths].sort((a, b) => b - a));
    expect(deaths.reduce((sum, each) => sum + each)).toBe(kills.length);
    const form = await ask('player_form');
    const inMinute = (player: unknown, start: unknown) =>
      kills.filter(({ killer_id, event_time: time }) => {
        const since = Date.parse(`${time}Z`) - Date.parse(`${String(start).replace(' ', 'T')}Z`);
        return killer_id === player && since >= 0 && since < 60_000;
      }).length;
    expect(form.length).toBeGreaterThan(10);
    for (const { player_id, window_start, kills: best } of form) expect(best).toBeLessThanOrEqual(inMinute(player_id, window_start));
    expect(form[0]!.kills).toBe(inMinute(form[0]!.player_id, form[0]!.window_start));
  });

  it('follow the ratio of the best players over time, as a ratio of sums', async () => {
    const rows = await ask('player_ratio_over_time');
    expect(new Set(rows.map(({ player_id }) => player_id)).size).toBe(20);
    for (const row of rows) expect(row.kill_death_ratio).toBe(Number(row.kills) / Math.max(Number(row.deaths), 1));
  });

  it('lead, recommend somebody else to match with, and a weapon that is not the favourite', async () => {
    const board = await ask('leaderboard');
    const killed = tally(({ killer_id }) => killer_id);
    expect(board.map(({ kills: all }) => all)).toEqual([...killed.values()].sort((a, b) => b - a).slice(0, 20));
    expect(board.map(({ place }) => place)).toEqual(board.map((_, i) => i + 1));
    for (const { player_id, match_with, favourite_weapon, weapon_to_try } of board) {
      expect(match_with).not.toBe(player_id);
      expect(killed.has(String(match_with)) || tally(({ victim_id }) => victim_id).has(String(match_with))).toBe(true);
      const used = tally(
        ({ weapon }) => weapon,
        kills.filter(({ killer_id }) => killer_id === player_id),
      );
      expect(used.get(String(favourite_weapon))).toBe(Math.max(...used.values()));
      expect(weapon_to_try).not.toBe(favourite_weapon);
    }
    const led = metrics.leaderboards.filter(({ place }) => place === 1);
    expect(board[0]!.windows_led).toBe(led.filter(({ player_id }) => player_id === board[0]!.player_id).length);
  });

  it('compare the teams', async () => {
    const rows = await ask('team_performance');
    expect(rows.map(({ team }) => team)).toEqual(['blue', 'red']);
    const ended = events.filter(({ event_type: type }) => type === 'match_end');
    for (const { team, kills: all, deaths, kill_death_ratio, points, matches_won, matches_ended, win_share } of rows) {
      expect(all).toBe(tally(({ killer_team }) => killer_team).get(String(team)));
      expect(deaths).toBe(tally(({ victim_team }) => victim_team).get(String(team)));
      expect(kill_death_ratio).toBe(Number(all) / Number(deaths));
      const reached = events.filter((event) => event.event_type === 'objective' && event.team === team);
      expect(points).toBe(reached.reduce((sum, event) => sum + event.points!, 0));
      expect([matches_won, matches_ended]).toEqual([ended.filter(({ winner_team }) => winner_team === team).length, ended.length]);
      expect(win_share).toBe(Number(matches_won) / Number(matches_ended));
    }
  });

  it('tell how the servers do', async () => {
    const rows = await ask('server_operations');
    const counts = tally(({ server_id }) => server_id, events);
    expect(rows.map(({ server_id }) => server_id)).toEqual([...counts.keys()].sort());
    for (const { server_id, events: all, latencies, latency_p50, latency_p95 } of rows) {
      expect(all).toBe(counts.get(String(server_id)));
      const measured = events.flatMap((event) => (event.server_id === server_id && event.latency_ms ? [event.latency_ms] : []));
      expect(latencies).toBe(measured.length);
      for (const [share, most] of [
        [0.5, latency_p50],
        [0.95, latency_p95],
      ] as const)
        expect(measured.filter((ms) => ms <= Number(most || Number.POSITIVE_INFINITY)).length).toBeGreaterThanOrEqual(
          share * measured.length,
        );
    }
  });

  it('tell who comes back', async () => {
    const weekAgo = await put('events', 'week', matchFrom(HOUR - WEEK_MS, 'old'), HOUR - WEEK_MS);
    await crawl(aws, pipeline);
    const retained = await ask('retention');
    const joined = (among: GameEvent[]) =>
      new Set(among.filter(({ event_type: type }) => type === 'session_start').map(({ player_id }) => player_id));
    const [before, now] = [joined(matchFrom(HOUR - WEEK_MS, 'old')), joined(events)];
    const back = [...before].filter((player) => now.has(player)).length;
    expect(retained.map(({ days_later, players, players_first_day }) => [days_later, players, players_first_day])).toEqual([
      [0, before.size, before.size],
      [7, back, before.size],
      ...(now.size > back ? [[0, now.size - back, now.size - back]] : []),
    ]);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key: weekAgo }));
  });

  it('see the first events of their range, which lie in the object of the hour before', async () => {
    const since = HOUR - 23 * HOUR_MS;
    const [before, edge] = [matchFrom(since - 15_000, 'before').slice(0, 150), matchFrom(since, 'edge')];
    const [counted] = await ask('pipeline_counts');
    const keys = [await put('events', 'edge', [...before, ...edge.slice(0, 150)], since - HOUR_MS)];
    keys.push(await put('events', 'edge', edge.slice(150), since));
    await crawl(aws, pipeline);
    expect(await ask('pipeline_counts')).toEqual([
      expect.objectContaining({
        events: Number(counted!.events) + edge.length,
        distinct_events: Number(counted!.distinct_events) + edge.length,
      }),
    ]);
    const minutes = await ask('pipeline_operations');
    expect(minutes.reduce((sum, row) => sum + Number(row.events), 0)).toBe(Number(counted!.events) + edge.length);
    for (const Key of keys) await aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key }));
  });

  it('read nothing of what was delivered before their range', async () => {
    const bytes = async () => Object.fromEntries(await Promise.all(QUESTIONS.map(async (question) => [question, await bytesOf(question)])));
    const before = (await bytes()) as Record<string, number>;
    const old = matchFrom(HOUR - WEEK_MS, 'old');
    const tables = Object.entries({ events: old, ...metricsRows(old, [], pipeline.windowSeconds) });
    const keys = await Promise.all(tables.map(([table, rows]) => put(table as LakeTable, 'old', rows, HOUR - WEEK_MS)));
    await crawl(aws, pipeline);
    const { retention, ...after } = (await bytes()) as Record<string, number>;
    expect(retention).toBeGreaterThan(before.retention!);
    const { retention: _, ...unchanged } = before;
    expect(after).toEqual(unchanged);
    for (const Key of keys) await aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key }));
  }, 60_000);
});

describe('windows_wrong', () => {
  const newest = metrics.leaderboards
    .map(({ window_end: end }) => String(end))
    .sort()
    .at(-1)!;
  const windows = Object.entries(metrics).reduce(
    (sum, [table, rows]) => (table === 'late_events' ? sum : sum + rows.filter(({ window_end: end }) => String(end) <= newest).length),
    0,
  );
  const checked = async () => (await ask('windows_wrong'))[0];

  it('finds every window right, late events folded in', async () => {
    expect(await checked()).toEqual({ windows_checked: expect.any(Number), windows_wrong: 0 });
    expect(Number((await checked())!.windows_checked)).toBeGreaterThanOrEqual(windows);
  });

  it('compares the first windows of its range, the events of which lie in the object of the hour before', async () => {
    const since = HOUR - HOUR_MS;
    const edge = matchFrom(since, 'edge');
    const before = matchFrom(since - 15_000, 'before').slice(0, 150);
    const keys = [await put('events', 'edge', [...before, ...edge.slice(0, 150)], since - HOUR_MS)];
    keys.push(await put('events', 'edge', edge.slice(150), since));
    for (const [table, rows] of Object.entries(metricsRows([...before, ...edge], [], pipeline.windowSeconds)))
      keys.push(await put(table as LakeTable, 'edge', rows, since));
    await crawl(aws, pipeline);
    const { windows_checked, windows_wrong } = (await checked())!;
    for (const Key of keys) await aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key }));
    expect({ windows_wrong, more: Number(windows_checked) > windows }).toEqual({ windows_wrong: 0, more: true });
  });

  it('counts nothing twice when events and metrics come again, a replay with smaller rows included', async () => {
    const { player_metrics: players, team_metrics: teams } = metrics;
    await put('events', 'again', events.slice(0, 300));
    await put('player_metrics', 'again', [...players.slice(0, 20), { ...players[3]!, kills: 0, deaths: 0, kill_death_ratio: 0 }]);
    await put('team_metrics', 'again', [{ ...teams[0]!, kills: 0, deaths: 1, players: 1, points: 0, kill_death_ratio: 0 }, teams[1]!]);
    await put('late_events', 'again', metrics.late_events.slice(0, 10));
    expect(await ask('pipeline_counts')).toEqual([expect.objectContaining({ duplicates: 0, copies: copies + 300, late: late.length })]);
    expect(await checked()).toMatchObject({ windows_wrong: 0 });
  });

  const [player, team, leader, server] = [metrics.player_metrics, metrics.team_metrics, metrics.leaderboards, metrics.server_metrics].map(
    (rows) => rows[0]!,
  );
  it.each<[string, LakeTable, object[], number]>([
    ['a kill too many', 'player_metrics', [{ ...player, kills: Number(player!.kills) + 1, kill_death_ratio: 9 }], 2],
    ['a player who never was', 'player_metrics', [{ ...player, player_id: 'player-nobody' }], 1],
    ['points too many', 'team_metrics', [{ ...team, points: Number(team!.points) + 1 }], 1],
    ['a place for another player', 'leaderboards', [{ ...leader, player_id: 'player-nobody', deaths: Number(leader!.deaths) + 1 }], 1],
    ['an event too many', 'server_metrics', [{ ...server, events: Number(server!.events) + 1 }], 1],
    ['a wrong ratio beside right counts', 'player_metrics', [{ ...player, kill_death_ratio: Number(player!.kill_death_ratio) + 0.1 }], 1],
  ])('notices %s', async (_, table, rows, wrong) => {
    const Key = await put(table, 'wrong', rows);
    expect(await checked()).toMatchObject({ windows_wrong: wrong });
    await aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key }));
    expect(await checked()).toMatchObject({ windows_wrong: 0 });
  });

  it('notices a late event that was lost, and a missing row', async () => {
    const Key = await put('server_metrics', 'a', metrics.server_metrics.slice(1));
    expect(await checked()).toMatchObject({ windows_wrong: 1 });
    await put('server_metrics', 'a', metrics.server_metrics);
    const killed = metrics.late_events.findIndex(({ event_type: type }) => type === 'kill');
    await put('late_events', 'a', metrics.late_events.toSpliced(killed, 1));
    await aws.s3.send(
      new DeleteObjectCommand({ Bucket: n.bucket, Key: Key.replace('server_metrics', 'late_events').replace('a.gz', 'again.gz') }),
    );
    expect(Number((await checked())!.windows_wrong)).toBeGreaterThan(2);
    await put('late_events', 'a', metrics.late_events);
    expect(await checked()).toMatchObject({ windows_wrong: 0 });
  });
});

const put = (table: LakeTable, name: string, rows: object[], hour = HOUR) => putRows(aws, pipeline, table, name, rows, hour);

/** Runs a question to its end. */
async function execute(question: string): Promise<{ QueryExecutionId: string; bytes: number }> {
  const { text } = statements(pipeline, 'athena').find(({ name }) => name === question)!;
  const { QueryExecutionId } = await aws.athena.send(new StartQueryExecutionCommand({ QueryString: text, WorkGroup: n.workgroup }));
  const look = async () => (await aws.athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution;
  const execution = await settled(look, (seen) => seen?.Status?.State !== 'QUEUED' && seen?.Status?.State !== 'RUNNING', {
    within: 20_000,
    what: question,
  });
  expect(execution?.Status).toMatchObject({ State: 'SUCCEEDED' });
  return { QueryExecutionId: QueryExecutionId!, bytes: execution?.Statistics?.DataScannedInBytes ?? 0 };
}

const bytesOf = async (question: string): Promise<number> => (await execute(question)).bytes;

/** The rows of a question's answer, numbers as numbers. */
async function ask(question: string): Promise<Record<string, string | number>[]> {
  const { QueryExecutionId } = await execute(question);
  const { ResultSet } = await aws.athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
  const [columns = [], ...rows] = (ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue = '' }) => VarCharValue));
  return rows.map((row) =>
    Object.fromEntries(row.map((value, i) => [columns[i], value === '' || Number.isNaN(Number(value)) ? value : Number(value)])),
  );
}
