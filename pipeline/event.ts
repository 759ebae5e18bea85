/** One event of a shooter match, as it lies in the stream: JSON, absent fields left out. */
export interface GameEvent {
  event_id: string;
  event_type: 'match_start' | 'kill' | 'match_end' | 'heartbeat';
  /** ISO 8601 in UTC with milliseconds and without `Z`: Flink's TIMESTAMP(3) refuses the letter. */
  event_time: string;
  match_id: string;
  server_id: string;
  killer_id?: string;
  killer_team?: string;
  victim_id?: string;
  victim_team?: string;
  weapon?: string;
}

/** What an event is a function of, besides its number. Same inputs, same event. */
export interface Game {
  /** Sets the events of one pipeline's life apart from another's. */
  run: string;
  seed: number;
  players: number;
}

/** How many seconds an event may come after a later one of its shard and still be counted. */
export const WATERMARK_SECONDS = 5;

const CONCURRENT_MATCHES = 8;
const EVENTS_PER_MATCH = 120;
const TEAM_SIZE = 5;
const TEAMS = ['red', 'blue'] as const;
const WEAPONS = ['rifle', 'shotgun', 'pistol', 'sniper', 'grenade', 'knife'] as const;

/** Event number `i` of the game, at `time` (milliseconds since the epoch). Matches run side by side; in each, teams are fixed from start to end. */
export function gameEvent({ run, seed, players }: Game, i: number, time: number): GameEvent {
  const lane = i % CONCURRENT_MATCHES;
  const inLane = Math.floor(i / CONCURRENT_MATCHES);
  const match = Math.floor(inLane / EVENTS_PER_MATCH) * CONCURRENT_MATCHES + lane;
  const step = inLane % EVENTS_PER_MATCH;
  const event: GameEvent = {
    event_id: `${run}-${i}`,
    event_type: step === 0 ? 'match_start' : step === EVENTS_PER_MATCH - 1 ? 'match_end' : 'kill',
    event_time: eventTime(time),
    match_id: `${run}-m${match}`,
    server_id: `server-${lane + 1}`,
  };
  if (event.event_type !== 'kill') return event;
  const draw = (salt: number, below: number) => hash(seed, i, salt) % below;
  const killerSide = draw(1, 2);
  const killer = roster(seed, match, players, killerSide, draw(2, TEAM_SIZE));
  const victim = roster(seed, match, players, 1 - killerSide, draw(3, TEAM_SIZE));
  return {
    ...event,
    killer_id: `player-${killer}`,
    killer_team: TEAMS[killerSide]!,
    victim_id: `player-${victim}`,
    victim_team: TEAMS[1 - killerSide]!,
    weapon: WEAPONS[draw(4, WEAPONS.length)]!,
  };
}

/** An event that only moves event time on, so that windows close; it belongs to no match and counts in no metric. */
export const heartbeat = (run: string, shard: string, time: number): GameEvent => ({
  event_id: `${run}-hb-${shard}-${time}`,
  event_type: 'heartbeat',
  event_time: eventTime(time),
  match_id: `${run}-heartbeat`,
  server_id: 'generator',
});

/** The match's seats are a run of neighbours from a random start, so that nobody sits twice: `TEAM_SIZE` on each side. */
function roster(seed: number, match: number, players: number, side: number, seat: number): number {
  const start = hash(seed, match, 0) % players;
  return (start + side * TEAM_SIZE + seat) % players;
}

const eventTime = (time: number) => new Date(time).toISOString().slice(0, -1);

/** A well-mixed unsigned 32-bit number from three (the finaliser of MurmurHash3 over a running sum). */
function hash(a: number, b: number, c: number): number {
  let h = 0x9e3779b9;
  for (const part of [a, b, Math.floor(b / 2 ** 32), c]) {
    h = Math.imul(h ^ part, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}
