import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, condition, ParentClosePolicy, patched, startChild, uuid4 } from '@temporalio/workflow';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { addUp } from './budget.ts';
import { begin } from './cursor.ts';
import { ignoreCancellation } from './failure.ts';
import { generate } from './generate.ts';
import { type PipelineStatus, pause, resume, suspend, updateSpec } from './messages.ts';
import { keepNotebook } from './notebook.ts';
import { signalIfRunning } from './signal.ts';
import { introduced } from './story.ts';

/** A child that outlives its parent's run, and what the Temporal UI says of it. */
export const abandonedChild = (pipeline: Pipeline, workflowId: string, summary: string) => ({
  workflowId,
  parentClosePolicy: ParentClosePolicy.ABANDON,
  ...introduced(pipeline, summary),
});

/** Records what the user asks for, which is carried out as soon as there is a generator to tell. */
export function setDesired(status: PipelineStatus, desired: Partial<PipelineStatus['desired']>): void {
  status.desired = { ...status.desired, ...desired };
  // One that an earlier life of the pipeline left is told everything once all stands, but must not go on until then.
  const { generate: generator } = names(status.pipeline).workflows;
  if (desired.paused && !status.generating) signalIfRunning(generator, pause, { count: ++status.pauses }).catch(ignoreCancellation);
}

/** Starts the generator and the notebook's keeper where they do not run, and returns the workflow ids of those that it has started. */
export async function startMissing(status: PipelineStatus, pipeline: Pipeline): Promise<string[]> {
  const { generate: generator, notebook } = names(pipeline).workflows;
  const isFirst = !status.generating;
  const started: string[] = [];
  const told = status.desired;
  if (await startGenerator(status, pipeline, told.paused || status.eventsHeld === true)) {
    started.push(generator);
    // It has no windows yet: nothing has to run before a deep pause.
    if (status.desired.deep) status.deep = true;
  } else if (isFirst) {
    // An earlier life of the pipeline left it running.
    await signalIfRunning(generator, updateSpec, pipeline, { applied: true });
    await tellGenerator(status, status.desired.paused);
  }
  // What the user says while it starts nobody else tells it.
  if (isFirst && patched('in-step')) await CancellationScope.nonCancellable(() => tellMeanwhile(status, told));
  status.generating = true;
  // Later its keeper says so.
  if (!status.deep && isFirst) {
    status.studioRuns = true;
    addUp(status);
  }
  if (await startNotebook(status, pipeline, status.deep)) started.push(notebook);
  else if (isFirst) {
    await signalIfRunning(notebook, updateSpec, pipeline);
    await signalIfRunning(notebook, resume);
  }
  return started;
}

/** Has the generator pause or go on; where none runs, starts one so. */
export async function tellGenerator(status: PipelineStatus, paused: boolean): Promise<void> {
  const { generate: generator } = names(status.pipeline).workflows;
  status.closed = false;
  if (paused) status.pauses++;
  const { pauses: count } = status;
  await tellOrStart(
    () => (paused ? signalIfRunning(generator, pause, { count }) : signalIfRunning(generator, resume)),
    () => startGenerator(status, status.pipeline, paused),
  );
}

/** Tells the generator what the user has asked for since it was told, to pause and to go on again, too. */
async function tellMeanwhile(status: PipelineStatus, told: PipelineStatus['desired']): Promise<void> {
  while (told !== status.desired) {
    told = status.desired;
    await tellGenerator(status, told.paused || status.eventsHeld === true);
  }
}

/** Has the notebook's keeper run the SQL, or stop the application; where none runs, starts one so. */
export async function tellNotebook(status: PipelineStatus, runs: boolean): Promise<void> {
  const { notebook } = names(status.pipeline).workflows;
  await tellOrStart(
    () => signalIfRunning(notebook, runs ? resume : suspend),
    () => startNotebook(status, status.pipeline, !runs),
  );
}

