import { mostOf } from './lanes.ts';
import type { LakeTable } from './names.ts';
import { meanOf } from './rate.ts';
import { playerRows, type Sized } from './stream-shards.ts';

/** Bytes of an event in its stream and, compressed, in the lake (measured); of a row of the metrics (estimate). */
const EVENT_BYTES = { stream: 230, lake: 45 };
const ROW_BYTES = { stream: 170, lake: 15 };
/** Rows of a window besides the players': every team's, the best players', every server's (one a shard). */
const TEAMS = 2;
const LEADERS = 10;

/** Rows a second of each table while events are sent: of the players' metrics at most, of all else in the mean. */
export function rowsOf(pipeline: Sized): Record<LakeTable, number> {
  const { shards, windowSeconds, generator } = pipeline;
  const events = meanOf(generator.rate) ?? mostOf(pipeline);
  return {
    events,
    player_metrics: playerRows(pipeline),
    team_metrics: TEAMS / windowSeconds,
    leaderboards: LEADERS / windowSeconds,
    server_metrics: shards / windowSeconds,
    late_events: events * generator.trouble.late,
  };
}

/** Bytes an hour of a table, in its stream or in the lake. */
export function bytesAnHour(pipeline: Sized, table: LakeTable, where: 'stream' | 'lake'): number {
  const each = table === 'events' || table === 'late_events' ? EVENT_BYTES : ROW_BYTES;
  return rowsOf(pipeline)[table] * each[where] * 3_600;
}
