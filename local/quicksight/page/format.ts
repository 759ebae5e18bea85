import type { Cell } from '../load.ts';

const wholes = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** A number with separators; `decimals` fixed if given, else as many as it needs up to two. */
export function number(value: number, decimals?: number): string {
  if (decimals === undefined)
    return Number.isInteger(value) ? wholes.format(value) : new Intl.NumberFormat('en', { maximumFractionDigits: 2 }).format(value);
  return new Intl.NumberFormat('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
}

/** A cell as people read it; times in UTC, seconds only where there are some. */
export function cell(value: Cell, decimals?: number): string {
  if (value === null) return '–';
  if (typeof value === 'number') return number(value, decimals);
  if (typeof value === 'string' && ISO.test(value)) return `${value.slice(0, 10)} ${clock(value)}`;
  return String(value);
}

/** The time of day of an ISO moment, in UTC. */
export const clock = (iso: string): string => (iso.slice(17, 19) === '00' ? iso.slice(11, 16) : iso.slice(11, 19));

/** A span of seconds in the largest fitting unit. */
export function span(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
