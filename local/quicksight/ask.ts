import type { Rows } from '../athena/engine.ts';
import { runAthenaSql } from '../athena/run.ts';
import type { Aws } from '../aws.ts';
import type { DataSet } from './assets.ts';
import { sourceQuery } from './data-sets.ts';
import { rightsThrough, sourceByArn } from './data-sources.ts';
import { spiceView } from './spice.ts';

/** QuickSight ends a visual whose query takes longer. */
const VISUAL_MS = 120_000;

/**
 * Asks a data set: `sql` is one query of Athena's dialect that begins with `WITH` and reads the table `source`. A live data set goes to Athena
 * each time, a SPICE one to its loaded rows (which must be there). Whoever asks the same while the answer is under way shares it. What takes longer than `most`
 * milliseconds is ended, and rejects with words that say so.
 */
export function ask(aws: Aws, set: Readonly<DataSet>, sql: string, most = VISUAL_MS): Promise<Rows> {
  const key = `${set.id} ${set.spice?.file ?? ''} ${sql}`;
  const open = underWay.get(aws) ?? new Map<string, Promise<Rows>>();
  underWay.set(aws, open);
  const answer =
    open.get(key) ??
    within(most, (signal) => (set.importMode === 'SPICE' ? inSpice(aws, set, sql, signal) : inAthena(aws, set, sql, signal))).finally(() =>
      open.delete(key),
    );
  open.set(key, answer);
  return answer;
}

const underWay = new WeakMap<Aws, Map<string, Promise<Rows>>>();

async function within(most: number, query: (signal: AbortSignal) => Promise<Rows>): Promise<Rows> {
  const signal = AbortSignal.timeout(most);
  try {
    return await query(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Error(`it took longer than ${most / 1000} seconds, after which QuickSight ends a visual; choose a shorter range of time.`);
  }
}

async function inAthena(aws: Aws, set: Readonly<DataSet>, sql: string, signal: AbortSignal): Promise<Rows> {
  const { sql: source, dataSourceArn } = sourceQuery(set);
  const may = rightsThrough(aws, sourceByArn(aws, dataSourceArn));
  return runAthenaSql(aws, `WITH source AS (\n${source}\n),${sql.slice('WITH'.length)}`, { database: 'default', may, signal });
}

async function inSpice(aws: Aws, set: Readonly<DataSet>, sql: string, signal: AbortSignal): Promise<Rows> {
  return aws.sql.query({ sql: await aws.sql.translate(sql), setup: [spiceView(aws, 'source', set)], signal });
}
