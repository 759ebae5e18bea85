import { type Aws, AwsError } from '../aws.ts';
import type { HiveType } from '../glue/hive-type.ts';
import type { Permissions } from '../iam/permissions.ts';
import type { Rows } from './engine.ts';
import { plan } from './plan.ts';
import { TrinoError, trinoError } from './trino-error.ts';
import { athenaType, typeOfDuckdb } from './types.ts';

/** What a query gave: rows as the engine's, names as Trino gives them (lower case, `_col0`), full types, and the bytes of the files read. */
export interface QueryResult {
  columns: { name: string; type: HiveType }[];
  rows: Rows['rows'];
  bytesScanned: number;
}

/** How a query is asked: `database` completes its names, `signal` ends it, and it may do what `may` allows (without it: everything). */
export interface Asking {
  database: string;
  signal?: AbortSignal;
  may?: Permissions;
}

/**
 * Runs one SELECT of Athena's dialect over the Glue catalog, without a query execution. Column types carry Athena's names (`varchar`,
 * `bigint`, `timestamp`). Rejects with a `TrinoError` whose message is Athena's StateChangeReason, or with the signal's reason.
 */
export async function runAthenaSql(aws: Aws, sql: string, asking: Asking): Promise<Rows & { bytesScanned: number }> {
  const { columns, ...result } = await runQuery(aws, sql, asking);
  return { ...result, columns: columns.map(({ name, type }) => ({ name, type: athenaType(type) })) };
}

/** As `runAthenaSql`, with the columns' full types. */
export async function runQuery(aws: Aws, sql: string, { database, signal, may }: Asking): Promise<QueryResult> {
  try {
    const { setup, sizes, named, ...prepared } = await plan(aws, sql.replace(/;\s*$/, ''), database.toLowerCase(), may);
    const { columns, rows, filesRead } = await aws.sql.query({ sql: prepared.sql, setup, signal });
    return {
      columns: columns.map(({ name, type }, i) => ({ name: nameOf(name, i, named[i]), type: typeOfDuckdb(type) })),
      rows,
      bytesScanned: filesRead.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0),
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AwsError) throw new TrinoError(`Insufficient permissions to execute the query. ${error.message}`);
    throw error instanceof TrinoError ? error : trinoError((error as Error).message.replaceAll(`${aws.objects.root}/`, 's3://'), sql);
  }
}

/** DuckDB calls an unnamed column by its expression. */
const nameOf = (name: string, i: number, isNamed: boolean | undefined) =>
  isNamed === false || (isNamed === undefined && name.includes('(')) ? `_col${i}` : name.toLowerCase();
