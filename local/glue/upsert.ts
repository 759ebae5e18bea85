import type { Column, CreateCrawlerRequest, PartitionInput, StorageDescriptor, TableInput } from '@aws-sdk/client-glue';
import type { Aws } from '../aws.ts';
import {
  type CatalogPartition,
  type CatalogTable,
  dropTable,
  partitionKey,
  partitions,
  partitionsOf,
  tableKey,
  tables,
  tablesOf,
} from './catalog.ts';
import { outputOf } from './crawler-input.ts';
import { hiveText, merged, parseHiveType } from './hive-type.ts';
import { type CrawledFile, type FoundTable, withHash } from './layout.ts';
import { addPartition, setPartition } from './partitions.ts';
import { putTable, setTable } from './tables.ts';

/** One thing that a crawl changed in the catalog. */
export interface Change {
  what: 'TABLE' | 'PARTITION';
  how: 'ADD' | 'UPDATE' | 'DELETE';
  name: string;
}

/** On whose behalf the catalog is changed. */
export interface CrawlOwner {
  crawler: string;
  database: string;
  input: Pick<CreateCrawlerRequest, 'SchemaChangePolicy' | 'TablePrefix' | 'Configuration'>;
  /** Throws unless the crawler's role may do this to the database, or to a table of it. */
  mayInCatalog(action: string, table?: string): void;
}

/** Brings one found table into the catalog: types only widen, new columns follow the known ones, new partitions are appended, the known ones may inherit. */
export function upsertTable(aws: Aws, owner: CrawlOwner, found: FoundTable): Change[] {
  const { crawler, database, input, mayInCatalog } = owner;
  const location = `s3://${found.bucket}/${found.prefix}`;
  const plain = `${(input.TablePrefix ?? '').toLowerCase()}${found.name}`;
  const inPlace = tables(aws).get(tableKey(database, plain));
  const name = inPlace && folderOf(inPlace) !== location ? withHash(plain, location) : plain;
  const before = tables(aws).get(tableKey(database, name));
  const changes: Change[] = [];
  const parameters = statistics(crawler, found);
  mayInCatalog('glue:GetTable', name);
  if (!before) mayInCatalog('glue:CreateTable', name);
  const table = before
    ? changed(aws, before, found, parameters, owner)
    : putTable(aws, database, tableFrom(name, location, found, parameters));
  if (table !== before) changes.push({ what: 'TABLE', how: before ? 'UPDATE' : 'ADD', name });

  const keys = (table.PartitionKeys ?? []).map(({ Name: key }) => key).join('/');
  if (keys !== found.partitionKeys.join('/')) {
    aws.log(
      'glue',
      `crawler ${crawler}: the folders of ${name} are ${found.partitionKeys.join('/') || 'not partitions'}, the table's are ${keys || 'none'}; left as they are`,
    );
    return changes;
  }
  if (found.partitions.length > 0) mayInCatalog('glue:BatchGetPartition', name);
  if (outputOf(input).inherits) changes.push(...inherited(aws, table, () => mayInCatalog('glue:UpdatePartition', name)));
  for (const { values, prefix, files } of found.partitions) {
    if (partitions(aws).has(partitionKey(database, name, values))) continue;
    mayInCatalog('glue:BatchCreatePartition', name);
    addPartition(aws, table, partitionFrom(table, values, `s3://${found.bucket}/${prefix}`, statistics(crawler, { ...found, files })));
    changes.push({ what: 'PARTITION', how: 'ADD', name: `${name}/${values.join('/')}` });
  }
  return changes;
}

/** Gives the partitions that are in the catalog their table's columns, formats and SerDe. */
function inherited(aws: Aws, table: Readonly<CatalogTable>, mayUpdate: () => void): Change[] {
  const unlike = partitionsOf(aws, table).filter(
    (partition) => JSON.stringify(likeTable(table, partition)) !== JSON.stringify(partition.StorageDescriptor),
  );
  if (unlike.length > 0) mayUpdate();
  for (const partition of unlike) {
    const { Values: values, Parameters: parameters } = partition;
    setPartition(aws, partition, { Values: values, Parameters: parameters, StorageDescriptor: likeTable(table, partition) });
  }
  return unlike.map(({ Values: values }) => ({ what: 'PARTITION', how: 'UPDATE', name: `${table.Name}/${values.join('/')}` }));
}

