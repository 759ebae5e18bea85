import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LakeTable } from '../pipeline/names.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { ASKED, askedLake, HOUR, WINDOW_SECONDS } from './asked-lake.ts';
import { matchFrom, metricsRows } from './lake.ts';

const { events, kills, late, copies, metrics } = ASKED;

let lake: Awaited<ReturnType<typeof askedLake>>;
beforeAll(async () => {
  lake = await askedLake();
});
afterAll(() => lake.close());

describe('windows_wrong', () => {
  const newest = metrics.leaderboards
    .map(({ window_end: end }) => String(end))
    .sort()
    .at(-1)!;
  const windows = Object.entries(metrics).reduce(
    (sum, [table, rows]) => (table === 'late_events' ? sum : sum + rows.filter(({ window_end: end }) => String(end) <= newest).length),
    0,
  );
  const checked = async () => (await lake.ask('windows_wrong'))[0];

  it('finds every window right, late events folded in', async () => {
    expect(await checked()).toEqual({
      ...{ windows_checked: expect.any(Number), windows_wrong: 0, worst: '' },
      ...{ compared_until: `${newest.replace('T', ' ')}.000`, outstanding_since: '' },
    });
    expect(Number((await checked())!.windows_checked)).toBeGreaterThanOrEqual(windows);
  });

  // Windows of 7 seconds divide no hour: the range begins within one.
  it.each([WINDOW_SECONDS, 7])(
    'compares the first windows (of %i s) of its range, the events of which lie in the object of the hour before',
    async (seconds) => {
      const lake = await askedLake(seconds);
      const ask = async () => (await lake.ask('windows_wrong'))[0]!;
      const { windows_checked: without } = await ask();
      const since = HOUR - HOUR_MS;
      const edge = matchFrom(since, 'edge');
      const before = matchFrom(since - 15_000, 'before').slice(0, 150);
      await lake.put('events', 'edge', [...before, ...edge.slice(0, 150)], since - HOUR_MS);
      await lake.put('events', 'edge', edge.slice(150), since);
      for (const [table, rows] of Object.entries(metricsRows([...before, ...edge], [], seconds)))
        await lake.put(table as LakeTable, 'edge', rows, since);
      await lake.crawl();
      const { windows_checked, windows_wrong } = await ask();
      await lake.close();
      expect({ windows_wrong, more: Number(windows_checked) > Number(without) }).toEqual({ windows_wrong: 0, more: true });
    },
  );

  it('counts nothing twice when events and metrics come again, a replay with smaller rows included', async () => {
    const { player_metrics: players, team_metrics: teams } = metrics;
    await lake.put('events', 'again', events.slice(0, 300));
    await lake.put('player_metrics', 'again', [...players.slice(0, 20), { ...players[3]!, kills: 0, deaths: 0, kill_death_ratio: 0 }]);
    await lake.put('team_metrics', 'again', [
      { ...teams[0]!, kills: 0, deaths: 1, players: 1, objectives: 0, points: 0, kill_death_ratio: 0 },
      teams[1]!,
    ]);
    await lake.put('late_events', 'again', metrics.late_events.slice(0, 10));
    expect(await lake.ask('pipeline_counts')).toEqual([
      expect.objectContaining({ events: events.length, distinct_events: events.length, copies: copies + 300, late: late.length }),
    ]);
    expect(await checked()).toMatchObject({ windows_wrong: 0 });
  });

  it('takes the board of a window as a whole when a replay that began inside the window made another', async () => {
    const windowOf = ({ event_time: time }: GameEvent) => Math.floor(Date.parse(`${time}Z`) / (WINDOW_SECONDS * 1000));
    const onTime = kills.filter((event) => !late.includes(event));
    const byWindow = [...new Set(onTime.map(windowOf))].map((window) => onTime.filter((event) => windowOf(event) === window));
    for (const lost of [1, 2, 3, 5, 8]) {
      const rest = byWindow.flatMap((all) => all.slice(lost));
      const replayed = metricsRows(rest, [], WINDOW_SECONDS);
      await lake.put('leaderboards', 'partial', replayed.leaderboards);
      await lake.put('player_metrics', 'partial', replayed.player_metrics);
      expect({ lost, ...(await checked()) }).toMatchObject({ lost, windows_wrong: 0 });
    }
    await lake.remove(...(await Promise.all((['leaderboards', 'player_metrics'] as const).map((table) => lake.put(table, 'partial', [])))));
  });

  const [team, leader, server] = [metrics.team_metrics, metrics.leaderboards, metrics.server_metrics].map((rows) => rows[0]!);
  const last = metrics.leaderboards.find(({ place }) => place === 10);
  const player = metrics.player_metrics.find(
    ({ window_end: end, player_id: id, window_start: start }) =>
      end === last!.window_end && start === last!.window_start && id === last!.player_id,
  );
  it.each<[string, LakeTable, object[], number]>([
    // With him goes the place that he had by right on time; with what came late he is ninth, and moves up to be fourth.
    ['a kill too many', 'player_metrics', [{ ...player, kills: Number(player!.kills) + 1, kill_death_ratio: 9 }], 3 + 6],
    ['a player who never was', 'player_metrics', [{ ...player, player_id: 'player-nobody' }], 1],
    ['an objective too many', 'team_metrics', [{ ...team, objectives: Number(team!.objectives) + 1 }], 1],
    ['points too many', 'team_metrics', [{ ...team, points: Number(team!.points) + 1 }], 1],
    ['a player too many', 'team_metrics', [{ ...team, players: Number(team!.players) + 1 }], 1],
    // All behind him are in the wrong place then.
    ['a place for another player', 'leaderboards', [{ ...leader, player_id: 'player-nobody', deaths: Number(leader!.deaths) + 1 }], 9],
    ['an event too many', 'server_metrics', [{ ...server, events: Number(server!.events) + 1 }], 1],
    ['a wrong ratio beside right counts', 'player_metrics', [{ ...player, kill_death_ratio: Number(player!.kill_death_ratio) + 0.1 }], 1],
  ])('notices %s', async (_, table, rows, wrong) => {
    const Key = await lake.put(table, 'wrong', rows);
    expect(await checked()).toMatchObject({ windows_wrong: wrong });
    await lake.remove(Key);
    expect(await checked()).toMatchObject({ windows_wrong: 0 });
  });

  it('names the worst windows, and what is wrong with them', async () => {
    // The first of the rows have come twice.
    const [at, rows] = [30, metrics.player_metrics];
    const one = rows[at]!;
    const name = `player ${one.player_id} ${one.team} of ${String(one.window_start).slice(0, 19).replace('T', ' ')}`;
    await lake.put('player_metrics', 'a', rows.toSpliced(at, 1));
    expect((await checked())!.worst).toContain(`${name} is missing`);
    await lake.put('player_metrics', 'a', rows.with(at, { ...one, kills: 99, kill_death_ratio: 99 }));
    const rest = `${one.deaths}/${one.assists}`;
    expect(String((await checked())!.worst).split('; ')).toContain(`${name} is 99/${rest} and by the events ${one.kills}/${rest}`);
    await lake.put('player_metrics', 'a', rows);
    const Key = await lake.put('player_metrics', 'wrong', [{ ...one, player_id: 'player-nobody' }]);
    expect((await checked())!.worst).toMatch(/^player player-nobody \w+ of [-0-9]+ [:0-9]+ is of no event$/);
    await lake.remove(Key);
  });

  describe('while the SQL stands still', () => {
    const ends = [...new Set(metrics.leaderboards.map(({ window_end: end }) => String(end)))].sort();
    const put = (table: LakeTable, rows: object[]) => lake.put(table, 'a', rows);
    /** All that has come of a table when its last rows are of the window that ends then. */
    const upTo = (table: keyof typeof metrics, end: string) => metrics[table].filter(({ window_end: each }) => String(each) <= end);
    const restored = async () => {
      for (const [table, rows] of Object.entries(metrics)) await put(table as LakeTable, rows);
    };
    const SQL = ['player_metrics', 'team_metrics', 'leaderboards', 'server_metrics'] as const;

    it('calls the windows since then outstanding, not wrong, and compares those that have surely come out whole', async () => {
      const last = ends.at(-4)!;
      for (const table of SQL) await put(table, upTo(table, last));
      // Of its last windows only a part has come out.
      await put(
        'player_metrics',
        upTo('player_metrics', last).filter(({ window_end: end }, i) => String(end) <= ends.at(-6)! || i % 2 === 0),
      );
      const { windows_wrong, windows_checked, compared_until, outstanding_since } = (await checked())!;
      expect({ windows_wrong, worst: (await checked())!.worst }).toEqual({ windows_wrong: 0, worst: '' });
      expect(Number(windows_checked)).toBeGreaterThan(0);
      expect(utc(outstanding_since)).toBe(utc(ends.at(-3)!));
      expect(utc(compared_until)).toBe(utc(last) - 60_000);
      await restored();
    });

    it('does not excuse what is wrong before, nor a hole in what has come', async () => {
      const last = ends.at(-2)!;
      for (const table of SQL) await put(table, upTo(table, last));
      await put('team_metrics', upTo('team_metrics', last).slice(1));
      expect(await checked()).toMatchObject({ windows_wrong: 1 });
      await put('team_metrics', upTo('team_metrics', last));
      await put(
        'server_metrics',
        upTo('server_metrics', last).filter(({ window_end: end }) => String(end) !== ends[1]),
      );
      expect(await checked()).toMatchObject({
        windows_wrong: 1,
        worst: expect.stringMatching(/^server \S+ of [-0-9]+ [:0-9]+ (is missing|is [0-9/]+ and by the events [0-9/]+)$/),
      });
      await restored();
    });

    it('knows it of one table, too, and of one of which nothing has come', async () => {
      await put('leaderboards', upTo('leaderboards', ends.at(-3)!));
      expect(utc((await checked())!.outstanding_since)).toBe(utc(ends.at(-2)!));
      await put('leaderboards', []);
      const { windows_checked, windows_wrong, outstanding_since } = (await checked())!;
      expect([windows_checked, windows_wrong, utc(outstanding_since)]).toEqual([0, 0, utc(ends[0]!)]);
      await restored();
      expect(await checked()).toMatchObject({ windows_wrong: 0, outstanding_since: '' });
    });
  });

  it('notices a late event that was lost, and a missing row', async () => {
    const Key = await lake.put('server_metrics', 'a', metrics.server_metrics.slice(1));
    expect(await checked()).toMatchObject({ windows_wrong: 1 });
    await lake.put('server_metrics', 'a', metrics.server_metrics);
    const killed = metrics.late_events.findIndex(({ event_type: type }) => type === 'kill');
    await lake.put('late_events', 'a', metrics.late_events.toSpliced(killed, 1));
    await lake.remove(Key.replace('server_metrics', 'late_events').replace('a.gz', 'again.gz'));
    expect(Number((await checked())!.windows_wrong)).toBeGreaterThan(2);
    await lake.put('late_events', 'a', metrics.late_events);
    expect(await checked()).toMatchObject({ windows_wrong: 0 });
  });
});

const utc = (time: string | number | undefined): number => Date.parse(`${String(time).replace(' ', 'T')}Z`);
