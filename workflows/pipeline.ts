import { allHandlersFinished, condition, makeContinueAsNewFunc } from '@temporalio/workflow';
import { ignoreCancellation } from './failure.ts';
import { listen } from './handlers.ts';
import { isHistoryLong } from './history.ts';
import type { ApplyRequest, Leftovers, PipelineStatus } from './messages.ts';
import { carryOut, checkDriftAndCost, type Operation, takeDown } from './operation.ts';
import { initialStatus, publishDetails } from './status.ts';
import { steer } from './steering.ts';
import { lookEvery } from './watch.ts';

const HISTORY_EVENTS = 1_500;

/**
 * One pipeline's life: it brings everything up in the order of the data, watches over it, changes it as asked, and takes it down. The first run begins with the
 * request; a later one goes on from the status that the run before hands over. It ends with what its take-down left.
 */
export async function operate(request: ApplyRequest, before?: PipelineStatus): Promise<Leftovers> {
  const status = before ?? { ...initialStatus(request.pipeline), pending: request };
  const op: Operation = { status, isSurveying: false, isSteering: false };
  listen(op);
  const steering = steer(op).catch(ignoreCancellation);
  publishDetails(status);
  let leftovers: Leftovers | undefined;
  while (!leftovers) {
    if (op.takeDown) leftovers = await takeDown(op, op.takeDown);
    else if (status.pending) await carryOut(op, status.pending);
    else if (shouldContinueAsNew(op)) await continueAsNew(op);
    else if (!(await isCalled(op))) await checkDriftAndCost(op);
  }
  await condition(allHandlersFinished);
  await steering;
  return leftovers;
}

/** True when nothing is asked for, nobody is being told anything and nobody waits for an answer: all that the next run needs is in the status, what is to be told again, too. */
const isIdle = (op: Operation): boolean => !op.takeDown && !op.isSurveying && !op.status.pending && !op.isSteering;

const shouldContinueAsNew = (op: Operation): boolean => isHistoryLong(HISTORY_EVENTS) && isIdle(op);

/** Begins the next run, with the status of this one and the memo as it is now, unless something was asked for meanwhile. */
async function continueAsNew(op: Operation): Promise<void> {
  await condition(allHandlersFinished);
  if (!isIdle(op)) return;
  const { pipeline, memo } = op.status;
  await makeContinueAsNewFunc<typeof operate>({ memo })({ pipeline }, op.status);
}

/** True when something else is to be done before the next look at drift and cost is due. */
async function isCalled(op: Operation): Promise<boolean> {
  const { drift, cost } = lookEvery(op.status.pipeline);
  const hasWork = () => op.takeDown !== undefined || op.status.pending !== undefined || shouldContinueAsNew(op);
  const isNews = await condition(hasWork, Math.min(drift, cost), { summary: 'until the next look at drift and cost' });
  return isNews || op.takeDown !== undefined;
}
