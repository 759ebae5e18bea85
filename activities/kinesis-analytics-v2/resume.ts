import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command, type _Object as Stored } from '@aws-sdk/client-s3';
import { type LakeTable, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { unlessMissing } from '../errors.ts';

const METRICS: LakeTable[] = ['player_metrics', 'team_metrics'];
const DAY_MS = 86_400_000;
/** Objects that hold the newest windows: the shards of a metric stream are delivered side by side. */
const NEWEST = 3;
/** The sinks' buffers and the subtasks' different paces: rows of windows this much older may not have come out yet. */
const FLUSH_MS = 10_000;

/**
 * The start of the window (milliseconds since the epoch) from which the SQL is to go on: safely before the last one that every metric table of the lake has. What comes
 * out twice is the same row of the same key. Undefined when the lake has no windows: then from the stream's oldest record.
 */
export async function resumeFrom(clients: Clients, pipeline: Pipeline): Promise<number | undefined> {
  const last = await Promise.all(METRICS.map((table) => lastWindow(clients, pipeline, table)));
  if (last.includes(undefined)) return undefined;
  const window = pipeline.windowSeconds * 1000;
  const safe = Math.min(...(last as number[])) - window - FLUSH_MS;
  return Math.floor(safe / window) * window;
}

/** The start of the newest window that a metric table has. */
async function lastWindow(clients: Clients, pipeline: Pipeline, table: LakeTable): Promise<number | undefined> {
  const today = await listed(clients, pipeline, table, Date.now());
  const objects = today.length >= NEWEST ? today : [...today, ...(await listed(clients, pipeline, table, Date.now() - DAY_MS))];
  const newest = objects.sort((a, b) => Number(b.LastModified) - Number(a.LastModified)).slice(0, NEWEST);
  const starts = (await Promise.all(newest.map((object) => windowsIn(clients, pipeline, object)))).flat();
  return starts.length === 0 ? undefined : Math.max(...starts);
}

async function listed({ s3 }: Clients, pipeline: Pipeline, table: LakeTable, time: number): Promise<Stored[]> {
  const { bucket: Bucket, prefix } = names(pipeline);
  const [year, month, day] = new Date(time).toISOString().slice(0, 10).split('-');
  const Prefix = `${prefix(table)}year=${year}/month=${month}/day=${day}/`;
  const found: Stored[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await unlessMissing(s3.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken })), 'NoSuchBucket');
    found.push(...(page?.Contents ?? []));
    ContinuationToken = page?.NextContinuationToken;
  } while (ContinuationToken);
  return found;
}

async function windowsIn({ s3 }: Clients, pipeline: Pipeline, { Key }: Stored): Promise<number[]> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: names(pipeline).bucket, Key }));
  const text = (await promisify(gunzip)(await Body!.transformToByteArray())).toString('utf8');
  const rows = text.split('\n').filter(Boolean);
  // Times are UTC and carry no zone.
  return rows.map((row) =>
    Date.parse(`${(JSON.parse(row) as { window_start: string }).window_start.replace(' ', 'T').replace(/Z?$/, 'Z')}`),
  );
}
