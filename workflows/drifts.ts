import type { RestoredSchedule } from '../activities/temporal/schedules.ts';
import type { Drift, PipelineStatus } from './messages.ts';
import { publishDetails } from './status.ts';

const DRIFTS_KEPT = 20;

/** Puts these into the status; what is not healed is not told again while it stays the same. */
export function recordDrifts(status: PipelineStatus, drifts: Drift[]): void {
  const latest = ({ label }: Drift) => status.drifts.findLast((before) => before.label === label);
  const news = drifts.filter((drift) => drift.done === 'healed' || !isSame(latest(drift), drift));
  status.drifts = [...status.drifts, ...news].slice(-DRIFTS_KEPT);
  publishDetails(status);
}

/** Workflows of ours that somebody had ended, and that were started anew. */
export const workflowDrifts = (ids: string[]): Drift[] =>
  ids.map((id) => ({ label: `workflow ${id}`, differences: [], missing: true, at: Date.now(), done: 'healed' }));

/** Schedules of ours that somebody had deleted or changed, and that are as they were again. */
export const scheduleDrifts = (restored: RestoredSchedule[]): Drift[] =>
  restored.map(({ id, ...found }) => ({ label: `schedule ${id}`, ...found, at: Date.now(), done: 'healed' }));

const isSame = (a: Drift | undefined, b: Drift): boolean =>
  a?.done === b.done && a.label === b.label && a.missing === b.missing && JSON.stringify(a.differences) === JSON.stringify(b.differences);
