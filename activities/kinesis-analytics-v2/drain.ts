import { asyncLocalStorage, Context } from '@temporalio/activity';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { happenedAt, idsOf, rows, shardsOf } from '../kinesis/shards.ts';
import { settled } from '../poll.ts';
import { checkpointOf, flinkOf, jobOf, watermarkOf } from './job.ts';

/** How far back the newest event is looked for at first; then ever farther, since heartbeats alone may go on for long. */
const RECENT_MS = 20_000;
const FARTHER = 4;
const FARTHEST_MS = 3_600_000;
/** Longer than a sink holds rows back: a checkpoint begun this much after a window fired waits for the acknowledgement of its rows. */
const SINK_MS = 2_000;
/** One activity's time. */
const ROUND_MS = 90_000;
/** A job whose event time stands still this long is not waited for: it is stopped where it stands, and what had not come out is read again. */
const STANDSTILL_MS = 60_000;
/** Nor is one that takes this long. */
const PATIENCE_MS = 300_000;

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
    return { job, mark, closed: mark === undefined ? 0 : Math.floor((mark + 1) / window) * window };
  };
  const until = Date.now() + ROUND_MS;
  const stands = standstill();
  const first = await settled(look, ({ job, mark, closed }) => job.id === undefined || closed > last || stands(mark), {
    within: ROUND_MS,
    what: 'the last window',
  });
  if (first.job.id === undefined || first.closed <= last) return undefined;
  const flushed = () => checkpointOf(flink, first.job);
  const within = Math.max(0, until - Date.now());
  await settled(flushed, (begun) => begun >= first.job.now + SINK_MS, { within, what: 'the last checkpoint' });
  return first.closed;
}

/** Tells of each event time that is seen whether it has stood there for too long. */
function standstill(): (mark: number | undefined) => boolean {
  let stood: number | undefined;
  let since = Date.now();
  return (mark) => {
    if (mark !== stood) [stood, since] = [mark, Date.now()];
    return Date.now() - since > STANDSTILL_MS;
  };
}

/** When the newest event of each shard happened, heartbeats apart; 0 where there is none as far back as may matter. */
async function newestEvents({ kinesis }: Clients, pipeline: Pipeline): Promise<{ shard: string; time: number }[]> {
  const StreamName = names(pipeline).streams.events;
  const now = Date.now() + (kinesis.config.systemClockOffset ?? 0);
  const newestIn = async (shard: string, back: number): Promise<{ shard: string; time: number }> => {
    let time = 0;
    const position = { ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(now - back) };
    for await (const page of rows(kinesis, { StreamName, ShardId: shard, ...position }))
      for (const row of page) if (row.event_type !== 'heartbeat') time = Math.max(time, happenedAt(row) || 0);
    return time > 0 || back >= FARTHEST_MS ? { shard, time } : newestIn(shard, back * FARTHER);
  };
  const shards = idsOf(await shardsOf(kinesis, StreamName));
  return Promise.all(shards.map((shard) => newestIn(shard, RECENT_MS)));
}

function waitedLong(): boolean {
  if (!asyncLocalStorage.getStore()) return false;
  return Date.now() - Context.current().info.scheduledTimestampMs > PATIENCE_MS;
}
