import {
  type AthenaClient,
  BatchGetNamedQueryCommand,
  BatchGetQueryExecutionCommand,
  ListNamedQueriesCommand,
  ListQueryExecutionsCommand,
  type NamedQuery,
  type QueryExecution,
} from '@aws-sdk/client-athena';
import { eachPage, pages } from '../pages.ts';

const PAGE = 50;

/** The named queries of a workgroup. Throws as ListNamedQueries and BatchGetNamedQuery do, and if Athena leaves one out of its answer. */
export async function namedQueriesIn(athena: AthenaClient, WorkGroup: string): Promise<NamedQuery[]> {
  const ids = await pages(
    (NextToken) => athena.send(new ListNamedQueriesCommand({ WorkGroup, NextToken, MaxResults: PAGE })),
    ({ NamedQueryIds = [] }) => NamedQueryIds,
    ({ NextToken }) => NextToken,
  );
  const found: NamedQuery[] = [];
  for (let i = 0; i < ids.length; i += PAGE) {
    const batch = new BatchGetNamedQueryCommand({ NamedQueryIds: ids.slice(i, i + PAGE) });
    const { NamedQueries = [], UnprocessedNamedQueryIds: rest } = await athena.send(batch);
    mustBeWhole(
      'named query',
      rest?.map(({ NamedQueryId: id, ...why }) => ({ id, ...why })),
    );
    found.push(...NamedQueries);
  }
  return found;
}

/** The query executions of a workgroup, page by page, the newest first. Throws likewise. */
export async function* executionsIn(athena: AthenaClient, WorkGroup: string): AsyncGenerator<QueryExecution[], void, undefined> {
  const listed = eachPage(
    (NextToken) => athena.send(new ListQueryExecutionsCommand({ WorkGroup, MaxResults: PAGE, NextToken })),
    ({ NextToken }) => NextToken,
  );
  for await (const { QueryExecutionIds = [] } of listed) {
    if (QueryExecutionIds.length === 0) return;
    const batch = await athena.send(new BatchGetQueryExecutionCommand({ QueryExecutionIds }));
    const { QueryExecutions = [], UnprocessedQueryExecutionIds: rest } = batch;
    mustBeWhole(
      'query execution',
      rest?.map(({ QueryExecutionId: id, ...why }) => ({ id, ...why })),
    );
    yield QueryExecutions;
  }
}

/** What Athena says of a member of a batch that it did not look up: it may be asked again. */
interface Unprocessed {
  id?: string;
  ErrorCode?: string;
  ErrorMessage?: string;
}

/** One that was deleted meanwhile is not missing; of any other nobody knows what it is. */
function mustBeWhole(what: string, unprocessed: Unprocessed[] = []): void {
  const unknown = unprocessed.find(({ ErrorMessage = '' }) => !/not found|does not exist/i.test(ErrorMessage));
  if (unknown) throw new Error(`Athena left ${what} ${unknown.id} out: ${unknown.ErrorCode}: ${unknown.ErrorMessage}`);
}
