import { faker } from '@faker-js/faker';
import type { EVENT, GameEvent } from '../pipeline/schema.ts';
import { type Game, laneOf } from '../pipeline/simulation.ts';
import { compared, type Figure, quantile, roundDown } from './figure.ts';

const GOAL = 300_000;
const ROUNDS = 7;
const OURS = 200_000;
const THEIRS = 10_000;
const START = Date.UTC(2026, 10, 23, 18);
const NO_TROUBLE = { late: 0, duplicate: 0, malformed: 0, oversized: 0 };
const GAME: Game = { run: '1a2b3c4d', seed: 1, players: 1000, lanes: 4, trouble: NO_TROUBLE, lateAfter: 1000 };

const player = () => `player-${faker.number.int({ max: 999 })}`;
const team = () => faker.helpers.arrayElement(['red', 'blue']);

/** What a row of the faker has in each column: values of the same kind, none linked to another. */
const FAKED: Record<keyof typeof EVENT, () => string | number> = {
  event_id: () => `1a2b3c4d-0-${faker.number.int({ max: 9_999_999 })}`,
  event_type: () => 'kill',
  event_time: () => faker.date.recent().toISOString().slice(0, -1),
  match_id: () => `1a2b3c4d-0-m${faker.number.int({ max: 9999 })}`,
  server_id: () => `server-${faker.number.int({ max: 20 })}`,
  killer_id: player,
  killer_team: team,
  victim_id: player,
  victim_team: team,
  assist_id: player,
  weapon: () => faker.helpers.arrayElement(['rifle', 'smg', 'pistol', 'shotgun', 'sniper', 'grenade', 'crossbow', 'knife']),
  distance: () => faker.number.float({ max: 400, fractionDigits: 1 }),
  player_id: player,
  team,
  objective: () => faker.helpers.arrayElement(['zone', 'flag', 'bomb']),
  points: () => faker.number.int({ min: 2, max: 5 }),
  platform: () => faker.helpers.arrayElement(['pc', 'console', 'phone']),
  region: () => faker.helpers.arrayElement(['eu-west', 'eu-north', 'us-east', 'us-west', 'uk', 'br-south']),
  device: () => faker.helpers.arrayElement(['windows', 'linux', 'mac', 'playstation-5', 'switch', 'iphone-15', 'pixel-8']),
  fps: () => faker.number.int({ min: 24, max: 165 }),
  battery: () => faker.number.int({ min: 4, max: 100 }),
  network: () => faker.helpers.arrayElement(['wifi', '5g', '4g']),
  latency_ms: () => faker.number.int({ min: 15, max: 200 }),
  app_version: () => faker.system.semver(),
  duration_seconds: () => faker.number.int({ min: 300, max: 7500 }),
  item: () => faker.helpers.arrayElement(['ammo-crate', 'emote-wave', 'skin-winter', 'skin-dragon', 'season-pass']),
  price_cents: () => faker.number.int({ min: 99, max: 1499 }),
  currency: () => faker.finance.currencyCode(),
  winner_team: team,
  red_score: () => faker.number.int({ max: 99 }),
  blue_score: () => faker.number.int({ max: 99 }),
};

/**
 * Events a second of the simulation on one thread, beside rows of the same fields from @faker-js/faker, in turns. Of both, each event's text is written
 * to a buffer: until then, a string that was put together of parts is not there yet.
 */
export async function generation(): Promise<Figure[]> {
  const events = laneOf(GAME, 0);
  const ours = () => events.next(START + events.at);
  faker.seed(1);
  const fields = fieldsOf(10_000);
  let rows = 0;
  const theirs = () => {
    const row: Record<string, string | number> = {};
    for (const name of fields[rows++ % fields.length]!) row[name] = FAKED[name]();
    return JSON.stringify(row);
  };

  timed(ours, OURS);
  timed(theirs, THEIRS);
  const rounds = Array.from({ length: ROUNDS }, () => [timed(ours, OURS), timed(theirs, THEIRS)] as const);
  const median = (side: 0 | 1, of: keyof Timed) =>
    quantile(
      rounds.map((sides) => sides[side][of]),
      0.5,
    );
  const perSecond = Math.round(1e6 / median(0, 'micros'));
  const bytes = (side: 0 | 1) => Math.round(median(side, 'bytes'));
  return [
    {
      name: 'events generated, one thread',
      unit: 'events/s',
      ours: perSecond,
      peer: Math.round(1e6 / median(1, 'micros')),
      ratio: roundDown(perSecond / GOAL, 2),
      goal: 1,
      note: `to ${GOAL}; ${Math.round(1e6 / median(0, 'cpuMicros'))} per CPU-second; ${bytes(0)} bytes in the mean, @faker-js/faker's rows ${bytes(1)}`,
    },
    compared('an event, beside a faker row', 'µs', median(0, 'micros'), median(1, 'micros'), 1),
  ];
}

/** The names of the fields of as many events of the game, one list an event. */
function fieldsOf(count: number): (keyof GameEvent)[][] {
  const events = laneOf(GAME, 0);
  return Array.from({ length: count }, () => Object.keys(JSON.parse(events.next(START)) as GameEvent) as (keyof GameEvent)[]);
}

/** What one text took, in the mean: by the clock, of all CPUs, and its bytes. */
interface Timed {
  micros: number;
  cpuMicros: number;
  bytes: number;
}

const BUFFER = Buffer.alloc(1 << 20);

function timed(next: () => string, count: number): Timed {
  let bytes = 0;
  let at = 0;
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    if (at > BUFFER.length - 4096) at = 0;
    const written = BUFFER.write(next(), at, 'latin1');
    at += written;
    bytes += written;
  }
  const micros = (performance.now() - began) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { micros: micros / count, cpuMicros: (user + system) / count, bytes: bytes / count };
}