/** Tells the generator and the notebook's keeper the spec; one that the user applied brings its rate back. */
export async function sendSpec(status: PipelineStatus, pipeline: Pipeline, applied: boolean): Promise<void> {
  const { generate: generator, notebook } = names(pipeline).workflows;
  if (applied) status.rateOverride = undefined;
  for (const id of [generator, notebook]) await signalIfRunning(id, updateSpec, pipeline, { applied });
}

/** Has the SQL make the rows anew that were lost, once what carries them stands. */
export async function remakeRows(status: PipelineStatus, pipeline: Pipeline): Promise<void> {
  const { rowsLostFrom } = status;
  if (rowsLostFrom === undefined) return;
  const isHeard = await signalIfRunning(names(pipeline).workflows.notebook, updateSpec, pipeline, { applied: false, rowsLostFrom });
  if (isHeard) status.rowsLostFrom = undefined;
}

/** Pauses the generator, though what asks for it has been broken off; whatever the user asks for meanwhile, it sends nothing until `releaseEvents`. */
export async function holdEvents(status: PipelineStatus): Promise<void> {
  status.eventsHeld = true;
  if (patched('in-step')) await CancellationScope.nonCancellable(() => tellGenerator(status, true));
  else await tellGenerator(status, true);
}

/** Holds the events as `holdEvents` does, and waits until every window is closed. */
export async function closeWindows(status: PipelineStatus): Promise<void> {
  await holdEvents(status);
  await untilClosed(status);
}

/** Lets the generator do again what the user asks for. */
export function releaseEvents(status: PipelineStatus): Promise<void> {
  if (status.eventsHeld) status.eventsHeld = false;
  return CancellationScope.nonCancellable(() => tellGenerator(status, status.desired.paused));
}

/** For heartbeats to come through after a window has ended. */
const CLOSING_MS = 120_000;

/**
 * Waits until every window of a paused generator is closed, or `isOver`. Heartbeats close a window once it has ended; a stream that takes none must not hold up a
 * change for ever.
 */
export async function untilClosed(status: PipelineStatus, isOver: () => boolean = () => false): Promise<void> {
  const patience = status.pipeline.windowSeconds * 1000 + CLOSING_MS;
  await condition(() => status.closed || isOver(), patience, { summary: 'until every window is closed' });
}

/** Tells a child, or starts it so where there is none; one that a look for drift starts at the same moment, as it was before, is told then. */
async function tellOrStart(tell: () => Promise<boolean>, start: () => Promise<boolean>): Promise<void> {
  if (!(await tell()) && !(await start())) await tell();
}

/** Starts the generator unless it runs: true if it was started. Each has a name of its own for its events, so that no two lives give the same number twice. */
async function startGenerator(status: PipelineStatus, pipeline: Pipeline, paused: boolean): Promise<boolean> {
  const cursor = { ...begin(pipeline, uuid4().slice(0, 8), paused), pauses: status.pauses };
  const options = abandonedChild(pipeline, names(pipeline).workflows.generate, 'sends the events of the game');
  const isNew = await startOnce(() => startChild(generate, { ...options, args: [{ pipeline, cursor }] }));
  // A new one sends at the rate of the spec.
  if (isNew) status.rateOverride = undefined;
  return isNew;
}

/** Starts the keeper of the SQL unless it runs: true if it was started. One that begins suspended stops the application. */
async function startNotebook(status: PipelineStatus, pipeline: Pipeline, suspended: boolean): Promise<boolean> {
  const { rowsLostFrom } = status;
  const options = abandonedChild(pipeline, names(pipeline).workflows.notebook, 'keeps the SQL of the Studio notebook running');
  const isNew = await startOnce(() => startChild(keepNotebook, { ...options, args: [{ pipeline, suspended, rowsLostFrom }] }));
  if (isNew) status.rowsLostFrom = undefined;
  return isNew;
}

/** Starts a child, which goes on when what started it is broken off; false if one of that id runs. */
async function startOnce(start: () => Promise<unknown>): Promise<boolean> {
  try {
    await CancellationScope.nonCancellable(start);
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return false;
  }
}
