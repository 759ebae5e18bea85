import { join } from 'node:path';
import type { Aws } from '../aws.ts';
import { databases, tableKey, tables } from '../glue/catalog.ts';
import type { Permissions } from '../iam/permissions.ts';
import { INFORMATION_SCHEMA, informationSchema } from './information-schema.ts';
import { type QueryRights, queryRights } from './query-rights.ts';
import { partsOf } from './table-files.ts';
import { selectOf } from './table-view.ts';
import { trinoError } from './trino-error.ts';
import { identifier } from './types.ts';
import { viewOf } from './view-text.ts';

/** A query made ready for the engine: the views it needs, and how large the files are that they may read (by absolute path). */
export interface Plan {
  sql: string;
  setup: string[];
  sizes: Map<string, number>;
  /** For each output column written in the text: whether it has a name of its own; undefined from a `*` on. */
  named: (boolean | undefined)[];
}

/** Translates a Trino query and resolves its tables and views in the Glue catalog, as far as `may` allows; throws a `TrinoError`, or AWS's refusal. */
export async function plan(aws: Aws, sql: string, database: string, may?: Permissions): Promise<Plan> {
  const made = new Set<string>();
  const result: Plan = { sql: '', setup: [], sizes: new Map(), named: [] };
  const analysis = await aws.sql.analyse(sql, database).catch((error: Error) => {
    throw trinoError(error.message, sql);
  });
  const rights = queryRights(aws, may);
  rights.database('default'); // whatever the query is
  for (const table of analysis.tables) await add(aws, table, sql, result, made, rights, []);
  return { ...result, sql: analysis.sql, named: analysis.named };
}

async function add(
  aws: Aws,
  { database, table }: { database: string; table: string },
  sql: string,
  result: Plan,
  made: Set<string>,
  rights: QueryRights,
  within: string[],
): Promise<void> {
  const name = `${database}.${table}`;
  if (within.includes(name)) throw trinoError(`INVALID_VIEW: Statement would create a recursive view: ${name}`, sql);
  if (made.has(name)) return;
  made.add(name);
  const schema = identifier(database === 'information_schema' ? INFORMATION_SCHEMA : database);
  if (!made.has(schema)) result.setup.push(`CREATE SCHEMA awsdatacatalog.${schema}`);
  made.add(schema);
  const view = (text: string, columns = '') =>
    result.setup.push(`CREATE VIEW awsdatacatalog.${schema}.${identifier(table)}${columns} AS ${text}`);
  if (database === 'information_schema') return void view(informationSchema(aws, table, sql));
  rights.database(database);
  rights.table(database, table);
  if (!databases(aws).has(database)) throw trinoError(`SCHEMA_NOT_FOUND: Schema '${database}' does not exist`, sql, table);
  const entry = tables(aws).get(tableKey(database, table));
  if (!entry) throw trinoError(`TABLE_NOT_FOUND: Table 'awsdatacatalog.${name}' does not exist`, sql, table);
  if (entry.TableType === 'VIRTUAL_VIEW') {
    const { originalSql, schema: context, columns } = viewOf(entry);
    const inner = await aws.sql.analyse(originalSql, context).catch((error: Error) => {
      throw trinoError(`INVALID_VIEW: Failed analyzing stored view 'awsdatacatalog.${name}': ${error.message}`, sql);
    });
    for (const source of inner.tables) await add(aws, source, sql, result, made, rights, [...within, name]);
    return void view(`${inner.sql}\n`, ` (${columns.map((column) => identifier(column.name)).join(', ')})`);
  }
  if (entry.PartitionKeys === undefined)
    throw trinoError(
      `HIVE_METASTORE_ERROR: java.lang.NullPointerException: table '${name}' was made without PartitionKeys, which may be an empty list`,
      sql,
    );
  const parts = partsOf(aws, entry);
  rights.files(entry, parts);
  for (const { files } of parts) for (const { file, size } of files) result.sizes.set(join(aws.objects.root, file), size);
  view(await selectOf(aws, entry, parts));
}
