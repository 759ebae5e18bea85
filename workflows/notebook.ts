import {
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { rootMessage } from './failure.ts';
import { type NotebookState, notebookStatus, stop } from './messages.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  scheduleToCloseTimeout: '15 minutes',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.3, maximumInterval: '5 seconds' },
});

const LOOK_EVERY = '10 seconds';
const HISTORY_EVENTS = 1_000;

/** Keeps the SQL running: starts the Studio application, runs the note, sees that its job runs, and runs it again whenever it does not. */
export async function keepNotebook({
  pipeline,
  ran = false,
  restarts = 0,
}: {
  pipeline: Pipeline;
  ran?: boolean;
  restarts?: number;
}): Promise<void> {
  let stopped = false;
  let hasRun = ran;
  const picture: NotebookState = { state: 'starting', restarts };
  setHandler(notebookStatus, () => picture);
  setHandler(stop, () => {
    stopped = true;
  });

  while (!stopped && workflowInfo().historyLength < HISTORY_EVENTS) {
    try {
      await act['notebook.start'](pipeline);
      await act['notebook.started'](pipeline);
      const { running, reason } = await act['notebook.look'](pipeline);
      if (!running) {
        if (hasRun) picture.restarts++;
        Object.assign(picture, { state: 'starting', reason });
        await act['notebook.run'](pipeline);
        await act['notebook.runs'](pipeline);
        hasRun = true;
      }
      Object.assign(picture, { state: 'running', reason: undefined });
    } catch (error) {
      if (isCancellation(error)) throw error;
      Object.assign(picture, { state: 'stopped', reason: rootMessage(error) });
    }
    await condition(() => stopped, LOOK_EVERY);
  }
  await condition(allHandlersFinished);
  if (!stopped) await continueAsNew<typeof keepNotebook>({ pipeline, ran: hasRun, restarts: picture.restarts });
}