const likeTable = ({ StorageDescriptor: storage }: Readonly<CatalogTable>, partition: Readonly<CatalogPartition>): StorageDescriptor => ({
  ...partition.StorageDescriptor,
  Columns: storage?.Columns,
  InputFormat: storage?.InputFormat,
  OutputFormat: storage?.OutputFormat,
  SerdeInfo: storage?.SerdeInfo,
});

/** What the files no longer hold: removed, marked or left, as the crawler's DeleteBehavior says. */
export function removeLost(
  aws: Aws,
  { crawler, database, input, mayInCatalog }: CrawlOwner,
  target: { bucket: string; prefix: string },
  found: FoundTable[],
): Change[] {
  const behavior = input.SchemaChangePolicy?.DeleteBehavior ?? 'DEPRECATE_IN_DATABASE';
  const present = new Map(found.map((table) => [`s3://${table.bucket}/${table.prefix}`, table]));
  const changes: Change[] = [];
  mayInCatalog('glue:GetTables', '*');
  for (const table of tablesOf(aws, database)) {
    const place = folderOf(table);
    if (table.Parameters?.UPDATED_BY_CRAWLER !== crawler || !place.startsWith(`s3://${target.bucket}/${target.prefix}`)) continue;
    const kept = present.get(place);
    const mayDo = (action: string) => mayInCatalog(action, table.Name);
    if (kept && behavior === 'DELETE_FROM_DATABASE') changes.push(...removeLostPartitions(aws, table, kept, mayDo));
    if (kept || behavior === 'LOG' || (behavior === 'DEPRECATE_IN_DATABASE' && table.Parameters.DEPRECATED_BY_CRAWLER)) continue;
    mayDo(behavior === 'DELETE_FROM_DATABASE' ? 'glue:DeleteTable' : 'glue:UpdateTable');
    if (behavior === 'DELETE_FROM_DATABASE') dropTable(aws, table);
    else setTable(aws, database, { ...table, Parameters: { ...table.Parameters, DEPRECATED_BY_CRAWLER: String(aws.now()) } }, table);
    changes.push({ what: 'TABLE', how: behavior === 'DELETE_FROM_DATABASE' ? 'DELETE' : 'UPDATE', name: table.Name });
  }
  return changes;
}

function removeLostPartitions(aws: Aws, table: Readonly<CatalogTable>, found: FoundTable, mayDo: (action: string) => void): Change[] {
  mayDo('glue:GetPartitions');
  const present = new Set(found.partitions.map(({ values }) => JSON.stringify(values)));
  const lost = partitionsOf(aws, table).filter(({ Values: values }) => !present.has(JSON.stringify(values)));
  if (lost.length > 0) mayDo('glue:BatchDeletePartition');
  for (const { Values: values } of lost) partitions(aws).delete(partitionKey(table.DatabaseName, table.Name, values));
  return lost.map(({ Values: values }) => ({ what: 'PARTITION', how: 'DELETE', name: `${table.Name}/${values.join('/')}` }));
}

const folderOf = ({ StorageDescriptor: storage }: Readonly<CatalogTable>) => (storage?.Location ?? '').replace(/\/?$/, '/');

