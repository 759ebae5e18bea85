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

/**
 * Sees to it that a line which is no JSON becomes a row of NULLs: without the SerDe's property, it fails every query over its table. What counts are the SerDe
 * parameters of the partition that is read; so partitions come first, and a table that has the property has it throughout. Later partitions inherit it, and the
 * crawler leaves SerDe parameters that are not its own. Makes no call for a table that has it; throws ConcurrentModificationException if the table changes meanwhile.
 */
export async function ignoreMalformed(glue: GlueClient, table: Table): Promise<void> {
  if (!isStrict(table.StorageDescriptor)) return;
  await ignoreInPartitions(glue, table);
  const { DatabaseName, VersionId } = table;
  await glue.send(new UpdateTableCommand({ DatabaseName, VersionId, TableInput: ignoring(inputOf(table)) }));
}

type TableOf = Pick<GetPartitionsCommandInput, 'DatabaseName' | 'TableName'>;

/** Glue changes at most 100 partitions at once. */
const AT_ONCE = 100;

async function ignoreInPartitions(glue: GlueClient, { DatabaseName, Name }: Table): Promise<void> {
  const of = { DatabaseName, TableName: Name };
  let token: string | undefined;
  do {
    const page = await glue.send(new GetPartitionsCommand({ ...of, MaxResults: AT_ONCE, NextToken: token }));
    const strict = (page.Partitions ?? []).filter((partition) => isStrict(partition.StorageDescriptor));
    if (strict.length > 0) await update(glue, of, strict);
    token = page.NextToken;
  } while (token);
}

async function update(glue: GlueClient, of: TableOf, partitions: Partition[]): Promise<void> {
  const Entries = partitions.map(({ Values, LastAccessTime, LastAnalyzedTime, Parameters, StorageDescriptor }) => ({
    PartitionValueList: Values,
    PartitionInput: ignoring({ Values, LastAccessTime, LastAnalyzedTime, Parameters, StorageDescriptor }),
  }));
  const { Errors: [refused] = [] } = await glue.send(new BatchUpdatePartitionCommand({ ...of, Entries }));
  if (refused === undefined) return;
  const { ErrorCode, ErrorMessage } = refused.ErrorDetail ?? {};
  throw new Error(`updating partition ${refused.PartitionValueList?.join('/')} of table ${of.TableName}: ${ErrorCode}: ${ErrorMessage}`);
}

const isStrict = (storage: StorageDescriptor | undefined): boolean =>
  storage?.SerdeInfo?.SerializationLibrary === SERDE && storage.SerdeInfo.Parameters?.[IGNORE]?.toLowerCase() !== 'true';

const ignoring = <Input extends { StorageDescriptor?: StorageDescriptor }>(input: Input): Input => {
  const { SerdeInfo, ...storage } = input.StorageDescriptor ?? {};
  const Parameters = { ...SerdeInfo?.Parameters, [IGNORE]: 'true' };
  return { ...input, StorageDescriptor: { ...storage, SerdeInfo: { ...SerdeInfo, Parameters } } };
};

/** What of a table UpdateTable takes: all but what Glue itself keeps of it. */
const inputOf = ({ Name, Description, Owner, LastAccessTime, LastAnalyzedTime, Retention, ...table }: Table): TableInput => ({
  ...{ Name, Description, Owner, LastAccessTime, LastAnalyzedTime, Retention },
  StorageDescriptor: table.StorageDescriptor,
  PartitionKeys: table.PartitionKeys,
  TableType: table.TableType,
  Parameters: table.Parameters,
});
