import {
  BatchUpdatePartitionCommand,
  GetPartitionsCommand,
  type GetPartitionsCommandInput,
  type GlueClient,
  type Partition,
  type StorageDescriptor,
  type Table,
  type TableInput,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';

const SERDE = 'org.openx.data.jsonserde.JsonSerDe';
const IGNORE = 'ignore.malformed.json';

/** Columns by name, with their Glue types. */
export type Columns = Record<string, string>;

/**
 * Gives a table what a crawl leaves out. Columns of which no event has told yet: rare events come late, and a view that names such a column cannot be made. And the
 * SerDe's property by which a line that is no JSON becomes a row of NULLs: without it, one fails every query. What counts is what the partition that is read has; so
 * partitions come first, and a table that is complete is so throughout. Later partitions inherit it, and the crawler leaves columns and SerDe parameters that it
 * does not know. Makes no call for a complete table, else returns true; throws ConcurrentModificationException if the table changes meanwhile.
 */
export async function complete(glue: GlueClient, table: Table, columns: Columns): Promise<boolean> {
  if (isComplete(table.StorageDescriptor, columns)) return false;
  await completePartitions(glue, table, columns);
  const { DatabaseName, VersionId } = table;
  await glue.send(new UpdateTableCommand({ DatabaseName, VersionId, TableInput: completed(inputOf(table), columns) }));
  return true;
}

type TableOf = Pick<GetPartitionsCommandInput, 'DatabaseName' | 'TableName'>;

/** Glue changes at most 100 partitions at once. */
const AT_ONCE = 100;

async function completePartitions(glue: GlueClient, { DatabaseName, Name }: Table, columns: Columns): Promise<void> {
  const of = { DatabaseName, TableName: Name };
  let token: string | undefined;
  do {
    const page = await glue.send(new GetPartitionsCommand({ ...of, MaxResults: AT_ONCE, NextToken: token }));
    const open = (page.Partitions ?? []).filter((partition) => !isComplete(partition.StorageDescriptor, columns));
    if (open.length > 0) await update(glue, of, open, columns);
    token = page.NextToken;
  } while (token);
}

async function update(glue: GlueClient, of: TableOf, partitions: Partition[], columns: Columns): Promise<void> {
  const Entries = partitions.map(({ Values, LastAccessTime, LastAnalyzedTime, Parameters, StorageDescriptor }) => ({
    PartitionValueList: Values,
    PartitionInput: completed({ Values, LastAccessTime, LastAnalyzedTime, Parameters, StorageDescriptor }, columns),
  }));
  const { Errors: [refused] = [] } = await glue.send(new BatchUpdatePartitionCommand({ ...of, Entries }));
  if (refused === undefined) return;
  const { ErrorCode, ErrorMessage } = refused.ErrorDetail ?? {};
  throw new Error(`updating partition ${refused.PartitionValueList?.join('/')} of table ${of.TableName}: ${ErrorCode}: ${ErrorMessage}`);
}

const missingIn = (storage: StorageDescriptor | undefined, columns: Columns) =>
  Object.entries(columns).filter(([name]) => !storage?.Columns?.some((column) => column.Name === name));

const isComplete = (storage: StorageDescriptor | undefined, columns: Columns): boolean =>
  !isStrict(storage) && missingIn(storage, columns).length === 0;

const isStrict = (storage: StorageDescriptor | undefined): boolean =>
  storage?.SerdeInfo?.SerializationLibrary === SERDE && storage.SerdeInfo.Parameters?.[IGNORE]?.toLowerCase() !== 'true';

const completed = <Input extends { StorageDescriptor?: StorageDescriptor }>(input: Input, columns: Columns): Input => {
  const { SerdeInfo, Columns = [], ...storage } = input.StorageDescriptor ?? {};
  const isOpenX = SerdeInfo?.SerializationLibrary === SERDE;
  const Parameters = isOpenX ? { ...SerdeInfo.Parameters, [IGNORE]: 'true' } : SerdeInfo?.Parameters;
  const more = missingIn(input.StorageDescriptor, columns).map(([Name, Type]) => ({ Name, Type }));
  return { ...input, StorageDescriptor: { ...storage, Columns: [...Columns, ...more], SerdeInfo: { ...SerdeInfo, Parameters } } };
};

/** What of a table UpdateTable takes: all but what Glue itself keeps of it. */
const inputOf = ({ Name, Description, Owner, LastAccessTime, LastAnalyzedTime, Retention, ...table }: Table): TableInput => ({
  ...{ Name, Description, Owner, LastAccessTime, LastAnalyzedTime, Retention },
  StorageDescriptor: table.StorageDescriptor,
  PartitionKeys: table.PartitionKeys,
  TableType: table.TableType,
  Parameters: table.Parameters,
});
