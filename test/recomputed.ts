import type { GameEvent } from '../pipeline/schema.ts';

/** A row of a metrics stream, whatever its table. */
export type Row = Record<string, string | number>;
/** Rows by what identifies them in their table. */
export type Rows = Map<string, Row>;

/** What is asked of every scene: each is a kind of row in one of the metrics streams. */
export const ASKED = ['players', 'sliding players', 'teams', 'leaderboards', 'servers', 'late events'] as const;
export type Asked = (typeof ASKED)[number];

const SLIDING_MS = 60_000;
const BEST = 10;
const LATENCIES = [25, 50, 75, 100, 150, 200, 300, 500];
const OTHER: Record<string, string> = { red: 'blue', blue: 'red' };

/** The rows that a stream of events asks for, told by other means than SQL: `onTime` counts in windows, `late` is told apart. Heartbeats are among neither's counts. */
export function recomputed(onTime: GameEvent[], late: GameEvent[], window: number): Record<Asked, Rows> {
  const counted = onTime.filter(({ event_type: type }) => type !== 'heartbeat');
  const players = playerRows(counted, window, window);
  return {
    players,
    'sliding players': playerRows(counted, Math.ceil(SLIDING_MS / window) * window, window),
    teams: teamRows(counted, window),
    leaderboards: leaders(counted, window),
    servers: serverRows(counted, window),
    'late events': new Map(late.map((event) => [event.event_id, lateRow(event)])),
  };
}

/** What identifies a row: of two with the same, one is the other's copy. */
export const keyOf = (row: Row): string =>
  String(
    row.event_id ??
      [row.window_start, row.window_end, row.place, row.place === undefined ? row.player_id : '', row.team, row.server_id].join(' '),
  );

function playerRows(events: GameEvent[], size: number, slide: number): Rows {
  const rows: Rows = new Map();
  for (const event of events) {
    if (event.event_type !== 'kill') continue;
    for (const start of startsOf(event, size, slide)) {
      const row = (player_id: string, team: string) =>
        rowOf(rows, { ...spanOf(start, size), player_id, team, kills: 0, deaths: 0, assists: 0, kill_death_ratio: 0 });
      add(row(event.killer_id!, event.killer_team!), 'kills');
      add(row(event.victim_id!, event.victim_team!), 'deaths');
      if (event.assist_id !== undefined) add(row(event.assist_id, event.killer_team!), 'assists');
    }
  }
  return withRatios(rows);
}

function teamRows(events: GameEvent[], window: number): Rows {
  const rows: Rows = new Map();
  const players = new Map<Row, Set<string>>();
  for (const event of events) {
    const [start = 0] = startsOf(event, window, window);
    const row = (team: string, player?: string) => {
      const counts = { kills: 0, deaths: 0, assists: 0, players: 0, objectives: 0, points: 0, matches_won: 0, matches_ended: 0 };
      const found = rowOf(rows, { ...spanOf(start, window), team, ...counts, kill_death_ratio: 0 });
      const seen = players.get(found) ?? new Set();
      players.set(found, player === undefined ? seen : seen.add(player));
      found.players = players.get(found)!.size;
      return found;
    };
    if (event.event_type === 'kill') {
      add(row(event.killer_team!, event.killer_id), 'kills');
      add(row(event.victim_team!, event.victim_id), 'deaths');
      if (event.assist_id !== undefined) add(row(event.killer_team!, event.assist_id), 'assists');
    }
    if (event.event_type === 'objective') {
      const reached = row(event.team!, event.player_id);
      add(reached, 'objectives');
      add(reached, 'points', event.points);
    }
    if (event.event_type === 'match_end') {
      add(row(event.winner_team!), 'matches_won');
      for (const team of [event.winner_team!, OTHER[event.winner_team!]!]) add(row(team), 'matches_ended');
    }
  }
  return withRatios(rows);
}

/** Players are ranked by all that they did in a window, for whichever teams. */
function leaders(events: GameEvent[], window: number): Rows {
  const ofNoTeam = events.map((event) => ({ ...event, killer_team: '', victim_team: '' }));
  const players = [...playerRows(ofNoTeam, window, window).values()];
  const windows = new Set(players.map(({ window_start: start }) => start));
  const byWindow = [...windows].map((start) => players.filter((row) => row.window_start === start));
  const order = (a: Row, b: Row) =>
    Number(b.kills) - Number(a.kills) ||
    Number(a.deaths) - Number(b.deaths) ||
    Number(b.assists) - Number(a.assists) ||
    text(a.player_id, b.player_id);
  const best = byWindow.flatMap((rows) =>
    rows
      .sort(order)
      .slice(0, BEST)
      .map((row, i) => ({ ...row, place: i + 1 })),
  );
  return new Map(best.map(({ kill_death_ratio: _, team: __, ...row }: Row): [string, Row] => [keyOf(row), row]));
}

function serverRows(events: GameEvent[], window: number): Rows {
  const rows: Rows = new Map();
  const online = new Map<Row, Set<string>>();
  for (const event of events) {
    const [start = 0] = startsOf(event, window, window);
    const none = Object.fromEntries(
      ['events', 'players', 'latencies', ...LATENCIES.map((most) => `latency_${most}`)].map((name) => [name, 0]),
    );
    const row = rowOf(rows, { ...spanOf(start, window), server_id: event.server_id, ...none });
    const seen = online.get(row) ?? new Set<string>();
    for (const player of [event.killer_id, event.victim_id, event.assist_id, event.player_id]) if (player !== undefined) seen.add(player);
    online.set(row, seen);
    add(row, 'events');
    row.players = seen.size;
    if (event.event_type !== 'telemetry') continue;
    add(row, 'latencies');
    for (const most of LATENCIES) if (event.latency_ms! <= most) add(row, `latency_${most}`);
  }
  return rows;
}

/** A late event as it is delivered: what its type does not carry is empty. */
function lateRow(event: GameEvent): Row {
  const texts = [
    'server_id',
    'killer_id',
    'killer_team',
    'victim_id',
    'victim_team',
    'assist_id',
    'player_id',
    'team',
    'winner_team',
  ] as const;
  return {
    event_id: event.event_id,
    event_type: event.event_type,
    event_time: written(event.event_time),
    ...Object.fromEntries(texts.map((name) => [name, event[name] ?? ''])),
    points: event.points ?? 0,
    latency_ms: event.latency_ms ?? 0,
  };
}

/** The starts of the windows that an event lies in. */
function startsOf({ event_time: time }: GameEvent, size: number, slide: number): number[] {
  const at = Date.parse(`${time}Z`);
  const last = Math.floor(at / slide) * slide;
  return Array.from({ length: size / slide }, (_, i) => last - i * slide);
}

const spanOf = (start: number, size: number) => ({ window_start: stamp(start), window_end: stamp(start + size) });

/** As Flink writes a time of whole seconds. */
export const stamp = (time: number): string => new Date(time).toISOString().slice(0, 19);

/** A time as Flink writes it: without zeros at the end. */
const written = (time: string): string => time.replace(/\.?0*$/, '');

/** The row of that key: the one there is, or this. */
function rowOf(rows: Rows, empty: Row): Row {
  const key = keyOf(empty);
  const row = rows.get(key) ?? empty;
  rows.set(key, row);
  return row;
}

function add(row: Row, column: string, by = 1): void {
  row[column] = Number(row[column]) + by;
}

function withRatios(rows: Rows): Rows {
  for (const row of rows.values()) row.kill_death_ratio = Number(row.kills) / Math.max(Number(row.deaths), 1);
  return rows;
}

const text = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0);
