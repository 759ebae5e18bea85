import { perMonth } from '../pipeline/cost.ts';
import type { Spec } from '../pipeline/spec.ts';
import { sumOf } from '../pipeline/standing-cost.ts';
import type { Leftover, Leftovers } from '../workflows/messages.ts';

const dollars = (perHour: number) => `$${perHour.toFixed(3)} an hour`;

/** What take-down left, a line each: what it is, why, and what it costs; then what all of it costs. None when nothing is left. */
export function leftLines({ left }: Leftovers, target: Spec['target']): string[] {
  if (left.length === 0) return [];
  const sum = sumOf(left.map(({ costs }) => costs));
  const billed = `together ${dollars(sum)}, $${perMonth(sum).toFixed(0)} a month`;
  return [...left.map(lineOf), target === 'local' ? `Nothing is billed here; on AWS they would cost ${billed}.` : `Billed: ${billed}.`];
}

/** What was to be kept and is not in the lake, a line each. */
export const unsavedLines = ({ unsaved = [] }: Leftovers): string[] => unsaved.map((line) => `not in the lake: ${line}`);

/** Schedules and workflows of the pipeline that go on though nothing is left on AWS, a line each; then what to do. */
export function leftInTemporal(things: string[], keepData: boolean): string[] {
  if (things.length === 0) return [];
  return [
    ...things.map((thing) => `  ${thing}: goes on in Temporal`),
    `To end them, once more: npx d2d down${keepData ? ' --keep-data' : ''}`,
  ];
}

const lineOf = ({ label, why, costs }: Leftover): string =>
  `  ${label}: ${why}; ${costs ? `${dollars(costs.perHour)} (${costs.basis})` : 'what it costs is not known'}`;
