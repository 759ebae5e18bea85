import type {
  BatchCreatePartitionRequest,
  BatchCreatePartitionResponse,
  BatchDeletePartitionRequest,
  BatchDeletePartitionResponse,
  BatchUpdatePartitionRequest,
  BatchUpdatePartitionResponse,
  CreatePartitionRequest,
  DeletePartitionRequest,
  GetPartitionRequest,
  GetPartitionResponse,
  GetPartitionsRequest,
  GetPartitionsResponse,
  PartitionInput,
} from '@aws-sdk/client-glue';
import { type Aws, AwsError, awsError, type Operation } from '../aws.ts';
import { type CatalogPartition, type CatalogTable, partitionKey, partitions, partitionsOf, tableOf } from './catalog.ts';
import { pageOf } from './page.ts';
import { where } from './partition-filter.ts';

export const createPartition: Operation<CreatePartitionRequest, void> = (
  { DatabaseName: database, TableName: table, PartitionInput: input },
  aws,
) => addPartition(aws, tableOf(aws, database, table), input);

export const batchCreatePartition: Operation<BatchCreatePartitionRequest, BatchCreatePartitionResponse> = (
  { DatabaseName: database, TableName: name, PartitionInputList: inputs = [] },
  aws,
) => {
  const table = tableOf(aws, database, name);
  if (inputs.length > 100) throw awsError('InvalidInputException', 'At most 100 partitions can be created at once.');
  return {
    Errors: each(
      inputs,
      ({ Values: values }) => values ?? [],
      (input) => addPartition(aws, table, input),
    ),
  };
};

export const getPartition: Operation<GetPartitionRequest, GetPartitionResponse> = (
  { DatabaseName: database, TableName: table, PartitionValues: values = [] },
  aws,
) => ({
  Partition: partitionOf(aws, tableOf(aws, database, table), values),
});

export const getPartitions: Operation<GetPartitionsRequest, GetPartitionsResponse> = async (
  {
    DatabaseName: database,
    TableName: name,
    Expression: expression,
    NextToken: token,
    MaxResults: size = 1000,
    ExcludeColumnSchema: withoutColumns,
  },
  aws,
) => {
  const table = tableOf(aws, database, name);
  const { items, next } = pageOf(await where(aws, table, partitionsOf(aws, table), expression), { token, size });
  const shown = withoutColumns
    ? items.map((item) => ({ ...item, StorageDescriptor: { ...item.StorageDescriptor, Columns: undefined } }))
    : items;
  return { Partitions: shown, NextToken: next };
};

export const deletePartition: Operation<DeletePartitionRequest, void> = (
  { DatabaseName: database, TableName: table, PartitionValues: values = [] },
  aws,
) => dropPartition(aws, tableOf(aws, database, table), values);

export const batchDeletePartition: Operation<BatchDeletePartitionRequest, BatchDeletePartitionResponse> = (
  { DatabaseName: database, TableName: name, PartitionsToDelete: wanted = [] },
  aws,
) => {
  const table = tableOf(aws, database, name);
  if (wanted.length > 25) throw awsError('InvalidInputException', 'At most 25 partitions can be deleted at once.');
  return {
    Errors: each(
      wanted,
      ({ Values: values }) => values ?? [],
      ({ Values: values = [] }) => dropPartition(aws, table, values),
    ),
  };
};

export const batchUpdatePartition: Operation<BatchUpdatePartitionRequest, BatchUpdatePartitionResponse> = (
  { DatabaseName: database, TableName: name, Entries: entries = [] },
  aws,
) => {
  const table = tableOf(aws, database, name);
  if (entries.length > 100) throw awsError('InvalidInputException', 'At most 100 partitions can be updated at once.');
  const errors = each(
    entries,
    ({ PartitionValueList: values }) => values ?? [],
    ({ PartitionValueList: values = [], PartitionInput: input }) => setPartition(aws, partitionOf(aws, table, values), input),
  );
  return {
    Errors: errors?.map(({ PartitionValues: values, ErrorDetail: detail }) => ({ PartitionValueList: values, ErrorDetail: detail })),
  };
};

/** Puts a partition into the catalog; throws AlreadyExistsException, or InvalidInputException when values and keys do not match. */
export function addPartition(aws: Aws, table: Readonly<CatalogTable>, { Values: values = [], ...input }: PartitionInput = {}): void {
  if (values.length !== (table.PartitionKeys ?? []).length)
    throw awsError('InvalidInputException', 'The number of partition keys do not match the number of partition values');
  const key = partitionKey(table.DatabaseName, table.Name, values);
  if (partitions(aws).has(key)) throw awsError('AlreadyExistsException', 'Partition already exists.');
  const partition = {
    ...input,
    Values: values,
    DatabaseName: table.DatabaseName,
    TableName: table.Name,
    CreationTime: new Date(aws.now()),
    CatalogId: aws.account,
  };
  partitions(aws).set(key, partition);
}

/** Writes what there now is to a partition; throws InvalidInputException where its values would be others. */
export function setPartition(aws: Aws, partition: Readonly<CatalogPartition>, { Values: values, ...input }: PartitionInput = {}): void {
  const { DatabaseName: database = '', TableName: table = '', Values: known, CreationTime, CatalogId } = partition;
  if (JSON.stringify(values) !== JSON.stringify(known))
    throw awsError('InvalidInputException', 'The local AWS does not rename partitions.');
  const next = { ...input, Values: known, DatabaseName: database, TableName: table, CreationTime, CatalogId };
  partitions(aws).set(partitionKey(database, table, known), next);
}

/** Takes a partition out of the catalog, or throws EntityNotFoundException. */
export function dropPartition(aws: Aws, table: Readonly<CatalogTable>, values: string[]): void {
  partitionOf(aws, table, values);
  partitions(aws).delete(partitionKey(table.DatabaseName, table.Name, values));
}

function partitionOf(
  aws: Aws,
  { DatabaseName: database, Name: table }: Readonly<CatalogTable>,
  values: string[],
): Readonly<CatalogPartition> {
  const partition = partitions(aws).get(partitionKey(database, table, values));
  if (!partition) throw awsError('EntityNotFoundException', 'Cannot find partition.');
  return partition;
}

/** Does `work` for each, and lists the refusals as Glue's batch calls do. */
function each<Item>(items: Item[], valuesOf: (item: Item) => string[], work: (item: Item) => void): BatchCreatePartitionResponse['Errors'] {
  const errors: NonNullable<BatchCreatePartitionResponse['Errors']> = [];
  for (const item of items) {
    try {
      work(item);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      errors.push({ PartitionValues: valuesOf(item), ErrorDetail: { ErrorCode: error.code, ErrorMessage: error.message } });
    }
  }
  return errors;
}
