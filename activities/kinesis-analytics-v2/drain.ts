import { asyncLocalStorage, Context } from '@temporalio/activity';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { happenedAt, idsOf, rows, shardsOf } from '../kinesis/shards.ts';
import { settled } from '../poll.ts';
import { checkpointOf, flinkOf, jobOf, watermarkOf } from './job.ts';

/** How far back the newest event is looked for, besides a window: heartbeats alone go on that long. */
const RECENT_MS = 20_000;
const FARTHEST_MS = 120_000;
/** Longer than a sink holds rows back: a checkpoint begun this much after a window fired waits for the acknowledgement of its rows. */
const SINK_MS = 2_000;
const ROUND_MS = 20_000;
/** Beyond this the job is not waited for: it is stopped where it stands, and what had not come out is read again. */
const PATIENCE_MS = 60_000;

/**
 * Waits for the rows of all windows that have closed, when an application that runs is about to be restarted: then the shards it read need not be read again. Gives
 * the time (milliseconds since the epoch) before which every event is in a row that Kinesis has acknowledged; undefined when the job does not get there, or if
 * there are events in other shards than those that it was started for, whose order it may have missed.
 */
export async function drained(clients: Clients, pipeline: Pipeline, shards: readonly string[]): Promise<number | undefined> {
  if (waitedLong()) return undefined;
  const window = pipeline.windowSeconds * 1000;
  const flink = await flinkOf(clients.kinesisAnalyticsV2, pipeline);
  if ((await jobOf(flink)).id === undefined) return undefined;
  const newest = await newestEvents(clients, pipeline);
  if (newest.some(({ shard, time }) => time > 0 && !shards.includes(shard))) return undefined;
  const last = Math.max(0, ...newest.map(({ time }) => time));
  const look = async () => {
    const job = await jobOf(flink);
    const mark = job.id === undefined ? undefined : await watermarkOf(flink, job);
    return { job, closed: mark === undefined ? 0 : Math.floor((mark + 1) / window) * window };
  };
  const first = await settled(look, ({ job, closed }) => job.id === undefined || closed > last, {
    within: ROUND_MS,
    what: 'the last window',
  });
  if (first.job.id === undefined) return undefined;
  const flushed = () => checkpointOf(flink, first.job);
  await settled(flushed, (begun) => begun >= first.job.now + SINK_MS, { within: ROUND_MS, what: 'the last checkpoint' });
  return first.closed;
}

/** When the newest recent event of each shard happened, heartbeats apart; 0 where there is none. */
function newestEvents({ kinesis }: Clients, pipeline: Pipeline): Promise<{ shard: string; time: number }[]> {
  const StreamName = names(pipeline).streams.events;
  const back = Math.min(pipeline.windowSeconds * 1000 + RECENT_MS, FARTHEST_MS);
  const Timestamp = new Date(Date.now() + (kinesis.config.systemClockOffset ?? 0) - back);
  const newestIn = async (shard: string) => {
    let time = 0;
    for await (const page of rows(kinesis, { StreamName, ShardId: shard, ShardIteratorType: 'AT_TIMESTAMP', Timestamp }))
      for (const row of page) if (row.event_type !== 'heartbeat') time = Math.max(time, happenedAt(row) || 0);
    return { shard, time };
  };
  return shardsOf(kinesis, StreamName).then((all) => Promise.all(idsOf(all).map(newestIn)));
}

function waitedLong(): boolean {
  if (!asyncLocalStorage.getStore()) return false;
  return Date.now() - Context.current().info.scheduledTimestampMs > PATIENCE_MS;
}
