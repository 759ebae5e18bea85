import type { LakeTable } from './names.ts';
import { peakOf } from './rate.ts';
import { type Pipeline, SHARD_RECORDS, shardTakes } from './spec.ts';
import { slidingSeconds } from './windows.ts';

/** What the number of shards goes by. */
export type Sized = Pick<Pipeline, 'shards' | 'windowSeconds' | 'generator'>;

/** After a restart many windows come out at once: a shard is filled by half, so that the sinks catch up. */
const SHARD_ROWS = SHARD_RECORDS / 2;

/** Players that one event names at most: of a kill the killer, the victim and who assisted. */
const PLAYERS_AN_EVENT = 3;

/** Heartbeats a second that are late on purpose: of each lane one in ten seconds. */
const LATE_HEARTBEATS = 1;

const peakRate = (pipeline: Sized): number => peakOf(pipeline.generator.rate) ?? pipeline.shards * shardTakes(pipeline);

/** At most so many rows a second come out for the players: with each tumbling window one for each player that its events name, and as many for the sliding window that ends then. */
export function playerRows(pipeline: Sized): number {
  const { windowSeconds, generator } = pipeline;
  const rows = (seconds: number) => Math.min(generator.players, peakRate(pipeline) * seconds * PLAYERS_AN_EVENT);
  return (rows(windowSeconds) + rows(slidingSeconds(pipeline))) / windowSeconds;
}

/** Open shards of the stream behind a table of the lake: of the events as many as the spec says, of the players' metrics and the late events as many as their rows need. */
export function streamShards(pipeline: Sized, table: LakeTable): number {
  if (table === 'events') return pipeline.shards;
  if (table === 'player_metrics') return Math.ceil(playerRows(pipeline) / SHARD_ROWS);
  if (table === 'late_events') return Math.ceil((peakRate(pipeline) * pipeline.generator.trouble.late + LATE_HEARTBEATS) / SHARD_ROWS);
  return 1;
}
