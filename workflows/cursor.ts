import { gameOf } from '../pipeline/lanes.ts';
import { type LedgerRange, type TimeBase, timeOf } from '../pipeline/ledger.ts';
import type { Rate } from '../pipeline/rate.ts';
import type { Game } from '../pipeline/simulation.ts';
import type { Pipeline } from '../pipeline/spec.ts';

/** A time base this far behind the clock is not caught up with: the next stretch starts now. */
const CATCH_UP_MS = 5_000;

/** Where one lane stands. */
export interface LaneCursor {
  /** Number of its next event; all below are acknowledged. */
  next: number;
  /** Event time of its latest record, milliseconds since the epoch; nothing that follows may be older. */
  latest: number;
  /** What was held back of events below it has been sent. */
  since: number;
  /** Its time bases, the last of them the present one; the others as far back as something may be held back. */
  bases: TimeBase[];
}

/** Where the generator stands; carried from run to run. */
export interface Cursor {
  game: Game;
  lanes: LaneCursor[];
  heartbeats: number;
  resent: number;
  oversized: number;
  paused: boolean;
  /** From a pause, or the total, until all lanes have been woken: when the latest event before it happened, and whether the pipeline knows that its windows are closed. */
  quiet?: { last: number; told: boolean };
  /** The count of the latest pause. */
  pauses: number;
  /** When the course of the rate began, milliseconds since the epoch. */
  began: number;
  /** Events that earlier games of this generator sent. */
  earlier?: number;
  /** Another rate than the spec's. */
  rate?: Rate;
  /** What is not written down yet, and how many pages are. */
  ledger: LedgerRange[];
  pages: number;
}

/** A generator that has sent nothing yet, of a game with this name. */
export const begin = (pipeline: Pipeline, run: string, paused: boolean): Cursor => {
  const game = gameOf(pipeline, run);
  const lanes = Array.from({ length: game.lanes }, () => ({ next: 0, latest: 0, since: 0, bases: [] }));
  return { game, lanes, heartbeats: 0, resent: 0, oversized: 0, paused, pauses: 0, began: Date.now(), ledger: [], pages: 0 };
};

/** How many events have been sent in all. */
export const acknowledged = ({ lanes, earlier = 0 }: Cursor): number => lanes.reduce((sum, { next }) => sum + next, earlier);

/** The cursor of another game, that goes on from what the one before sent and from its event time. */
export function goingOn(fresh: Cursor, before: Cursor): Cursor {
  const latest = Math.max(...before.lanes.map((lane) => lane.latest));
  return { ...fresh, earlier: acknowledged(before), lanes: fresh.lanes.map((lane) => ({ ...lane, latest })) };
}

/** The bases of a lane for its next stretch at a pace: it goes on as it was while pace and clock allow, otherwise there is a new one. */
export function basesFrom({ next, latest, bases }: LaneCursor, rate: number, lateAfter: number): TimeBase[] {
  const now = Date.now();
  const last = bases.at(-1);
  const then = last ? timeOf(bases, next) : 0;
  const goesOn = then >= latest && now - then <= CATCH_UP_MS;
  if (last && goesOn && last.rate === rate) return bases;
  const base = goesOn ? then : Math.max(now, latest);
  // An event that is held back comes within two blocks.
  const kept = bases.filter((_, i) => (bases[i + 1]?.from ?? next) > next - 2 * lateAfter);
  return [...kept, { from: next, base, rate }];
}
