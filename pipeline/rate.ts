import { z } from 'zod';
import { duration, milliseconds } from './duration.ts';
import { DAY_MS } from './time.ts';

const perSecond = z.number().positive().max(100_000);
const span = duration('1 second').transform((text): string => text);

/** How many events a second: a number, as many as the stream takes, or a course in time. */
export const rateSchema = z.union(
  [
    perSecond,
    z.literal('max'),
    z.strictObject({ ramp: z.strictObject({ from: perSecond, to: perSecond, over: span }) }),
    /** A day's wave between two rates, highest at `peak` (UTC, as '20:00'). */
    z.strictObject({
      daily: z.strictObject({
        low: perSecond,
        high: perSecond,
        peak: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time, as '20:00'"),
      }),
    }),
    z.strictObject({ bursts: z.strictObject({ rate: perSecond, peak: perSecond, every: span, lasts: span }) }),
  ],
  "must be a number of events a second, 'max', or one of ramp { from, to, over }, daily { low, high, peak }, bursts { rate, peak, every, lasts }",
);

/** A checked rate. */
export type Rate = z.output<typeof rateSchema>;

/** Events a second, and for how many milliseconds from now that holds. */
export interface Pace {
  rate: number;
  holds: number;
}

/** A course that bends is followed in steps this long. */
const STEP_MS = 5_000;

/**
 * The pace at a moment: `since` milliseconds after the course began, at `now` (milliseconds since the epoch), in pieces of at most `longest`. `most` is what the
 * stream takes.
 */
export function paceAt(rate: Rate, since: number, now: number, longest: number, most: number): Pace {
  if (typeof rate === 'number') return { rate, holds: longest };
  if (rate === 'max') return { rate: most, holds: longest };
  const step = Math.min(STEP_MS, longest);
  if ('ramp' in rate) {
    const { from, to, over } = rate.ramp;
    const part = Math.min(1, (since + step / 2) / milliseconds(over));
    return { rate: from + (to - from) * part, holds: since >= milliseconds(over) ? longest : step };
  }
  if ('daily' in rate) {
    const { low, high, peak } = rate.daily;
    const [hours = 0, minutes = 0] = peak.split(':').map(Number);
    const turn = ((now + step / 2) % DAY_MS) / DAY_MS - (hours * 60 + minutes) / 1440;
    return { rate: low + ((high - low) * (1 + Math.cos(2 * Math.PI * turn))) / 2, holds: step };
  }
  const { rate: usual, peak, every, lasts } = rate.bursts;
  const at = since % milliseconds(every);
  const end = milliseconds(lasts);
  const isBurst = at < end;
  return { rate: isBurst ? peak : usual, holds: Math.min(longest, (isBurst ? end : milliseconds(every)) - at) };
}

/** The highest pace of a course; undefined for as much as the stream takes. */
export function peakOf(rate: Rate): number | undefined {
  if (typeof rate === 'number') return rate;
  if (rate === 'max') return undefined;
  if ('ramp' in rate) return Math.max(rate.ramp.from, rate.ramp.to);
  if ('daily' in rate) return Math.max(rate.daily.low, rate.daily.high);
  return Math.max(rate.bursts.rate, rate.bursts.peak);
}

/** The mean pace over a long time, for what it costs; undefined for as much as the stream takes. */
export function meanOf(rate: Rate): number | undefined {
  if (typeof rate === 'number') return rate;
  if (rate === 'max') return undefined;
  if ('ramp' in rate) return rate.ramp.to;
  if ('daily' in rate) return (rate.daily.low + rate.daily.high) / 2;
  const { rate: usual, peak, every, lasts } = rate.bursts;
  const share = Math.min(1, milliseconds(lasts) / milliseconds(every));
  return usual * (1 - share) + peak * share;
}

/** In words. */
export function rateWords(rate: Rate): string {
  if (typeof rate === 'number') return `${rate} events/s`;
  if (rate === 'max') return 'as many events/s as the stream takes';
  if ('ramp' in rate) return `${rate.ramp.from} to ${rate.ramp.to} events/s over ${rate.ramp.over}`;
  if ('daily' in rate) return `${rate.daily.low} to ${rate.daily.high} events/s over the day, most at ${rate.daily.peak} UTC`;
  const { rate: usual, peak, every, lasts } = rate.bursts;
  return `${usual} events/s, ${peak} for ${lasts} every ${every}`;
}
