import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { condition, getExternalWorkflowHandle, log, ParentClosePolicy, proxyActivities, startChild, uuid4 } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { rootMessage } from './failure.ts';
import { type Cursor, generate } from './generate.ts';
import { type PipelineStatus, pause, respec, resume, suspend } from './messages.ts';
import { keepNotebook } from './notebook.ts';
import { rename } from './picture.ts';
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
/** Heartbeats close the windows within seconds; a stream that takes none must not hold up a change for ever. */
const CLOSING_PATIENCE = '2 minutes';
const CLOSING = { summary: 'until every window is closed' };

/** How the pipeline's workflow steers its generator, notebook and schedules. */
export interface Hands {
  /** What the user wants; carried out as soon as there is somebody to tell. */
  want(wanted: { paused: boolean; deep: boolean }): void;
  /** Starts the generator and the notebook, where they do not run. */
  setGoing(pipeline: Pipeline): Promise<void>;
  /** Pauses the generator and waits until every window is closed. */
  closeWindows(): Promise<void>;
  /** Ends what `closeWindows` began. */
  goOn(): Promise<void>;
  respec(pipeline: Pipeline): Promise<void>;
  /** Runs until `isEnding`. */
  steer(isEnding: () => boolean): Promise<void>;
  /** True when everything wanted has been told. */
  areStill(): boolean;
}

/** Hands on the workflows of one pipeline; what they were told last is in the picture. */
export function handsOn(picture: PipelineStatus): Hands {
  let wanted = { paused: picture.paused, deep: picture.deep };
  let busy = false;
  const areStill = () => !busy && wanted.paused === picture.paused && wanted.deep === picture.deep;
  const tellGenerator = async (paused: boolean) => {
    if (!paused) picture.closed = false;
    await tellOr(names(picture.pipeline).workflows.generate, paused ? pause : resume, () => startGenerator(picture.pipeline, paused));
  };
  const tellNotebook = (message: typeof suspend | typeof resume) =>
    tellOr(names(picture.pipeline).workflows.notebook, message, async () => undefined);
  const closeWindows = async () => {
    await tellGenerator(true);
    await condition(() => picture.closed, CLOSING_PATIENCE, CLOSING);
  };
  return {
    want: (next) => {
      wanted = next;
    },
    setGoing: async (pipeline) => {
      await startGenerator(pipeline, wanted.paused);
      picture.generating = true;
      const workflowId = names(pipeline).workflows.notebook;
      if (!picture.deep)
        await once(
          startChild(keepNotebook, {
            ...lasting(pipeline, workflowId, 'keeps the SQL of the Studio notebook running'),
            args: [{ pipeline }],
          }),
        );
    },
    closeWindows,
    goOn: () => tellGenerator(wanted.paused),
    respec: async (pipeline) => {
      const { generate: generator, notebook } = names(pipeline).workflows;
      for (const id of [generator, notebook])
        await getExternalWorkflowHandle(id)
          .signal(respec, pipeline)
          .catch((error) => log.warn(`${id} is not there to hear of the new spec: ${rootMessage(error)}`));
    },
    areStill,
    steer: async (isEnding) => {
      for (;;) {
        await condition(() => isEnding() || (picture.generating && !areStill()));
        if (isEnding()) return;
        busy = true;
        const now = wanted;
        if (now.paused !== picture.paused) {
          await tellGenerator(now.paused);
          if (picture.readyAt !== undefined) await act['schedules.pause'](picture.pipeline, now.paused);
          picture.paused = now.paused;
        }
        if (picture.readyAt !== undefined && !isEnding() && picture.state !== 'held' && picture.state !== 'applying')
          rename(picture, now.paused ? 'paused' : 'running', now.paused ? picture.reason : undefined);
        if (now.deep && !picture.deep) await condition(() => picture.closed || isEnding() || wanted !== now, CLOSING_PATIENCE, CLOSING);
        if (now.deep !== picture.deep && wanted === now && !isEnding()) {
          await tellNotebook(now.deep ? suspend : resume);
          picture.deep = now.deep;
        }
        busy = false;
      }
    },
  };
}

/** Starts the generator unless it runs. Each has a name of its own for its events, so that no two lives give the same number twice. */
const startGenerator = (pipeline: Pipeline, paused: boolean): Promise<void> => {
  const { seed, players } = pipeline.generator;
  const cursor: Cursor = { game: { run: uuid4().slice(0, 8), seed, players }, next: 0, latest: 0, heartbeats: 0, paused };
  const options = lasting(pipeline, names(pipeline).workflows.generate, 'sends the events of the game');
  return once(startChild(generate, { ...options, args: [{ pipeline, cursor }] }));
};

/** Signals a workflow; one that somebody has ended is made up for. */
async function tellOr(workflowId: string, message: typeof pause | typeof suspend, otherwise: () => Promise<unknown>): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(message as typeof suspend);
  } catch (error) {
    log.warn(`workflow ${workflowId} is gone: ${rootMessage(error)}`);
    await otherwise();
  }
}

/** A long-lived child is started once; when a second attempt finds it running, that is as good. */
async function once(start: Promise<unknown>): Promise<void> {
  try {
    await start;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
