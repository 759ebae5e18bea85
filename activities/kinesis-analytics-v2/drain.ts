import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { asyncLocalStorage, Context } from '@temporalio/activity';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { slidingSeconds } from '../../pipeline/windows.ts';
import type { Clients } from '../aws.ts';
import { happenedAt, idsOf, type Row, rows, shardsOf } from '../kinesis/shards.ts';
import { pollUntil } from '../poll.ts';
import { checkpointOf, flinkOf, hasRestarted, type Job, jobOf, roundOf, type SinkRows, sinksOf, watermarkOf } from './job.ts';
import { EARLY_MS, type Reading } from './note.ts';
import type { Session } from './session.ts';

/** How far back the newest event is looked for at first; then ever farther, since heartbeats alone may go on for long: little farther each time, as a busy shard is slow to read. */
const RECENT_MS = 20_000;
const FARTHER = 1.5;
const FARTHEST_MS = 3_600_000;
/** What each of the two waits may take in one activity: of sinks, four rounds of Flink's metrics, 10 s each on AWS, and a checkpoint, at most 15 s away by `CHECKPOINTS`. */
const ROUND_MS = 90_000;
/** A job whose event time stands still this long is not waited for: it is stopped where it stands, and what had not come out is read again. */
const STANDSTILL_MS = 60_000;
/** Nor is one that takes this long. */
const PATIENCE_MS = 300_000;

/**
 * Waits for the rows of all windows that have closed, when an application that runs is about to be restarted: then the shards it read need not be read again. Gives
 * the time (milliseconds since the epoch) before which every event is in a row that Kinesis has acknowledged; undefined when the job does not get there, or if
 * events of its windows are in other shards than those that it was started for, whose order it may have missed.
 */
export const drained = async (clients: Clients, pipeline: Pipeline, reading: Reading): Promise<number | undefined> =>
  waitedLong() ? undefined : outUntil(clients, pipeline, reading, pipeline.windowSeconds);

/** The same, however long it takes, of windows of so many seconds; `last`: when the latest event happened, as far as is known (milliseconds since the epoch). */
export async function outUntil(
  clients: Clients,
  pipeline: Pipeline,
  { shards, from }: Reading,
  seconds: number,
  last = 0,
): Promise<number | undefined> {
  const window = pipeline.windowSeconds * 1000;
  const flink = await flinkOf(clients.kinesisAnalyticsV2, pipeline);
  if ((await jobOf(flink)).id === undefined) return undefined;
  const { kinesis } = clients;
  const stream = names(pipeline).streams.events;
  const since = from === undefined ? undefined : firstNeeded(pipeline, from);
  const listed = async () => idsOf(await shardsOf(kinesis, stream));
  const haveOthersEvents = async (all: string[]) => {
    const others = all.filter((shard) => !shards.includes(shard));
    return (await Promise.all(others.map((shard) => hasEventsSince(kinesis, stream, shard, since)))).some(Boolean);
  };
  const all = await listed();
  if (await haveOthersEvents(all)) return undefined;
  const newest = await Promise.all(all.filter((shard) => shards.includes(shard)).map((shard) => newestEvent(kinesis, stream, shard)));
  const end = Math.floor(Math.max(last, ...newest) / window) * window + seconds * 1000;
  const look = async () => {
    const job = await jobOf(flink);
    const mark = job.id === undefined ? undefined : await watermarkOf(flink, job);
    return { job, mark, closed: mark === undefined ? 0 : Math.floor((mark + 1) / window) * window };
  };
  const stands = standstill();
  const first = await pollUntil(look, ({ job, mark, closed }) => job.id === undefined || closed >= end || stands(mark), {
    within: ROUND_MS,
    what: 'the last window',
  });
  if (first.job.id === undefined || first.closed < end) return undefined;
  if (!(await allOut(flink, first.job))) return undefined;
  // They may have come of a reshard meanwhile, whose parent then held back no window.
  return (await haveOthersEvents(await listed())) ? undefined : first.closed;
}

