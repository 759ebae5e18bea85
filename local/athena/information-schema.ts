import type { Aws } from '../aws.ts';
import { type CatalogTable, databases, tables } from '../glue/catalog.ts';
import { parseHiveType } from '../glue/hive-type.ts';
import { trinoError } from './trino-error.ts';
import { trinoType } from './types.ts';

/** The schema in DuckDB that stands for Trino's information_schema; DuckDB has one of its own. */
export const INFORMATION_SCHEMA = 'trino_information_schema';

type Cell = string | number | null;

/** The SELECT that gives one table of Trino's information_schema, from the Glue catalog. */
export function informationSchema(aws: Aws, table: string, sql: string): string {
  if (table === 'schemata') {
    return values(
      ['catalog_name', 'schema_name'],
      databases(aws)
        .keys()
        .sort()
        .map((name) => ['awsdatacatalog', name]),
    );
  }
  if (table === 'tables') {
    const rows = tables(aws)
      .values()
      .map((entry) => ['awsdatacatalog', entry.DatabaseName, entry.Name, entry.TableType === 'VIRTUAL_VIEW' ? 'VIEW' : 'BASE TABLE']);
    return values(['table_catalog', 'table_schema', 'table_name', 'table_type'], rows);
  }
  if (table === 'columns') {
    const names = ['table_catalog', 'table_schema', 'table_name', 'column_name', 'ordinal_position', 'data_type', 'extra_info', 'comment'];
    return values(names, tables(aws).values().flatMap(columnRows));
  }
  throw trinoError(`TABLE_NOT_FOUND: Table 'awsdatacatalog.information_schema.${table}' does not exist`, sql, table);
}

const columnRows = ({
  DatabaseName: schema,
  Name: table,
  StorageDescriptor: storage,
  PartitionKeys: keys = [],
}: Readonly<CatalogTable>): Cell[][] => {
  const own = storage?.Columns ?? [];
  return [...own, ...keys].map(({ Name: name = '', Type: type = 'string', Comment: comment = null }, i) => {
    const extra = i >= own.length ? 'partition key' : null;
    return ['awsdatacatalog', schema, table, name, i + 1, trinoType(parseHiveType(type)), extra, comment];
  });
};

function values(names: string[], rows: Cell[][]): string {
  const literal = (cell: Cell) => (cell === null ? 'NULL' : typeof cell === 'number' ? String(cell) : `'${cell.replaceAll("'", "''")}'`);
  const nothing = `SELECT ${names.map((name) => `CAST(NULL AS ${name === 'ordinal_position' ? 'INTEGER' : 'VARCHAR'}) AS ${name}`).join(', ')} WHERE false`;
  if (rows.length === 0) return nothing;
  return `${nothing} UNION ALL VALUES ${rows.map((row) => `(${row.map(literal).join(', ')})`).join(', ')}`;
}
