import { dayOf, perHour, type Running } from '../pipeline/cost.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { standing } from '../pipeline/stages.ts';
import { DAY_MS, HOUR_MS } from '../pipeline/time.ts';
import type { PipelineStatus } from './messages.ts';

/** What of a pipeline is under way now. */
export const runningOf = ({ pipeline, generating, studioRuns, readyAt, paused, stages, created }: PipelineStatus): Running => ({
  stands: standing(stages, created),
  madeFor: pipeline.generator.rate,
  generating: generating && !paused,
  studio: studioRuns,
  schedules: readyAt !== undefined && !paused,
  lakeDays: readyAt === undefined ? 0 : (Date.now() - readyAt) / DAY_MS,
});

/** The pipeline as it sends now: at the rate that the user set live, if there is one. */
export const asSent = ({ pipeline, rateOverride }: PipelineStatus): Pipeline =>
  rateOverride === undefined ? pipeline : { ...pipeline, generator: { ...pipeline.generator, rate: rateOverride } };

/** Adds what the pipeline has cost since this was last called, at the price of what ran then; to be called whenever that changes, and now and then. */
export function addUp(status: PipelineStatus): void {
  const now = Date.now();
  status.spent = { ...spentUntil(now, status.spent), at: now, perHour: perHour(asSent(status), runningOf(status)) };
}

type Spent = PipelineStatus['spent'];

/** What was spent on the day of `now`, UTC: no hour of an earlier day counts. */
export function spentUntil(now: number, { day, dollars, at, perHour: price, waived }: Spent): Omit<Spent, 'at' | 'perHour'> {
  const today = dayOf(now);
  const before = today === day ? { dollars, waived } : { dollars: 0 };
  const since = Math.max(at, Date.parse(today));
  return { ...before, day: today, dollars: before.dollars + ((now - since) / HOUR_MS) * price };
}
