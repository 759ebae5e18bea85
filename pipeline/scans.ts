import type { Cadence } from './cadences.ts';
import type { LakeTable } from './names.ts';
import type { QUESTIONS, REFRESHED } from './schedules.ts';
import type { Pipeline } from './spec.ts';
import type { Sized } from './stream-shards.ts';
import { HOUR_MS } from './time.ts';
import { bytesAnHour } from './volume.ts';
import { RANGES } from './windows.ts';

/** What a query reads: tables of the lake, each as often as it is named (Athena reads what stands in a WITH anew wherever that is named), so many hours back. */
export interface Reads {
  hours: number;
  scans: Partial<Record<LakeTable, number>>;
}

const reads = (hours: number, scans: Reads['scans']): Reads => ({ hours, scans });
const { latest, recent, month, twoMonths } = RANGES;
const WINDOWS_WRONG = { events: 9, player_metrics: 5, team_metrics: 2, leaderboards: 3, server_metrics: 1, late_events: 14 };

/** The questions, and what loads the data sets. */
export const READS: Record<(typeof QUESTIONS | typeof REFRESHED)[number], Reads> = {
  kills_total: reads(recent, { events: 1, player_metrics: 1, late_events: 1 }),
  leaderboard: reads(recent, { events: 4, player_metrics: 2, late_events: 2 }),
  pipeline_counts: reads(recent, { events: 2, late_events: 1 }),
  pipeline_operations: reads(recent, { events: 2, team_metrics: 1, late_events: 2 }),
  player_deaths: reads(recent, { player_metrics: 1, late_events: 1 }),
  player_form: reads(recent, { player_metrics: 1, late_events: 1 }),
  player_kill_ratio: reads(recent, { player_metrics: 1, late_events: 1 }),
  player_ratio_over_time: reads(recent, { player_metrics: 2, late_events: 2 }),
  retention: reads(twoMonths, { events: 1 }),
  server_operations: reads(recent, { events: 1, server_metrics: 1, late_events: 2 }),
  team_performance: reads(recent, { events: 1, team_metrics: 1, late_events: 2 }),
  windows_wrong: reads(latest, WINDOWS_WRONG),
  history: reads(month, { team_metrics: 1, late_events: 1 }),
};

/** An audit's: block by block, what questions count, the comparison of the metrics. */
const AUDIT = [{ events: 1 }, { events: 1 }, WINDOWS_WRONG];

/** Bytes that the largest query of a pipeline scans once its lake is as old as it gets; a first audit counts a day. */
export const largestScan = (pipeline: Sized & Pick<Pipeline, 'keep'>): number =>
  Math.max(
    ...[...Object.values(READS), ...AUDIT.map((scans) => reads(recent, scans))].map((each) =>
      bytesScanned(pipeline, each, 24 * pipeline.keep.lakeDays),
    ),
  );

/** What is read when something falls due; an audit goes on from the one before. */
export function readsOf({ name, every }: Cadence): Reads[] {
  if (name === 'crawl') return [];
  if (name === 'audit') return AUDIT.map((scans) => reads(Math.max(latest, every / HOUR_MS), scans));
  return [READS[name]];
}

/** Bytes that a query scans of a lake so many hours old. */
export function bytesScanned(pipeline: Sized, { hours, scans }: Reads, lakeHours: number): number {
  // The partition of the hour before may hold some of it, too.
  const read = Math.min(hours + 1, lakeHours);
  return Object.entries(scans).reduce((sum, [table, times]) => sum + times * read * bytesAnHour(pipeline, table as LakeTable, 'lake'), 0);
}
