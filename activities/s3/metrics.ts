import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command, type _Object as Stored } from '@aws-sdk/client-s3';
import { type LakeTable, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { eachPage } from '../pages.ts';

/** The tables of the lake that hold windows. */
export const METRICS: LakeTable[] = ['player_metrics', 'team_metrics', 'leaderboards', 'server_metrics'];
/** Objects that hold the newest windows: where one ends lies another's beginning. */
const NEWEST = 3;

/** From when to when a window is, in milliseconds since the epoch. */
export interface Window {
  start: number;
  end: number;
}

/** The newest window that a metric table has in the lake; undefined if it has none. Costs a few listings, and no query. */
export async function newestWindow(clients: Clients, pipeline: Pipeline, table: LakeTable): Promise<Window | undefined> {
  const newest: Stored[] = [];
  for await (const object of newestFirst(clients, pipeline, names(pipeline).prefix(table))) {
    newest.push(object);
    if (newest.length === NEWEST) break;
  }
  const windows = (await Promise.all(newest.map((object) => windowsIn(clients, pipeline, object)))).flat();
  return windows.length === 0 ? undefined : windows.reduce((latest, window) => (window.start > latest.start ? window : latest));
}

/** The objects below a dated prefix, newest first: the folders sort by date, so only the last of them are listed. */
async function* newestFirst(clients: Clients, pipeline: Pipeline, prefix: string): AsyncGenerator<Stored, void, undefined> {
  const { folders, objects } = await listed(clients, pipeline, prefix);
  yield* objects.sort((a, b) => Number(b.LastModified) - Number(a.LastModified));
  for (const folder of folders.sort().reverse()) yield* newestFirst(clients, pipeline, folder);
}

async function listed({ s3 }: Clients, pipeline: Pipeline, Prefix: string): Promise<{ folders: string[]; objects: Stored[] }> {
  const folders: string[] = [];
  const objects: Stored[] = [];
  const listings = eachPage(
    (ContinuationToken) => {
      const command = new ListObjectsV2Command({ Bucket: names(pipeline).bucket, Prefix, Delimiter: '/', ContinuationToken });
      return undefinedIfMissing(s3.send(command), 'NoSuchBucket');
    },
    (page) => page?.NextContinuationToken,
  );
  for await (const page of listings) {
    folders.push(...(page?.CommonPrefixes ?? []).map((common) => common.Prefix!));
    objects.push(...(page?.Contents ?? []));
  }
  return { folders, objects };
}

async function windowsIn({ s3 }: Clients, pipeline: Pipeline, { Key }: Stored): Promise<Window[]> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: names(pipeline).bucket, Key }));
  const text = (await promisify(gunzip)(await Body!.transformToByteArray())).toString('utf8');
  const rows = text.split('\n').filter(Boolean);
  return rows.map((row) => {
    const { window_start, window_end } = JSON.parse(row) as { window_start: string; window_end: string };
    return { start: utc(window_start), end: utc(window_end) };
  });
}

/** A time of Flink's or of Athena's, which is UTC and carries no zone, in milliseconds since the epoch. */
export const utc = (time: string): number => Date.parse(time.replace(' ', 'T').replace(/Z?$/, 'Z'));
