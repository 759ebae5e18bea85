import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { QUICK } from './activity-options.ts';

const act = proxyActivities<Activities>({ ...QUICK, summary: 'what an earlier life left running' });

/** Runs a child to its end. One of the same name, which a pipeline that was terminated left behind with the request of that time, is ended before. */
export async function replacingStale<Result>(workflowId: string, run: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      await act['workflow.end'](workflowId);
    }
  }
}
