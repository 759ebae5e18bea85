import type { Game } from './simulation.ts';

/** Event `from` of a lane, and those after it, happen at `base + (i - from) * 1000 / rate` milliseconds since the epoch. */
export interface TimeBase {
  from: number;
  base: number;
  rate: number;
}

/** Numbers from the first up to, not including, the second. */
export type Span = [number, number];

/**
 * Events of one lane under one time base, `first` up to, not including, `end`, all of which Kinesis has acknowledged. One without events says that what was held
 * back below it has been sent.
 */
export interface LedgerRange {
  lane: number;
  first: number;
  end: number;
  time: TimeBase;
  /** When the last of them was acknowledged, milliseconds since the epoch. */
  at: number;
  /** Those that were sent again, since nobody knew what had become of them: each may be in the stream once more. */
  resent: Span[];
  /** Of events from this one on, what was held back is sent at its place; of those before, it was sent when the lane fell silent. */
  since: number;
}

/** What is written down at once: ranges of one game. */
export interface LedgerPage {
  game: Game;
  ranges: LedgerRange[];
}

/** When event `i` happens (milliseconds since the epoch), by the time bases of its lane, oldest first. */
export function timeOf(bases: readonly TimeBase[], i: number): number {
  const { from, base, rate } = bases.findLast((each) => each.from <= i) ?? bases[0]!;
  return base + ((i - from) * 1000) / rate;
}

/** The number of the first event that happens after `time`, by the latest of the bases. */
export function dueBy(bases: readonly TimeBase[], time: number): number {
  const { from, base, rate } = bases.at(-1)!;
  return from + Math.max(0, Math.floor(((time - base) * rate) / 1000) + 1);
}

/** The number of the first event that happens at `time` or later, by the time bases of its lane, oldest first. */
export function firstSince(bases: readonly TimeBase[], time: number): number {
  const at = bases.findLastIndex(({ base }) => base < time);
  const within = bases[at];
  if (!within) return bases[0]!.from;
  const { from, base, rate } = within;
  let i = from + Math.ceil(((time - base) * rate) / 1000);
  // Not every rate is a number that a computer has exactly.
  while (i > from && timeOf([within], i - 1) >= time) i--;
  while (timeOf([within], i) < time) i++;
  return Math.min(i, bases[at + 1]?.from ?? i);
}

/** The ranges with one more; one that goes on where its lane's last ended, under the same time base, is one with it. */
export function entered(ranges: readonly LedgerRange[], next: LedgerRange): LedgerRange[] {
  const at = ranges.findLastIndex(({ lane }) => lane === next.lane);
  const last = ranges[at];
  if (!last || last.end !== next.first || last.since !== next.since || !isSame(last.time, next.time)) return [...ranges, next];
  return ranges.with(at, { ...last, end: next.end, at: next.at, resent: joined([...last.resent, ...next.resent]) });
}

const isSame = (a: TimeBase, b: TimeBase): boolean => a.from === b.from && a.base === b.base && a.rate === b.rate;

/** Spans, sorted and joined where they touch or overlap. */
export function joined(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const [first, end] of [...spans].sort(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last && first <= last[1]) last[1] = Math.max(last[1], end);
    else all.push([first, end]);
  }
  return all;
}
