import { getExternalWorkflowHandle, isCancellation, log, type SignalDefinition } from '@temporalio/workflow';
import { rootMessage } from './failure.ts';

/** Signals a workflow; false if somebody has ended it. */
export async function signalIfRunning<Args extends unknown[]>(
  workflowId: string,
  message: SignalDefinition<Args>,
  ...args: Args
): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(message, ...args);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn(`workflow ${workflowId} is gone: ${rootMessage(error)}`);
    return false;
  }
}
