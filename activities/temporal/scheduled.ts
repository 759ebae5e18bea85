import type { ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import { type Cadence, cadences } from '../../pipeline/cadences.ts';
import { milliseconds } from '../../pipeline/duration.ts';
import { names } from '../../pipeline/names.ts';
import { type Pipeline, speedOf } from '../../pipeline/spec.ts';
import { attributes, introduced } from '../../workflows/story.ts';
import { specHash } from '../spec-hash.ts';

/** One schedule of a pipeline. `id`: that of the schedule, which its workflows' begin with; durations in milliseconds, as the pipeline's speed makes them. */
export interface Scheduled extends Cadence {
  id: string;
  overlap: ScheduleOverlapPolicy;
  catchup: number;
}

/** Temporal counts intervals in whole seconds. */
const SHORTEST_MS = 1000;
/** Temporal makes up for at least this much. */
const SHORTEST_CATCHUP_MS = 10_000;

/** The schedules that a pipeline wants: its crawl, each question, each data set in SPICE, and the audit. */
export function scheduled(pipeline: Pipeline): Scheduled[] {
  const { schedules } = pipeline;
  const { workflows } = names(pipeline);
  const speed = speedOf(pipeline);
  return cadences(pipeline).map(({ what, name, every }) => {
    const own = schedules.each[name];
    return {
      id: what === name ? workflows[what] : `${workflows[what]}/${name}`,
      name,
      what,
      every: Math.max(SHORTEST_MS, Math.round(every / speed / 1000) * 1000),
      overlap: (own?.overlap ?? schedules.overlap).toUpperCase().replace(' ', '_') as Uppercase<'skip'>,
      catchup: Math.max(SHORTEST_CATCHUP_MS, milliseconds(own?.catchup ?? schedules.catchup) / speed),
    };
  });
}

const STORY = {
  crawl: () => 'crawls the lake',
  query: (question: string) => `asks ${question}`,
  refresh: (dataSet: string) => `loads data set ${dataSet} into SPICE`,
  audit: () => 'counts every event everywhere, back to the last audit that agreed',
};
const ARGUMENTS = {
  crawl: () => ({}),
  query: (question: string) => ({ questions: [question] }),
  refresh: (dataSet: string) => ({ dataSet }),
  audit: (_: string, { delivery }: Pipeline) => ({ hours: 24, onSchedule: true, patience: `${delivery.seconds * 2 + 90} seconds` }),
};

/** A schedule in Temporal's words. */
export const scheduleOptions = (
  pipeline: Pipeline,
  taskQueue: string,
  { id, name, what, every, overlap, catchup }: Scheduled,
): Omit<ScheduleOptions, 'state'> => ({
  scheduleId: id,
  spec: { intervals: [{ every }] },
  action: {
    type: 'startWorkflow',
    workflowType: what,
    workflowId: id,
    taskQueue,
    args: [{ pipeline, ...ARGUMENTS[what](name, pipeline) }],
    memo: { specHash: specHash(pipeline) },
    ...introduced(pipeline, STORY[what](name)),
  },
  policies: { overlap, catchupWindow: catchup },
  typedSearchAttributes: attributes(pipeline),
});
