import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, condition, ParentClosePolicy, proxyActivities, sleep, startChild, uuid4 } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { addUp } from './budget.ts';
import { begin } from './cursor.ts';
import { awaitDrained, SINKS_MS } from './drain.ts';
import { ignoreCancellation } from './failure.ts';
import { generate } from './generate.ts';
import { type PipelineStatus, pause, resume, suspend, updateSpec } from './messages.ts';
import { keepNotebook } from './notebook.ts';
import { signalIfRunning } from './signal.ts';
import { setState } from './status.ts';
import { introduced } from './story.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'what the user told the pipeline',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/** A child that outlives its parent's turn, and what the Temporal UI says of it. */
export const abandonedChild = (pipeline: Pipeline, workflowId: string, summary: string) => ({
  workflowId,
  parentClosePolicy: ParentClosePolicy.ABANDON,
  ...introduced(pipeline, summary),
});
/** Heartbeats close a window once it has ended; a stream that takes none must not hold up a change for ever. */
const closingPatience = ({ windowSeconds }: Pipeline) => windowSeconds * 1000 + 120_000;
const CLOSING = { summary: 'until every window is closed' };

interface Wanted {
  paused: boolean;
  deep: boolean;
}

/** How the pipeline's workflow steers its generator, notebook and schedules. */
export interface PipelineChildren {
  /** What the user wants; carried out as soon as there is somebody to tell. */
  want(wanted: Partial<Wanted>): void;
  /** Starts the generator and the notebook where they do not run, and says which it has started. */
  startMissing(pipeline: Pipeline): Promise<string[]>;
  /** Pauses the generator; whatever the user wants meanwhile, it sends nothing until `goOn`. */
  holdEvents(): Promise<void>;
  /** The same, and waits until every window is closed. */
  closeWindows(): Promise<void>;
  /** The same, and waits as long as the delivery takes. */
  awaitDelivery(): Promise<void>;
  /** The same before all is taken down, with the SQL running: waits until all that was sent lies in the lake, and gives in words what did not come there in time; undefined before there is a generator of its own. */
  drain(): Promise<string[] | undefined>;
  /** Ends what these began: the generator does what the user wants. */
  releaseEvents(): Promise<void>;
  /** Tells generator and notebook the spec; one that the user applied brings its rate back. */
  updateSpec(pipeline: Pipeline, applied: boolean): Promise<void>;
  /** Tells them what is wanted, while `mayAct`; runs until `isOver`. */
  steer(isOver: () => boolean, mayAct: () => boolean): Promise<void>;
  /** True while they are being told something. */
  areBusy(): boolean;
  /** True when everything wanted has been told, or there is nobody to tell. */
  areStill(): boolean;
}

