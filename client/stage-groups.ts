import type { Stage } from '../pipeline/stages.ts';
import type { StageState } from '../workflows/messages.ts';

/** The stages as people read them: in data-flow order, by service; each stage in one group. */
export const GROUPS: Record<string, Stage[]> = {
  'Kinesis streams': ['events', 'playerMetrics', 'teamMetrics', 'leaderboards', 'serverMetrics', 'lateEvents'],
  'Studio notebook': ['flinkDatabase', 'studio'],
  Firehose: ['eventsDelivery', 'playerDelivery', 'teamDelivery', 'leaderboardDelivery', 'serverDelivery', 'lateDelivery'],
  'S3 lake, logs, roles': ['bucket', 'firehoseLogs', 'studioLogs', 'firehoseRole', 'studioRole', 'crawlerRole', 'quicksightRole'],
  'Glue catalog': ['lakeDatabase', 'crawler', 'auditTable'],
  Athena: ['workgroup', 'questions', 'views'],
  QuickSight: ['dataSource', 'players', 'teams', 'history', 'audits', 'analysis', 'dashboard'],
};

/** One word for a group of stages, and which of them are not ready. */
export function groupState(group: Stage[], states: Partial<Record<Stage, StageState>>): { state: StageState; open: Stage[] } {
  const open = group.filter((stage) => states[stage] !== 'ready');
  const of = (state: StageState) => group.some((stage) => states[stage] === state);
  if (open.length === 0) return { state: 'ready', open };
  if (of('failed')) return { state: 'failed', open };
  if (of('drifted')) return { state: 'drifted', open };
  return { state: of('working') || of('ready') ? 'working' : 'waiting', open };
}
