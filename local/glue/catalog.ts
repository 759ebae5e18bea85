import type { Column, Database, Table as GlueTable, Partition } from '@aws-sdk/client-glue';
import { type Aws, arn, awsError } from '../aws.ts';

/** The catalog's databases, by name. */
export const databases = (aws: Aws) => aws.journal.table<Database & { Name: string }>('glue.databases');

/** The catalog's tables and views, by `<database>/<table>`. */
export const tables = (aws: Aws) => aws.journal.table<CatalogTable>('glue.tables');

/** The catalog's partitions, by `<database>/<table>/<values as JSON>`. */
export const partitions = (aws: Aws) => aws.journal.table<CatalogPartition>('glue.partitions');

/** Tags of databases, tables and crawlers, by ARN. */
export const tags = (aws: Aws) => aws.journal.table<Record<string, string>>('glue.tags');

/** A table whose names are known. */
export type CatalogTable = GlueTable & { Name: string; DatabaseName: string };

/** A partition whose values are known. */
export type CatalogPartition = Partition & { Values: string[] };

/** The key of a table in `tables`; Glue keeps names in lower case. */
export const tableKey = (database: string, table: string): string => `${database.toLowerCase()}/${table.toLowerCase()}`;

/** The key of a partition in `partitions`. */
export const partitionKey = (database: string, table: string, values: string[]): string =>
  `${tableKey(database, table)}/${JSON.stringify(values)}`;

/** The ARN of a thing in the catalog, such as `database/game` or `crawler/lake`. */
export const glueArn = (aws: Aws, resource: string): string => arn(aws, 'glue', resource);

/** What a right to a database, or to a table, must be given for: Glue asks for it on the thing and on all that it lies in. */
export const glueArns = (aws: Aws, database: string, table?: string): string[] => [
  glueArn(aws, 'catalog'),
  glueArn(aws, `database/${database}`),
  ...(table === undefined ? [] : [glueArn(aws, `table/${database}/${table}`)]),
];

/** The database, or EntityNotFoundException. */
export function databaseOf(aws: Aws, name = ''): Readonly<Database & { Name: string }> {
  const database = databases(aws).get(name.toLowerCase());
  if (!database) throw awsError('EntityNotFoundException', `Database ${name.toLowerCase()} not found.`);
  return database;
}

/** The table or view, or EntityNotFoundException. */
export function tableOf(aws: Aws, database = '', name = ''): Readonly<CatalogTable> {
  databaseOf(aws, database);
  const table = tables(aws).get(tableKey(database, name));
  if (!table) throw awsError('EntityNotFoundException', `Table ${name.toLowerCase()} not found.`);
  return table;
}

/** The tables of one database, by name. */
export const tablesOf = (aws: Aws, database: string): Readonly<CatalogTable>[] =>
  tables(aws)
    .values()
    .filter(({ DatabaseName: name }) => name === database.toLowerCase())
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));

/** The partitions of one table, in the order of their values. */
export function partitionsOf(
  aws: Aws,
  { DatabaseName: database, Name: table }: { DatabaseName: string; Name: string },
): Readonly<CatalogPartition>[] {
  const prefix = `${tableKey(database, table)}/`;
  return partitions(aws)
    .entries()
    .filter(([key]) => key.startsWith(prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, partition]) => partition);
}

/** Takes a table out of the catalog, with its partitions and tags. */
export function dropTable(aws: Aws, table: { DatabaseName: string; Name: string }): void {
  for (const { Values: values } of partitionsOf(aws, table)) partitions(aws).delete(partitionKey(table.DatabaseName, table.Name, values));
  tables(aws).delete(tableKey(table.DatabaseName, table.Name));
  tags(aws).delete(glueArn(aws, `table/${table.DatabaseName}/${table.Name}`));
}

/** Columns as Glue keeps them: names in lower case, a type for each. */
export const lowered = (columns: Column[] = []): Column[] => columns.map((column) => ({ ...column, Name: column.Name?.toLowerCase() }));
