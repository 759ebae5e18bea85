import { joined, type LedgerPage, type LedgerRange, type Span, type TimeBase, timeOf } from '../../pipeline/ledger.ts';
import type { Game } from '../../pipeline/simulation.ts';
import { type Due, dueAtEnd, sentBefore } from '../../pipeline/trouble.ts';
import { FORGOTTEN_MS } from '../kinesis/stretch.ts';

/** More than a copy can be held back, with the stretch in which it comes due. */
const HELD_BACK_MS = 180_000;

/** What was sent: for each lane of each game that the ledger knows, its events and their times. */
export type Sent = Map<string, { game: Game; lanes: SentLane[] }>;

/** What was sent of one lane. */
export interface SentLane {
  /** As they are written down, sorted. */
  ranges: LedgerRange[];
  /** Sorted, touching each other or not. */
  spans: Span[];
  /** The same, and what happened before. */
  known: Span[];
  bases: TimeBase[];
  resent: Span[];
  /** Held back, and not sent yet. */
  pending: Set<number>;
  /** Of these, the second copy is. */
  pendingCopies: Set<number>;
  end: number;
}

/** Puts the pages of a ledger together; `from` leaves out what happened before (milliseconds since the epoch). */
export function sentBy(pages: LedgerPage[], from = 0): Sent {
  const sent: Sent = new Map();
  const runs = new Set(pages.map(({ game }) => game.run));
  for (const run of runs) {
    const all = pages.filter(({ game }) => game.run === run);
    const { game } = all[0]!;
    const ranges = all.flatMap((page) => page.ranges);
    const lanes = Array.from({ length: game.lanes }, (_, lane) => laneBy(game, lane, ranges, from));
    sent.set(run, { game, lanes });
  }
  return sent;
}

/** How many events were sent, or were those of one lane of a game. */
export const eventsOf = (sent: Sent, run?: string, lane?: number): number =>
  [...sent]
    .filter(([each]) => run === undefined || each === run)
    .flatMap(([, { lanes }]) => lanes.filter((_, each) => lane === undefined || each === lane))
    .flatMap(({ spans }) => spans)
    .reduce((sum, [first, end]) => sum + end - first, 0);

function laneBy(game: Game, lane: number, all: LedgerRange[], from: number): SentLane {
  // One without events comes before the one that goes on there, and its time base may be one that no event was sent by.
  const ranges = all.filter((range) => range.lane === lane).sort((a, b) => a.first - b.first || a.end - b.end);
  const times = ranges.filter(({ first, end }) => first < end).map(({ time }) => time);
  const bases = times.filter((time, i) => time.from !== times[i - 1]?.from);
  const last = ranges.at(-1);
  const end = last?.end ?? 0;
  const spans = joined(ranges.map((range) => clipped(range, from)).filter(([first, to]) => first < to));
  const known = joined(ranges.map(({ first, end: to }): Span => [first, to]).filter(([first, to]) => first < to));
  const due = last ? dueAtEnd(game, lane, end, bases, last.since) : [];
  const heldBack = (wanted: Due['kind']) => new Set(due.flatMap(({ i, kind }) => (kind === wanted ? [i] : [])));
  const resent = joined(ranges.flatMap((range) => range.resent));
  return { ranges, spans, known, bases, resent, pending: heldBack('late'), pendingCopies: heldBack('duplicate'), end };
}

/** The part of a range that happened at `from` or later, by times in whole milliseconds, as events tell theirs. */
function clipped({ first, end, time }: LedgerRange, from: number): Span {
  const hasHappened = (i: number) => Math.floor(timeOf([time], i)) >= Math.floor(from);
  let begin = Math.min(end, Math.max(first, time.from + Math.ceil(((from - time.base) * time.rate) / 1000)));
  // Not every rate is a number that a computer has exactly.
  while (begin > first && hasHappened(begin - 1)) begin--;
  while (begin < end && !hasHappened(begin)) begin++;
  return [begin, end];
}

/** True when the second copy of an event came due so late that it was not sent, as that of a lane that nobody sent for a long time. */
export function wasTooLate(game: Game, { ranges, bases }: SentLane, i: number): boolean {
  const due = sentBefore(game, i, bases);
  const range = ranges.find(({ end, since }) => since > i || end > due);
  if (!range) return false;
  const { at, end, time } = range;
  // Ranges of a lane that keeps its pace are joined, and then only the last event tells how late they were sent.
  return at - timeOf(bases, i) > FORGOTTEN_MS && at - timeOf([time], end - 1) > FORGOTTEN_MS - HELD_BACK_MS;
}
