import { DescribeStreamSummaryCommand, type KinesisClient, type Shard } from '@aws-sdk/client-kinesis';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { HOUR_MS } from '../../pipeline/time.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { idsOf, isOpen, rows, shardsOf } from '../kinesis/shards.ts';
import { METRICS, newestWindow } from '../s3/metrics.ts';
import type { Application } from './configuration.ts';
import { drained, firstNeeded, hasRowsSince } from './drain.ts';
import { type Reading, textOf, writtenIn } from './note.ts';
import { renewalOf } from './renewal.ts';

/** Rows of windows this much older may not have come out yet: a sink subtask that its stream refuses holds them back while others send newer ones. */
const HELD_BACK_MS = 60_000;

/**
 * How the SQL is to go on so that every window comes out whole: from where on, and over which shards. Before the `from` of the note that is in the application, or
 * of the renewal that it was stopped for, everything is out; one that runs is waited for until all windows that have closed are. Where rows are lost since
 * `rowsLostFrom` (milliseconds since the epoch), out is only what the lake had by then. What comes out twice is the same row of the same key.
 */
export async function resumePoint(
  clients: Clients,
  pipeline: Pipeline,
  found: Application | undefined,
  rowsLostFrom?: number,
): Promise<Reading> {
  const { kinesis } = clients;
  const stream = names(pipeline).streams.events;
  const note = writtenIn(textOf(found));
  const all = await shardsOf(kinesis, stream);
  const open = idsOf(all.filter(isOpen));
  const closed = idsOf(all.filter((shard) => !isOpen(shard)));
  // Ids only rise. Without a note, those are new that came of a reshard.
  const isNew = ({ ShardId = '', ParentShardId = '' }: Shard) =>
    note ? note.shards.every((shard) => ShardId > shard) : closed.includes(ParentShardId);
  const allOutBefore = async (): Promise<number> => {
    const done = note && found?.ApplicationStatus === 'RUNNING' ? await drained(clients, pipeline, note) : undefined;
    const certain = Math.max(done ?? 0, note?.from ?? 0, renewalOf(found)?.from ?? 0);
    const probable = done === undefined ? await lastSafeWindow(clients, pipeline, idsOf(all.filter(isNew))) : 0;
    return Math.max(certain, probable);
  };
  // The SQL may have been far behind the time at which all was last seen to stand.
  const allInLakeBefore = async (time: number): Promise<number> =>
    Math.min(deliveredBy(pipeline, time), await lastSafeWindow(clients, pipeline, []));
  const from = (await (rowsLostFrom === undefined ? allOutBefore() : allInLakeBefore(rowsLostFrom))) || undefined;
  const since = from === undefined ? undefined : firstNeeded(pipeline, from);
  // Also for what may come late in them.
  const stillRead = await Promise.all(closed.map((shard) => hasRowsSince(kinesis, stream, shard, since)));
  return { shards: [...closed.filter((_, i) => stillRead[i]), ...open], ...(from !== undefined && { from }) };
}

/**
 * The start of a window before which surely everything has come out: well before the last one that every metric table of the lake has, and before the first
 * event in shards that the SQL may not have been started for: without a note, those that came of a reshard. 0 when the lake has no windows.
 */
async function lastSafeWindow(clients: Clients, pipeline: Pipeline, newShards: string[]): Promise<number> {
  const last = await Promise.all(METRICS.map((table) => newestWindow(clients, pipeline, table)));
  const stream = names(pipeline).streams.events;
  const firsts = await Promise.all(newShards.map((shard) => firstArrival(clients.kinesis, stream, shard)));
  const window = pipeline.windowSeconds * 1000;
  const starts = last.map((newest) => newest?.start ?? 0);
  const safe = [...starts, ...firsts.filter((time) => time !== undefined)].reduce((a, b) => Math.min(a, b));
  return Math.max(0, Math.floor((safe - window - HELD_BACK_MS) / window) * window);
}

/** The start of a window before which everything was in the lake at that time: older rows had come out of the SQL and through their delivery. */
function deliveredBy({ windowSeconds, delivery }: Pipeline, time: number): number {
  const window = windowSeconds * 1000;
  return Math.max(0, Math.floor((time - window - HELD_BACK_MS - delivery.seconds * 1000) / window) * window);
}

/** Why windows will be missing: the stream no longer has what the SQL would have to read. Undefined while it has. */
export async function missingWindows({ kinesis }: Clients, pipeline: Pipeline, { from }: Reading): Promise<string | undefined> {
  const StreamName = names(pipeline).streams.events;
  const answer = await undefinedIfMissing(kinesis.send(new DescribeStreamSummaryCommand({ StreamName })), 'ResourceNotFoundException');
  const { RetentionPeriodHours: hours = 0 } = answer?.StreamDescriptionSummary ?? {};
  const oldest = Date.now() - hours * HOUR_MS;
  if (from === undefined || hours === 0 || from >= oldest) return undefined;
  const [since, until] = [from, oldest].map((time) => `${new Date(time).toISOString().slice(0, 19)} UTC`);
  return `the stream keeps ${hours} hours, so events from ${since} to ${until} can no longer be read: these windows stay as they are in the lake, or without rows`;
}

async function firstArrival(kinesis: KinesisClient, StreamName: string, ShardId: string): Promise<number | undefined> {
  for await (const page of rows(kinesis, { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }, 1))
    if (page[0]) return page[0].arrival;
  return undefined;
}
