import { z } from 'zod';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time.ts';

/** A duration in words, as Temporal takes it. */
export type Duration = `${number} ${'second' | 'minute' | 'hour' | 'day'}${'' | 's'}`;

/** A duration as a user writes it: '5 minutes'; `least` is in the same words. */
export const duration = (least: Duration) =>
  z
    .string()
    .regex(/^\d+ (second|minute|hour|day)s?$/, "must be a number and a unit, as '5 minutes'")
    .refine((text) => !(milliseconds(text) < milliseconds(least)), `must be at least ${least}`)
    .transform((text) => text as Duration);

const UNITS = { second: 1000, minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const;

/** Milliseconds of a duration such as '5 minutes'. */
export function milliseconds(text: string): number {
  const [amount = '0', unit = ''] = text.split(' ');
  return Number(amount) * (UNITS[unit.replace(/s$/, '') as keyof typeof UNITS] ?? Number.NaN);
}
