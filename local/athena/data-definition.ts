import type { TableInput } from '@aws-sdk/client-glue';
import type { Aws } from '../aws.ts';
import {
  type CatalogTable,
  databases,
  dropTable,
  partitionKey,
  partitions,
  partitionsOf,
  tableKey,
  tables,
  tablesOf,
} from '../glue/catalog.ts';
import { placeOf } from '../glue/crawl.ts';
import { addPartition } from '../glue/partitions.ts';
import { putTable, setTable } from '../glue/tables.ts';
import { plan } from './plan.ts';
import { runQuery } from './run.ts';
import type { ExternalTable, Statement, TableName } from './statement.ts';
import { TrinoError } from './trino-error.ts';
import { viewInput } from './view-text.ts';

type Of<Kind extends Statement['kind']> = Extract<Statement, { kind: Kind }>;

/** The named thing's catalog entry; throws Athena's error when the database or the table is missing. */
export function entryOf(aws: Aws, name: TableName, context: string): Readonly<CatalogTable> {
  const database = existing(aws, name.database ?? context);
  const entry = tables(aws).get(tableKey(database, name.table));
  if (!entry) throw new TrinoError(`FAILED: SemanticException [Error 10001]: Table not found ${database}.${name.table}`);
  return entry;
}

/** The database in lower case, or Athena's error. */
export function existing(aws: Aws, database: string): string {
  if (!databases(aws).has(database.toLowerCase()))
    throw new TrinoError(`FAILED: SemanticException [Error 10072]: Database does not exist: ${database}`);
  return database.toLowerCase();
}

/** Plans the query for its columns and keeps the text in Glue, as Athena does. */
export async function createView(
  aws: Aws,
  { name, isReplacing, query }: Of<'CREATE_VIEW'>,
  context: string,
  signal?: AbortSignal,
): Promise<void> {
  const database = existing(aws, name.database ?? context);
  const before = tables(aws).get(tableKey(database, name.table));
  const full = `awsdatacatalog.${database}.${name.table}`;
  if (before && before.TableType !== 'VIRTUAL_VIEW') throw new TrinoError(`TABLE_ALREADY_EXISTS: Table already exists: ${full}`);
  if (before && !isReplacing) throw new TrinoError(`TABLE_ALREADY_EXISTS: line 1:1: View '${full}' already exists`);
  const unnamed = (await plan(aws, query, context)).named.indexOf(false);
  if (unnamed >= 0) throw new TrinoError(`COLUMN_NAME_NOT_SPECIFIED: line 1:1: Column name not specified at position ${unnamed + 1}`);
  const { columns } = await runQuery(aws, `SELECT * FROM (${query}\n) LIMIT 0`, { database: context, signal });
  const twice = columns.find((column, i) => columns.findIndex((other) => other.name === column.name) < i);
  if (twice) throw new TrinoError(`DUPLICATE_COLUMN_NAME: line 1:1: Column name '${twice.name}' specified more than once`);
  const input = viewInput(name.table, { originalSql: query.trim(), catalog: 'awsdatacatalog', schema: context.toLowerCase(), columns });
  const now = tables(aws).get(tableKey(database, name.table));
  if (now) setTable(aws, database, input, now);
  else putTable(aws, database, input);
}

/** Drops a view or a table (its files stay). */
export function drop(aws: Aws, { kind, name, mayBeMissing }: Of<'DROP_VIEW' | 'DROP_TABLE'>, context: string): void {
  const database = name.database ?? context;
  const entry = tables(aws).get(tableKey(database, name.table));
  if (!entry) {
    if (mayBeMissing) return;
    if (kind === 'DROP_VIEW')
      throw new TrinoError(`TABLE_NOT_FOUND: line 1:1: View 'awsdatacatalog.${database}.${name.table}' does not exist`);
    throw new TrinoError(`FAILED: SemanticException [Error 10001]: Table not found ${name.table}`);
  }
  const isView = entry.TableType === 'VIRTUAL_VIEW';
  if (kind === 'DROP_VIEW' && !isView)
    throw new TrinoError(`TABLE_NOT_FOUND: line 1:1: View 'awsdatacatalog.${database}.${name.table}' does not exist`);
  if (kind === 'DROP_TABLE' && isView) throw new TrinoError(`FAILED: SemanticException Cannot drop a view with DROP TABLE: ${name.table}`);
  dropTable(aws, entry);
}

/** Makes an empty database in the catalog. */
export function createDatabase(aws: Aws, { name, mayExist, comment, location }: Of<'CREATE_DATABASE'>): void {
  if (databases(aws).has(name)) {
    if (mayExist) return;
    throw new TrinoError(
      `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Database ${name} already exists`,
    );
  }
  databases(aws).set(name, {
    Name: name,
    Description: comment,
    LocationUri: location,
    CreateTime: new Date(aws.now()),
    CatalogId: aws.account,
  });
}

/** Takes a database out of the catalog; one with tables only with CASCADE. */
export function dropDatabase(aws: Aws, { name, mayBeMissing, isCascade }: Of<'DROP_DATABASE'>): void {
  if (mayBeMissing && !databases(aws).has(name)) return;
  existing(aws, name);
  const inside = tablesOf(aws, name);
  if (inside.length > 0 && !isCascade)
    throw new TrinoError(
      `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. InvalidOperationException(message:Database ${name} is not empty. One or more tables exist.)`,
    );
  for (const table of inside) dropTable(aws, table);
  databases(aws).delete(name);
}