function changed(
  aws: Aws,
  before: Readonly<CatalogTable>,
  found: FoundTable,
  parameters: Record<string, string>,
  { input, mayInCatalog }: CrawlOwner,
): Readonly<CatalogTable> {
  if (input.SchemaChangePolicy?.UpdateBehavior === 'LOG') return before;
  const keys = new Set((before.PartitionKeys ?? []).map(({ Name: key }) => key));
  const known = (before.StorageDescriptor?.Columns ?? []).map(({ Name: name = '', Type: type = 'string', Comment: comment }) => ({
    name,
    type: parseHiveType(type),
    comment,
  }));
  const seen = found.seen.columns.filter(({ name }) => !keys.has(name)).map(({ name, type }) => ({ name, type, comment: undefined }));
  const columns = merged(known, seen).map(
    ({ name, type, comment }): Column => ({ Name: name, Type: hiveText(type), ...(comment !== undefined && { Comment: comment }) }),
  );
  const { keepsParameters } = outputOf(input);
  const { DEPRECATED_BY_CRAWLER: _, ...kept } = before.Parameters ?? {};
  const next = { ...(keepsParameters && kept), ...parameters };
  const serde = before.StorageDescriptor?.SerdeInfo;
  const serdeNext = { ...(keepsParameters && serde?.Parameters), ...serdeParameters(found, serde?.Parameters) };
  const isSame =
    JSON.stringify([columns, next, serdeNext]) ===
    JSON.stringify([before.StorageDescriptor?.Columns, before.Parameters, serde?.Parameters]);
  if (isSame) return before;
  mayInCatalog('glue:UpdateTable', before.Name);
  const storage: StorageDescriptor = {
    ...before.StorageDescriptor,
    Columns: columns,
    SerdeInfo: { ...serde, Parameters: serdeNext },
    Parameters: { ...before.StorageDescriptor?.Parameters, ...parameters },
  };
  return setTable(aws, before.DatabaseName, { ...before, StorageDescriptor: storage, Parameters: next }, before);
}

function tableFrom(name: string, location: string, found: FoundTable, parameters: Record<string, string>): TableInput {
  const keys = new Set(found.partitionKeys);
  const columns = found.seen.columns
    .filter((column) => !keys.has(column.name))
    .map((column) => ({ Name: column.name, Type: hiveText(column.type) }));
  return {
    Name: name,
    Owner: 'owner',
    TableType: 'EXTERNAL_TABLE',
    PartitionKeys: found.partitionKeys.map((key) => ({ Name: key, Type: 'string' })),
    Parameters: parameters,
    StorageDescriptor: {
      Columns: columns,
      Location: location,
      InputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
      OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
      Compressed: parameters.compressionType !== 'none',
      NumberOfBuckets: -1,
      SerdeInfo: { SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe', Parameters: serdeParameters(found) },
      BucketColumns: [],
      SortColumns: [],
      Parameters: parameters,
      StoredAsSubDirectories: false,
    },
  };
}

const partitionFrom = (
  table: Readonly<CatalogTable>,
  values: string[],
  location: string,
  parameters: Record<string, string>,
): PartitionInput => ({
  Values: values,
  StorageDescriptor: { ...table.StorageDescriptor, Location: location, Parameters: parameters },
  Parameters: parameters,
});

/** `paths` are the keys as the data writes them; `mapping.x` says it for keys inside structs. What was `known` of either stays. */
function serdeParameters({ seen: { columns, nested } }: FoundTable, known: Record<string, string> = {}): Record<string, string> {
  const before = (known.paths ?? '').split(',').filter(Boolean);
  const paths = new Map([...before, ...columns.map(({ key }) => key)].map((key) => [key.toLowerCase(), key]));
  return {
    paths: [...paths.values()].join(','),
    ...Object.fromEntries(Object.entries(known).filter(([name]) => name.startsWith('mapping.'))),
    ...Object.fromEntries(Object.entries(nested).map(([name, key]) => [`mapping.${name}`, key])),
  };
}

/** The parameters Glue's crawler leaves on tables and partitions; records are counted in the samples and estimated for the rest. */
function statistics(crawler: string, { files }: { files: CrawledFile[] }): Record<string, string> {
  const size = files.reduce((sum, { object }) => sum + object.size, 0);
  const looked = files.filter(({ seen }) => seen !== undefined);
  const lookedSize = looked.reduce((sum, { object }) => sum + object.size, 0);
  const lines = looked.reduce((sum, { seen }) => sum + seen!.lines, 0);
  const bytes = looked.reduce((sum, { seen }) => sum + seen!.bytes, 0);
  return {
    CrawlerSchemaDeserializerVersion: '1.0',
    CrawlerSchemaSerializerVersion: '1.0',
    UPDATED_BY_CRAWLER: crawler,
    averageRecordSize: String(lines === 0 ? 0 : Math.round(bytes / lines)),
    classification: 'json',
    compressionType: files.some(({ object }) => object.key.endsWith('.gz')) ? 'gzip' : 'none',
    objectCount: String(files.length),
    recordCount: String(lookedSize === 0 ? 0 : Math.round((lines * size) / lookedSize)),
    sizeKey: String(size),
    typeOfData: 'file',
  };
}
