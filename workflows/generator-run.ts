import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { laneTotal } from '../pipeline/lanes.ts';
import type { Rate } from '../pipeline/rate.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Cursor } from './cursor.ts';

/** The generator's activities. */
export const act = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '3 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '500 milliseconds', backoffCoefficient: 1.5, maximumInterval: '10 seconds' },
});

/** What the parts of a generator's workflow share: its spec and where it stands. Either is replaced while it runs. */
export interface GeneratorRun {
  pipeline: Pipeline;
  cursor: Cursor;
}

/** The rate that it sends at: the user's, or the spec's. */
export const rateOf = ({ cursor, pipeline }: GeneratorRun): Rate => cursor.rate ?? pipeline.generator.rate;

/** The spec with the rate as it is now: whether records are aggregated hangs on it. */
export const withRate = (run: GeneratorRun): Pipeline => ({
  ...run.pipeline,
  generator: { ...run.pipeline.generator, rate: rateOf(run) },
});

/** How many events a lane sends in all. */
export const totalOf = ({ cursor: { game, earlier }, pipeline }: GeneratorRun, lane: number): number =>
  laneTotal(lane, game.lanes, pipeline.generator.total, earlier);

/** True once the total is sent. */
export const isDone = (run: GeneratorRun): boolean => run.cursor.lanes.every(({ next }, lane) => next >= totalOf(run, lane));

/** When the latest event happened, heartbeats of a silence apart; milliseconds since the epoch, 0 before the first. */
export const lastEvent = ({ cursor: { quiet, lanes } }: GeneratorRun): number =>
  quiet?.last ?? Math.max(...lanes.map(({ latest }) => latest));
