import { randomUUID } from 'node:crypto';
import type {
  BatchGetQueryExecutionInput,
  BatchGetQueryExecutionOutput,
  GetQueryExecutionInput,
  GetQueryExecutionOutput,
  GetQueryResultsInput,
  GetQueryResultsOutput,
  ListQueryExecutionsInput,
  ListQueryExecutionsOutput,
  StartQueryExecutionInput,
  StartQueryExecutionOutput,
  StopQueryExecutionInput,
} from '@aws-sdk/client-athena';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { placeOf } from '../glue/crawl.ts';
import { pageOf } from '../glue/page.ts';
import { buckets } from '../s3/buckets.ts';
import { cancel, type Execution, enqueue, executions, isOpen, shown } from './executions.ts';
import { readResult } from './results.ts';
import { tokens } from './tokens.ts';
import { workGroupOf } from './work-groups.ts';

const LONGEST = 262_144;
const MOST_ROWS = 1000;
const MOST_OPEN = 200;

export const startQueryExecution: Operation<StartQueryExecutionInput, StartQueryExecutionOutput> = (input, aws) => {
  const {
    QueryString: query = '',
    ClientRequestToken: token,
    ExecutionParameters: parameters,
    WorkGroup: group = 'primary',
    QueryExecutionContext: context = {},
  } = input;
  if (query.trim() === '' || Buffer.byteLength(query) > LONGEST)
    throw awsError('InvalidRequestException', `QueryString must have 1 to ${LONGEST} bytes`);
  const { State: state } = workGroupOf(aws, group);
  if (state !== 'ENABLED') throw awsError('InvalidRequestException', `WorkGroup ${group} is not enabled`);
  if (context.Catalog !== undefined && context.Catalog.toLowerCase() !== 'awsdatacatalog')
    throw awsError('InvalidRequestException', `DataCatalog ${context.Catalog} was not found`);
  const before =
    token === undefined
      ? undefined
      : executions(aws)
          .values()
          .find((execution) => execution.token === token);
  if (before) {
    if (before.query !== query || before.workGroup !== group)
      throw awsError('InvalidRequestException', 'Idempotent parameters do not match');
    return { QueryExecutionId: before.id };
  }
  if (executions(aws).values().filter(isOpen).length >= MOST_OPEN)
    throw awsError('TooManyRequestsException', 'You have exceeded the limit for the number of queries you can run concurrently.', {
      Reason: 'CONCURRENT_QUERY_LIMIT_EXCEEDED',
    });
  const reuse = input.ResultReuseConfiguration?.ResultReuseByAgeConfiguration;
  const execution: Execution = {
    id: randomUUID(),
    query,
    text: filled(query, parameters),
    parameters,
    workGroup: group,
    database: context.Database ?? 'default',
    catalog: context.Catalog,
    folder: folderOf(aws, group, input.ResultConfiguration?.OutputLocation),
    token,
    reuseMinutes: reuse?.Enabled ? (reuse.MaxAgeInMinutes ?? 60) : undefined,
    submitted: new Date(aws.now()),
    state: 'QUEUED',
    scanned: 0,
  };
  executions(aws).set(execution.id, execution);
  enqueue(aws, execution.id);
  return { QueryExecutionId: execution.id };
};

export const getQueryExecution: Operation<GetQueryExecutionInput, GetQueryExecutionOutput> = ({ QueryExecutionId: id }, aws) => ({
  QueryExecution: shown(aws, executionOf(aws, id)),
});

export const batchGetQueryExecution: Operation<BatchGetQueryExecutionInput, BatchGetQueryExecutionOutput> = (
  { QueryExecutionIds: ids = [] },
  aws,
) => {
  if (ids.length > 50) throw awsError('InvalidRequestException', 'At most 50 query executions can be asked for at once.');
  return {
    QueryExecutions: ids.flatMap((id) => executions(aws).get(id) ?? []).map((execution) => shown(aws, execution)),
    UnprocessedQueryExecutionIds: ids
      .filter((id) => !executions(aws).has(id))
      .map((id) => ({ QueryExecutionId: id, ErrorCode: 'INTERNAL_FAILURE', ErrorMessage: `QueryExecution ${id} was not found` })),
  };
};

