import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  log,
  patched,
  Trigger,
} from '@temporalio/workflow';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { everything, only, removalPlan } from '../pipeline/stages.ts';
import { keepWithinBudget, watchBudget } from './allowance.ts';
import { bringUp, CARRIERS, recordSurvey } from './bring-up.ts';
import { addUp } from './budget.ts';
import { awaitDelivery, drainPipeline } from './drain.ts';
import { ignoreCancellation, rootMessage } from './failure.ts';
import type { ApplyRequest, Leftovers, PipelineStatus } from './messages.ts';
import { plan } from './plan.ts';
import { runChild } from './run-child.ts';
import { publishDetails, setState } from './status.ts';
import { introduced } from './story.ts';
import { removeCreated, tearDown } from './teardown.ts';
import { lookEvery, lookForDrift, lookWhileHeld } from './watch.ts';

/** One run of a pipeline's workflow: its status, which is carried over from run to run, and what this run is at. */
export interface Operation {
  status: PipelineStatus;
  /** True while an `apply` is answered: what it asks for is surveyed, and neither refused nor accepted yet. */
  isSurveying: boolean;
  /** True while generator, application and schedules are being told what the user asks for. */
  isSteering: boolean;
  /** The scope of what brings up or changes the pipeline. */
  bringUpScope?: CancellationScope;
  /** The scope of a look at drift and cost, and of the healing in it. */
  lookScope?: CancellationScope;
  /** Set once the bringing up that begins or is under way was broken off: whether what it made is taken away again. */
  breakOff?: { rollback: boolean };
  /** The take-down that was asked for, and what the pipeline was at before. */
  takeDown?: { keepData: boolean; stateBefore: PipelineStatus['state']; leftovers: Trigger<Leftovers> };
}

/** True once everything was taken down. */
export const isGone = ({ status }: Operation): boolean => status.state === 'gone';

/** Has a request carried out next. */
export function accept(op: Operation, request: ApplyRequest): void {
  op.status.pending = request;
  op.status.requestHeld = undefined;
  op.breakOff = undefined;
}

/** Breaks off the bringing up that begins or is under way. */
export function interruptBringUp(op: Operation, how: { rollback: boolean }): void {
  // One that failed by itself just now is being rolled back, which has to come to its end.
  if (op.status.state === 'rolling back' && patched('in-step')) return;
  op.breakOff = how;
  op.bringUpScope?.cancel();
}

/** Brings up or changes what is asked; when that fails, holds, or takes away again what it made. */
export async function carryOut(op: Operation, request: ApplyRequest): Promise<void> {
  const { status } = op;
  const before = status.lastApplied ?? status.pipeline;
  setState(status, status.readyAt === undefined ? 'starting' : 'applying');
  status.teardownBegun = undefined;
  status.unsaved = undefined;
  status.healing = request.heals;
  try {
    if (op.breakOff) throw new CancelledFailure('broken off before it began');
    await applySpec(op, request);
    endRequest(status, request);
  } catch (error) {
    if (!op.takeDown) await holdOrRollBack(op, request, before, error);
  } finally {
    status.healing = undefined;
  }
}

async function applySpec(op: Operation, request: ApplyRequest): Promise<void> {
  const { status } = op;
  const scope = new CancellationScope();
  op.bringUpScope = scope;
  const budgetWatched = watchBudget(status, () => op.bringUpScope !== scope).catch(ignoreCancellation);
  try {
    await scope.run(() => bringUp(request, status));
  } finally {
    op.bringUpScope = undefined;
  }
  await budgetWatched;
  status.lastApplied = request.pipeline;
  status.created = [];
  status.adopted = {};
  status.readyAt ??= Date.now();
  status.lookFault = undefined;
  addUp(status);
  // A take-down was asked for while the last step came to its end.
  if (op.takeDown && patched('in-step')) return;
  setState(status, status.paused ? 'paused' : 'running', status.overBudget);
}

/** A request that was accepted meanwhile stays. */
function endRequest(status: PipelineStatus, request: ApplyRequest): void {
  if (status.pending === request) status.pending = undefined;
}

async function holdOrRollBack(op: Operation, request: ApplyRequest, before: Pipeline, error: unknown): Promise<void> {
  const isCancelled = isCancellation(error);
  const reason = isCancelled ? 'it was broken off' : rootMessage(error);
  if (op.breakOff?.rollback ?? request.rollback) await CancellationScope.nonCancellable(() => rollBack(op, request, before, reason));
  else if (isCancelled) {
    hold(op, request, `${reason}; what was made so far stays`);
    // Broken off on purpose, healing is for the user to take up again, too.
    if (!op.status.pending) op.status.requestHeld = true;
  } else hold(op, request, reason);
  if (isCancelled && CancellationScope.current().consideredCancelled) throw error;
}

/** A request that was accepted meanwhile is carried out all the same. */
function hold({ status }: Operation, request: ApplyRequest, reason: string): void {
  if (status.pending && status.pending !== request) return;
  holdPending(status);
  setState(status, 'held', reason);
}

function holdPending(status: PipelineStatus): void {
  if (status.pending) status.requestHeld = true;
  status.pending = undefined;
}

