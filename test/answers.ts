import type { GameEvent } from '../pipeline/schema.ts';
import { HOUR_MS } from '../pipeline/time.ts';

interface Score {
  kills: number;
  deaths: number;
  assists: number;
  kill_death_ratio: number;
}
type PlayerScore = Score & { player_id: string };

const MINUTE_MS = 60_000;
/** Up to which milliseconds round trips are counted. */
const BOUNDS = [25, 50, 75, 100, 150, 200, 300, 500];

/** The rows with which the questions about players, teams and servers have to be answered, told from the raw events by other means than SQL; what is NULL is empty. */
export function answersTo(events: GameEvent[], windowMs: number): Record<string, object[]> {
  const kills = events.filter(({ event_type: type }) => type === 'kill');
  const players = playersIn(kills);
  return {
    player_kill_ratio: byRatio(players).slice(0, 50),
    player_deaths: sorted(
      players,
      ({ deaths }) => -deaths,
      ({ player_id: id }) => id,
    )
      .slice(0, 50)
      .map(({ player_id, deaths, kills: all }) => ({ player_id, deaths, kills: all })),
    player_form: form(kills, windowMs),
    player_ratio_over_time: ratioOverTime(kills, players),
    leaderboard: leaderboard(kills, players, windowMs),
    team_performance: ['blue', 'red'].map((team) => teamRow(team, events, windowMs)),
    server_operations: sorted(
      grouped(events, ({ server_id: id }) => id),
      ([id]) => id,
    ).map(([id, own]) => serverRow(id, own, windowMs)),
  };
}

/** Everybody's best minute: one begins with every window. */
function form(kills: GameEvent[], windowMs: number): object[] {
  const lastStarts = kills.map((kill) => startOf(kill, windowMs));
  const starts = new Set(lastStarts.flatMap((last) => Array.from({ length: MINUTE_MS / windowMs }, (_, i) => last - i * windowMs)));
  const minutes = [...starts].flatMap((start) => {
    const within = kills.filter((kill) => timeOf(kill) >= start && timeOf(kill) < start + MINUTE_MS);
    return playersIn(within).map((row) => ({ ...row, window_start: stamped(start), window_end: stamped(start + MINUTE_MS) }));
  });
  const ranked = sorted(
    minutes,
    ({ kills: all }) => -all,
    ({ deaths }) => deaths,
    ({ window_start: start }) => start,
  );
  const best = [...grouped(ranked, ({ player_id: id }) => id).values()].map(([first]) => first!);
  return sorted(
    best,
    ({ kills: all }) => -all,
    ({ kill_death_ratio: ratio }) => -ratio,
    ({ player_id: id }) => id,
  ).slice(0, 50);
}

/** The twenty with the most kills, by the hour. */
function ratioOverTime(kills: GameEvent[], players: PlayerScore[]): object[] {
  const most = sorted(
    players,
    ({ kills: all }) => -all,
    ({ player_id: id }) => id,
  ).slice(0, 20);
  const ids = new Set(most.map(({ player_id: id }) => id));
  const rows = [...grouped(kills, (kill) => stamped(startOf(kill, HOUR_MS)))].flatMap(([hour, within]) =>
    playersIn(within).map(({ player_id, kills: all, deaths, kill_death_ratio }) => ({
      hour,
      player_id,
      kills: all,
      deaths,
      kill_death_ratio,
    })),
  );
  return sorted(
    rows.filter(({ player_id: id }) => ids.has(id)),
    ({ hour }) => hour,
    ({ player_id: id }) => id,
  );
}

/** The twenty best, each with the next by ratio (the last with the one before) and with a weapon that others kill with and it hardly does. */
function leaderboard(kills: GameEvent[], players: PlayerScore[], windowMs: number): object[] {
  const neighbours = byRatio(players).map(({ player_id: id }) => id);
  const leaders = [...grouped(kills, (kill) => startOf(kill, windowMs)).values()].map(
    (within) => best(playersIn(within), true)[0]!.player_id,
  );
  const popular = byUse(kills);
  return best(players)
    .slice(0, 20)
    .map((player, i) => {
      const own = kills.filter(({ killer_id: killer }) => killer === player.player_id);
      const used = byUse(own);
      const [favourite] = used.keys();
      const hardlyUsed = [...popular.keys()].filter((weapon) => weapon !== favourite && (used.get(weapon) ?? 0) * 10 < own.length);
      const rank = neighbours.indexOf(player.player_id);
      return {
        place: i + 1,
        ...player,
        windows_led: leaders.filter((leader) => leader === player.player_id).length,
        match_with: neighbours[rank + 1] ?? neighbours[rank - 1]!,
        favourite_weapon: favourite ?? '',
        weapon_to_try: hardlyUsed[0] ?? '',
      };
    });
}