export const listQueryExecutions: Operation<ListQueryExecutionsInput, ListQueryExecutionsOutput> = (
  { WorkGroup: group = 'primary', NextToken: token, MaxResults: size = 50 },
  aws,
) => {
  workGroupOf(aws, group);
  const own = executions(aws)
    .values()
    .filter(({ workGroup }) => workGroup === group)
    .sort((a, b) => b.submitted.getTime() - a.submitted.getTime());
  const { items, next } = pageOf(own, { token, size: Math.min(size, 50), error: 'InvalidRequestException' });
  return { QueryExecutionIds: items.map(({ id }) => id), NextToken: next };
};

/** An execution that has ended stays as it is; AWS answers without an error then, too. */
export const stopQueryExecution: Operation<StopQueryExecutionInput, void> = ({ QueryExecutionId: id }, aws) => {
  const execution = executionOf(aws, id);
  if (isOpen(execution)) cancel(aws, execution);
};

export const getQueryResults: Operation<GetQueryResultsInput, GetQueryResultsOutput> = async (
  { QueryExecutionId: id, NextToken: token, MaxResults: size = MOST_ROWS },
  aws,
) => {
  const { state, result } = executionOf(aws, id);
  if (size < 1 || size > MOST_ROWS)
    throw awsError('InvalidRequestException', `MaxResults is more than maximum allowed length ${MOST_ROWS}`);
  if (state === 'QUEUED' || state === 'RUNNING')
    throw awsError('InvalidRequestException', `Query has not yet finished. Current state: ${state}`);
  if (state !== 'SUCCEEDED' || result === undefined)
    throw awsError('InvalidRequestException', `Query did not finish successfully. Final query state: ${state}`);
  const { columns, rows } = await readResult(aws, result);
  const header = columns.map(({ Name: name = '' }) => name);
  const { items, next } = pageOf(result.endsWith('.csv') ? [header, ...rows] : rows, { token, size, error: 'InvalidRequestException' });
  return {
    UpdateCount: 0,
    ResultSet: {
      Rows: items.map((row) => ({ Data: row.map((value) => (value === null ? {} : { VarCharValue: value })) })),
      ResultSetMetadata: { ColumnInfo: columns },
    },
    NextToken: next,
  };
};

function executionOf(aws: Aws, id = ''): Readonly<Execution> {
  const execution = executions(aws).get(id);
  if (!execution) throw awsError('InvalidRequestException', `QueryExecution ${id} was not found`);
  return execution;
}

/** The work group's place if it enforces its own, else the caller's, else the work group's. */
function folderOf(aws: Aws, group: string, asked: string | undefined): string {
  const { EnforceWorkGroupConfiguration: isEnforced, ResultConfiguration: results } = workGroupOf(aws, group).Configuration ?? {};
  const location = (isEnforced && results?.OutputLocation) || asked || results?.OutputLocation;
  if (!location)
    throw awsError(
      'InvalidRequestException',
      'No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.',
    );
  if (!/^s3:\/\/[^/]+/.test(location)) throw awsError('InvalidRequestException', `outputLocation is not a valid S3 path: ${location}`);
  const { bucket } = placeOf(location);
  if (!buckets(aws).has(bucket)) throw awsError('InvalidRequestException', `Unable to verify/create output bucket ${bucket}`);
  return location.endsWith('/') ? location : `${location}/`;
}

/** Puts the parameters, which are SQL texts themselves, in the places of the `?`. */
function filled(query: string, parameters: string[] | undefined): string {
  if (!parameters || parameters.length === 0) return query;
  const places = tokens(query).filter(({ kind, text }) => kind === 'sign' && text === '?');
  if (places.length !== parameters.length)
    throw awsError('InvalidRequestException', `Incorrect number of parameters: expected ${places.length} but found ${parameters.length}`);
  let text = query;
  for (const [i, { at }] of [...places.entries()].reverse()) text = `${text.slice(0, at)}${parameters[i]}${text.slice(at + 1)}`;
  return text;
}
