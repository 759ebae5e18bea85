import { gunzipSync, gzipSync } from 'node:zlib';
import { GetCrawlerCommand, StartCrawlerCommand } from '@aws-sdk/client-glue';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Clients } from '../activities/aws.ts';
import { pollUntil } from '../activities/poll.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { type Game, laneOf } from '../pipeline/simulation.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { type Row, recomputed } from './recomputed.ts';

const SOME_HOUR = Date.UTC(2026, 10, 23, 18);
/** Events of a match from its start to its end, and then some. */
const MATCH = 300;

/** Puts rows, or lines of text, into one hour of a table, as Firehose would, and returns the object's key; the same name again overwrites. */
export async function putRows(
  { s3 }: Clients,
  pipeline: Pipeline,
  table: LakeTable,
  name: string,
  rows: (object | string)[],
  hour = SOME_HOUR,
): Promise<string> {
  const { bucket: Bucket, prefix } = names(pipeline);
  const [year, month, day, at] = new Date(hour).toISOString().split(/[-T:]/);
  const Key = `${prefix(table)}year=${year}/month=${month}/day=${day}/hour=${at}/${name}.gz`;
  const lines = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)));
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: gzipSync(lines.map((line) => `${line}\n`).join('')) }));
  return Key;
}

/** Objects that are read at once: more than a client has sockets (50) wait for one, and count as not answered after five seconds. */
const AT_ONCE = 40;

/** The rows of a table of the lake, as its objects hold them. */
export async function lakeRows<Row>({ s3 }: Clients, pipeline: Pipeline, table: LakeTable): Promise<Row[]> {
  const { bucket: Bucket, prefix } = names(pipeline);
  const Prefix = prefix(table);
  const rows: Row[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken, MaxKeys: AT_ONCE }));
    const bodies = await Promise.all(
      (page.Contents ?? []).map(async ({ Key }) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToByteArray()),
    );
    for (const body of bodies)
      for (const line of gunzipSync(body).toString().split('\n')) if (line !== '') rows.push(JSON.parse(line) as Row);
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  return rows;
}

/** Runs the pipeline's crawler to its end; throws unless it succeeds. */
export async function crawl({ glue }: Clients, pipeline: Pipeline): Promise<void> {
  const Name = names(pipeline).crawler;
  await glue.send(new StartCrawlerCommand({ Name }));
  const look = async () => (await glue.send(new GetCrawlerCommand({ Name }))).Crawler;
  const crawler = await pollUntil(look, (seen) => seen?.State === 'READY', { within: 20_000, what: 'the crawl' });
  if (crawler?.LastCrawl?.Status !== 'SUCCEEDED')
    throw new Error(`the crawl ended as ${crawler?.LastCrawl?.Status}: ${crawler?.LastCrawl?.ErrorMessage}`);
}

/** A match's events, at ten a second from `start` on: every type and every column is among them. */
export function matchFrom(start: number, run = 'r'): GameEvent[] {
  const trouble = { late: 0, duplicate: 0, malformed: 0, oversized: 0 };
  const game: Game = { run, seed: 1, players: 20, lanes: 1, trouble, lateAfter: 1000 };
  const events = laneOf(game, 0);
  return Array.from({ length: MATCH }, (_, i) => JSON.parse(events.next(start + i * 100)) as GameEvent);
}

/** What Flink writes for these events, by table. */
export function metricsRows(onTime: GameEvent[], late: GameEvent[], windowSeconds: number): Record<Exclude<LakeTable, 'events'>, Row[]> {
  const rows = recomputed(onTime, late, windowSeconds * 1000);
  return {
    player_metrics: [...rows.players.values(), ...rows['sliding players'].values()],
    team_metrics: [...rows.teams.values()],
    leaderboards: [...rows.leaderboards.values()],
    server_metrics: [...rows.servers.values()],
    late_events: [...rows['late events'].values()].map((row) => ({ ...row, watermark_at: String(row.event_time) })),
  };
}

/** A match with its metrics, crawled: the least of a lake that the views can stand on. */
export async function crawlOneKill(aws: Clients, pipeline: Pipeline): Promise<void> {
  const [first, ...others] = matchFrom(SOME_HOUR);
  const metrics = metricsRows(others, [first!], pipeline.windowSeconds);
  for (const [table, rows] of Object.entries({ events: [first!, ...others], ...metrics }))
    await putRows(aws, pipeline, table as LakeTable, 'one', rows);
  await crawl(aws, pipeline);
}
