import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, condition, ParentClosePolicy, proxyActivities, sleep, startChild, uuid4 } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { addUp } from './budget.ts';
import { begin } from './cursor.ts';
import { unlessCancelled } from './failure.ts';
import { generate } from './generate.ts';
import { letThrough, SINKS_MS } from './let-through.ts';
import { type PipelineStatus, pause, respec, resume, suspend } from './messages.ts';
import { keepNotebook } from './notebook.ts';
import { rename } from './picture.ts';
import { reached } from './reached.ts';
import { introduced } from './story.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'what the user told the pipeline',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/** A child that outlives its parent's turn, and what the Temporal UI says of it. */
export const lasting = (pipeline: Pipeline, workflowId: string, summary: string) => ({
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
export interface Hands {
  /** What the user wants; carried out as soon as there is somebody to tell. */
  want(wanted: Partial<Wanted>): void;
  /** Starts the generator and the notebook where they do not run, and says which it has started. */
  setGoing(pipeline: Pipeline): Promise<string[]>;
  /** Pauses the generator; whatever the user wants meanwhile, it sends nothing until `goOn`. */
  hush(): Promise<void>;
  /** The same, and waits until every window is closed. */
  closeWindows(): Promise<void>;
  /** The same, and waits as long as the delivery takes. */
  letDataThrough(): Promise<void>;
  /** The same before all is taken down, with the SQL running: waits until all that was sent lies in the lake, and gives in words what did not come there in time; undefined before there is a generator of its own. */
  letAllThrough(): Promise<string[] | undefined>;
  /** Ends what these began: the generator does what the user wants. */
  goOn(): Promise<void>;
  /** Tells generator and notebook the spec; one that the user applied brings its rate back. */
  respec(pipeline: Pipeline, applied: boolean): Promise<void>;
  /** Tells them what is wanted, while `mayAct`; runs until `isOver`. */
  steer(isOver: () => boolean, mayAct: () => boolean): Promise<void>;
  /** True while they are being told something. */
  areBusy(): boolean;
  /** True when everything wanted has been told, or there is nobody to tell. */
  areStill(): boolean;
}

/** Hands on the workflows of one pipeline; what they were told last is in the picture. */
export function handsOn(picture: PipelineStatus): Hands {
  let wanted: Wanted = picture.wanted ?? { paused: picture.paused, deep: picture.deep };
  let busy = false;
  const isTold = () => wanted.paused === picture.paused && wanted.deep === picture.deep;
  const areStill = () => !busy && (!picture.generating || isTold());
  const { generate: generator, notebook } = names(picture.pipeline).workflows;
  /** True if a generator was started; a new one sends at the rate of the spec. */
  const begun = async (pipeline: Pipeline, paused: boolean): Promise<boolean> => {
    const isNew = await startGenerator(pipeline, paused, picture.pauses);
    if (isNew) picture.rated = undefined;
    return isNew;
  };
  const tellGenerator = async (paused: boolean) => {
    picture.closed = false;
    if (paused) picture.pauses++;
    const { pauses: count } = picture;
    await told(
      () => (paused ? reached(generator, pause, { count }) : reached(generator, resume)),
      () => begun(picture.pipeline, paused),
    );
  };
  const tellNotebook = async (runs: boolean) => {
    await told(
      () => reached(notebook, runs ? resume : suspend),
      () => startNotebook(picture.pipeline, !runs),
    );
  };
  const runNotebook = async () => {
    await tellNotebook(true);
    picture.deep = false;
    picture.studioRuns = true;
    addUp(picture);
  };
  const hush = async () => {
    picture.hushed = true;
    await tellGenerator(true);
  };
  const closeWindows = async () => {
    await hush();
    await condition(() => picture.closed, closingPatience(picture.pipeline), CLOSING);
  };
  return {
    want: (next) => {
      wanted = { ...wanted, ...next };
      picture.wanted = wanted;
      // One that an earlier life of the pipeline left is told everything once all stands, but must not go on until then.
      if (next.paused && !picture.generating) reached(generator, pause, { count: ++picture.pauses }).catch(unlessCancelled);
    },
    setGoing: async (pipeline) => {
      const started: string[] = [];
      const isKnown = picture.generating;
      if (await begun(pipeline, wanted.paused || picture.hushed === true)) {
        started.push(generator);
        // It has no windows yet: nothing has to run before a deep pause.
        if (wanted.deep) picture.deep = true;
      } else if (!isKnown) {
        // An earlier life of the pipeline left it running.
        await reached(generator, respec, pipeline, { applied: true });
        await tellGenerator(wanted.paused);
      }
      picture.generating = true;
      // Later its keeper says so.
      if (!picture.deep && !isKnown) {
        picture.studioRuns = true;
        addUp(picture);
      }
      if (await startNotebook(pipeline, picture.deep)) started.push(notebook);
      else if (!isKnown) {
        await reached(notebook, respec, pipeline);
        await reached(notebook, resume);
      }
      return started;
    },
    hush,
    closeWindows,
    letDataThrough: async () => {
      if (!picture.generating) return;
      // One that has sent its total is quiet, too, but goes on when the total grows.
      if (!picture.closed || !picture.paused) await closeWindows();
      await sleep(picture.pipeline.delivery.seconds * 1000 + SINKS_MS, { summary: 'until all is delivered' });
    },
    letAllThrough: async () => {
      if (!picture.generating) return undefined;
      // What was open when it was suspended comes out only now.
      await runNotebook();
      if (!picture.closed || !picture.paused) await closeWindows();
      return letThrough(picture.pipeline);
    },
    goOn: () => {
      if (picture.hushed) picture.hushed = false;
      return CancellationScope.nonCancellable(() => tellGenerator(wanted.paused));
    },
    respec: async (pipeline, applied) => {
      if (applied) picture.rated = undefined;
      for (const id of [generator, notebook]) await reached(id, respec, pipeline, { applied });
    },
    areBusy: () => busy,
    areStill,
    steer: async (isOver, mayAct) => {
      const isEnding = () => isOver() || !mayAct();
      for (;;) {
        await condition(() => isOver() || (mayAct() && picture.generating && !areStill()));
        if (isOver()) return;
        busy = true;
        const now = wanted;
        if (now.paused !== picture.paused) {
          if (!picture.hushed) await tellGenerator(now.paused);
          await act['schedules.pause'](picture.pipeline, now.paused);
          picture.paused = now.paused;
          addUp(picture);
        }
        if (picture.readyAt !== undefined && !isEnding() && picture.state !== 'held' && picture.state !== 'applying')
          rename(picture, now.paused ? 'paused' : 'running', now.paused ? picture.overBudget : undefined);
        if (now.deep && !picture.deep)
          await condition(() => picture.closed || isEnding() || wanted !== now, closingPatience(picture.pipeline), CLOSING);
        if (now.deep !== picture.deep && wanted === now && !isEnding()) {
          await tellNotebook(!now.deep);
          picture.deep = now.deep;
          // Of one that is to stop its keeper says when it has.
          if (!now.deep) picture.studioRuns = true;
          addUp(picture);
        }
        busy = false;
      }
    },
  };
}

/** Tells a child, or starts it so where there is none; one that a look for drift starts at the same moment, as it was before, is told then. */
async function told(tell: () => Promise<boolean>, start: () => Promise<boolean>): Promise<void> {
  if (!(await tell()) && !(await start())) await tell();
}

/** Starts the generator unless it runs. Each has a name of its own for its events, so that no two lives give the same number twice. */
const startGenerator = (pipeline: Pipeline, paused: boolean, pauses: number): Promise<boolean> => {
  const cursor = { ...begin(pipeline, uuid4().slice(0, 8), paused), pauses };
  const options = lasting(pipeline, names(pipeline).workflows.generate, 'sends the events of the game');
  return once(() => startChild(generate, { ...options, args: [{ pipeline, cursor }] }));
};

/** Starts the keeper of the SQL unless it runs; one that begins suspended stops the application. */
const startNotebook = (pipeline: Pipeline, suspended: boolean): Promise<boolean> => {
  const options = lasting(pipeline, names(pipeline).workflows.notebook, 'keeps the SQL of the Studio notebook running');
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
