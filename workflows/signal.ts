import { getExternalWorkflowHandle, isCancellation, log, type SignalDefinition } from '@temporalio/workflow';
import { rootMessage } from './failure.ts';

/** Which workflow: the run that has this id now, or one certain run. */
export type Receiver = string | { workflowId: string; runId: string };

/** Signals a workflow; false if it does not run (any more). */
export async function signalIfRunning<Args extends unknown[]>(
  receiver: Receiver,
  message: SignalDefinition<Args>,
  ...args: Args
): Promise<boolean> {
  const { workflowId, runId } = typeof receiver === 'string' ? { workflowId: receiver } : receiver;
  try {
    await getExternalWorkflowHandle(workflowId, runId).signal(message, ...args);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.info(`no workflow ${workflowId} to hear the signal ${message.name}: ${rootMessage(error)}`);
    return false;
  }
}
