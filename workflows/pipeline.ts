import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  executeChild,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  sleep,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { everything, foundation, reports } from '../pipeline/stages.ts';
import { rootMessage } from './failure.ts';
import { type Cursor, generate } from './generate.ts';
import { type Leftovers, type PipelineStatus, pause, resume, retry, stageMoved, status, teardown } from './messages.ts';
import { keepNotebook } from './notebook.ts';
import { provision, takeDown } from './provision.ts';
import { crawl } from './scheduled.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

const HISTORY_EVENTS = 1_500;
const lasting = { parentClosePolicy: ParentClosePolicy.ABANDON };

/** One pipeline's life, from provisioning to take-down: it brings everything up in the order of the data, then listens. `picture` comes from an earlier run. */
export async function operate({ pipeline, picture = born(pipeline) }: { pipeline: Pipeline; picture?: PipelineStatus }): Promise<void> {
  let ending = false;
  let again = false;
  let paused = picture.paused;
  const climb = new CancellationScope();
  let climbing = true;

  setHandler(status, () => picture);
  setHandler(stageMoved, (stage, state) => {
    picture.stages[stage] = state;
  });
  setHandler(retry, () => {
    again = true;
  });
  setHandler(pause, () => {
    paused = true;
  });
  setHandler(resume, () => {
    paused = false;
  });
  setHandler(
    teardown,
    async () => {
      ending = true;
      picture.state = 'taking down';
      climb.cancel();
      await condition(() => !climbing);
      const leftovers = await endEverything({ pipeline });
      picture.state = 'gone';
      return leftovers;
    },
    {
      validator: () => {
        if (ending) throw new Error(`pipeline ${pipeline.name} is already being taken down`);
      },
    },
  );

  /** Passes pause and resume on as soon as there is somebody to tell. */
  const steer = async () => {
    for (;;) {
      await condition(() => ending || (picture.generating && paused !== picture.paused));
      if (ending) return;
      const wanted = paused;
      await tellGenerator(pipeline, wanted);
      if (picture.readyAt !== undefined) await act['schedules.pause'](pipeline, wanted);
      picture.paused = wanted;
      if (picture.readyAt !== undefined && !ending) picture.state = wanted ? 'paused' : 'running';
    }
  };
  const steering = steer();

  while (!ending && picture.readyAt === undefined) {
    try {
      await climb.run(() => bringUp(pipeline, picture));
      if (picture.paused) await act['schedules.pause'](pipeline, true);
      Object.assign(picture, { readyAt: Date.now(), state: picture.paused ? 'paused' : 'running', reason: undefined });
    } catch (error) {
      if (ending) break;
      Object.assign(picture, { state: 'held', reason: rootMessage(error) });
      await condition(() => again || ending);
      again = false;
      if (!ending) Object.assign(picture, { state: 'starting', reason: undefined });
    }
  }
  climbing = false;
  await condition(() => ending || (workflowInfo().historyLength > HISTORY_EVENTS && paused === picture.paused));
  await condition(allHandlersFinished);
  if (!ending) await continueAsNew<typeof operate>({ pipeline, picture });
  await steering;
}

/** Ends what runs, takes every stage away and looks what is left. Also the whole workflow for a pipeline whose own no longer runs. */
export async function endEverything({ pipeline }: { pipeline: Pipeline }): Promise<Leftovers> {
  await act['schedules.remove'](pipeline);
  await act['workflows.end'](pipeline);
  await takeDown({ pipeline, plan: everything() });
  return act['inventory.left'](pipeline);
}

/** Everything in the order of the data: what carries it, the generator and the SQL, the tables of the first crawl, what reads them, the schedules. */
async function bringUp(pipeline: Pipeline, picture: PipelineStatus): Promise<void> {
  const ids = names(pipeline).workflows;
  await executeChild(provision, { ...lasting, workflowId: ids.provision, args: [{ pipeline, plan: foundation() }] });
  await startGenerator(pipeline, false);
  picture.generating = true;
  await once(startChild(keepNotebook, { ...lasting, workflowId: ids.notebook, args: [{ pipeline }] }));
  while (!picture.tables) {
    await act['lake.delivered'](pipeline);
    const tables = await executeChild(crawl, { ...lasting, workflowId: ids.crawl, args: [{ pipeline }] });
    picture.tables = await act['lake.tabled'](pipeline, tables);
    if (!picture.tables) await sleep('2 seconds');
  }
  await executeChild(provision, { ...lasting, workflowId: ids.reports, args: [{ pipeline, plan: reports() }] });
  await act['schedules.ensure'](pipeline);
}

/** Starts the generator unless it runs. Each has a name of its own for its events, so that no two lives give the same number twice. */
const startGenerator = (pipeline: Pipeline, paused: boolean): Promise<void> => {
  const { seed, players } = pipeline.generator;
  const cursor: Cursor = { game: { run: uuid4().slice(0, 8), seed, players }, next: 0, latest: 0, heartbeats: 0, paused };
  return once(startChild(generate, { ...lasting, workflowId: names(pipeline).workflows.generate, args: [{ pipeline, cursor }] }));
};

/** Pauses or resumes the generator; one that somebody has ended is started anew. */
async function tellGenerator(pipeline: Pipeline, paused: boolean): Promise<void> {
  try {
    await getExternalWorkflowHandle(names(pipeline).workflows.generate).signal(paused ? pause : resume);
  } catch (error) {
    log.warn(`the generator's workflow is gone and is started anew: ${rootMessage(error)}`);
    await startGenerator(pipeline, paused);
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

const born = (pipeline: Pipeline): PipelineStatus => ({
  pipeline,
  state: 'starting',
  stages: {},
  generating: false,
  tables: false,
  paused: false,
});
