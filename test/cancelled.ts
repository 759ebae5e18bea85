import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';

/** Cancels a workflow, as a take-down does, and resolves once it has ended by that; throws if it ends otherwise. */
export async function cancelled(handle: Pick<WorkflowHandle, 'cancel' | 'result' | 'workflowId'>): Promise<void> {
  await handle.cancel();
  try {
    await handle.result();
  } catch (error) {
    if (error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure) return;
    throw error;
  }
  throw new Error(`workflow ${handle.workflowId} has completed, though it was cancelled`);
}
