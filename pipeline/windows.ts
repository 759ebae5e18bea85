import type { Spec } from './spec.ts';

/** How many seconds an event may come after a later one of its shard and still be counted in its window. */
export const WATERMARK_SECONDS = 5;

const SLIDING_SECONDS = 60;

/** The length of the sliding windows: a minute, or the next multiple of the tumbling ones', by which they slide. */
export const slidingSeconds = ({ windowSeconds }: Pick<Spec, 'windowSeconds'>): number =>
  windowSeconds * Math.ceil(SLIDING_SECONDS / windowSeconds);

/** True when windows add up to minutes: others lie across the borders of them. */
export const fillsMinutes = ({ windowSeconds }: Pick<Spec, 'windowSeconds'>): boolean => 60 % windowSeconds === 0;

/** How far back the dashboard's history looks, and questions about a month. */
export const MONTH_DAYS = 30;

/** How far back questions look, by the word that they say before a view's name; in hours. */
export const RANGES = { latest: 2, recent: 24, month: MONTH_DAYS * 24, twoMonths: 2 * MONTH_DAYS * 24 } as const;
