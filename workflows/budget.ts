import { dayOf, overBudget, perHour, type Running } from '../pipeline/cost.ts';
import { standing } from '../pipeline/stages.ts';
import type { PipelineStatus } from './messages.ts';

const HOUR_MS = 3_600_000;

/** What of a pipeline is under way now. */
export const runningOf = ({ generating, studioRuns, readyAt, paused, stages, made }: PipelineStatus): Running => ({
  stands: standing(stages, made),
  generating: generating && !paused,
  studio: studioRuns,
  schedules: readyAt !== undefined && !paused,
});

/** Adds what the pipeline has cost since this was last called, at the price of what ran then; to be called whenever that changes, and now and then. */
export function addUp(picture: PipelineStatus): void {
  const { day, dollars, at, perHour: price, waived } = picture.spent;
  const now = Date.now();
  const today = dayOf(now);
  const before = today === day ? { dollars, waived } : { dollars: 0 };
  const cost = ((now - at) / HOUR_MS) * price;
  picture.spent = {
    ...before,
    day: today,
    dollars: before.dollars + cost,
    at: now,
    perHour: perHour(picture.pipeline, runningOf(picture)),
  };
}

/** Why the pipeline is over its budget; undefined while it is not, and for the rest of a day on which the user let it go on. */
export const excess = ({ pipeline, spent, ...picture }: PipelineStatus): string | undefined =>
  overBudget(spent.waived ? { ...pipeline, maxDailyCost: undefined } : pipeline, spent.dollars, runningOf({ pipeline, spent, ...picture }));
