import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { happenedAt, idsOf, isOpen, type Row, rows, shardsOf } from '../kinesis/shards.ts';
import { exceptionOf, flinkOf, jobOf, watermarkOf } from './job.ts';

/** Windows, the watermark's delay and the sinks' flush take less than this. */
const PATIENCE_MS = 60_000;
const LOOKED_AT = 200;
/** A shard of a game that goes on has had a heartbeat since. */
const RECENT_MS = 10_000;

/** Why no windows come out although kills go in, or by how much they come too late; undefined when they come in time, or when nothing goes in. */
export async function flow(clients: Clients, pipeline: Pipeline): Promise<string | undefined> {
  const { kinesis } = clients;
  const { streams } = names(pipeline);
  const late = PATIENCE_MS + 2000 * pipeline.windowSeconds;
  const since = Date.now() - 2 * late;
  const input = await shardsWith(kinesis, streams.events, since, (row) => row.event_type === 'kill' && Date.now() - happenedAt(row) > late);
  if (!input.some(({ found }) => found)) return undefined;
  const output = await Promise.all(
    [streams.player_metrics, streams.team_metrics].map(async (stream) => {
      return { stream, comes: (await shardsWith(kinesis, stream, since, () => true)).some(({ found }) => found) };
    }),
  );
  const dry = output.filter(({ comes }) => !comes).map(({ stream }) => stream);
  if (dry.length === 0) return tooLate(clients, pipeline, late);
  const silent = input.filter(({ isEmpty }) => isEmpty).map(({ shard }) => shard);
  return `kills go in, but for ${Math.round(late / 1000)} s no window has come out into ${dry.join(' and ')}: ${await why(clients, pipeline, dry.length === output.length, silent, late)}`;
}

/** By how much windows come too late, if they do although what every shard has had of late is newer: a game that is paused, or is itself behind, leaves Flink nothing to read. */
async function tooLate({ kinesis, kinesisAnalyticsV2 }: Clients, pipeline: Pipeline, late: number): Promise<string | undefined> {
  const flink = await flinkOf(kinesisAnalyticsV2, pipeline);
  const job = await jobOf(flink);
  const mark = job.id === undefined ? undefined : await watermarkOf(flink, job);
  if (mark === undefined) return undefined;
  const newer = await shardsWith(kinesis, names(pipeline).streams.events, Date.now() - RECENT_MS, (row) => happenedAt(row) - mark > late);
  if (!newer.every(({ found }) => found)) return undefined;
  const seconds = Math.round((Date.now() - mark) / 1000);
  return `windows come out ${seconds} s after they end: Flink has events of that time still to read. If that grows, lower the rate, or have more shards: each is read by a subtask of its own`;
}

/** What Flink and the shards say of it, the likeliest cause first. */
async function why(clients: Clients, pipeline: Pipeline, isAll: boolean, silent: string[], late: number): Promise<string> {
  const flink = await flinkOf(clients.kinesisAnalyticsV2, pipeline);
  const job = await jobOf(flink);
  const exception = await exceptionOf(flink, job);
  const failed = exception === undefined ? '' : `; Flink last restarted the job for: ${exception}`;
  if (job.id === undefined) return `Flink runs no job of the note (${job.states.join(', ') || 'none was submitted'})${failed}`;
  const mark = await watermarkOf(flink, job);
  const behind = mark === undefined ? undefined : Date.now() - mark;
  const stands = behind === undefined || behind > late;
  const at =
    mark === undefined
      ? 'event time has not begun in Flink'
      : `event time stands at ${new Date(mark).toISOString().slice(0, 19)} UTC in Flink`;
  if (isAll && stands && silent.length > 0)
    return `${at}, since nothing comes into ${silent.join(', ')}: a shard without records or heartbeats holds it back until it counts as idle${failed}`;
  if (isAll && stands) return `${at} although every shard has records: a subtask does not read, or reads more than one shard${failed}`;
  return `event time goes on in Flink, so rows are made but do not reach the stream: its sink fails or is refused${failed}`;
}

/** Of each open shard: whether anything has come in since, and whether what is sought is among the first. */
async function shardsWith(kinesis: KinesisClient, StreamName: string, since: number, isSought: (row: Row) => boolean) {
  const open = idsOf((await shardsOf(kinesis, StreamName)).filter(isOpen));
  return Promise.all(
    open.map(async (shard) => {
      const position = { StreamName, ShardId: shard, ShardIteratorType: 'AT_TIMESTAMP' as const, Timestamp: new Date(since) };
      // A page may be empty though records follow.
      for await (const page of rows(kinesis, position, LOOKED_AT))
        if (page.length > 0) return { shard, isEmpty: false, found: page.some(isSought) };
      return { shard, isEmpty: true, found: false };
    }),
  );
}
