import { createHash } from 'node:crypto';
import {
  type AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  type Row,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { settled } from '../poll.ts';
import { statement } from '../sql.ts';
import type { Block } from '../tally.ts';

/** Events of a lane that are counted together. */
export const BLOCK_EVENTS = 100_000;

const QUERY_MS = 600_000;
/** Events arrive after they happened, but for clocks that differ. */
const EARLY_MS = 3_600_000;

/**
 * What Athena has of the events since a time (milliseconds since the epoch), block by block, and the bytes it scanned for that: only hours that may hold them. The
 * same `asking` is answered by the same execution, however often it is tried; one that failed fails for good.
 */
export async function blocksInAthena(
  athena: AthenaClient,
  pipeline: Pipeline,
  since: number,
  asking: string,
): Promise<{ blocks: Block[]; bytesScanned: number }> {
  const { workgroup, lakeDatabase } = names(pipeline);
  const time = (at: number) => new Date(Math.max(0, at)).toISOString().slice(0, -1);
  const sinceHour = time(since - EARLY_MS)
    .replaceAll(/[-T]/g, '')
    .slice(0, 10);
  const QueryString = statement(pipeline, 'audit/lanes.sql', { blockEvents: String(BLOCK_EVENTS), since: time(since), sinceHour });
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({
      QueryString,
      QueryExecutionContext: { Database: lakeDatabase },
      WorkGroup: workgroup,
      ClientRequestToken: createHash('sha256').update(`${asking}/${QueryString}`).digest('hex'),
    }),
  );
  const execution = await settled(
    async () => (await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution,
    (now) => now?.Status?.State !== 'QUEUED' && now?.Status?.State !== 'RUNNING',
    { within: QUERY_MS, what: 'the count of the events in Athena' },
  );
  if (execution?.Status?.State !== 'SUCCEEDED')
    throw ApplicationFailure.nonRetryable(
      `counting the events in Athena ended as ${execution?.Status?.State}: ${execution?.Status?.StateChangeReason}`,
      'QueryFailed',
    );
  const blocks: Block[] = [];
  for await (const { Data = [] } of resultsOf(athena, QueryExecutionId!)) {
    const [run = '', lane, block, events, kills] = Data.map(({ VarCharValue }) => VarCharValue);
    blocks.push({ run, lane: Number(lane), block: Number(block), events: Number(events), kills: Number(kills) });
  }
  return { blocks, bytesScanned: execution.Statistics?.DataScannedInBytes ?? 0 };
}

/** Every row of an answer, the header left out. */
async function* resultsOf(athena: AthenaClient, QueryExecutionId: string): AsyncGenerator<Row, void, undefined> {
  let NextToken: string | undefined;
  let isFirst = true;
  do {
    const page = await athena.send(new GetQueryResultsCommand({ QueryExecutionId, NextToken }));
    yield* (page.ResultSet?.Rows ?? []).slice(isFirst ? 1 : 0);
    isFirst = false;
    NextToken = page.NextToken;
  } while (NextToken);
}
