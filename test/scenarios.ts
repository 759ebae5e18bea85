import type { GameEvent } from '../pipeline/schema.ts';
import { type Game, heartbeat, laneOf } from '../pipeline/simulation.ts';
import { dueAt, dueAtEnd, type Trouble, troubleOf } from '../pipeline/trouble.ts';

/** A stretch of a game that is sent to a pipeline: two minutes of event time from `base` on, one lane for each shard. */
export interface Scenario {
  name: string;
  base: number;
  game: Game;
  /** Shards that get nothing at all. */
  idle?: number[];
  /** Lanes send lines now and then that are no JSON. */
  broken?: boolean;
}

const EVENTS = 1200;
const STEP_MS = 100;
const BLOCK_MS = 10_000;
const WATERMARK_MS = 5_000;
/** Far enough behind the last event that the last sliding window closes. */
const CLOSING_MS = 90_000;
/** A line that is no JSON. */
const BROKEN = '{"event_id":"cut-0-1","event_ty';
/** From one scenario's beginning to the next one's: no window has events of both. */
export const APART_MS = 300_000;

/** A scenario of a pipeline with so many shards, its number among the others. */
export function scenario(
  name: string,
  number: number,
  shards: number,
  { trouble = {}, idle, broken }: { trouble?: Partial<Trouble>; idle?: number[]; broken?: boolean } = {},
) {
  return {
    name,
    base: number * APART_MS,
    game: {
      ...{ run: name.replaceAll(' ', '-'), seed: 7 + number, players: 24 * shards, lanes: shards },
      trouble: { late: 0, duplicate: 0, malformed: 0, oversized: 0, ...trouble },
      lateAfter: BLOCK_MS,
    },
    ...(idle && { idle }),
    ...(broken && { broken }),
  } satisfies Scenario;
}

/** The lanes that send anything. */
export const lanesOf = ({ game, idle = [] }: Scenario): number[] =>
  Array.from({ length: game.lanes }, (_, lane) => lane).filter((lane) => !idle.includes(lane));

/** What a lane sends, in this order: late events and second copies behind their places, and a heartbeat that closes the last window before what is due at the end. */
export function sentBy({ base, game, broken }: Scenario, lane: number): string[] {
  const [places, held] = [laneOf(game, lane), laneOf(game, lane)];
  const json = (events: ReturnType<typeof laneOf>, i: number) => {
    events.seek(i);
    return events.next(base + i * STEP_MS);
  };
  const bases = [{ from: 0, base, rate: 1000 / STEP_MS }];
  const sent: string[] = [];
  for (let i = 0; i < EVENTS; i++) {
    sent.push(...dueAt(game, lane, i, bases).map((due) => json(held, due.i)));
    if (troubleOf(game, lane, i) !== 'late') sent.push(json(places, i));
    if (broken && i % 100 === 50) sent.push(BROKEN);
  }
  const beat = JSON.stringify(heartbeat(game.run, lane, base + EVENTS * STEP_MS + CLOSING_MS));
  return [...sent, beat, ...dueAtEnd(game, lane, EVENTS, bases).map((due) => json(held, due.i))];
}

/** Every event of a scenario once, told apart by whether it came before its lane's watermark had passed it. */
export function toldApart(scene: Scenario): { onTime: GameEvent[]; late: GameEvent[] } {
  const onTime: GameEvent[] = [];
  const late: GameEvent[] = [];
  for (const lane of lanesOf(scene)) {
    const events = eventsOf(scene, lane);
    const seen = new Set<string>();
    let latest = Number.NEGATIVE_INFINITY;
    for (const json of sentBy(scene, lane).filter((line) => line !== BROKEN)) {
      const { event_id: id, event_time: time } = JSON.parse(json) as GameEvent;
      const at = Date.parse(`${time}Z`);
      if (!seen.has(id) && !id.includes('-hb-')) (at <= latest - WATERMARK_MS ? late : onTime).push(events[numberIn(id)]!);
      seen.add(id);
      latest = Math.max(latest, at);
    }
  }
  return { onTime, late };
}

/** A lane's events by their numbers, made anew. */
function eventsOf({ base, game }: Scenario, lane: number): GameEvent[] {
  const events = laneOf(game, lane);
  return Array.from({ length: EVENTS }, (_, i) => JSON.parse(events.next(base + i * STEP_MS)) as GameEvent);
}

const numberIn = (id: string): number => Number(id.slice(id.lastIndexOf('-') + 1));
