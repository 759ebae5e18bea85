import {
  type AthenaClient,
  BatchGetNamedQueryCommand,
  BatchGetQueryExecutionCommand,
  ListNamedQueriesCommand,
  ListQueryExecutionsCommand,
  type NamedQuery,
  type QueryExecution,
} from '@aws-sdk/client-athena';

const PAGE = 50;

/** The named queries of a workgroup. Throws as ListNamedQueries and BatchGetNamedQuery do, and if Athena leaves one out of its answer. */
export async function namedQueriesIn(athena: AthenaClient, WorkGroup: string): Promise<NamedQuery[]> {
  const found: NamedQuery[] = [];
  let NextToken: string | undefined;
  do {
    const page = await athena.send(new ListNamedQueriesCommand({ WorkGroup, NextToken, MaxResults: PAGE }));
    if (page.NamedQueryIds?.length) {
      const { NamedQueries = [], UnprocessedNamedQueryIds } = await athena.send(
        new BatchGetNamedQueryCommand({ NamedQueryIds: page.NamedQueryIds }),
      );
      mustBeWhole(
        'named query',
        UnprocessedNamedQueryIds?.map(({ NamedQueryId, ...why }) => ({ id: NamedQueryId, ...why })),
      );
      found.push(...NamedQueries);
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

/** The query executions of a workgroup, page by page, the newest first. Throws likewise. */
export async function* executionsIn(athena: AthenaClient, WorkGroup: string): AsyncGenerator<QueryExecution[], void, undefined> {
  let NextToken: string | undefined;
  do {
    const page = await athena.send(new ListQueryExecutionsCommand({ WorkGroup, MaxResults: PAGE, NextToken }));
    if (!page.QueryExecutionIds?.length) return;
    const { QueryExecutions = [], UnprocessedQueryExecutionIds } = await athena.send(
      new BatchGetQueryExecutionCommand({ QueryExecutionIds: page.QueryExecutionIds }),
    );
    mustBeWhole(
      'query execution',
      UnprocessedQueryExecutionIds?.map(({ QueryExecutionId, ...why }) => ({ id: QueryExecutionId, ...why })),
    );
    yield QueryExecutions;
    NextToken = page.NextToken;
  } while (NextToken);
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
