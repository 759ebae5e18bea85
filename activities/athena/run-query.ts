import { createHash } from 'node:crypto';
import {
  type AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  type QueryExecution,
  type Row,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { pages } from '../pages.ts';
import { pollUntil } from '../poll.ts';

/** A statement to run in the pipeline's workgroup and database; the same `request` with the same text is answered by the same execution, one without is another each time. */
export interface Query {
  text: string;
  request?: string;
}

/** Starts a query, and returns its execution's id. */
export async function startQuery(athena: AthenaClient, pipeline: Pipeline, { text, request }: Query): Promise<string> {
  const { workgroup, lakeDatabase } = names(pipeline);
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({
      QueryString: text,
      QueryExecutionContext: { Database: lakeDatabase },
      WorkGroup: workgroup,
      ...(request !== undefined && { ClientRequestToken: createHash('sha256').update(`${request}/${text}`).digest('hex') }),
    }),
  );
  return QueryExecutionId!;
}

/** Looks at an execution. */
export async function lookAtQuery(athena: AthenaClient, QueryExecutionId: string): Promise<QueryExecution> {
  return (await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution!;
}

/** True while an execution has not come to an end. */
export const isUnderWay = ({ Status }: QueryExecution): boolean => Status?.State === 'QUEUED' || Status?.State === 'RUNNING';

/** Runs a query to its end, which may be a failure; a benign failure of ours if it has none after `within` milliseconds. */
export async function runQuery(
  athena: AthenaClient,
  pipeline: Pipeline,
  { within, what, ...query }: Query & { within: number; what: string },
): Promise<QueryExecution> {
  const id = await startQuery(athena, pipeline, query);
  const look = () => lookAtQuery(athena, id);
  const execution = await pollUntil(look, (seen) => !isUnderWay(seen), { within, what });
  return { ...execution, QueryExecutionId: id };
}

/** Every row of an execution's answer, the header left out. */
export async function rowsOf(athena: AthenaClient, QueryExecutionId: string): Promise<Row[]> {
  const [, ...rows] = await pages(
    (NextToken) => athena.send(new GetQueryResultsCommand({ QueryExecutionId, NextToken })),
    ({ ResultSet }) => ResultSet?.Rows ?? [],
    ({ NextToken }) => NextToken,
  );
  return rows;
}
