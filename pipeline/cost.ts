import { type Cadence, cadences } from './cadences.ts';
import { LAKE_TABLES, type LakeTable } from './names.ts';
import type { Rate } from './rate.ts';
import { bytesScanned, readsOf } from './scans.ts';
import { aggregation, type Pipeline } from './spec.ts';
import type { Stage } from './stages.ts';
import { streamShards } from './stream-shards.ts';
import { HOUR_MS } from './time.ts';
import { bytesAnHour, rowsOf } from './volume.ts';

/**
 * US dollars in us-east-1, as AWS's price pages and price list gave them when this table was made. Other regions differ by up to a third. Marked `estimate`: what
 * AWS publishes no figure for (DPUs of a crawl, sizes of metric rows).
 */
export const PRICES = {
  date: '2026-11-23',
  region: 'us-east-1',
  /** Kinesis, provisioned: a shard and hour; a million PUT payload units of 25 KB; an hour of a shard's retention beyond the first day. */
  shardHour: 0.015,
  putUnits: 0.014 / 1e6,
  putUnit: 25 * 1024,
  retentionShardHour: 0.02,
  /** Beyond a week also a GB and month of what is older. */
  longRetentionGbMonth: 0.023,
  longRetentionHours: 7 * 24,
  /** On demand: a stream and hour. */
  onDemandHour: 0.04,
  /** Managed Flink: a KPU and hour. A Studio application has two more than its parallelism. */
  kpuHour: 0.11,
  studioKpus: 2,
  /** Firehose: a GB, each record rounded up to 5 KB. */
  firehoseGb: 0.029,
  firehoseRecord: 5 * 1024,
  /** Glue crawler: a DPU and hour, ten minutes at least; DPUs of a run (estimate). */
  dpuHour: 0.44,
  crawlHours: 10 / 60,
  crawlDpus: 1,
  /** Athena: a TB scanned, 10 MB a query at least. */
  athenaTb: 5,
  athenaLeast: 10 * 1024 ** 2,
  /** S3: a GB and month; a PUT, or a LIST of a thousand objects; a GET. */
  s3GbMonth: 0.023,
  s3Puts: 0.005 / 1000,
  s3Gets: 0.0004 / 1000,
  s3Listed: 1000,
} as const;

const GB = 1024 ** 3;
const MONTH_HOURS = 730;
const HOUR_S = 3_600;

/**
 * What of a pipeline is under way. `stands`: the stages that there are; all of them unless told. `madeFor`: the rate that the streams were made for; that which is
 * sent unless told. `lakeDays`: how old the lake is; as old as it grows unless told.
 */
export interface Running {
  generating: boolean;
  studio: boolean;
  schedules: boolean;
  stands?: readonly Stage[];
  madeFor?: Rate;
  lakeDays?: number;
}

/** One line of the bill: US dollars an hour, and what that is made of. */
export interface CostLine {
  what: string;
  perHour: number;
  basis: string;
}

/** What everything costs on AWS while it runs like this. Without the users of QuickSight, who are paid by the head, and the queries of open dashboards. */
export function cost(pipeline: Pipeline, running: Running): CostLine[] {
  const { shards, keep } = pipeline;
  const standing = standingShards(pipeline, running);
  const { events, ...metrics } = rowsOf(pipeline);
  const rows = Object.values(metrics).reduce((sum, each) => sum + each);
  const sent = running.generating ? { events, rows: running.studio ? rows : 0 } : { events: 0, rows: 0 };
  const records = (sent.events + sent.rows) * HOUR_S;
  const units = (running.generating ? eventUnits(pipeline) : 0) + sent.rows * HOUR_S;
  const objects = running.generating ? objectsAnHour(pipeline) : 0;
  const runs = running.schedules ? cadences({ ...pipeline, target: 'aws' }) : [];
  // An audit crawls first.
  const crawls = runs.reduce((sum, { what, every }) => sum + (what === 'crawl' || what === 'audit' ? HOUR_MS / every : 0), 0);
  const { lakeDays = keep.lakeDays } = running;
  const lakeHours = has(running, 'bucket') ? 24 * Math.min(lakeDays, keep.lakeDays) : 0;
  const queries = queriesOf(pipeline, runs, lakeHours);
  const crawled = requestsOfCrawl(pipeline, lakeHours);
  const stored = (bytesAnHour(pipeline, 'events', 'lake') * lakeHours) / GB;
  const filled = lakeDays < keep.lakeDays ? 'by its age' : `once ${keep.lakeDays} days are full`;
  const kept = keptLong(pipeline, running);
  const line = (what: string, perHour: number, basis: string): CostLine => ({ what, perHour, basis });
  return [
    line('Kinesis shards', standing * PRICES.shardHour, `${standing} shards`),
    line('Kinesis PUT units', units * PRICES.putUnits, `${Math.round(units)} units of 25 KB`),
    line(
      'Kinesis retention',
      (keep.streamHours > 24 ? standing * PRICES.retentionShardHour : 0) + (kept * PRICES.longRetentionGbMonth) / MONTH_HOURS,
      `${keep.streamHours} h, ${standing} shards${kept > 0 ? `, ${round(kept)} GB older than ${PRICES.longRetentionHours} h` : ''}`,
    ),
    line(
      'Studio application',
      running.studio ? (shards + PRICES.studioKpus) * PRICES.kpuHour : 0,
      running.studio
        ? `${shards} + ${PRICES.studioKpus} KPU; more while closed shards are read, after a change of their number`
        : 'stopped',
    ),
    line('Firehose', ((records * PRICES.firehoseRecord) / GB) * PRICES.firehoseGb, `${Math.round(records)} records of 5 KB`),
    line('Glue crawls', crawls * PRICES.crawlDpus * PRICES.crawlHours * PRICES.dpuHour, `${round(crawls)} crawls of 10 min`),
    line(
      'S3 requests of crawls',
      crawls * (crawled.lists * PRICES.s3Puts + crawled.gets * PRICES.s3Gets),
      `${Math.round(crawls * crawled.lists)} LISTs, ${Math.round(crawls * crawled.gets)} GETs`,
    ),
    line(
      'Athena queries',
      (queries.bytes * PRICES.athenaTb) / 1024 ** 4,
      `${round(queries.count)} queries, ${round(queries.bytes / GB)} GB`,
    ),
    line('S3 objects', objects * PRICES.s3Puts, `${Math.round(objects)} PUTs`),
    line('S3 lake', (stored * PRICES.s3GbMonth) / MONTH_HOURS, `${round(stored)} GB ${filled}`),
  ];
}