/**
 * Waits until Kinesis has acknowledged every row that the sinks of a job have taken in by now; sliding windows go on closing meanwhile. A checkpoint waits for the
 * calls under way; what a sink holds back, since its stream refuses so many rows at once, goes into the checkpoint and would be lost with it. A sink sends its
 * oldest row first: once it has sent as many as it had taken in, and none is refused until the calls under way have ended, these are out. False if the job does
 * not live through this as one, or Flink does not tell.
 */
async function allOut(flink: Session, job: Job): Promise<boolean> {
  const until = Date.now() + ROUND_MS;
  const waitFor = <Seen>(what: string, look: () => Promise<Seen>, done: (seen: Seen) => boolean) =>
    pollUntil(look, done, { within: Math.max(0, until - Date.now()), what });
  const fresh = async (): Promise<SinkRows[]> => {
    // The first round that is seen to be another may have begun before now.
    for (let rounds = 0, seen = await roundOf(flink); rounds < 2; rounds++)
      seen = await waitFor(
        'a round of metrics',
        () => roundOf(flink),
        (round) => round !== seen,
      );
    return sinksOf(flink, job);
  };
  if ((await roundOf(flink)) === undefined) return false;
  let before = await fresh();
  const isRefused = (now: SinkRows[]) => now.some(({ refused }, i) => refused !== before[i]?.refused);
  const isSent = (now: SinkRows[]) => now.every(({ sent, refused }, i) => sent - refused >= (before[i]?.taken ?? Number.POSITIVE_INFINITY));
  while (before.length > 0) {
    const now = await waitFor(
      'what the sinks hold back',
      () => sinksOf(flink, job),
      (seen) => isRefused(seen) || isSent(seen),
    );
    if (!isRefused(now)) {
      const { id, now: since } = await jobOf(flink);
      if (id !== job.id) return false;
      await waitFor(
        'the last checkpoint',
        () => checkpointOf(flink, job),
        (begun) => begun >= since,
      );
    }
    const after = await fresh();
    const isOne = after.length === before.length && after.every(({ taken }, i) => taken >= before[i]!.taken);
    // Rows that a restarted job has out of a checkpoint are sent, and not counted as taken in.
    if (!isOne || (await hasRestarted(flink, job))) return false;
    if (!isRefused(now) && !isRefused(after)) return true;
    before = after;
  }
  return false;
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

/** The first event that windows from a time on are made of: the first sliding window that is to come out begins that much before. */
export const firstNeeded = (pipeline: Pipeline, from: number): number => from - (slidingSeconds(pipeline) - pipeline.windowSeconds) * 1000;

/** True when a shard holds an event, heartbeats apart, that happened at `since` or later. */
export const hasEventsSince = (kinesis: KinesisClient, stream: string, shard: string, since: number | undefined): Promise<boolean> =>
  hasRowsSince(kinesis, stream, shard, since, (row) => row.event_type !== 'heartbeat' && !(happenedAt(row) < (since ?? 0)));

/** True when a shard holds such a row among those that a SQL reads whose windows begin at `since`. */
export async function hasRowsSince(
  kinesis: KinesisClient,
  StreamName: string,
  ShardId: string,
  since: number | undefined,
  isSuch: (row: Row) => boolean = () => true,
): Promise<boolean> {
  const position =
    since === undefined
      ? { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const }
      : { StreamName, ShardId, ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(since - EARLY_MS) };
  for await (const page of rows(kinesis, position)) if (page.some(isSuch)) return true;
  return false;
}

/** When the newest event of a shard happened, heartbeats apart; 0 where there is none as far back as may matter. */
async function newestEvent(kinesis: KinesisClient, StreamName: string, ShardId: string, back = RECENT_MS): Promise<number> {
  let time = 0;
  const Timestamp = new Date(Date.now() + (kinesis.config.systemClockOffset ?? 0) - back);
  for await (const page of rows(kinesis, { StreamName, ShardId, ShardIteratorType: 'AT_TIMESTAMP', Timestamp }))
    for (const row of page) if (row.event_type !== 'heartbeat') time = Math.max(time, happenedAt(row) || 0);
  return time > 0 || back >= FARTHEST_MS ? time : newestEvent(kinesis, StreamName, ShardId, back * FARTHER);
}

function waitedLong(): boolean {
  if (!asyncLocalStorage.getStore()) return false;
  return Date.now() - Context.current().info.scheduledTimestampMs > PATIENCE_MS;
}
