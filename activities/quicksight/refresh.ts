import {
  CreateIngestionCommand,
  DescribeAccountSubscriptionCommand,
  DescribeIngestionCommand,
  type Ingestion,
  ListIngestionsCommand,
} from '@aws-sdk/client-quicksight';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import { type REFRESHED, REFRESHES_A_DAY } from '../../pipeline/schedules.ts';
import { type Pipeline, speedOf } from '../../pipeline/spec.ts';
import { DAY_MS } from '../../pipeline/time.ts';
import { learned, type Seen } from '../../pipeline/waiting.ts';
import type { Clients } from '../aws.ts';
import { awsNow } from '../clock.ts';
import { isNamed, unless } from '../errors.ts';
import { advised } from '../iam/refusal.ts';
import { youngAdvice, youngRole } from '../iam/young-role.ts';
import { underWay } from '../not-yet.ts';
import { pages } from '../pages.ts';

/** A data set that is loaded into SPICE. */
export type Refreshed = (typeof REFRESHED)[number];

/** The ingestion that a run waits for, with how long earlier ones took if it is its own; or why it makes none. */
export type Begun = { ingestion: string; seen?: Seen } | { skipped: string };

/** Refreshes SPICE data sets. */
export function refreshActivities(clients: Clients) {
  const { quicksight } = clients;
  const idOf = (pipeline: Pipeline, dataSet: Refreshed) => ({
    AwsAccountId: pipeline.account,
    DataSetId: names(pipeline).dataSets[dataSet],
  });
  return {
    /** Starts an ingestion named after `run`, or joins one under way; starts none beyond what QuickSight allows in 24 hours. */
    'refresh.start': async (pipeline: Pipeline, dataSet: Refreshed, run: string): Promise<Begun> => {
      const all = await ingestions(pipeline, dataSet);
      const joined = all.find(({ IngestionId, IngestionStatus: state }) => IngestionId === run || isUnderWay(state));
      const seen = tookIn(pipeline, all);
      if (joined) return { ingestion: joined.IngestionId!, seen: joined.IngestionId === run ? seen : undefined };
      const lately = all.filter(({ CreatedTime }) => awsNow(quicksight) - (CreatedTime?.getTime() ?? 0) < DAY_MS).length;
      const most = lately < REFRESHES_A_DAY.standard ? REFRESHES_A_DAY.standard : await allowed(pipeline);
      if (lately >= most) {
        const { DataSetId } = idOf(pipeline, dataSet);
        return { skipped: `data set ${DataSetId} was refreshed ${lately} times in the last 24 hours; QuickSight allows ${most}` };
      }
      try {
        await quicksight.send(new CreateIngestionCommand({ ...idOf(pipeline, dataSet), IngestionId: run }));
      } catch (error) {
        // It counts refreshes that its list no longer shows.
        if (isNamed(error, 'LimitExceededException')) return { skipped: (error as Error).message };
        if (!isNamed(error, 'ResourceExistsException')) throw error;
        // By an attempt whose answer was lost; one that is not there would be waited for in vain.
        await quicksight.send(new DescribeIngestionCommand({ ...idOf(pipeline, dataSet), IngestionId: run }));
      }
      return { ingestion: run, seen };
    },
    /** Returns the number of rows loaded once the ingestion is complete; fails with QuickSight's reason, and as 'RoleNotSpread' while its role is young. */
    'refresh.finished': async (pipeline: Pipeline, dataSet: Refreshed, ingestion: string, seen?: Seen): Promise<number> => {
      const id = { ...idOf(pipeline, dataSet), IngestionId: ingestion };
      const { Ingestion: found } = await quicksight.send(new DescribeIngestionCommand(id));
      const state = found?.IngestionStatus;
      if (state === 'FAILED' || state === 'CANCELLED') {
        const { Type = 'no type', Message = 'no message' } = found?.ErrorInfo ?? {};
        const ended = `ingestion ${ingestion} ended as ${state}: ${Type}: ${Message}`;
        const role = state === 'FAILED' ? await youngRole(clients)(pipeline, 'quicksight') : undefined;
        if (role !== undefined) throw ApplicationFailure.nonRetryable(`${ended} ${youngAdvice(role)}`, 'RoleNotSpread');
        throw ApplicationFailure.nonRetryable(advised(ended, Message, pipeline, 'quicksight'), 'IngestionFailed');
      }
      if (state !== 'COMPLETED') throw underWay(pipeline, `ingestion ${ingestion} is ${state}`, seen);
      return found?.RowInfo?.RowsIngested ?? 0;
    },
  };

  function ingestions(pipeline: Pipeline, dataSet: Refreshed): Promise<Ingestion[]> {
    return pages(
      (NextToken) => quicksight.send(new ListIngestionsCommand({ ...idOf(pipeline, dataSet), NextToken, MaxResults: 100 })),
      ({ Ingestions = [] }) => Ingestions,
      ({ NextToken }) => NextToken,
    );
  }

  /** Where the edition may not be asked (the account's identities live in another region), QuickSight itself refuses what is too much. */
  async function allowed({ account }: Pipeline): Promise<number> {
    const asked = quicksight.send(new DescribeAccountSubscriptionCommand({ AwsAccountId: account }));
    const answer = await unless(asked, (error) => isNamed(error, 'AccessDeniedException'));
    return answer?.AccountInfo?.Edition === 'STANDARD' ? REFRESHES_A_DAY.standard : REFRESHES_A_DAY.enterprise;
  }
}

const isUnderWay = (state: Ingestion['IngestionStatus']) => state === 'INITIALIZED' || state === 'QUEUED' || state === 'RUNNING';

/** How long those took that loaded what they were to load. */
const tookIn = (pipeline: Pipeline, all: Ingestion[]): Seen | undefined =>
  all
    .filter(({ IngestionStatus: state }) => state === 'COMPLETED')
    .reduce<Seen | undefined>(
      (seen, { IngestionTimeInSeconds: seconds = 0 }) => learned(seen, seconds * 1000 * speedOf(pipeline)),
      undefined,
    );
