import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LakeTable } from '../pipeline/names.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { ASKED, askedLake, HOUR, WINDOW_SECONDS } from './asked-lake.ts';
import { metricsRows } from './lake.ts';
import { type Row, recomputed, stamp } from './recomputed.ts';

const [START, SERVER] = [HOUR + 30_000, 'server-of-none'];
const window = stamp(START);
const inWindow = ({ window_start: start }: Row) => start === window;
const [first, second] = ASKED.leaders.filter(inWindow) as [Row, Row];
const template = ASKED.kills.find(({ assist_id }) => assist_id !== undefined)!;
const at = { event_time: `${stamp(START + 5_000)}.250` };

/** A kill in the window that comes after it has closed; nobody assists. */
const kill = (number: number, more: Partial<GameEvent>): GameEvent => {
  const { assist_id: _, ...event } = template;
  return { ...event, ...at, event_id: `late-0-${number}`, ...more };
};
const EMPTY = HOUR + 3_000_000;
const objective = ASKED.events.find(({ event_type: type }) => type === 'objective')!;
/** A team for which the leader, who is there on time, does not play. */
const otherTeam = ASKED.kills.find(({ killer_id: killer }) => killer === first.player_id)!.killer_team === 'red' ? 'blue' : 'red';
/**
 * Late events of one window: the runner-up overtakes the leader; somebody kills twice, somebody helps, reaches an objective, measures a round trip whom nothing on time
 * shows; and the leader, who is there on time, reaches an objective for another team on another server. And a kill in a window of which there is nothing else.
 */
const added: GameEvent[] = [
  ...Array.from({ length: Number(first.kills) - Number(second.kills) + 1 }, (_, i) => kill(i, { killer_id: String(second.player_id) })),
  ...[100, 101].map((number) => kill(number, { killer_id: 'player-killer', assist_id: 'player-helper' })),
  {
    ...objective,
    ...{ ...at, event_id: 'late-0-200', player_id: 'player-objective', server_id: SERVER },
  },
  { ...ASKED.events.find(({ event_type: type }) => type === 'telemetry')!, ...at, event_id: 'late-0-300', player_id: 'player-phone' },
  { ...objective, ...at, event_id: 'late-0-400', player_id: String(first.player_id), team: otherTeam, server_id: `${SERVER}-too` },
  kill(500, { event_time: `${stamp(EMPTY + 5_000)}.250` }),
];
const WINDOW_MS = WINDOW_SECONDS * 1000;
const wanted = recomputed([...ASKED.events, ...added], [], WINDOW_MS);
const onTime = recomputed(
  ASKED.events.filter((event) => !ASKED.late.includes(event)),
  [],
  WINDOW_MS,
);

let lake: Awaited<ReturnType<typeof askedLake>>;
beforeAll(async () => {
  lake = await askedLake();
  await lake.put('events', 'late', added);
  // And once more, as whoever delivers at least once does.
  await lake.put('events', 'again', added.slice(-3));
  for (const [table, rows] of Object.entries(metricsRows([], added, WINDOW_SECONDS))) await lake.put(table as LakeTable, 'late', rows);
});
afterAll(() => lake.close());

/** Rows without what tells their order, and times as Flink writes them. */
const compared = (rows: Iterable<Row>): string[] =>
  Array.from(rows, ({ ...row }) => {
    for (const column of ['window_start', 'window_end'])
      row[column] = String(row[column])
        .replace(' ', 'T')
        .replace(/\.000$/, '');
    return JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
  }).sort();

const selected = (view: string) => lake.rows(`SELECT * FROM ${lake.database}.${view}`);

describe('what comes late', () => {
  it('changes who leads, and who was there', () => {
    const leads = ({ leaderboards }: typeof wanted) =>
      [...leaderboards.values()].find((row) => inWindow(row) && row.place === 1)!.player_id;
    expect([leads(onTime), leads(wanted)]).toEqual([first.player_id, second.player_id]);
    for (const asked of ['teams', 'servers'] as const) {
      const players = (rows: typeof wanted) =>
        [...rows[asked].values()].filter(inWindow).reduce((sum, row) => sum + Number(row.players), 0);
      expect(players(wanted)).toBeGreaterThan(players(onTime));
    }
  });

  it.each([
    ['player_windows', 'players'],
    ['player_trends', 'sliding players'],
    ['team_windows', 'teams'],
    ['server_windows', 'servers'],
    ['window_leaders', 'leaderboards'],
  ] as const)('is in every figure of %s', async (view, asked) => {
    expect(compared(await selected(view))).toEqual(compared(wanted[asked].values()));
  });

  it('is in the scores of teams, which tell apart who was seen on time', async () => {
    const rows = await selected('team_scores');
    const seen = new Map([...onTime.teams.values()].map((row) => [`${row.window_start} ${row.team}`, row.players!]));
    const expected = [...wanted.teams.values()].map(({ players: _, ...row }) => ({
      ...row,
      players_on_time: seen.get(`${row.window_start} ${row.team}`) ?? 0,
    }));
    expect(compared(rows)).toEqual(compared(expected));
  });

  it('is in no figure of leaders_on_time', async () => {
    expect(compared(await selected('leaders_on_time'))).toEqual(compared(onTime.leaderboards.values()));
  });

  it('is no wrong window', async () => {
    expect(await lake.ask('windows_wrong')).toMatchObject([{ windows_wrong: 0, worst: '' }]);
  });

  it('is wrong where nobody says that it came late', async () => {
    const { late_events: rows } = metricsRows([], added, WINDOW_SECONDS);
    await lake.put(
      'late_events',
      'late',
      rows.filter(({ event_type: type }) => type !== 'objective'),
    );
    // Two objectives, each of a team and of the server on which they were reached.
    expect(await lake.ask('windows_wrong')).toMatchObject([{ windows_wrong: 4 }]);
    await lake.put('late_events', 'late', rows);
  });

  it('is of nobody where it has no server', async () => {
    const { server_id: _, ...nowhere } = kill(600, { killer_id: 'player-nowhere' });
    await lake.put('events', 'nowhere', [nowhere]);
    const { late_events: rows } = metricsRows([], [{ ...nowhere, server_id: '' }], WINDOW_SECONDS);
    await lake.put('late_events', 'nowhere', rows);
    const servers = await selected('server_windows');
    expect(servers.filter(({ server_id: server }) => server === '').map(({ events, players }) => [events, players])).toEqual([[1, 0]]);
  });
});
