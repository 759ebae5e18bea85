import type {
  BatchDeleteTableRequest,
  BatchDeleteTableResponse,
  CreateTableRequest,
  DeleteTableRequest,
  GetTableRequest,
  GetTableResponse,
  GetTablesRequest,
  GetTablesResponse,
  TableInput,
  UpdateTableRequest,
} from '@aws-sdk/client-glue';
import { type Aws, AwsError, awsError, type Operation } from '../aws.ts';
import { type CatalogTable, databaseOf, dropTable, lowered, tableKey, tableOf, tables, tablesOf } from './catalog.ts';
import { pageOf } from './page.ts';

export const createTable: Operation<CreateTableRequest, void> = (
  { DatabaseName: database, TableInput: input, PartitionIndexes: indexes },
  aws,
) => {
  if (indexes && indexes.length > 0) throw awsError('InvalidInputException', 'The local AWS keeps no partition indexes.');
  putTable(aws, databaseOf(aws, database).Name, input);
};

export const updateTable: Operation<UpdateTableRequest, void> = (
  { DatabaseName: database, TableInput: input, VersionId: version },
  aws,
) => {
  const before = tableOf(aws, database, input?.Name);
  if (version !== undefined && version !== before.VersionId)
    throw awsError('ConcurrentModificationException', 'Update table failed due to concurrent modifications.');
  setTable(aws, before.DatabaseName, input!, before);
};

export const getTable: Operation<GetTableRequest, GetTableResponse> = ({ DatabaseName: database, Name: name }, aws) => ({
  Table: tableOf(aws, database, name),
});

export const getTables: Operation<GetTablesRequest, GetTablesResponse> = (
  { DatabaseName: database, Expression: expression, NextToken: token, MaxResults: size },
  aws,
) => {
  const matches = pattern(expression);
  const all = tablesOf(aws, databaseOf(aws, database).Name).filter(({ Name: name }) => matches(name));
  const { items, next } = pageOf(all, { token, size });
  return { TableList: items, NextToken: next };
};

export const deleteTable: Operation<DeleteTableRequest, void> = ({ DatabaseName: database, Name: name }, aws) =>
  dropTable(aws, tableOf(aws, database, name));

export const batchDeleteTable: Operation<BatchDeleteTableRequest, BatchDeleteTableResponse> = (
  { DatabaseName: database, TablesToDelete: names = [] },
  aws,
) => {
  databaseOf(aws, database);
  if (names.length > 100) throw awsError('InvalidInputException', 'At most 100 tables can be deleted at once.');
  const errors: BatchDeleteTableResponse['Errors'] = [];
  for (const name of names) {
    try {
      dropTable(aws, tableOf(aws, database, name));
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      errors.push({ TableName: name, ErrorDetail: { ErrorCode: error.code, ErrorMessage: error.message } });
    }
  }
  return { Errors: errors };
};

/** Puts a new table into the catalog; throws AlreadyExistsException or InvalidInputException. */
export function putTable(aws: Aws, database: string, input: TableInput | undefined): CatalogTable {
  const name = (input?.Name ?? '').toLowerCase();
  if (name === '' || name.length > 255 || /[/\r\n\t]/.test(name))
    throw awsError('InvalidInputException', `Table name '${name}' is not valid.`);
  if (tables(aws).has(tableKey(database, name))) throw awsError('AlreadyExistsException', 'Table already exists.');
  return setTable(aws, database, input!);
}

/** Writes a table's next version. */
export function setTable(aws: Aws, database: string, input: TableInput, before?: Readonly<CatalogTable>): CatalogTable {
  const now = new Date(aws.now());
  const {
    Name: name = '',
    StorageDescriptor: storage,
    PartitionKeys: keys,
    Retention: retention = 0,
    TargetTable: target,
    ...rest
  } = input;
  const table: CatalogTable = {
    ...rest,
    ...(target && { TargetTable: target }),
    Name: name.toLowerCase(),
    DatabaseName: database,
    Retention: retention,
    StorageDescriptor: storage && { ...storage, Columns: lowered(storage.Columns) },
    PartitionKeys: keys && lowered(keys),
    CreateTime: before?.CreateTime ?? now,
    UpdateTime: now,
    CreatedBy: `arn:aws:iam::${aws.account}:root`,
    IsRegisteredWithLakeFormation: false,
    CatalogId: aws.account,
    VersionId: String(before ? Number(before.VersionId) + 1 : 0),
  };
  tables(aws).set(tableKey(database, table.Name), table);
  return table;
}

/** Glue's table patterns: `*` and `.*` stand for any text, `|` for or; everything else for itself. */
function pattern(expression = '*'): (name: string) => boolean {
  if (expression.length > 2048) throw awsError('InvalidInputException', 'Expression is too long.');
  const alternatives = expression.split('|').map((alternative) => alternative.replaceAll('.*', '*').split(/\*+/));
  return (name) => alternatives.some((pieces) => fits(name, pieces));
}

function fits(name: string, pieces: string[]): boolean {
  const [head = '', ...others] = pieces;
  const tail = others.pop();
  if (tail === undefined) return name === head;
  if (!name.startsWith(head) || name.length < head.length + tail.length || !name.endsWith(tail)) return false;
  let at = head.length;
  for (const piece of others) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= name.length - tail.length;
}