/** Steers the children of one pipeline; what they were told last is in `status`. */
export function childrenOf(status: PipelineStatus): PipelineChildren {
  let wanted: Wanted = status.wanted ?? { paused: status.paused, deep: status.deep };
  let busy = false;
  const isTold = () => wanted.paused === status.paused && wanted.deep === status.deep;
  const areStill = () => !busy && (!status.generating || isTold());
  const { generate: generator, notebook } = names(status.pipeline).workflows;
  /** True if a generator was started; a new one sends at the rate of the spec. */
  const begun = async (pipeline: Pipeline, paused: boolean): Promise<boolean> => {
    const isNew = await startGenerator(pipeline, paused, status.pauses);
    if (isNew) status.rateOverride = undefined;
    return isNew;
  };
  const tellGenerator = async (paused: boolean) => {
    status.closed = false;
    if (paused) status.pauses++;
    const { pauses: count } = status;
    await tellOrStart(
      () => (paused ? signalIfRunning(generator, pause, { count }) : signalIfRunning(generator, resume)),
      () => begun(status.pipeline, paused),
    );
  };
  const tellNotebook = async (runs: boolean) => {
    await tellOrStart(
      () => signalIfRunning(notebook, runs ? resume : suspend),
      () => startNotebook(status.pipeline, !runs),
    );
  };
  const runNotebook = async () => {
    await tellNotebook(true);
    status.deep = false;
    status.studioRuns = true;
    addUp(status);
  };
  const holdEvents = async () => {
    status.eventsHeld = true;
    await tellGenerator(true);
  };
  const closeWindows = async () => {
    await holdEvents();
    await condition(() => status.closed, closingPatience(status.pipeline), CLOSING);
  };
  return {
    want: (next) => {
      wanted = { ...wanted, ...next };
      status.wanted = wanted;
      // One that an earlier life of the pipeline left is told everything once all stands, but must not go on until then.
      if (next.paused && !status.generating) signalIfRunning(generator, pause, { count: ++status.pauses }).catch(ignoreCancellation);
    },
    startMissing: async (pipeline) => {
      const started: string[] = [];
      const isKnown = status.generating;
      if (await begun(pipeline, wanted.paused || status.eventsHeld === true)) {
        started.push(generator);
        // It has no windows yet: nothing has to run before a deep pause.
        if (wanted.deep) status.deep = true;
      } else if (!isKnown) {
        // An earlier life of the pipeline left it running.
        await signalIfRunning(generator, updateSpec, pipeline, { applied: true });
        await tellGenerator(wanted.paused);
      }
      status.generating = true;
      // Later its keeper says so.
      if (!status.deep && !isKnown) {
        status.studioRuns = true;
        addUp(status);
      }
      if (await startNotebook(pipeline, status.deep)) started.push(notebook);
      else if (!isKnown) {
        await signalIfRunning(notebook, updateSpec, pipeline);
        await signalIfRunning(notebook, resume);
      }
      return started;
    },
    holdEvents,
    closeWindows,
    awaitDelivery: async () => {
      if (!status.generating) return;
      // One that has sent its total is quiet, too, but goes on when the total grows.
      if (!status.closed || !status.paused) await closeWindows();
      await sleep(status.pipeline.delivery.seconds * 1000 + SINKS_MS, { summary: 'until all is delivered' });
    },
    drain: async () => {
      if (!status.generating) return undefined;
      // What was open when it was suspended comes out only now.
      await runNotebook();
      if (!status.closed || !status.paused) await closeWindows();
      return awaitDrained(status.pipeline);
    },
    releaseEvents: () => {
      if (status.eventsHeld) status.eventsHeld = false;
      return CancellationScope.nonCancellable(() => tellGenerator(wanted.paused));
    },
    updateSpec: async (pipeline, applied) => {
      if (applied) status.rateOverride = undefined;
      for (const id of [generator, notebook]) await signalIfRunning(id, updateSpec, pipeline, { applied });
    },
    areBusy: () => busy,
    areStill,
    steer: async (isOver, mayAct) => {
      const isEnding = () => isOver() || !mayAct();
      for (;;) {
        await condition(() => isOver() || (mayAct() && status.generating && !areStill()));
        if (isOver()) return;
        busy = true;
        const now = wanted;
        if (now.paused !== status.paused) {
          if (!status.eventsHeld) await tellGenerator(now.paused);
          await act['schedules.pause'](status.pipeline, now.paused);
          status.paused = now.paused;
          addUp(status);
        }
        if (status.readyAt !== undefined && !isEnding() && status.state !== 'held' && status.state !== 'applying')
          setState(status, now.paused ? 'paused' : 'running', now.paused ? status.overBudget : undefined);
        if (now.deep && !status.deep)
          await condition(() => status.closed || isEnding() || wanted !== now, closingPatience(status.pipeline), CLOSING);
        if (now.deep !== status.deep && wanted === now && !isEnding()) {
          await tellNotebook(!now.deep);
          status.deep = now.deep;
          // Of one that is to stop its keeper says when it has.
          if (!now.deep) status.studioRuns = true;
          addUp(status);
        }
        busy = false;
      }
    },
  };
}

/** Tells a child, or starts it so where there is none; one that a look for drift starts at the same moment, as it was before, is told then. */
async function tellOrStart(tell: () => Promise<boolean>, start: () => Promise<boolean>): Promise<void> {
  if (!(await tell()) && !(await start())) await tell();
}

/** Starts the generator unless it runs. Each has a name of its own for its events, so that no two lives give the same number twice. */
const startGenerator = (pipeline: Pipeline, paused: boolean, pauses: number): Promise<boolean> => {
  const cursor = { ...begin(pipeline, uuid4().slice(0, 8), paused), pauses };
  const options = abandonedChild(pipeline, names(pipeline).workflows.generate, 'sends the events of the game');
  return once(() => startChild(generate, { ...options, args: [{ pipeline, cursor }] }));
};

/** Starts the keeper of the SQL unless it runs; one that begins suspended stops the application. */
const startNotebook = (pipeline: Pipeline, suspended: boolean): Promise<boolean> => {
  const options = abandonedChild(pipeline, names(pipeline).workflows.notebook, 'keeps the SQL of the Studio notebook running');
  return once(() => startChild(keepNotebook, { ...options, args: [{ pipeline, suspended }] }));
};

/** A long-lived child is started once: true if that was now. It goes on when what started it is broken off. */
async function once(start: () => Promise<unknown>): Promise<boolean> {
  try {
    await CancellationScope.nonCancellable(start);
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return false;
  }
}
