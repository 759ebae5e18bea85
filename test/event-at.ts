import type { GameEvent } from '../pipeline/schema.ts';
import { type Game, laneOf } from '../pipeline/simulation.ts';

/** Event number `i` of a lane, as an object. */
export function eventAt(game: Game, lane: number, i: number, time: number): GameEvent {
  const events = laneOf(game, lane);
  events.seek(i);
  return JSON.parse(events.next(time)) as GameEvent;
}
