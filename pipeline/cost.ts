import type { Pipeline } from './spec.ts';

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
  retentionShardHour: 0.02,
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
/** Metric rows of a window: every player's and every team's. */
const TEAMS = 2;
const GB = 1024 ** 3;
const MONTH_HOURS = 730;
const HOUR_S = 3_600;
const QUESTIONS = 6;

/** What of a pipeline is under way. */
export interface Running {
  generating: boolean;
  studio: boolean;
  schedules: boolean;
}

/** One line of the bill: US dollars an hour, and what that is made of. */
export interface CostLine {
  what: string;
  perHour: number;
  basis: string;
}

/** What everything costs on AWS while it runs like this. Without the users of QuickSight, who are paid by the head, and the queries of open dashboards. */
export function cost(pipeline: Pipeline, running: Running): CostLine[] {
  const { shards, generator, windowSeconds, keep, schedules, delivery } = pipeline;
  const streams = shards + 2;
  const events = running.generating ? generator.rate : 0;
  const rows = running.generating && running.studio ? (generator.players + TEAMS) / windowSeconds : 0;
  const records = (events + rows) * HOUR_S;
  const objects = running.generating && delivery.seconds > 0 ? (3 * HOUR_S) / Math.max(delivery.seconds, 1) : 0;
  const crawls = running.schedules ? perHourOf(schedules.crawl) : 0;
  const queries = running.schedules ? QUESTIONS * perHourOf(schedules.queries) + perHourOf(schedules.refresh) : 0;
  const stored = (events * EVENT_STORED_BYTES * HOUR_S * 24 * keep.lakeDays) / GB;
  const line = (what: string, perHour: number, basis: string): CostLine => ({ what, perHour, basis });
  return [
    line('Kinesis shards', streams * PRICES.shardHour, `${streams} shards`),
    line('Kinesis PUT units', records * PRICES.putUnits, `${Math.round(records)} records`),
    line('Kinesis retention', keep.streamHours > 24 ? streams * PRICES.retentionShardHour : 0, `${keep.streamHours} h, ${streams} shards`),
    line(
      'Studio application',
      running.studio ? (shards + PRICES.studioKpus) * PRICES.kpuHour : 0,
      running.studio ? `${shards} + ${PRICES.studioKpus} KPU` : 'stopped',
    ),
    line('Firehose', ((records * PRICES.firehoseRecord) / GB) * PRICES.firehoseGb, `${Math.round(records)} records of 5 KB`),
    line('Glue crawls', crawls * PRICES.crawlDpus * PRICES.crawlHours * PRICES.dpuHour, `${round(crawls)} crawls of 10 min`),
    line('Athena queries', (queries * PRICES.athenaLeast * PRICES.athenaTb) / 1024 ** 4, `${round(queries)} queries of 10 MB`),
    line('S3 objects', objects * PRICES.s3Puts, `${Math.round(objects)} PUTs`),
    line('S3 lake', (stored * PRICES.s3GbMonth) / MONTH_HOURS, `${round(stored)} GB once ${keep.lakeDays} days are full`),
  ];
}

const perHourOf = (every: string): number => {
  const [amount = '1', unit = 'hour'] = every.split(' ');
  const seconds = { second: 1, minute: 60, hour: HOUR_S, day: 24 * HOUR_S }[unit.replace(/s$/, '')] ?? HOUR_S;
  return HOUR_S / (Number(amount) * seconds);
};

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
