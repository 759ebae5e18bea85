import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'what an earlier life left running',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

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
