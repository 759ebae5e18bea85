import type { LakeTable } from './names.ts';
import { type Pipeline, SHARD_RECORDS } from './spec.ts';

type Sized = Pick<Pipeline, 'shards' | 'windowSeconds' | 'generator'>;

/** After a restart many windows come out at once: a shard is filled by half, so that the sinks catch up. */
const SHARD_ROWS = SHARD_RECORDS / 2;

/** At most so many rows a second come out for the players: one for each of them, in a tumbling and in a sliding window. */
export const playerRows = ({ windowSeconds, generator }: Sized): number => (2 * generator.players) / windowSeconds;

/** Open shards of the stream behind a table of the lake: of the events as many as the spec says, of the players' metrics as many as their rows need. */
export function streamShards(pipeline: Sized, table: LakeTable): number {
  if (table === 'events') return pipeline.shards;
  return table === 'player_metrics' ? Math.ceil(playerRows(pipeline) / SHARD_ROWS) : 1;
}
