import { randomUUID } from 'node:crypto';
import type {
  BatchGetNamedQueryInput,
  BatchGetNamedQueryOutput,
  CreateNamedQueryInput,
  CreateNamedQueryOutput,
  DeleteNamedQueryInput,
  GetNamedQueryInput,
  GetNamedQueryOutput,
  ListNamedQueriesInput,
  ListNamedQueriesOutput,
  NamedQuery,
  UpdateNamedQueryInput,
} from '@aws-sdk/client-athena';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { pageOf } from '../glue/page.ts';
import { workGroupOf } from './work-groups.ts';

const LONGEST = 262_144;

/** The named queries, by id. Names are not unique, as in AWS. */
export const namedQueries = (aws: Aws) => aws.journal.table<NamedQuery & { created: Date; token?: string }>('athena.namedQueries');

export const createNamedQuery: Operation<CreateNamedQueryInput, CreateNamedQueryOutput> = (input, aws) => {
  const {
    Name: name = '',
    Description: description,
    Database: database = '',
    QueryString: text = '',
    ClientRequestToken: token,
    WorkGroup: group = 'primary',
  } = input;
  workGroupOf(aws, group);
  checkText(name, text);
  if (database === '') throw awsError('InvalidRequestException', 'Database must not be empty');
  const before =
    token === undefined
      ? undefined
      : namedQueries(aws)
          .values()
          .find((query) => query.token === token);
  if (before) {
    if (before.Name !== name || before.QueryString !== text || before.Database !== database || before.WorkGroup !== group)
      throw awsError('InvalidRequestException', 'Idempotent parameters do not match');
    return { NamedQueryId: before.NamedQueryId };
  }
  const id = randomUUID();
  const query = { NamedQueryId: id, Name: name, Description: description, Database: database, QueryString: text, WorkGroup: group };
  namedQueries(aws).set(id, { ...query, created: new Date(aws.now()), token });
  return { NamedQueryId: id };
};

export const getNamedQuery: Operation<GetNamedQueryInput, GetNamedQueryOutput> = ({ NamedQueryId: id }, aws) => ({
  NamedQuery: queryOf(aws, id),
});

export const batchGetNamedQuery: Operation<BatchGetNamedQueryInput, BatchGetNamedQueryOutput> = ({ NamedQueryIds: ids = [] }, aws) => {
  if (ids.length > 50) throw awsError('InvalidRequestException', 'At most 50 named queries can be asked for at once.');
  return {
    NamedQueries: ids.flatMap((id) => namedQueries(aws).get(id) ?? []),
    UnprocessedNamedQueryIds: ids
      .filter((id) => !namedQueries(aws).has(id))
      .map((id) => ({ NamedQueryId: id, ErrorCode: 'INTERNAL_FAILURE', ErrorMessage: `NamedQuery ${id} was not found` })),
  };
};

export const listNamedQueries: Operation<ListNamedQueriesInput, ListNamedQueriesOutput> = (
  { WorkGroup: group = 'primary', NextToken: token, MaxResults: size = 50 },
  aws,
) => {
  workGroupOf(aws, group);
  const own = namedQueries(aws)
    .values()
    .filter((query) => query.WorkGroup === group);
  const { items, next } = pageOf(own, { token, size, error: 'InvalidRequestException' });
  return { NamedQueryIds: items.map(({ NamedQueryId: id = '' }) => id), NextToken: next };
};

export const updateNamedQuery: Operation<UpdateNamedQueryInput, void> = (
  { NamedQueryId: id = '', Name: name = '', Description: description, QueryString: text = '' },
  aws,
) => {
  const before = queryOf(aws, id);
  checkText(name, text);
  namedQueries(aws).set(id, { ...before, Name: name, Description: description ?? before.Description, QueryString: text });
};

export const deleteNamedQuery: Operation<DeleteNamedQueryInput, void> = ({ NamedQueryId: id = '' }, aws) => {
  queryOf(aws, id);
  namedQueries(aws).delete(id);
};

function queryOf(aws: Aws, id = '') {
  const query = namedQueries(aws).get(id);
  if (!query) throw awsError('InvalidRequestException', `NamedQuery ${id} was not found`);
  return query;
}

function checkText(name: string, text: string): void {
  if (name === '' || name.length > 128)
    throw awsError('InvalidRequestException', 'The name of a named query must have 1 to 128 characters.');
  if (text.trim() === '' || Buffer.byteLength(text) > LONGEST)
    throw awsError('InvalidRequestException', `The query must have 1 to ${LONGEST} bytes.`);
}