/** Takes away what the failed request made; a pipeline that stood before goes back to that. */
async function rollBack(op: Operation, request: ApplyRequest, before: Pipeline, reason: string): Promise<void> {
  const { status } = op;
  const { pipeline, created, adopted } = status;
  const wasReady = status.readyAt !== undefined;
  setState(status, 'rolling back', reason);
  let told = reason;
  try {
    // What a pipeline that stood before has made was gone, belongs to what it goes back to, and may hold data by now.
    const keeps = wasReady && patched('rollback-keeps');
    const losesEvents = wasReady && !keeps && !status.eventsHeld && CARRIERS.some((stage) => created.includes(stage));
    if (losesEvents) await awaitDelivery(status);
    const removal = only(everything(), (stage) => !keeps && created.includes(stage));
    const { stays, failed } = await removeCreated({ pipeline, plan: removal, adopted, withWorkflows: !wasReady });
    if (stays.length > 0) told = [`${reason}; what was taken over is given back, but not as it was:`, ...stays].join('\n  ');
    if (failed.length > 0) throw ApplicationFailure.nonRetryable(failed.join('\n'), 'StagesFailed');
    if (op.takeDown) return;
    // What could only be made anew can only be made anew once more.
    if (wasReady) await applySpec(op, { pipeline: before, consent: { replace: request.consent?.replace }, heals: true });
  } catch (error) {
    if (!op.takeDown) hold(op, request, `${told}; rolling that back failed: ${rootMessage(error)}`);
    return;
  }
  if (!wasReady) throw ApplicationFailure.nonRetryable(`rolled back, since ${told}`, 'RolledBack');
  endRequest(status, request);
  status.rolledBack = told;
}

/** Adds up the cost, and, as often as the spec wants it, looks for drift and heals it. */
export async function checkDriftAndCost(op: Operation): Promise<void> {
  op.lookScope = new CancellationScope();
  try {
    await op.lookScope.run(() => lookAround(op));
  } finally {
    op.lookScope = undefined;
  }
}

async function lookAround(op: Operation): Promise<void> {
  const { status } = op;
  const every = lookEvery(status.pipeline);
  const { lookedAt = status.readyAt ?? 0 } = status;
  const isDue = status.generating && Date.now() - lookedAt >= every.drift - every.cost / 2;
  const isOver = () => op.takeDown !== undefined || status.pending !== undefined;
  try {
    await keepWithinBudget(status);
    if (!isDue || status.teardownBegun || status.pending) return;
    if (status.requestHeld) return await lookWhileHeld(status, isOver);
    await lookForDrift(status, isOver, status.pipeline.drift === 'heal' ? () => heal(op) : undefined);
  } catch (error) {
    if (op.takeDown) return;
    if (isCancellation(error)) throw error;
    status.lookedAt = Date.now();
    status.lookFault = rootMessage(error);
    publishDetails(status);
  }
}

/** Brings back what was found otherwise: true if that went through. */
async function heal(op: Operation): Promise<boolean> {
  op.breakOff = undefined;
  await carryOut(op, { pipeline: op.status.pipeline, heals: true });
  return op.status.state !== 'held';
}

/** Has the pipeline taken down as soon as what is under way has been broken off; resolves with what is left. One that was asked for before is joined. */
export async function requestTakeDown(op: Operation, keepData: boolean): Promise<Leftovers> {
  if (!op.takeDown) {
    const { status } = op;
    op.takeDown = { keepData, stateBefore: status.state, leftovers: new Trigger() };
    status.teardownBegun = true;
    setState(status, 'taking down');
    op.bringUpScope?.cancel();
    op.lookScope?.cancel();
  }
  return op.takeDown.leftovers;
}

/**
 * Takes everything down, in a child workflow that has its plan as input, and returns what is left. Undefined when that failed: the pipeline then stays, half taken
 * down, for another try.
 */
export async function takeDown(op: Operation, request: NonNullable<Operation['takeDown']>): Promise<Leftovers | undefined> {
  const { keepData, stateBefore, leftovers } = request;
  const { status } = op;
  const { pipeline } = status;
  try {
    await condition(() => !op.isSteering);
    status.partlyTold = undefined;
    // One that failed later has let all through already: its streams may be gone.
    status.unsaved = keepData ? (status.unsaved ?? (await drainPipeline(status))) : undefined;
    const removal = { pipeline, plan: removalPlan(keepData), keepData, unsaved: status.unsaved };
    const left = await runChild(tearDown, {
      workflowId: names(pipeline).workflows.teardown,
      ...introduced(pipeline, 'takes everything down'),
      memo: { keepData },
      args: [removal],
    });
    setState(status, 'gone');
    leftovers.resolve(left);
    return left;
  } catch (error) {
    const isCancelled = CancellationScope.current().consideredCancelled;
    const isSurveyed = !isCancelled && patched('take-down-surveyed');
    if (isSurveyed) await recordWhatStands(status);
    op.takeDown = undefined;
    holdPending(status);
    // Of a workflow from before, one that was paused stays so.
    setState(status, isSurveyed || stateBefore !== 'paused' ? 'held' : stateBefore, `taking it down failed: ${rootMessage(error)}`);
    leftovers.reject(error);
    if (isCancelled) throw error;
    return undefined;
  }
}

/** What a take-down that failed has left standing goes into the status, and so into the bill. */
async function recordWhatStands(status: PipelineStatus): Promise<void> {
  try {
    recordSurvey(status, (await plan({ pipeline: status.pipeline })).stages);
  } catch (error) {
    log.warn(`what still stands could not be seen: ${rootMessage(error)}`);
  }
}
