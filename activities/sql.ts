import { readdirSync, readFileSync } from 'node:fs';
import { WATERMARK_SECONDS } from '../pipeline/event.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { shardIds } from './kinesis/shards.ts';

const FOLDER = new URL('../sql/', import.meta.url);

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

/** The text of one file of `sql/`, filled in; throws on a placeholder that no pipeline has. */
export const statement = (pipeline: Pipeline, file: string, more: Record<string, string> = {}): string =>
  filledIn(readFileSync(new URL(file, FOLDER), 'utf8').trim(), { ...placeholders(pipeline), ...more }, `sql/${file}`);

/** `text` with each `${name}` replaced by its value; throws on a name without one, saying in which file. */
export const filledIn = (text: string, values: Record<string, string | number>, file: string): string =>
  text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    if (!Object.hasOwn(values, name))
      throw new Error(`${file} has an unknown placeholder ${whole}; known are ${Object.keys(values).join(', ')}`);
    return String(values[name]);
  });

/** What a text in `sql/` may ask for. */
function placeholders(pipeline: Pipeline) {
  const { streams, lakeDatabase } = names(pipeline);
  return {
    region: pipeline.region,
    eventsStream: streams.events,
    playerMetricsStream: streams.player_metrics,
    teamMetricsStream: streams.team_metrics,
    windowSeconds: pipeline.windowSeconds,
    watermarkSeconds: WATERMARK_SECONDS,
    database: lakeDatabase,
    // Flink's: what a note that goes on somewhere, or after the stream was resharded, has others for.
    startPosition: `'scan.stream.initpos' = 'TRIM_HORIZON'`,
    since: '',
    shards: shardIds(pipeline.shards).join(' '),
  };
}
