import type {
  CreateDatabaseRequest,
  Database,
  DatabaseInput,
  DeleteDatabaseRequest,
  GetDatabaseRequest,
  GetDatabaseResponse,
  GetDatabasesRequest,
  GetDatabasesResponse,
  UpdateDatabaseRequest,
} from '@aws-sdk/client-glue';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { databaseOf, databases, dropTable, glueArn, tablesOf, tags } from './catalog.ts';
import { pageOf } from './page.ts';

export const createDatabase: Operation<CreateDatabaseRequest, void> = ({ DatabaseInput: input, Tags: given }, aws) => {
  const name = checkedName(input);
  if (databases(aws).has(name)) throw awsError('AlreadyExistsException', `Database already exists.`);
  databases(aws).set(name, databaseFrom(aws, name, input, new Date(aws.now())));
  if (given && Object.keys(given).length > 0) tags(aws).set(glueArn(aws, `database/${name}`), given);
};

export const getDatabase: Operation<GetDatabaseRequest, GetDatabaseResponse> = ({ Name: name }, aws) => ({
  Database: databaseOf(aws, name),
});

export const getDatabases: Operation<GetDatabasesRequest, GetDatabasesResponse> = ({ NextToken: token, MaxResults: size }, aws) => {
  const all = databases(aws)
    .values()
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
  const { items, next } = pageOf(all, { token, size });
  return { DatabaseList: items, NextToken: next };
};

export const updateDatabase: Operation<UpdateDatabaseRequest, void> = ({ Name: name, DatabaseInput: input }, aws) => {
  const before = databaseOf(aws, name);
  if (checkedName(input) !== before.Name) throw awsError('InvalidInputException', 'Database name cannot be changed.');
  databases(aws).set(before.Name, databaseFrom(aws, before.Name, input, before.CreateTime));
};

/** AWS removes the tables some time later; here they are gone at once. */
export const deleteDatabase: Operation<DeleteDatabaseRequest, void> = ({ Name: name }, aws) => {
  const database = databaseOf(aws, name);
  for (const table of tablesOf(aws, database.Name)) dropTable(aws, table);
  databases(aws).delete(database.Name);
  tags(aws).delete(glueArn(aws, `database/${database.Name}`));
};

function checkedName(input: DatabaseInput | undefined): string {
  const name = (input?.Name ?? '').toLowerCase();
  if (name === '' || name.length > 255 || /[/\r\n\t]/.test(name))
    throw awsError('InvalidInputException', `Database name '${name}' is not valid.`);
  return name;
}

const databaseFrom = (
  aws: Aws,
  name: string,
  { Description, LocationUri, Parameters }: DatabaseInput = { Name: name },
  created?: Date,
): Database & { Name: string } => ({
  Name: name,
  Description,
  LocationUri,
  Parameters,
  CreateTime: created,
  CatalogId: aws.account,
});
