import { type DuckDBConnection, DuckDBInstance, type DuckDBResult, StatementType } from '@duckdb/node-api';
import type { Rows } from './engine.ts';
import { inspect } from './inspection.ts';
import { jsonOf } from './json-values.ts';
import { macrosFor } from './trino-macros.ts';

/** One query's own DuckDB: no network, reading only below the folders it was opened with, writing nothing but what does not fit into its memory into a folder of its own. */
export interface Database {
  /** Runs `setup`, locks every setting, checks that `sql` is one SELECT over what `setup` made, and starts it; gives the columns. */
  start(sql: string, setup: string[], signal: AbortSignal): Promise<Rows['columns']>;
  rows(): AsyncIterable<Rows['rows']>;
  /** The files the query opened, by absolute path. */
  filesRead(): Promise<string[]>;
  interrupt(): void;
  close(): void;
}

const MEMORY = '512MB';
/** Keeps the first row of each partition in memory that never goes onto the disk: of ten million events more than there is. */
const UNSPILLABLE = 'top_n_window_elimination';
/** What a query may put onto the disk: an audit of ten million events takes a few of them. */
const SPILL = '20GB';

/** Opens a database that may read below `readable`; the folder `spill` is there only while it holds something. */
export async function openDatabase(readable: string[], spill: string): Promise<Database> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: MEMORY });
  const connection = await instance.connect();
  for (const statement of [
    `SET temp_directory = ${quoted(spill)}`,
    `SET max_temp_directory_size = '${SPILL}'`,
    `SET allowed_directories = [${readable.map(quoted).join(', ')}]`,
    'SET enable_external_access = false',
    "SET TimeZone = 'UTC'",
    'SET integer_division = true',
    `SET disabled_optimizers = '${UNSPILLABLE}'`,
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    "ATTACH ':memory:' AS awsdatacatalog",
    "CALL enable_logging('FileSystem', level = 'trace')",
  ])
    await connection.run(statement);
  let result: DuckDBResult | undefined;
  return {
    start: async (sql, setup, signal) => {
      signal.throwIfAborted();
      for (const macro of macrosFor([...setup, sql].join('\n'))) await connection.run(macro);
      for (const statement of setup) {
        await runSetup(connection, statement);
        signal.throwIfAborted();
      }
      await connection.run('SET lock_configuration = true');
      const statements = await connection.extractStatements(sql);
      if (statements.count !== 1) throw new Error('Only one statement is allowed.');
      await checkSources(connection, sql);
      const prepared = await statements.prepare(0);
      if (prepared.statementType !== StatementType.SELECT) throw new Error('Only SELECT is allowed.');
      signal.throwIfAborted();
      result = await prepared.stream();
      const types = result.columnTypes();
      return result.columnNames().map((name, i) => ({ name, type: String(types[i]) }));
    },
    rows: async function* () {
      for await (const rows of result!.yieldRows()) yield rows.map((row) => row.map(jsonOf));
    },
    filesRead: async () => {
      const opened = await connection.runAndReadAll(
        "SELECT DISTINCT json_extract_string(message, '$.path') FROM duckdb_logs WHERE type = 'FileSystem' AND json_extract_string(message, '$.op') = 'OPEN'",
      );
      return opened.getRows().flatMap(([path]) => (String(path).startsWith(spill) ? [] : [String(path)]));
    },
    interrupt: () => connection.interrupt(),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A string as an SQL literal. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const MADE_BY_US = /^CREATE\s+(OR\s+REPLACE\s+)?(SCHEMA|VIEW|MACRO)\s/i;

async function runSetup(connection: DuckDBConnection, statement: string): Promise<void> {
  if (!MADE_BY_US.test(statement))
    throw new Error(`A set-up statement may only create a schema, a view or a macro: ${statement.slice(0, 80)}`);
  const statements = await connection.extractStatements(statement);
  if (statements.count !== 1) throw new Error('A set-up text must be one statement.');
  await (await statements.prepare(0)).run();
}

/** A name that is no view would make DuckDB look for a file of that name. */
async function checkSources(connection: DuckDBConnection, sql: string): Promise<void> {
  const views = await connection.runAndReadAll('SELECT lower(view_name) FROM duckdb_views() WHERE NOT internal');
  const known = new Set(views.getRows().map(([name]) => String(name)));
  for (const { name } of (await inspect(connection, sql)).tables) {
    if (!known.has(name.toLowerCase())) throw new Error(`Catalog Error: Table with name ${name} does not exist!`);
  }
}
