import { MINUTE_MS } from '../../pipeline/time.ts';

/** What one place has of the events that happened within a minute; `minute` counts from the epoch. */
export interface Minute {
  minute: number;
  /** By the ledger. */
  sent: number;
  /** Of those, there; what comes with others than were sent is more. */
  events: number;
  altered: number;
  /** Copies beyond the first, for no reason that the ledger knows. */
  twice: number;
}

/** A week's; an answer is no place for more. */
const MOST = 10_080;

/** Counts by the minute, in any order, but quickest in the order of time. */
export function minutes() {
  const all = new Map<number, Minute>();
  let last: Minute | undefined;
  return {
    all,
    /** The counts of the minute of a time (milliseconds since the epoch). */
    at: (time: number): Minute => {
      const minute = Math.floor(time / MINUTE_MS);
      if (last?.minute === minute) return last;
      last = all.get(minute) ?? { minute, sent: 0, events: 0, altered: 0, twice: 0 };
      all.set(minute, last);
      return last;
    },
  };
}

/** By how much a minute differs from what was sent. */
const wrongness = ({ sent, events, altered, twice }: Minute): number => Math.abs(sent - events) + altered + twice;

/** The minutes that differ, the worst first, or all of them: as many as an answer may hold. */
export const told = (all: Iterable<Minute>, isAll: boolean): Minute[] =>
  [...all]
    .filter((minute) => isAll || wrongness(minute) > 0)
    .sort((a, b) => wrongness(b) - wrongness(a) || a.minute - b.minute)
    .slice(0, MOST);
