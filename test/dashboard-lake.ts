import { gzipSync } from 'node:zlib';
import { GetCrawlerCommand, StartCrawlerCommand } from '@aws-sdk/client-glue';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Clients } from '../activities/aws.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps } from '../activities/resource.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { matchFrom, metricsRows } from './lake.ts';

/** The pipeline of the tests. */
export const pipeline: Pipeline = { ...parseSpec({}), account: '000000000000' };

/** One row of the metrics of a player's window. */
export interface PlayerWindow {
  window_start: string;
  window_end: string;
  player_id: string;
  team: string;
  kills: number;
  deaths: number;
}

/** Everything from the bucket to the dashboard, over a lake that holds these windows. */
export async function standUp(clients: Clients, windows: PlayerWindow[], of = pipeline): Promise<void> {
  await bringUp(
    clients,
    ['bucket', 'crawlerRole', 'quicksightRole', 'lakeDatabase', 'crawler', 'workgroup', 'auditTable', 'dataSource'],
    of,
  );
  await deliver(clients, windows, 'first', of);
  await crawl(clients, of);
  await bringUp(clients, ['views', 'players', 'teams', 'history', 'audits', 'analysis', 'dashboard'], of);
}

/** Brings stages up, in order, by the product's own resources. */
export async function bringUp(clients: Clients, stages: Stage[], of = pipeline): Promise<void> {
  for (const stage of stages) {
    const { ensure, ready } = steps(resources(clients)[stage] as unknown as Resource, youngRole(clients));
    await ensure(of);
    await until(() => ready(of).then(() => true, notYet), stage);
  }
}

/** Puts windows into the lake as Firehose would: those of the players, and what they come to by team. */
export async function deliver(clients: Clients, windows: PlayerWindow[], file: string, of = pipeline): Promise<void> {
  const teams = new Map<string, Omit<PlayerWindow, 'player_id'> & { players: number }>();
  for (const { player_id: _, ...row } of windows) {
    const key = `${row.window_start} ${row.team}`;
    const sum = teams.get(key) ?? { ...row, kills: 0, deaths: 0, players: 0 };
    teams.set(key, { ...sum, kills: sum.kills + row.kills, deaths: sum.deaths + row.deaths, players: sum.players + 1 });
  }
  const [{ window_end: end }] = windows as [PlayerWindow];
  const ratios = (rows: Omit<PlayerWindow, 'player_id'>[]) =>
    rows.map((row) => ({ ...row, assists: 0, kill_death_ratio: row.kills / Math.max(row.deaths, 1) }));
  const scores = { objectives: 0, points: 0, matches_won: 0, matches_ended: 0 };
  const events = matchFrom(Date.parse(`${end}Z`), file);
  const { leaderboards, server_metrics, late_events } = metricsRows(events, [events[0]!], of.windowSeconds);
  await put(clients, of, 'events', file, end, events);
  await put(clients, of, 'player_metrics', file, end, ratios(windows));
  await put(
    clients,
    of,
    'team_metrics',
    file,
    end,
    ratios([...teams.values()]).map((row) => ({ ...row, ...scores })),
  );
  await put(clients, of, 'leaderboards', file, end, leaderboards);
  await put(clients, of, 'server_metrics', file, end, server_metrics);
  await put(
    clients,
    of,
    'late_events',
    file,
    end,
    late_events.map((row) => ({ ...row, event_type: 'heartbeat' })),
  );
}

/** Runs the crawler once, to its end. */
export async function crawl({ glue }: Clients, of = pipeline): Promise<void> {
  const { crawler: Name } = names(of);
  await glue.send(new StartCrawlerCommand({ Name }));
  await until(async () => (await glue.send(new GetCrawlerCommand({ Name }))).Crawler?.State === 'READY', 'the crawler');
}

/** `count` windows of 10 s from `from` on, for each of the players: each has a skill, and luck that is the same in every run. */
export function windowsFrom(from: Date, count: number, players: number): PlayerWindow[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: players }, (_, p) => {
      const luck = (salt: number) => Math.abs(Math.sin((i + 1) * 12.9898 + (p + 1) * 78.233 + salt) * 43758.5453) % 1;
      const form = 1 + 0.5 * Math.sin(i / 9 + p);
      return {
        window_start: stamp(from.getTime() + i * 10_000),
        window_end: stamp(from.getTime() + (i + 1) * 10_000),
        player_id: `player-${p + 1}`,
        team: p % 2 === 0 ? 'red' : 'blue',
        kills: Math.round(luck(1) * 3 * form + 5 * ((players - p) / players)),
        deaths: 1 + Math.round(luck(2) * 2 + (4 * ((p * 7) % players)) / players),
      };
    }),
  ).flat();
}

/** Asks until it is so; fails after 20 s unless told. */
export async function until(ask: () => Promise<boolean>, what: string, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`${what} did not come`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

const stamp = (time: number) => new Date(time).toISOString().slice(0, -1);

const notYet = (error: Error & { type?: string }) => {
  if (error.type !== 'NotYet') throw error;
  return false;
};

async function put({ s3 }: Clients, of: Pipeline, table: LakeTable, file: string, time: string, rows: object[]): Promise<void> {
  const { bucket: Bucket, prefix } = names(of);
  const [year, month, day, hour] = time.split(/[-T:]/);
  const Key = `${prefix(table)}year=${year}/month=${month}/day=${day}/hour=${hour}/${file}.gz`;
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')) }));
}
