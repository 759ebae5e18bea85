import { patched } from '@temporalio/workflow';
import { dayOf, perHour, type Running } from '../pipeline/cost.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { standing } from '../pipeline/stages.ts';
import type { PipelineStatus } from './messages.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What of a pipeline is under way now. */
export const runningOf = ({ generating, studioRuns, readyAt, paused, stages, made }: PipelineStatus): Running => ({
  stands: standing(stages, made),
  generating: generating && !paused,
  studio: studioRuns,
  schedules: readyAt !== undefined && !paused,
  lakeDays: readyAt === undefined ? 0 : (Date.now() - readyAt) / DAY_MS,
});

/** The pipeline as it sends now: at the rate that the user set live, if there is one. */
export const asSent = ({ pipeline, rated }: PipelineStatus): Pipeline =>
  rated === undefined || rated === true ? pipeline : { ...pipeline, generator: { ...pipeline.generator, rate: rated } };

/** True where the budget is judged by an activity. Workflows of before judge it themselves, and must come to the same as ever when they replay. */
export const isJudgedOutside = (): boolean => patched('budget-is-judged-outside');

/** The price that workflows of before went by: of a lake that is full. */
export const withFullLake = (running: Running): Running => ({ ...running, lakeDays: undefined });

/** Adds what the pipeline has cost since this was last called, at the price of what ran then; to be called whenever that changes, and now and then. */
export function addUp(picture: PipelineStatus): void {
  const now = Date.now();
  const isNew = isJudgedOutside();
  const running = isNew ? runningOf(picture) : withFullLake(runningOf(picture));
  picture.spent = { ...spentUntil(now, picture.spent, isNew), at: now, perHour: perHour(asSent(picture), running) };
}

type Spent = PipelineStatus['spent'];

/** What was spent on the day of `now`, UTC; with `splits` no hour of an earlier day counts. */
export function spentUntil(now: number, { day, dollars, at, perHour: price, waived }: Spent, splits = true): Omit<Spent, 'at' | 'perHour'> {
  const today = dayOf(now);
  const before = today === day ? { dollars, waived } : { dollars: 0 };
  const since = splits ? Math.max(at, Date.parse(today)) : at;
  return { ...before, day: today, dollars: before.dollars + ((now - since) / HOUR_MS) * price };
}
