import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  type ChildWorkflowOptions,
  executeChild,
  patched,
  proxyActivities,
  startChild,
  type WithWorkflowArgs,
  type Workflow,
  type WorkflowResultType,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { QUICK } from './activity-options.ts';

const act = proxyActivities<Activities>({ ...QUICK, summary: 'what an earlier life left running' });

type ChildOptions<W extends Workflow> = WithWorkflowArgs<W, ChildWorkflowOptions & { typeInfo?: undefined }>;

/**
 * Runs a child to its end, as `executeChild` does, but cancels it only once it has started: a cancellation that is sent before names no run, so that Temporal takes it
 * for the last run of that id, which has ended, and the child goes on for ever.
 */
export async function runChild<W extends Workflow>(workflow: W, options: ChildOptions<W>): Promise<WorkflowResultType<W>> {
  const caller = CancellationScope.current();
  if (!patched('child-cancelled-once-started')) return executeChild(workflow, options);
  if (caller.consideredCancelled) return caller.cancelRequested;
  const own = new CancellationScope({ cancellable: true, parent: new CancellationScope({ cancellable: false }) });
  const child = await own.run(() => startChild(workflow, options));
  if (caller.cancellable) caller.cancelRequested.catch(() => own.cancel());
  return child.result();
}

/** Runs a child to its end. One of the same name, which a pipeline that was terminated left behind with the request of that time, is ended before. */
export async function replacingStale<W extends Workflow>(
  workflow: W,
  options: ChildOptions<W> & { workflowId: string },
): Promise<WorkflowResultType<W>> {
  for (;;) {
    try {
      return await runChild(workflow, options);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      await act['workflow.end'](options.workflowId);
    }
  }
}
