import { GetQueryResultsCommand, type NamedQuery } from '@aws-sdk/client-athena';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { underWay } from '../not-yet.ts';
import { namedQueriesIn } from './listings.ts';
import { isUnderWay, lookAtQuery, startQuery } from './run-query.ts';

/** The answer to a question: at most a page of 1,000 rows, all values as Athena's text (null: absent). */
export interface Answer {
  question: string;
  execution: string;
  columns: string[];
  rows: (string | null)[][];
  /** True when Athena has more rows than these; all of them lie at `output`. */
  more: boolean;
  output?: string;
  bytesScanned: number;
  milliseconds: number;
}

/** Asks the named queries of the pipeline's workgroup. */
export function queryActivities({ athena }: Clients) {
  /** Users may keep queries of theirs in the same workgroup; ours ask the lake's database. */
  const all = async (pipeline: Pipeline): Promise<NamedQuery[]> => {
    const { workgroup, lakeDatabase } = names(pipeline);
    return (await namedQueriesIn(athena, workgroup)).filter(({ Database }) => Database === lakeDatabase);
  };
  return {
    /** The names of all questions. */
    'query.questions': async (pipeline: Pipeline): Promise<string[]> => (await all(pipeline)).map(({ Name = '' }) => Name).sort(),
    /** Starts a question and returns the execution's id; the same `run` always gets the same execution. */
    'query.start': async (pipeline: Pipeline, question: string, run: string): Promise<string> => {
      const named = (await all(pipeline)).find(({ Name }) => Name === question);
      if (!named)
        throw ApplicationFailure.nonRetryable(`workgroup ${names(pipeline).workgroup} has no named query '${question}'`, 'NoSuchQuestion');
      return startQuery(athena, pipeline, { text: named.QueryString!, request: `${run}/${question}` });
    },
    /** Returns the answer once the execution has succeeded; fails with Athena's reason. */
    'query.finished': async (pipeline: Pipeline, question: string, execution: string): Promise<Answer> => {
      const found = await lookAtQuery(athena, execution);
      const { State, StateChangeReason } = found.Status ?? {};
      if (isUnderWay(found)) throw underWay(pipeline, `question ${question} is ${State}`);
      if (State !== 'SUCCEEDED')
        throw ApplicationFailure.nonRetryable(`question ${question} ended as ${State}: ${StateChangeReason}`, 'QueryFailed');
      const { ResultSet, NextToken } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: execution }));
      const [header = [], ...rows] = (ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue = null }) => VarCharValue));
      return {
        question,
        execution,
        columns: header.map(String),
        rows,
        more: NextToken !== undefined,
        output: found.ResultConfiguration?.OutputLocation,
        bytesScanned: found.Statistics?.DataScannedInBytes ?? 0,
        milliseconds: found.Statistics?.TotalExecutionTimeInMillis ?? 0,
      };
    },
  };
}