const has = ({ stands }: Running, stage: Stage): boolean => stands === undefined || stands.includes(stage);

/** The open shards of the streams that stand. */
function standingShards({ generator, ...pipeline }: Pipeline, running: Running): number {
  const made = { ...pipeline, generator: { ...generator, rate: running.madeFor ?? generator.rate } };
  return LAKE_TABLES.reduce((sum, table) => sum + (has(running, STREAMS[table]) ? streamShards(made, table) : 0), 0);
}

/** PUT payload units of an hour of events: they share them where all go in aggregates. */
const eventUnits = (pipeline: Pipeline): number =>
  aggregation(pipeline) === true ? bytesAnHour(pipeline, 'events', 'stream') / PRICES.putUnit : rowsOf(pipeline).events * HOUR_S;

/** GB that the streams keep for longer than a week. */
function keptLong(pipeline: Pipeline, running: Running): number {
  const age = 24 * (running.lakeDays ?? Number.POSITIVE_INFINITY);
  const hours = Math.max(0, Math.min(pipeline.keep.streamHours, age) - PRICES.longRetentionHours);
  const standing = LAKE_TABLES.filter((table) => has(running, STREAMS[table]));
  return standing.reduce((sum, table) => sum + (bytesAnHour(pipeline, table, 'stream') * hours) / GB, 0);
}

/** Objects that Firehose puts into the lake in an hour while events come, if none is full before its time. */
const objectsAnHour = ({ delivery }: Pipeline): number => (delivery.seconds > 0 ? (LAKE_TABLES.length * HOUR_S) / delivery.seconds : 0);

/** What one crawl of a lake so many hours old asks of S3: all of its objects are listed, and of each table's hour one is read, as the crawler's sample size says. */
const requestsOfCrawl = (pipeline: Pipeline, lakeHours: number): { lists: number; gets: number } => ({
  lists: (objectsAnHour(pipeline) * lakeHours) / PRICES.s3Listed,
  gets: LAKE_TABLES.length * lakeHours,
});

/** How many queries an hour are made on schedules, those that load a data set too, and the bytes that are billed for them. */
function queriesOf(pipeline: Pipeline, runs: Cadence[], lakeHours: number): { count: number; bytes: number } {
  const sum = { count: 0, bytes: 0 };
  for (const run of runs)
    for (const reads of readsOf(run)) {
      sum.count += HOUR_MS / run.every;
      sum.bytes += (HOUR_MS / run.every) * Math.max(PRICES.athenaLeast, bytesScanned(pipeline, reads, lakeHours));
    }
  return sum;
}

const STREAMS = {
  events: 'events',
  player_metrics: 'playerMetrics',
  team_metrics: 'teamMetrics',
  leaderboards: 'leaderboards',
  server_metrics: 'serverMetrics',
  late_events: 'lateEvents',
} as const satisfies Record<LakeTable, Stage>;

const round = (value: number) => Number(value.toPrecision(3));

/** US dollars an hour. On target `local` nothing is paid. */
export const perHour = (pipeline: Pipeline, running: Running): number => (pipeline.target === 'local' ? 0 : total(cost(pipeline, running)));

/** The lines' sum, an hour. */
export const total = (lines: CostLine[]): number => lines.reduce((sum, line) => sum + line.perHour, 0);

/** US dollars a month of 730 hours. */
export const perMonth = (hourly: number): number => hourly * MONTH_HOURS;

/** The day of a moment (milliseconds since the epoch), UTC: 2026-01-31. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** Why a pipeline that has cost `spentToday` dollars is over its budget; undefined while it is not. */
export function overBudget(pipeline: Pipeline, spentToday: number, running: Running): string | undefined {
  const { maxHourlyCost, maxDailyCost } = pipeline;
  const hourly = perHour(pipeline, running);
  if (maxHourlyCost !== undefined && hourly > maxHourlyCost)
    return `it costs $${hourly.toFixed(2)} an hour, more than maxHourlyCost $${maxHourlyCost}; raise that and apply, then resume`;
  if (maxDailyCost !== undefined && spentToday > maxDailyCost)
    return `it has cost $${spentToday.toFixed(2)} today, more than maxDailyCost $${maxDailyCost}; it stays paused until you resume it`;
  return undefined;
}
