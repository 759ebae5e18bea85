import { condition, isCancellation, log, patched, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { QUICK } from './activity-options.ts';
import { addUp } from './budget.ts';
import { tellGenerator, tellNotebook, untilClosed } from './children.ts';
import { rootMessage } from './failure.ts';
import type { PipelineStatus } from './messages.ts';
import { isGone, type Operation } from './operation.ts';
import { setState } from './status.ts';

const act = proxyActivities<Activities>({ ...QUICK, summary: 'what the user told the pipeline' });

/** Until that is tried again which has failed for as long as it may. */
const AGAIN = '30 seconds';

type Desired = PipelineStatus['desired'];

/** True when generator, application and schedules are as the user asks for, or there is nobody to tell. */
export const isSteady = ({ status, isSteering }: Operation): boolean =>
  !isSteering && (!status.generating || (isAsDesired(status) && !status.partlyTold));

/** Brings generator, application and schedules to what the user asks for, each time that this changes, until the pipeline is gone. */
export async function steer(op: Operation): Promise<void> {
  const { status } = op;
  for (;;) {
    await condition(() => isGone(op) || (maySteer(op) && status.generating && !isSteady(op)));
    if (isGone(op)) return;
    const { desired } = status;
    if (await trySteering(op, desired)) continue;
    const isNews = () => isGone(op) || status.desired !== desired;
    await condition(isNews, AGAIN, { summary: 'until what the user told the pipeline is tried again' });
  }
}

/** True when it went through. A failure is told in the status, and holds up no take-down. */
async function trySteering(op: Operation, desired: Desired): Promise<boolean> {
  const { status } = op;
  op.isSteering = true;
  try {
    await steerTo(op, desired);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (patched('in-step')) status.partlyTold = true;
    const reason = `the ${desired.paused ? 'pause' : 'resume'} did not go through everywhere, and is tried again: ${rootMessage(error)}`;
    log.warn(reason);
    if (maySteer(op) && status.state !== 'held') setState(status, status.state, reason);
    return false;
  } finally {
    op.isSteering = false;
  }
}

async function steerTo(op: Operation, desired: Desired): Promise<void> {
  const { status } = op;
  if (desired.paused !== status.paused || status.partlyTold) {
    status.partlyTold = undefined;
    if (!status.eventsHeld) await tellGenerator(status, desired.paused);
    await act['schedules.pause'](status.pipeline, desired.paused);
    status.paused = desired.paused;
    addUp(status);
  }
  if (status.readyAt !== undefined && maySteer(op) && status.state !== 'held' && status.state !== 'applying')
    setState(status, desired.paused ? 'paused' : 'running', desired.paused ? status.overBudget : undefined);
  const isOver = () => !maySteer(op) || status.desired !== desired;
  if (desired.deep && !status.deep) await untilClosed(status, isOver);
  if (desired.deep === status.deep || isOver()) return;
  await tellNotebook(status, !desired.deep);
  status.deep = desired.deep;
  // Of one that is to stop its keeper says when it has.
  if (!desired.deep) status.studioRuns = true;
  addUp(status);
}

/** A take-down is the user's last word, and a roll-back has to end as it began. */
const maySteer = ({ status, takeDown }: Operation): boolean => !takeDown && status.state !== 'rolling back';

const isAsDesired = ({ desired, paused, deep }: PipelineStatus): boolean => desired.paused === paused && desired.deep === deep;
