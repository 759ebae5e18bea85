import { SHARD_SENT } from '../../pipeline/spec.ts';

/** What one shard takes in a second. */
export interface ShardLimit {
  records: number;
  bytes: number;
}

/** A little less than a shard's quota: AWS counts over a moment of its own choosing. */
export const SHARD_LIMIT: ShardLimit = { records: SHARD_SENT, bytes: 0.95 * (1 << 20) };

/** Keeps what goes to one shard within what it takes; learns from refusals, as others may write to it too. */
export interface Pace {
  /** When the next record may go, in milliseconds of the clock that `now` is read from. */
  freeAt(): number;
  /** A record of so many bytes goes. */
  spend(now: number, bytes: number): void;
  /** A call was answered: so many of its records for this shard were stored, and so many not. */
  answered(now: number, stored: number, refused: number): void;
}

const BURST_MS = 100;
const LEARN_MS = 1000;
const LEAST = 0.05;
const MORE = 0.1;
const BACKOFF_MS = { first: 40, longest: 2000 };

/**
 * The pace of one shard. About once a second its rate becomes the share that was stored of what was sent, and a tenth of the full rate more: so it finds what
 * others leave of the shard, and is back at the full rate in seconds.
 */
export function pace({ records, bytes: bytesPerSecond }: ShardLimit): Pace {
  let share = 1;
  let freeAt = 0;
  let vain = 0;
  let learned = 0;
  const seen = { stored: 0, refused: 0 };
  return {
    freeAt: () => freeAt,
    spend: (now, bytes) => {
      const cost = Math.max(1000 / records, (1000 * bytes) / bytesPerSecond) / share;
      freeAt = Math.max(freeAt, now - BURST_MS) + cost;
    },
    answered: (now, stored, refused) => {
      seen.stored += stored;
      seen.refused += refused;
      vain = stored > 0 ? 0 : vain + 1;
      if (refused > 0) freeAt = Math.max(freeAt, now + jittered(BACKOFF_MS.first * 2 ** vain, BACKOFF_MS.longest));
      if (now - learned < LEARN_MS) return;
      const seconds = Math.min(10, (now - learned) / 1000);
      share = Math.max(LEAST, Math.min(1, (share * seen.stored) / (seen.stored + seen.refused) + MORE * seconds));
      learned = now;
      seen.stored = 0;
      seen.refused = 0;
    },
  };
}

/** Between half of a time and the whole of it, at most `longest`. */
export const jittered = (milliseconds: number, longest: number): number => Math.min(longest, milliseconds) * (0.5 + Math.random() / 2);
