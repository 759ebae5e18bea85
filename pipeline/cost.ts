import { cadences } from './cadences.ts';
import { mostOf } from './lanes.ts';
import { LAKE_TABLES, type LakeTable } from './names.ts';
import { meanOf, type Rate } from './rate.ts';
import type { Pipeline } from './spec.ts';
import type { Stage } from './stages.ts';
import { playerRows, streamShards } from './stream-shards.ts';

/**
 * US dollars in us-east-1, as AWS's price pages and price list gave them when this table was made. Other regions differ by up to a third. Marked `estimate`: what
 * AWS publishes no figure for (DPUs of a crawl, sizes of metric rows).
 */
export const PRICES = {
  date: '2026-11-23',
  region: 'us-east-1',
  /** Kinesis, provisioned: a shard and hour; a million PUT payload units of 25 KB; an hour of a shard's retention beyond the first day. On demand: a stream and hour. */
  shardHour: 0.015,
  putUnits: 0.014 / 1e6,
  retentionShardHour: 0.02,
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
  /** S3: a GB and month; a thousand PUTs. CloudWatch Logs: a GB taken in. */
  s3GbMonth: 0.023,
  s3Puts: 0.005 / 1000,
} as const;

/** Bytes of an event in the lake, compressed (measured). */
const EVENT_STORED_BYTES = 45;
/** Metric rows of a window: every player's twice (tumbling and sliding), every team's, the best players', every server's (one a shard). */
const TEAMS = 2;
const LEADERS = 10;
const GB = 1024 ** 3;
const MONTH_HOURS = 730;
const HOUR_S = 3_600;
const HOUR_MS = 3_600_000;

const AUDIT_QUERIES = 3;

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
  const { shards, generator, windowSeconds, keep, delivery } = pipeline;
  const standing = standingShards(pipeline, running);
  const pace = meanOf(generator.rate) ?? mostOf(pipeline);
  const events = running.generating ? pace : 0;
  const rows = running.generating && running.studio ? playerRows(pipeline) + (TEAMS + LEADERS + shards) / windowSeconds : 0;
  const records = (events + rows) * HOUR_S;
  const objects = running.generating && delivery.seconds > 0 ? (LAKE_TABLES.length * HOUR_S) / delivery.seconds : 0;
  const runs = running.schedules ? cadences({ ...pipeline, target: 'aws' }) : [];
  const perHourOf = (isMeant: (what: string) => boolean) =>
    runs.reduce((sum, { what, every }) => sum + (isMeant(what) ? HOUR_MS / every : 0), 0);
  const audits = perHourOf((what) => what === 'audit');
  // An audit crawls first, then asks; a data set is loaded by a query, too.
  const crawls = perHourOf((what) => what === 'crawl') + audits;
  const queries = perHourOf((what) => what === 'query' || what === 'refresh') + audits * AUDIT_QUERIES;
  const hasLake = running.stands === undefined || running.stands.includes('bucket');
  const { lakeDays = keep.lakeDays } = running;
  const stored = hasLake ? (pace * EVENT_STORED_BYTES * HOUR_S * 24 * Math.min(lakeDays, keep.lakeDays)) / GB : 0;
  const filled = lakeDays < keep.lakeDays ? 'by its age' : `once ${keep.lakeDays} days are full`;
  const line = (what: string, perHour: number, basis: string): CostLine => ({ what, perHour, basis });
  return [
    line('Kinesis shards', standing * PRICES.shardHour, `${standing} shards`),
    line('Kinesis PUT units', records * PRICES.putUnits, `${Math.round(records)} records`),
    line(
      'Kinesis retention',
      keep.streamHours > 24 ? standing * PRICES.retentionShardHour : 0,
      `${keep.streamHours} h, ${standing} shards`,
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
    line('Athena queries', (queries * PRICES.athenaLeast * PRICES.athenaTb) / 1024 ** 4, `${round(queries)} queries of 10 MB`),
    line('S3 objects', objects * PRICES.s3Puts, `${Math.round(objects)} PUTs`),
    line('S3 lake', (stored * PRICES.s3GbMonth) / MONTH_HOURS, `${round(stored)} GB ${filled}`),
  ];
}

/** The open shards of the streams that stand. */
function standingShards({ generator, ...pipeline }: Pipeline, { stands, madeFor = generator.rate }: Running): number {
  const standing = LAKE_TABLES.filter((table) => stands === undefined || stands.includes(STREAMS[table]));
  return standing.reduce((sum, table) => sum + streamShards({ ...pipeline, generator: { ...generator, rate: madeFor } }, table), 0);
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
