import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ErrorInfo, InputColumn } from '@aws-sdk/client-quicksight';
import type { Rows } from '../athena/engine.ts';
import { runAthenaSql } from '../athena/run.ts';
import type { Aws } from '../aws.ts';
import { syncFolder } from '../journal.ts';
import { type DataSet, dataSets, type StoredIngestion } from './assets.ts';
import { sourceQuery } from './data-sets.ts';
import { rightsThrough, sourceByArn } from './data-sources.ts';

/** How a load went: what the ingestion is from now on, and what SPICE then holds. */
export interface Load {
  ingestion: Partial<StoredIngestion>;
  spice?: DataSet['spice'];
}

/** Runs the data set's SQL and keeps its rows in a file of their own, renamed into place; a failure is told in `ErrorInfo`. */
export async function load(aws: Aws, { dataSetId, IngestionId: id }: Readonly<StoredIngestion>, signal: AbortSignal): Promise<Load> {
  try {
    const set = dataSets(aws).get(dataSetId)!;
    const { sql, columns, dataSourceArn } = sourceQuery(set);
    const may = rightsThrough(aws, sourceByArn(aws, dataSourceArn));
    const lines = inOrder(await runAthenaSql(aws, sql, { database: 'default', signal, may }), columns);
    const file = join(dataSetId, `${id}.json`);
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    await write(join(aws.dir, 'quicksight', file), text);
    const bytes = Buffer.byteLength(text);
    return {
      ingestion: {
        IngestionStatus: 'COMPLETED',
        RowInfo: { RowsIngested: lines.length, RowsDropped: 0, TotalRowsInDataset: lines.length },
        IngestionSizeInBytes: bytes,
      },
      spice: { file, bytes, rows: lines.length, ingested: new Date(aws.now()) },
    };
  } catch (error) {
    return { ingestion: { IngestionStatus: 'FAILED', ErrorInfo: errorInfo(error as Error) } };
  }
}

/** Removes the files of a data set's earlier loads, but for `keep` and its forerunner, which a page may be reading. */
export async function tidy(aws: Aws, { file }: NonNullable<DataSet['spice']>, forerunner: string | undefined): Promise<void> {
  const folder = dirname(join(aws.dir, 'quicksight', file));
  const kept = [file, forerunner ?? file].map((each) => basename(each));
  for (const name of await readdir(folder)) if (!kept.includes(name)) await rm(join(folder, name), { force: true });
}

const DUCKDB_TYPE: Record<string, string> = {
  INTEGER: 'BIGINT',
  DECIMAL: 'DOUBLE',
  DATETIME: 'TIMESTAMP',
  BIT: 'BOOLEAN',
  BOOLEAN: 'BOOLEAN',
};

/** The statement that shows the engine a loaded data set as the view `name`. */
export function spiceView(aws: Aws, name: string, set: Readonly<DataSet>): string {
  const { columns } = sourceQuery(set);
  const types = columns.map(({ Name, Type }) => `${literal(Name!)}: ${literal(DUCKDB_TYPE[Type!] ?? 'VARCHAR')}`).join(', ');
  const path = literal(join(aws.dir, 'quicksight', set.spice!.file));
  return `CREATE VIEW ${name} AS SELECT * FROM read_json(${path}, format = 'newline_delimited', columns = {${types}})`;
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

class SchemaMismatch extends Error {}

/** Each row as an object of the data set's columns; throws when the query lacks one. */
function inOrder({ columns: given, rows }: Rows, wanted: InputColumn[]): Record<string, unknown>[] {
  const places = wanted.map(({ Name: name = '' }) => {
    const at = given.findIndex((column) => column.name.toLowerCase() === name.toLowerCase());
    if (at < 0) throw new SchemaMismatch(`The query gives no column ${name}; it gives ${given.map((column) => column.name).join(', ')}.`);
    return [name, at] as const;
  });
  return rows.map((row) => Object.fromEntries(places.map(([name, at]) => [name, row[at]])));
}

/** QuickSight's kind of failure, by what the message says; any other is the query's. */
const FAILURES: [RegExp, ErrorInfo['Type']][] = [
  [/Failed to assume your role/, 'FAILURE_TO_ASSUME_ROLE'],
  [/is not authorized to perform/, 'PERMISSION_DENIED'],
  [/DataSourceArn/, 'DATA_SOURCE_NOT_FOUND'],
  [/(TABLE|SCHEMA)_NOT_FOUND/, 'SQL_TABLE_NOT_FOUND'],
];

function errorInfo(error: Error): ErrorInfo {
  const [, type] = FAILURES.find(([words]) => words.test(error.message)) ?? [];
  return { Type: error instanceof SchemaMismatch ? 'SQL_SCHEMA_MISMATCH_ERROR' : (type ?? 'SQL_EXCEPTION'), Message: error.message };
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(`${path}.new`, 'w', 0o600);
  await handle.writeFile(text);
  await handle.sync();
  await handle.close();
  await rename(`${path}.new`, path);
  await syncFolder(dirname(path));
}
