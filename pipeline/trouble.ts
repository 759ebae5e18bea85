import { firstSince, type TimeBase, timeOf } from './ledger.ts';
import { hash } from './random.ts';
import type { Game } from './simulation.ts';

/**
 * Shares, from 0 to 1 and together at most 1, of a lane's events that are made trouble with.
 * - late: the event is not sent at its place but at the start of the block of event time after the next, with the first event there: between one and two blocks late,
 *   at any pace; its content is unchanged. While that event may be minutes away, it is sent at the end of its stretch.
 * - duplicate: sent at its place, and a second time, the same bytes, at the start of the block after the next.
 * - malformed: with the event goes the first half of its JSON, under an id of its own.
 * - oversized: with the event goes a copy of more than 1 MiB, under an id of its own, which the sender must refuse.
 */
export interface Trouble {
  late: number;
  duplicate: number;
  malformed: number;
  oversized: number;
}

export type Kind = keyof Trouble;

/** What trouble is made with event `i` of a lane; undefined: none. */
export function troubleOf({ seed, trouble }: Pick<Game, 'seed' | 'trouble'>, lane: number, i: number): Kind | undefined {
  const { late, duplicate, malformed, oversized } = trouble;
  if (late + duplicate + malformed + oversized === 0) return undefined;
  let left = (hash(seed, lane, i, TROUBLE) >>> 0) / 2 ** 32;
  for (const kind of KINDS) {
    left -= trouble[kind];
    if (left < 0) return kind;
  }
  return undefined;
}

/** In the order in which they share a lane's events. */
export const KINDS = ['late', 'duplicate', 'malformed', 'oversized'] as const;
const TROUBLE = 0x7ab1e;

/** An event that is due outside of its place: for the first time when it is late, for the second when it is a duplicate. */
export interface Due {
  i: number;
  kind: 'late' | 'duplicate';
}

type Holding = Pick<Game, 'trouble' | 'lateAfter'>;

/** True for a game of which events are held back at all. */
export const holdsBack = ({ trouble: { late, duplicate } }: Pick<Game, 'trouble'>): boolean => late + duplicate > 0;

/**
 * What is to be sent before event `i` of a lane, in the order of numbers: something only where a block of its event time begins. Events below `since`, where sending
 * went on after the last silence, have been sent when it fell silent. `bases`: the lane's time bases, from that of the first event on which may be held back.
 */
export function dueAt(game: Game, lane: number, i: number, bases: readonly TimeBase[], since = 0): Due[] {
  if (!holdsBack(game) || i <= since) return [];
  const now = blockOf(game, bases, i);
  if (now === blockOf(game, bases, i - 1)) return [];
  return heldBack(game, lane, heldBackFrom(game, i, bases, since), firstSince(bases, (now - 1) * game.lateAfter));
}

/** What is still to be sent when a lane falls silent before event `next`. */
export const dueAtEnd = (game: Game, lane: number, next: number, bases: readonly TimeBase[], since = 0): Due[] =>
  heldBack(game, lane, heldBackFrom(game, next, bases, since), next);

/** The first event of a lane that may still be held back once all below `next` are sent; `next` if none may. */
export function heldBackFrom(game: Holding, next: number, bases: readonly TimeBase[], since = 0): number {
  if (!holdsBack(game) || next <= since) return next;
  return Math.max(since, firstSince(bases, (blockOf(game, bases, next - 1) - 1) * game.lateAfter));
}

/** Before which event of its lane one that is held back is sent, unless the lane falls silent sooner. */
export const sentBefore = (game: Holding, i: number, bases: readonly TimeBase[]): number =>
  firstSince(bases, (blockOf(game, bases, i) + 2) * game.lateAfter);

const blockOf = ({ lateAfter }: Holding, bases: readonly TimeBase[], i: number): number => Math.floor(timeOf(bases, i) / lateAfter);

function heldBack(game: Game, lane: number, from: number, to: number): Due[] {
  const due: Due[] = [];
  for (let i = from; i < to; i++) {
    const kind = troubleOf(game, lane, i);
    if (kind === 'late' || kind === 'duplicate') due.push({ i, kind });
  }
  return due;
}

/** What marks the id of the record by which trouble on purpose is found again, or which is refused. */
const MARKS: Record<Kind, string> = { late: '', duplicate: '', malformed: 'x', oversized: 'o' };

/** The id of that record: the event's own, or that of the one beside it. */
export const markedId = (id: string, kind: Kind): string => `${id}${MARKS[kind]}`;

/** The malformed record that goes with an event: the first half of its JSON, its id ending in `x`. */
export const malformed = (json: string): string => {
  const marked = withMark(json, MARKS.malformed);
  return marked.slice(0, Math.floor(marked.length / 2));
};

/** The oversized record that goes with an event: its JSON with spaces behind, one byte over 1 MiB, its id ending in `o`. */
export const oversized = (json: string): string => withMark(json, MARKS.oversized).padEnd(2 ** 20 + 1);

/** The id is an event's first value. */
const withMark = (json: string, mark: string): string => json.replace(/^(\{"event_id":"[^"]*)"/, `$1${mark}"`);
