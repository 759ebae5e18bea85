import type { ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import { names } from '../../pipeline/names.ts';
import { QUESTIONS, REFRESHED, type SCHEDULED } from '../../pipeline/schedules.ts';
import { milliseconds, type Pipeline, speedOf } from '../../pipeline/spec.ts';
import { attributes, introduced } from '../../workflows/story.ts';
import { specHash } from '../spec-hash.ts';

/** One schedule of a pipeline. `id`: that of the schedule, which its workflows' begin with; durations in milliseconds, as the pipeline's speed makes them. */
export interface Scheduled {
  id: string;
  name: (typeof SCHEDULED)[number];
  what: 'crawl' | 'query' | 'refresh';
  every: number;
  overlap: ScheduleOverlapPolicy;
  catchup: number;
}

/** Temporal counts intervals in whole seconds. */
const SHORTEST_MS = 1000;
/** Temporal makes up for at least this much. */
const SHORTEST_CATCHUP_MS = 10_000;

/** The schedules that a pipeline wants: its crawl, each question and each data set in SPICE. */
export function scheduled(pipeline: Pipeline): Scheduled[] {
  const { schedules, target, local } = pipeline;
  const { crawl, query, refresh } = names(pipeline).workflows;
  const real = (text: string) => milliseconds(text) / speedOf(pipeline);
  const one = (what: Scheduled['what'], name: Scheduled['name'], id: string, usual: string): Scheduled => {
    const own = schedules.each[name];
    return {
      id,
      name,
      what,
      every: Math.max(SHORTEST_MS, Math.round(real(own?.every ?? usual) / 1000) * 1000),
      overlap: (own?.overlap ?? schedules.overlap).toUpperCase().replace(' ', '_') as Uppercase<'skip'>,
      catchup: Math.max(SHORTEST_CATCHUP_MS, real(own?.catchup ?? schedules.catchup)),
    };
  };
  return [
    one('crawl', 'crawl', crawl, target === 'local' ? local.crawl : schedules.crawl),
    ...QUESTIONS.map((question) => one('query', question, `${query}/${question}`, schedules.queries)),
    ...REFRESHED.map((dataSet) => one('refresh', dataSet, `${refresh}/${dataSet}`, schedules.refresh)),
  ];
}

const STORY = {
  crawl: () => 'crawls the lake',
  query: (question: string) => `asks ${question}`,
  refresh: (dataSet: string) => `loads data set ${dataSet} into SPICE`,
};
const ARGUMENTS = {
  crawl: () => ({}),
  query: (question: string) => ({ questions: [question] }),
  refresh: (dataSet: string) => ({ dataSet }),
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
    args: [{ pipeline, ...ARGUMENTS[what](name) }],
    memo: { specHash: specHash(pipeline) },
    ...introduced(pipeline, STORY[what](name)),
  },
  policies: { overlap, catchupWindow: catchup },
  typedSearchAttributes: attributes(pipeline),
});