/** Puts an external table into the catalog. */
export function createTable(aws: Aws, { name, mayExist, table }: Of<'CREATE_TABLE'>, context: string): void {
  const database = existing(aws, name.database ?? context);
  if (tables(aws).has(tableKey(database, name.table))) {
    if (mayExist) return;
    throw new TrinoError(
      `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. AlreadyExistsException(message:Table ${name.table} already exists.)`,
    );
  }
  if (!/^s3:\/\/[^/]+\//.test(table.location))
    throw new TrinoError(`FAILED: SemanticException [Error 10065]: CREATE EXTERNAL TABLE needs a LOCATION of the form s3://bucket/folder/`);
  putTable(aws, database, tableInput(name.table, table));
}

const TEXT_INPUT = 'org.apache.hadoop.mapred.TextInputFormat';
const TEXT_OUTPUT = 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat';

function tableInput(name: string, table: ExternalTable): TableInput {
  const isParquet = table.storedAs === 'parquet';
  if (table.storedAs && !isParquet && table.storedAs !== 'textfile')
    throw new TrinoError(`NOT_SUPPORTED: STORED AS ${table.storedAs.toUpperCase()} is not part of the local Athena.`);
  const serde = isParquet
    ? 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
    : table.serde || 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe';
  return {
    Name: name,
    Owner: 'hadoop',
    TableType: 'EXTERNAL_TABLE',
    PartitionKeys: table.partitionKeys,
    Parameters: { EXTERNAL: 'TRUE', ...(table.comment !== undefined && { comment: table.comment }), ...table.properties },
    StorageDescriptor: {
      Columns: table.columns,
      Location: table.location,
      InputFormat: table.inputFormat ?? (isParquet ? 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat' : TEXT_INPUT),
      OutputFormat: table.outputFormat ?? (isParquet ? 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat' : TEXT_OUTPUT),
      Compressed: false,
      NumberOfBuckets: -1,
      SerdeInfo: { SerializationLibrary: serde, Parameters: { 'serialization.format': '1', ...table.serdeProperties } },
      StoredAsSubDirectories: false,
    },
  };
}

/** Adds partitions by hand; without a LOCATION they lie at `key=value/` below the table's. */
export function addPartitions(aws: Aws, { name, mayExist, partitions: wanted }: Of<'ADD_PARTITION'>, context: string): void {
  const table = entryOf(aws, name, context);
  for (const { spec, location } of wanted) {
    const values = valuesOf(table, spec);
    if (partitions(aws).has(partitionKey(table.DatabaseName, table.Name, values))) {
      if (mayExist) continue;
      throw new TrinoError(
        'FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. AlreadyExistsException(message:Partition already exists.)',
      );
    }
    add(aws, table, values, location ?? placed(table, values));
  }
}

/** Takes partitions out of the catalog (their files stay). */
export function dropPartitions(aws: Aws, { name, mayBeMissing, partitions: wanted }: Of<'DROP_PARTITION'>, context: string): void {
  const table = entryOf(aws, name, context);
  for (const { spec } of wanted) {
    const key = partitionKey(table.DatabaseName, table.Name, valuesOf(table, spec));
    if (!mayBeMissing && !partitions(aws).has(key))
      throw new TrinoError(`FAILED: SemanticException [Error 10006]: Partition not found ${JSON.stringify(spec)}`);
    partitions(aws).delete(key);
  }
}

/** Adds every Hive-style folder below the table's location that the catalog lacks; gives what Athena prints. */
export function repair(aws: Aws, { name }: Of<'MSCK_REPAIR'>, context: string): string[] {
  const table = entryOf(aws, name, context);
  const keys = (table.PartitionKeys ?? []).map(({ Name: key = '' }) => key);
  const { bucket, prefix } = placeOf(table.StorageDescriptor?.Location ?? '');
  const known = new Set(partitionsOf(aws, table).map(({ Values: values }) => JSON.stringify(values)));
  const added: string[] = [];
  for (const { key } of aws.objects.list(bucket, prefix)) {
    const folders = key.slice(prefix.length).split('/').slice(0, keys.length);
    if (folders.length < keys.length || !keys.every((name_, i) => folders[i]!.toLowerCase().startsWith(`${name_}=`))) continue;
    const values = folders.map((folder) => folder.slice(folder.indexOf('=') + 1));
    if (known.has(JSON.stringify(values))) continue;
    known.add(JSON.stringify(values));
    add(aws, table, values, `s3://${bucket}/${prefix}${folders.join('/')}/`);
    added.push(folders.join('/'));
  }
  if (added.length === 0) return [];
  return [
    `Partitions not in metastore:\t${added.map((path) => `${table.Name}:${path}`).join('\t')}`,
    ...added.map((path) => `Repair: Added partition to metastore ${table.Name}:${path}`),
  ];
}

function valuesOf(table: Readonly<CatalogTable>, spec: Record<string, string>): string[] {
  const keys = (table.PartitionKeys ?? []).map(({ Name: key = '' }) => key);
  if (keys.length !== Object.keys(spec).length || !keys.every((key) => key in spec))
    throw new TrinoError(
      `FAILED: SemanticException partition spec ${JSON.stringify(spec)} doesn't contain all (${keys.length}) partition columns`,
    );
  return keys.map((key) => spec[key]!);
}

const placed = ({ StorageDescriptor: storage, PartitionKeys: keys = [] }: Readonly<CatalogTable>, values: string[]) =>
  `${(storage?.Location ?? '').replace(/\/?$/, '/')}${values.map((value, i) => `${keys[i]!.Name}=${value}/`).join('')}`;

const add = (aws: Aws, table: Readonly<CatalogTable>, values: string[], location: string) =>
  addPartition(aws, table, { Values: values, StorageDescriptor: { ...table.StorageDescriptor, Location: location } });
