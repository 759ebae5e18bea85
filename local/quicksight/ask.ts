import type { Rows } from '../athena/engine.ts';
import { runAthenaSql } from '../athena/run.ts';
import type { Aws } from '../aws.ts';
import type { DataSet } from './assets.ts';
import { sourceQuery } from './data-sets.ts';
import { rightsThrough, sourceByArn } from './data-sources.ts';
import { spiceView } from './spice.ts';

/**
 * Asks a data set: `sql` is one query of Athena's dialect that begins with `WITH` and reads the table `source`. A live data set goes to Athena
 * each time, a SPICE one to its loaded rows (which must be there). Whoever asks the same while the answer is under way shares it.
 */
export function ask(aws: Aws, set: Readonly<DataSet>, sql: string): Promise<Rows> {
  const key = `${set.id} ${set.spice?.file ?? ''} ${sql}`;
  const open = underWay.get(aws) ?? new Map<string, Promise<Rows>>();
  underWay.set(aws, open);
  const answer =
    open.get(key) ?? (set.importMode === 'SPICE' ? inSpice(aws, set, sql) : inAthena(aws, set, sql)).finally(() => open.delete(key));
  open.set(key, answer);
  return answer;
}

const underWay = new WeakMap<Aws, Map<string, Promise<Rows>>>();

async function inAthena(aws: Aws, set: Readonly<DataSet>, sql: string): Promise<Rows> {
  const { sql: source, dataSourceArn } = sourceQuery(set);
  const may = rightsThrough(aws, sourceByArn(aws, dataSourceArn));
  return runAthenaSql(aws, `WITH source AS (\n${source}\n),${sql.slice('WITH'.length)}`, { database: 'default', may });
}

async function inSpice(aws: Aws, set: Readonly<DataSet>, sql: string): Promise<Rows> {
  return aws.sql.query({ sql: await aws.sql.translate(sql), setup: [spiceView(aws, 'source', set)] });
}
