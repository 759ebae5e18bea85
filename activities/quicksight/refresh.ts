import { CreateIngestionCommand, DescribeIngestionCommand, ListIngestionsCommand } from '@aws-sdk/client-quicksight';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { isNamed } from '../errors.ts';
import { notYet } from '../resource.ts';

/** Refreshes the SPICE data set. */
export function refreshing({ quicksight }: Clients) {
  const dataSet = (pipeline: Pipeline) => ({ AwsAccountId: pipeline.account, DataSetId: names(pipeline).dataSets.history });
  return {
    /** Starts an ingestion named after `run`, or joins one under way; returns its id. */
    'refresh.start': async (pipeline: Pipeline, run: string): Promise<string> => {
      const { Ingestions = [] } = await quicksight.send(new ListIngestionsCommand(dataSet(pipeline)));
      const underWay = Ingestions.find(
        ({ IngestionStatus: state }) => state === 'INITIALIZED' || state === 'QUEUED' || state === 'RUNNING',
      );
      if (underWay) return underWay.IngestionId!;
      try {
        await quicksight.send(new CreateIngestionCommand({ ...dataSet(pipeline), IngestionId: run }));
      } catch (error) {
        if (!isNamed(error, 'ResourceExistsException')) throw error;
      }
      return run;
    },
    /** Returns the number of rows loaded once the ingestion is complete; fails with QuickSight's reason. */
    'refresh.finished': async (pipeline: Pipeline, ingestion: string): Promise<number> => {
      const { Ingestion } = await quicksight.send(new DescribeIngestionCommand({ ...dataSet(pipeline), IngestionId: ingestion }));
      const state = Ingestion?.IngestionStatus;
      if (state === 'FAILED' || state === 'CANCELLED') {
        const { Type, Message } = Ingestion?.ErrorInfo ?? {};
        throw ApplicationFailure.nonRetryable(
          `ingestion ${ingestion} ended as ${state}: ${Type ?? ''} ${Message ?? 'no message'}`,
          'IngestionFailed',
        );
      }
      if (state !== 'COMPLETED') throw notYet(`ingestion ${ingestion} is ${state}`);
      return Ingestion?.RowInfo?.RowsIngested ?? 0;
    },
  };
}
