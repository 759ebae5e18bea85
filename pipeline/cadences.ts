import { milliseconds } from './duration.ts';
import { QUESTIONS, REFRESHED, type SCHEDULED } from './schedules.ts';
import type { Spec } from './spec.ts';

/** One thing that is done on a schedule, and how often: milliseconds of AWS's time. */
export interface Cadence {
  what: 'crawl' | 'query' | 'refresh' | 'audit';
  name: (typeof SCHEDULED)[number];
  every: number;
}

/** Questions about whole days: they read months, and their answers change once a day. */
const DAILY = new Set(['retention']);

/** All that a pipeline does on schedules: its crawl, each question, each data set in SPICE, its audit; the cadence of its own goes before the usual one. */
export function cadences({ schedules, target, local }: Pick<Spec, 'schedules' | 'target' | 'local'>): Cadence[] {
  const one = (what: Cadence['what'], name: Cadence['name'], usual: string): Cadence => ({
    what,
    name,
    every: milliseconds(schedules.each[name]?.every ?? usual),
  });
  return [
    one('crawl', 'crawl', target === 'local' ? local.crawl : schedules.crawl),
    ...QUESTIONS.map((question) => one('query', question, DAILY.has(question) ? '1 day' : schedules.queries)),
    ...REFRESHED.map((dataSet) => one('refresh', dataSet, schedules.refresh)),
    one('audit', 'audit', schedules.audit),
  ];
}