/** The most kills first; who leads a window is told by assists, too. */
const best = (players: PlayerScore[], byAssists = false): PlayerScore[] =>
  sorted(
    players,
    ({ kills }) => -kills,
    ({ deaths }) => deaths,
    ({ assists }) => (byAssists ? -assists : 0),
    ({ player_id: id }) => id,
  );

/** How often each weapon killed, the most used first. */
function byUse(kills: GameEvent[]): Map<string, number> {
  const uses = [...grouped(kills, ({ weapon }) => weapon!)].map(([weapon, all]): [string, number] => [weapon, all.length]);
  return new Map(
    sorted(
      uses,
      ([, count]) => -count,
      ([weapon]) => weapon,
    ),
  );
}

function teamRow(team: string, events: GameEvent[], windowMs: number): object {
  const ended = events.filter(({ event_type: type }) => type === 'match_end');
  const reached = events.filter((event) => event.event_type === 'objective' && event.team === team);
  const score = scoreOf(
    events.filter(({ killer_team: of }) => of === team),
    events.filter(({ victim_team: of }) => of === team),
    events.filter(({ killer_team: of, assist_id: helper }) => of === team && helper !== undefined),
  );
  const won = ended.filter(({ winner_team: winner }) => winner === team).length;
  const points = reached.reduce((sum, event) => sum + event.points!, 0);
  const windows = [...grouped(events, (event) => startOf(event, windowMs)).values()].filter((within) =>
    within.some(
      (event) => event.event_type === 'match_end' || [event.killer_team, event.victim_team].includes(team) || reached.includes(event),
    ),
  );
  const seen = windows.map((within) => new Set(within.flatMap((event) => playersOf(event, team))).size);
  return {
    team,
    ...score,
    objectives: reached.length,
    points,
    score: score.kills + points,
    matches_won: won,
    matches_ended: ended.length,
    win_share: won / ended.length,
    players: seen.reduce((sum, each) => sum + each) / windows.length,
    windows: windows.length,
  };
}

/** Whom of a team a kill or an objective shows. */
function playersOf(
  { event_type: type, killer_id, killer_team, victim_id, victim_team, assist_id, player_id, team: of }: GameEvent,
  team: string,
) {
  const shown = [killer_team === team && killer_id, killer_team === team && assist_id, victim_team === team && victim_id];
  return [...shown, type === 'objective' && of === team && player_id].filter((player) => typeof player === 'string');
}

function serverRow(server_id: string, events: GameEvent[], windowMs: number): object {
  const seen = [...grouped(events, (event) => startOf(event, windowMs)).values()].map(
    (within) => new Set(within.flatMap(({ killer_id, victim_id, assist_id, player_id }) => [killer_id, victim_id, assist_id, player_id])),
  );
  const measured = events.flatMap(({ latency_ms: latency }) => latency ?? []);
  const within = (share: number) => BOUNDS.find((bound) => measured.filter((ms) => ms <= bound).length >= share * measured.length) ?? '';
  return {
    server_id,
    events: events.length,
    most_players: Math.max(...seen.map((players) => [...players].filter(Boolean).length)),
    latencies: measured.length,
    latency_p50: within(0.5),
    latency_p95: within(0.95),
    latency_p99: within(0.99),
  };
}

/** What everybody did whom these kills name. */
function playersIn(kills: GameEvent[]): PlayerScore[] {
  const [killed, died, helped] = (['killer_id', 'victim_id', 'assist_id'] as const).map((part) =>
    grouped(kills, (kill) => kill[part] ?? ''),
  );
  const ids = new Set([killed!, died!, helped!].flatMap((by) => [...by.keys()]).filter(Boolean));
  return [...ids].map((id) => ({ player_id: id, ...scoreOf(killed!.get(id), died!.get(id), helped!.get(id)) }));
}

const scoreOf = (
  { length: kills }: GameEvent[] = [],
  { length: deaths }: GameEvent[] = [],
  { length: assists }: GameEvent[] = [],
): Score => ({
  kills,
  deaths,
  assists,
  kill_death_ratio: kills / Math.max(deaths, 1),
});

const byRatio = (players: PlayerScore[]): PlayerScore[] =>
  sorted(
    players,
    ({ kill_death_ratio: ratio }) => -ratio,
    ({ kills }) => -kills,
    ({ player_id: id }) => id,
  );

const timeOf = ({ event_time: time }: GameEvent): number => Date.parse(`${time}Z`);
const startOf = (event: GameEvent, length: number): number => Math.floor(timeOf(event) / length) * length;
const stamped = (time: number): string => new Date(time).toISOString().slice(0, -1).replace('T', ' ');

function grouped<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** From the least to the most by the first key that tells two apart. */
function sorted<Item>(items: Iterable<Item>, ...keys: ((item: Item) => number | string)[]): Item[] {
  const order = (a: number | string, b: number | string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...items].sort((a, b) => keys.map((key) => order(key(a), key(b))).find((way) => way !== 0) ?? 0);
}
