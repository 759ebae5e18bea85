import { gameOf } from '../pipeline/lanes.ts';
import { dueBy, type LedgerRange, type TimeBase, timeOf } from '../pipeline/ledger.ts';
import type { Pace, Rate } from '../pipeline/rate.ts';
import type { Game } from '../pipeline/simulation.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { heldBackFrom } from '../pipeline/trouble.ts';

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
  /**
   * From a pause, or the total, until all lanes have been woken: when the latest event before it happened, whether the pipeline knows that its windows are closed, and
   * whether all is done that a silence begins with: windows closed, what was held back sent, the ledger written.
   */
  quiet?: { last: number; told: boolean; settled: boolean };
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
export function carriedOver(fresh: Cursor, before: Cursor): Cursor {
  const latest = Math.max(...before.lanes.map((lane) => lane.latest));
  return { ...fresh, earlier: acknowledged(before), lanes: fresh.lanes.map((lane) => ({ ...lane, latest })) };
}

/**
 * What a lane sends from a moment on at its pace: the events that are due while this holds, at a slow one perhaps none. So which they are hangs on nothing that an
 * attempt to send them meets.
 */
export function stretchFrom(game: Game, at: LaneCursor, now: number, { rate, holds }: Pace, total: number) {
  const { next: from, since } = at;
  const bases = basesFrom(game, at, now, rate);
  const end = now + holds;
  const to = Math.min(total, Math.max(from, dueBy(bases, end)));
  // With the last of all events it is over.
  return { from, to, since, bases, until: to < total ? end : now };
}

/** The bases of a lane for its next stretch at a pace: it goes on as it was while pace and clock allow, otherwise there is a new one. */
function basesFrom(game: Game, { next, latest, since, bases }: LaneCursor, now: number, rate: number): TimeBase[] {
  const last = bases.at(-1);
  const then = last ? timeOf(bases, next) : 0;
  const goesOn = then >= latest && now - then <= CATCH_UP_MS;
  if (last && goesOn && last.rate === rate) return bases;
  const base = last && goesOn ? dueAnew(then, now, last.rate, rate) : now;
  // Only what is held back is still sent by an earlier base; a base by which nothing was sent is none.
  const first = heldBackFrom(game, next, bases, since);
  const kept = bases.filter((each, i) => each.from < next && (bases[i + 1]?.from ?? next) > first);
  return [...kept, { from: next, base: Math.max(base, latest), rate }];
}

/** When an event that was due `then` is due once the rate is another: the part of the way to it that is left, at most all of it, goes at the new one. */
const dueAnew = (then: number, now: number, before: number, rate: number): number =>
  then <= now ? then : now + Math.min(1000, (then - now) * before) / rate;
