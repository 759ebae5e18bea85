import { gzipSync } from 'node:zlib';
import { GetCrawlerCommand, StartCrawlerCommand } from '@aws-sdk/client-glue';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Clients } from '../activities/aws.ts';
import { settled } from '../activities/poll.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';

/** Puts rows into one hour of a table, as Firehose would, and returns the object's key; the same name again overwrites. */
export async function putRows({ s3 }: Clients, pipeline: Pipeline, table: LakeTable, name: string, rows: object[]): Promise<string> {
  const { bucket: Bucket, prefix } = names(pipeline);
  const Key = `${prefix(table)}year=2026/month=11/day=23/hour=18/${name}.gz`;
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')) }));
  return Key;
}

/** Runs the pipeline's crawler to its end; throws unless it succeeds. */
export async function crawl({ glue }: Clients, pipeline: Pipeline): Promise<void> {
  const Name = names(pipeline).crawler;
  await glue.send(new StartCrawlerCommand({ Name }));
  const look = async () => (await glue.send(new GetCrawlerCommand({ Name }))).Crawler;
  const crawler = await settled(look, (seen) => seen?.State === 'READY', { within: 20_000, what: 'the crawl' });
  if (crawler?.LastCrawl?.Status !== 'SUCCEEDED')
    throw new Error(`the crawl ended as ${crawler?.LastCrawl?.Status}: ${crawler?.LastCrawl?.ErrorMessage}`);
}

/** One kill with its metrics, crawled: the least of a lake that the views can stand on. */
export async function crawlOneKill(aws: Clients, pipeline: Pipeline): Promise<void> {
  const at = '2026-11-23T18:00:00';
  const window = { window_start: at, window_end: '2026-11-23T18:00:10' };
  const sides = { killer_id: 'player-1', killer_team: 'red', victim_id: 'player-2', victim_team: 'blue', weapon: 'rifle' };
  await putRows(aws, pipeline, 'events', 'one', [
    { event_id: 'r-1', event_type: 'kill', event_time: `${at}.250`, match_id: 'r-m0', server_id: 's', ...sides },
  ]);
  await putRows(aws, pipeline, 'player_metrics', 'one', [
    { ...window, player_id: 'player-1', team: 'red', kills: 1, deaths: 0, kill_death_ratio: 1.0 },
    { ...window, player_id: 'player-2', team: 'blue', kills: 0, deaths: 1, kill_death_ratio: 0.5 },
  ]);
  await putRows(aws, pipeline, 'team_metrics', 'one', [{ ...window, team: 'red', kills: 1, deaths: 0, players: 1, kill_death_ratio: 1.5 }]);
  await crawl(aws, pipeline);
}
