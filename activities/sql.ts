import { readdirSync, readFileSync } from 'node:fs';
import { historySpans } from '../pipeline/dashboard-time.ts';
import { LATEST_SECONDS } from '../pipeline/lanes.ts';
import { names } from '../pipeline/names.ts';
import { flinkColumns, outOfLine } from '../pipeline/schema.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { fillsMinutes, MONTH_DAYS, RANGES, slidingSeconds, WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { shardIds } from './kinesis/shards.ts';

const FOLDER = new URL('../sql/', import.meta.url);

/** The partitions that may hold what happened within so many full hours: Firehose puts an object into the hour of its oldest record, so the next hour may begin in it. */
const deliveredWithin = (hours: number): string =>
  `year || month || day || hour >= date_format(current_timestamp - INTERVAL '${hours + 1}' HOUR, '%Y%m%d%H')`;

/** Besides Firehose's buffer: until an idle shard lets a window close, the watermark, and what the parts themselves take. */
const ON_THE_WAY_SECONDS = 60;

/** How long after its end the rows of a window, and what came late for it, may be on their way; in seconds. */
export const onTheWay = ({ delivery, generator }: Pipeline): number =>
  delivery.seconds + ON_THE_WAY_SECONDS + (generator.trouble.late > 0 ? LATEST_SECONDS : 0);

/** A statement of `sql/`: the file's name without number and ending, and its text with every placeholder filled in. */
export interface Statement {
  name: string;
  text: string;
}

/** The statements of one folder of `sql/` in the order of their file names; `more` are placeholders besides the pipeline's own. */
export const statements = (pipeline: Pipeline, folder: string, more: Record<string, string> = {}): Statement[] =>
  readdirSync(new URL(`${folder}/`, FOLDER))
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ name: file.replace(/^\d+-|\.sql$/g, ''), text: statement(pipeline, `${folder}/${file}`, more) }));

/** The text of one file of `sql/`, filled in; throws on a placeholder that no pipeline has. Who gives `latestHours` sets how far back `${latest.<name>}` looks. */
export const statement = (pipeline: Pipeline, file: string, more: Record<string, string> = {}): string =>
  filledIn(
    withViews(pipeline, textOf(file), 'TRUE', { ...RANGES, latest: latestOf(more) }),
    { ...placeholders(pipeline), latestPartitions: deliveredWithin(latestOf(more)), ...more },
    `sql/${file}`,
  );

const latestOf = ({ latestHours }: Record<string, string>): number => Number(latestHours ?? RANGES.latest);

/** `text` with each `${name}` replaced by its value; throws on a name without one, saying in which file. */
export const filledIn = (text: string, values: Record<string, string | number>, file: string): string =>
  text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    if (!Object.hasOwn(values, name))
      throw new Error(`${file} has an unknown placeholder ${whole}; known are ${Object.keys(values).join(', ')}`);
    return String(values[name]);
  });

const textOf = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8').trim();

/**
 * Puts a view's own query where a text says `${view.<name>}`; views are made side by side, so none may name another. Where it says `${recent.<name>}`, or another
 * of the ranges, the query reads only the partitions that were delivered since then: a view that tells copies apart would hide the bound from Athena.
 */
function withViews(pipeline: Pipeline, text: string, inside = 'TRUE', ranges: Record<string, number> = RANGES): string {
  return text
    .replace(/\$\{(\w+)\.(\w+)\}/g, (whole, range: string, view: string) => {
      if (range === 'view') return `(\n${viewQuery(pipeline, view, inside)}\n)`;
      const hours = Object.hasOwn(ranges, range) ? ranges[range] : undefined;
      if (hours === undefined) return whole;
      const since = `current_timestamp - INTERVAL '${hours}' HOUR`;
      const query = viewQuery(pipeline, view, deliveredWithin(hours));
      // What is delivered later may have happened before: of that, there would be parts only.
      return `(\nSELECT * FROM (\n${query}\n) WHERE ${timeOf(query)} >= CAST(date_trunc('hour', ${since}) AS timestamp(3))\n)`;
    })
    .replace(/\$\{delivered\}/g, inside);
}

const viewQuery = (pipeline: Pipeline, view: string, inside: string): string =>
  withViews(pipeline, textOf(`views/${view}.sql`).replace(/^(--.*\n)*CREATE OR REPLACE VIEW \S+ AS\n/, ''), inside);

/** The column of a view's rows that says when: windows have a start, all else has happened at a time. */
const timeOf = (query: string): string => (/\bAS window_start\b/.test(query) ? 'window_start' : 'event_time');

/** The shards that a note reads, in a comment of it and as a condition in its SQL; Flink 1.15 takes no IN in a computed column. */
export const shardsRead = (shards: readonly string[]) => ({
  shards: shards.join(' '),
  isOfThese: shards.map((shard) => `shard = '${shard}'`).join(' OR '),
});

/** What a text in `sql/` may ask for. */
function placeholders(pipeline: Pipeline) {
  const { streams, lakeDatabase } = names(pipeline);
  return {
    region: pipeline.region,
    eventsStream: streams.events,
    playerMetricsStream: streams.player_metrics,
    teamMetricsStream: streams.team_metrics,
    leaderboardsStream: streams.leaderboards,
    serverMetricsStream: streams.server_metrics,
    lateEventsStream: streams.late_events,
    eventColumns: flinkColumns(),
    eventTime: outOfLine('event_time', 'timestamp'),
    windowSeconds: pipeline.windowSeconds,
    slidingSeconds: slidingSeconds(pipeline),
    // By how much a sliding window begins before the tumbling one that ends with it.
    slidingLead: slidingSeconds(pipeline) - pipeline.windowSeconds,
    watermarkSeconds: WATERMARK_SECONDS,
    latestHours: RANGES.latest,
    comparedUntil: `CAST(current_timestamp - INTERVAL '${onTheWay(pipeline)}' SECOND AS timestamp(3))`,
    heldBackSeconds: onTheWay(pipeline) - pipeline.delivery.seconds,
    historyTime: fillsMinutes(pipeline) ? "date_trunc('minute', window_start)" : 'window_start',
    historyFineSeconds: historySpans(pipeline).fine,
    historyHourlySeconds: historySpans(pipeline).hourly,
    recentHours: RANGES.recent,
    recentPartitions: deliveredWithin(RANGES.recent),
    // As long before a player's first day there must be days on which he did not come.
    cohortHours: Math.min(MONTH_DAYS, Math.floor(pipeline.keep.lakeDays / 2)) * 24,
    database: lakeDatabase,
    // Flink's: what a note that goes on somewhere, or after the stream was resharded, has others for.
    startPosition: `'scan.stream.initpos' = 'TRIM_HORIZON'`,
    since: '',
    sinceArrival: '',
    ...shardsRead(shardIds(pipeline.shards)),
  };
}
