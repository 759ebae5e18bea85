import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { statement } from '../activities/sql.ts';
import type { LakeTable } from '../pipeline/names.ts';
import { QUESTIONS } from '../pipeline/schedules.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { DAY_MS, HOUR_MS } from '../pipeline/time.ts';
import { answersTo } from './answers.ts';
import { askedLake, HOUR, heldOf, sceneOf, WINDOW_SECONDS } from './asked-lake.ts';
import { matchFrom, metricsRows } from './lake.ts';

const WEEK_MS = 7 * 24 * HOUR_MS;
/** Of several servers and more players than a ranking has places; its two minutes lie in two hours. */
const LANES = 3;
const HELD = heldOf(sceneOf(LANES, HOUR - 57_000));
const { events, late, kills, copies, metrics } = HELD;
const ANSWERS = answersTo(events, WINDOW_SECONDS * 1000);

/** What a server's row says when nobody measured a round trip. */
const NO_LATENCY = Object.fromEntries(
  Object.keys(metrics.server_metrics[0]!)
    .filter((column) => column.startsWith('latenc'))
    .map((column) => [column, 0]),
);

it('metrics are compared once what was held back on purpose has come, too', () => {
  const until = (late: number) =>
    statement({ ...parseSpec({ generator: { trouble: { late } } }), account: '000000000000' }, 'athena/windows_wrong.sql').match(
      /<= CAST\(current_timestamp - INTERVAL '(\d+)' SECOND/,
    )![1];
  expect(Number(until(0.1)) - Number(until(0))).toBe(120);
});

it('retention is of cohorts that the lake tells from those who came before', () => {
  const days = (lakeDays: number) => {
    const text = statement({ ...parseSpec({ keep: { lakeDays } }), account: '000000000000' }, 'athena/retention.sql');
    return Number(text.match(/first_day >= CAST\(date_trunc\('day', current_timestamp - INTERVAL '(\d+)' HOUR/)![1]) / 24;
  };
  expect([365, 60, 31, 7, 1].map(days)).toEqual([30, 30, 15, 3, 0]);
});

it('a question scans the events no oftener than it has to: Athena reads a table anew for each reference to it', () => {
  const scansOf = (question: string, view: string) => {
    const text = readFileSync(new URL(`../sql/athena/${question}.sql`, import.meta.url), 'utf8');
    const named = [...text.matchAll(/^(?:WITH )?(\w+) AS \(\n(.*?)^\)/gms)].map(([, name = '', body = '']) => ({ name, body }));
    const times = (body: string, what: string) => body.match(new RegExp(what, 'g'))?.length ?? 0;
    const scans = (body: string): number =>
      named.reduce(
        (sum, { name, body: inner }) => {
          const uses = times(body, `(FROM|JOIN) ${name}\\b`);
          return uses === 0 ? sum : sum + uses * scans(inner);
        },
        times(body, `\\.${view}}`),
      );
    return scans(text.slice(text.lastIndexOf('\n)\nSELECT') + 1));
  };
  expect(scansOf('retention', 'player_days')).toBe(1);
  expect(scansOf('windows_wrong', 'game_events')).toBe(7);
});

let lake: Awaited<ReturnType<typeof askedLake>>;
beforeAll(async () => {
  lake = await askedLake(WINDOW_SECONDS, HELD);
});
afterAll(() => lake.close());

describe('the questions of sql/athena', () => {
  it('count what has come through', async () => {
    expect(await lake.ask('pipeline_counts')).toEqual([
      {
        events: events.length,
        distinct_events: events.length,
        copies,
        kills: kills.length,
        late: late.length,
        heartbeats: LANES + 2,
      },
    ]);
    expect(await lake.ask('kills_total')).toEqual([{ kills: kills.length, deaths: kills.length, kills_in_events: kills.length }]);
  });

  it('tell how the pipeline does, minute by minute', async () => {
    const minutes = await lake.ask('pipeline_operations');
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

  it('are asked of more than a ranking has places for', () => {
    // One of the twenty plays in the first hour only.
    expect(Object.fromEntries(Object.entries(ANSWERS).map(([question, rows]) => [question, rows.length]))).toEqual({
      ...{ player_kill_ratio: 50, player_deaths: 50, player_form: 50, player_ratio_over_time: 39, leaderboard: 20 },
      ...{ team_performance: 2, server_operations: LANES },
    });
    expect(new Set(kills.flatMap(({ killer_id, victim_id }) => [killer_id, victim_id])).size).toBeGreaterThan(50);
  });

  it.each(Object.entries(ANSWERS))('are answered as the raw events have it, row by row: %s', async (question, rows) => {
    expect(await lake.ask(question)).toEqual(rows);
  });

  it('give no percentile of a server where nobody measured a round trip, or each took longer than is told apart', async () => {
    const { server_metrics: [row] = [] } = metrics;
    const servers = [
      { ...row, ...NO_LATENCY, server_id: 'server-idle' },
      { ...row, ...NO_LATENCY, server_id: 'server-slow', latencies: 5 },
    ];
    const Key = await lake.put('server_metrics', 'none', servers);
    const rows = (await lake.ask('server_operations')).filter(({ server_id }) =>
      ['server-idle', 'server-slow'].includes(String(server_id)),
    );
    await lake.remove(Key);
    const none = { latency_p50: '', latency_p95: '', latency_p99: '' };
    expect(rows).toMatchObject([
      { latencies: 0, ...none },
      { latencies: 5, ...none },
    ]);
  });

  it('tell who comes back, and take nobody for new who came the month before', async () => {
    const weekAgo = matchFrom(HOUR - WEEK_MS, 'old');
    const started = weekAgo.filter(({ event_type: type }) => type === 'session_start');
    // The first day of the month counts from its beginning.
    const monthAgo = Math.floor(Date.now() / DAY_MS) * DAY_MS - 30 * DAY_MS;
    const visits: [string, number, GameEvent[]][] = [
      ['week', HOUR - WEEK_MS, weekAgo],
      ['month', monthAgo, started.slice(0, 3).map((event, i) => ({ ...event, event_id: `m-${i}`, event_time: stamped(monthAgo) }))],
      [
        'more',
        HOUR - 40 * DAY_MS,
        started.slice(3, 8).map((event, i) => ({ ...event, event_id: `o-${i}`, event_time: stamped(HOUR - 40 * DAY_MS) })),
      ],
    ];
    const keys = await Promise.all(visits.map(([name, hour, rows]) => lake.put('events', name, rows, hour)));
    await lake.crawl();
    const days = new Map<string, Set<number>>();
    for (const { event_type: type, player_id: player, event_time: time } of [...events, ...visits.flatMap(([, , rows]) => rows)])
      if (type === 'session_start') days.set(player!, (days.get(player!) ?? new Set()).add(Math.floor(Date.parse(`${time}Z`) / DAY_MS)));
    const wanted = new Map<string, number>();
    for (const seen of days.values()) {
      const first = Math.min(...seen);
      if (first * DAY_MS < monthAgo) continue;
      for (const day of seen) wanted.set(`${first} ${day - first}`, (wanted.get(`${first} ${day - first}`) ?? 0) + 1);
    }
    const retained = await lake.ask('retention');
    const found = retained.map(({ first_day, days_later, players, players_first_day, retained: share }) => {
      const first = Date.parse(`${String(first_day).slice(0, 10)}Z`) / DAY_MS;
      expect([players_first_day, share]).toEqual([wanted.get(`${first} 0`), Number(players) / Number(players_first_day)]);
      return [`${first} ${days_later}`, players];
    });
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
    expect(wanted.get(`${monthAgo / DAY_MS} 0`)).toBe(3);
    await lake.remove(...keys);
  });

  it('see the first events of their range, which lie in the object of the hour before', async () => {
    const since = HOUR - 23 * HOUR_MS;
    const [before, edge] = [matchFrom(since - 15_000, 'before').slice(0, 150), matchFrom(since, 'edge')];
    const [counted] = await lake.ask('pipeline_counts');
    const keys = [await lake.put('events', 'edge', [...before, ...edge.slice(0, 150)], since - HOUR_MS)];
    keys.push(await lake.put('events', 'edge', edge.slice(150), since));
    await lake.crawl();
    expect(await lake.ask('pipeline_counts')).toEqual([
      expect.objectContaining({
        events: Number(counted!.events) + edge.length,
        distinct_events: Number(counted!.distinct_events) + edge.length,
      }),
    ]);
    const minutes = await lake.ask('pipeline_operations');
    expect(minutes.reduce((sum, row) => sum + Number(row.events), 0)).toBe(Number(counted!.events) + edge.length);
    await lake.remove(...keys);
  });

  it('read nothing of what was delivered before their range', async () => {
    const bytes = async () =>
      Object.fromEntries(await Promise.all(QUESTIONS.map(async (question) => [question, await lake.bytesOf(question)])));
    const before = (await bytes()) as Record<string, number>;
    const old = matchFrom(HOUR - WEEK_MS, 'old');
    const tables = Object.entries({ events: old, ...metricsRows(old, [], WINDOW_SECONDS) });
    const keys = await Promise.all(tables.map(([table, rows]) => lake.put(table as LakeTable, 'old', rows, HOUR - WEEK_MS)));
    await lake.crawl();
    const { retention, ...after } = (await bytes()) as Record<string, number>;
    expect(retention).toBeGreaterThan(before.retention!);
    const { retention: _, ...unchanged } = before;
    expect(after).toEqual(unchanged);
    await lake.remove(...keys);
  });
});

const stamped = (time: number): string => new Date(time).toISOString().slice(0, -1);
