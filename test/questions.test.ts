import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { statement } from '../activities/sql.ts';
import type { LakeTable } from '../pipeline/names.ts';
import { QUESTIONS } from '../pipeline/schedules.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { DAY_MS, HOUR_MS } from '../pipeline/time.ts';
import { ASKED, askedLake, HOUR, WINDOW_SECONDS } from './asked-lake.ts';
import { matchFrom, metricsRows } from './lake.ts';

const WEEK_MS = 7 * 24 * HOUR_MS;
const { events, late, kills, copies } = ASKED;

/** What a server's row says when nobody measured a round trip. */
const NO_LATENCY = Object.fromEntries(
  Object.keys(ASKED.metrics.server_metrics[0]!)
    .filter((column) => column.startsWith('latenc'))
    .map((column) => [column, 0]),
);

/** Up to which milliseconds round trips are counted. */
const BOUNDS = [25, 50, 75, 100, 150, 200, 300, 500];

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
  lake = await askedLake();
}, 60_000);
afterAll(() => lake.close());

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
    expect(await lake.ask('pipeline_counts')).toEqual([
      {
        events: events.length,
        distinct_events: events.length,
        copies,
        kills: kills.length,
        late: late.length,
        heartbeats: 3,
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

  it('rank players by ratio, by deaths and by form, late events included', async () => {
    const [killed, died] = [tally(({ killer_id }) => killer_id), tally(({ victim_id }) => victim_id)];
    const ratio = await lake.ask('player_kill_ratio');
    for (const { player_id, kills: all, deaths, kill_death_ratio } of ratio) {
      expect([all, deaths]).toEqual([killed.get(String(player_id)) ?? 0, died.get(String(player_id)) ?? 0]);
      expect(kill_death_ratio).toBe(Number(all) / Math.max(Number(deaths), 1));
    }
    const ratios = ratio.map(({ kill_death_ratio }) => Number(kill_death_ratio));
    expect(ratios).toEqual([...ratios].sort((a, b) => b - a));
    const deaths = (await lake.ask('player_deaths')).map((row) => Number(row.deaths));
    expect(deaths).toEqual([...deaths].sort((a, b) => b - a));
    expect(deaths.reduce((sum, each) => sum + each)).toBe(kills.length);
    const form = await lake.ask('player_form');
    const inMinute = (player: unknown, start: unknown) =>
      kills.filter(({ killer_id, event_time: time }) => {
        const since = Date.parse(`${time}Z`) - Date.parse(`${String(start).replace(' ', 'T')}Z`);
        return killer_id === player && since >= 0 && since < 60_000;
      }).length;
    expect(form.length).toBeGreaterThan(10);
    const step = WINDOW_SECONDS * 1000;
    const [first, last] = [events.at(0)!, events.at(-1)!].map(({ event_time: time }) => Date.parse(`${time}Z`)) as [number, number];
    const starts: string[] = [];
    for (let at = Math.floor(first / step) * step - 60_000; at <= last; at += step) starts.push(stamped(at));
    for (const { player_id, window_start, kills: most } of form) {
      expect(most).toBe(inMinute(player_id, window_start));
      expect(most).toBe(Math.max(...starts.map((start) => inMinute(player_id, start))));
    }
  });

  it('follow the ratio of the best players over time, as a ratio of sums', async () => {
    const rows = await lake.ask('player_ratio_over_time');
    const inHours = (of: (event: GameEvent) => string | undefined) => tally((event) => `${event.event_time.slice(0, 13)} ${of(event)}`);
    const [killed, died] = [inHours(({ killer_id }) => killer_id), inHours(({ victim_id }) => victim_id)];
    expect(new Set(rows.map(({ player_id }) => player_id)).size).toBe(20);
    for (const { hour, player_id, kills: all, deaths, kill_death_ratio } of rows) {
      const key = `${String(hour).replace(' ', 'T').slice(0, 13)} ${player_id}`;
      expect([all, deaths]).toEqual([killed.get(key) ?? 0, died.get(key) ?? 0]);
      expect(kill_death_ratio).toBe(Number(all) / Math.max(Number(deaths), 1));
    }
    const most = [...tally(({ killer_id }) => killer_id).values()].sort((a, b) => b - a).slice(0, 20);
    expect(rows.reduce((sum, row) => sum + Number(row.kills), 0)).toBe(most.reduce((sum, each) => sum + each));
  });

  it('lead, recommend somebody else to match with, and a weapon that is not the favourite', async () => {
    const board = await lake.ask('leaderboard');
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
      const hardly = [...tally(({ weapon }) => weapon)].filter(
        ([weapon]) => weapon !== favourite_weapon && (used.get(weapon) ?? 0) * 10 < (killed.get(String(player_id)) ?? 0),
      );
      expect(weapon_to_try).toBe(hardly.sort(([a, some], [b, more]) => more - some || (a < b ? -1 : 1))[0]?.[0] ?? '');
    }
    const led = ASKED.leaders.filter(({ place }) => place === 1);
    expect(board[0]!.windows_led).toBe(led.filter(({ player_id }) => player_id === board[0]!.player_id).length);
  });

  it('compare the teams', async () => {
    const rows = await lake.ask('team_performance');
    expect(rows.map(({ team }) => team)).toEqual(['blue', 'red']);
    const ended = events.filter(({ event_type: type }) => type === 'match_end');
    for (const row of rows) {
      const { team, kills: all, deaths, kill_death_ratio, matches_won, matches_ended, win_share } = row;
      expect(all).toBe(tally(({ killer_team }) => killer_team).get(String(team)));
      expect(deaths).toBe(tally(({ victim_team }) => victim_team).get(String(team)));
      expect(kill_death_ratio).toBe(Number(all) / Number(deaths));
      const reached = events.filter((event) => event.event_type === 'objective' && event.team === team);
      const points = reached.reduce((sum, event) => sum + event.points!, 0);
      expect(row).toMatchObject({ objectives: reached.length, points, score: Number(all) + points });
      expect([matches_won, matches_ended]).toEqual([ended.filter(({ winner_team }) => winner_team === team).length, ended.length]);
      expect(win_share).toBe(Number(matches_won) / Number(matches_ended));
    }
  });

  it('tell how the servers do', async () => {
    const rows = await lake.ask('server_operations');
    const counts = tally(({ server_id }) => server_id, events);
    expect(rows.map(({ server_id }) => server_id)).toEqual([...counts.keys()].sort());
    for (const { server_id, events: all, latencies, ...row } of rows) {
      expect(all).toBe(counts.get(String(server_id)));
      const measured = events.flatMap((event) => (event.server_id === server_id && event.latency_ms ? [event.latency_ms] : []));
      expect(latencies).toBe(measured.length);
      const within = (share: number) => BOUNDS.find((bound) => measured.filter((ms) => ms <= bound).length >= share * measured.length);
      const told = [row.latency_p50, row.latency_p95, row.latency_p99].map((bound) => (bound ? Number(bound) : undefined));
      expect(told).toEqual([within(0.5), within(0.95), within(0.99)]);
    }
    expect(rows.every(({ latency_p50 }) => latency_p50)).toBe(true);
    const Key = await lake.put('server_metrics', 'idle', [
      { ...ASKED.metrics.server_metrics[0]!, server_id: 'server-idle', ...NO_LATENCY },
    ]);
    const idle = (await lake.ask('server_operations')).find(({ server_id }) => server_id === 'server-idle')!;
    await lake.remove(Key);
    expect([idle.latency_p50, idle.latency_p95, idle.latency_p99].filter(Boolean)).toEqual([]);
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
  }, 60_000);
});

const stamped = (time: number): string => new Date(time).toISOString().slice(0, -1);
