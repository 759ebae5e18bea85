import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { GameEvent } from '../pipeline/schema.ts';

/** One row of metrics, whoever computed it. */
export type Metric = { key: string; kills: number; deaths: number; ratio: number };

const lines = (text: string) => text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
const filesBelow = (dir: string) =>
  (readdirSync(dir, { recursive: true, withFileTypes: true }) as { isFile(): boolean; name: string; parentPath: string }[]).flatMap(
    (entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []),
  );

/** The records of a table of the lake, as they lie in the copies that `--keep` made: real GZIP below dated paths. */
export const lakeRecords = <Row>(kept: string, table: string): Row[] =>
  filesBelow(join(kept, 's3', 'lake', table)).flatMap((file) => {
    if (!/year=\d{4}\/month=\d\d\/day=\d\d\/hour=\d\d\/[^/]+\.gz$/.test(file)) throw new Error(`not a dated GZIP file: ${file}`);
    return lines(gunzipSync(readFileSync(file)).toString()) as Row[];
  });

/** The records of a stream in the same copies. */
export const streamRecords = <Row>(kept: string, stream: string): Row[] =>
  filesBelow(join(kept, 'streams', stream)).flatMap((file) =>
    (lines(readFileSync(file, 'utf8')) as { data: Row }[]).map(({ data }) => data),
  );

/** The metrics that the events ask for, computed the plain way: every event once, kills and deaths counted per window and player, and per window and team; who only assists, or reaches an objective, has a row too. What came `late` is in a stream of its own, and the views fold it in. */
export function metricsOf(
  events: GameEvent[],
  windowSeconds: number,
  late: { event_id: string }[] = [],
): { players: Metric[]; teams: Metric[] } {
  const once = new Map(events.map((event) => [event.event_id, event]));
  for (const { event_id: id } of late) once.delete(id);
  const count = (killer: (event: GameEvent) => string, victim: (event: GameEvent) => string, others: (event: GameEvent) => string[]) => {
    const rows = new Map<string, Metric>();
    const row = (event: GameEvent, who: string) => {
      const start = Math.floor(Date.parse(`${event.event_time}Z`) / (windowSeconds * 1000)) * windowSeconds * 1000;
      const key = `${new Date(start).toISOString().slice(0, 19)} ${who}`;
      return rows.get(key) ?? rows.set(key, { key, kills: 0, deaths: 0, ratio: 0 }).get(key)!;
    };
    for (const event of once.values()) {
      for (const who of others(event)) row(event, who);
      if (event.event_type !== 'kill') continue;
      row(event, killer(event)).kills++;
      row(event, victim(event)).deaths++;
    }
    for (const metric of rows.values()) metric.ratio = metric.kills / Math.max(metric.deaths, 1);
    return sorted([...rows.values()]);
  };
  return {
    players: count(
      ({ killer_id, killer_team }) => `${killer_id} ${killer_team}`,
      ({ victim_id, victim_team }) => `${victim_id} ${victim_team}`,
      ({ assist_id, killer_team }) => (assist_id === undefined ? [] : [`${assist_id} ${killer_team}`]),
    ),
    teams: count(
      ({ killer_team }) => String(killer_team),
      ({ victim_team }) => String(victim_team),
      ({ event_type, team }) => (event_type === 'objective' ? [String(team)] : event_type === 'match_end' ? ['red', 'blue'] : []),
    ),
  };
}

/** The metrics of tumbling windows that the SQL delivered; of two rows for one key the larger, as the views have it. */
export function delivered(
  rows: {
    window_start: string;
    window_end: string;
    player_id?: string;
    team: string;
    kills: number;
    deaths: number;
    kill_death_ratio: number;
  }[],
): Metric[] {
  const lengthOf = (row: (typeof rows)[number]) => Date.parse(`${row.window_end}Z`) - Date.parse(`${row.window_start}Z`);
  const tumbling = Math.min(...rows.map(lengthOf));
  const best = new Map<string, Metric>();
  for (const row of rows) {
    if (lengthOf(row) !== tumbling) continue;
    const { window_start, player_id, team, kills, deaths, kill_death_ratio: ratio } = row;
    const key = `${window_start.slice(0, 19).replace(' ', 'T')} ${player_id === undefined ? '' : `${player_id} `}${team}`;
    const before = best.get(key);
    if (!before || before.kills + before.deaths < kills + deaths) best.set(key, { key, kills, deaths, ratio });
  }
  return sorted([...best.values()]);
}

const sorted = (metrics: Metric[]) => metrics.sort((a, b) => (a.key < b.key ? -1 : 1));
