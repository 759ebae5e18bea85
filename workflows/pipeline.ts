import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  executeChild,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  sleep,
  startChild,
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
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

const HISTORY_EVENTS = 1_500;
const lasting = { parentClosePolicy: ParentClosePolicy.ABANDON };

/** One pipeline's life, from provisioning to take-down: it brings everything up in the order of the data, then listens. `picture` comes from an earlier run. */
export async function operate({ pipeline, picture = born(pipeline) }: { pipeline: Pipeline; picture?: PipelineStatus }): Promise<void> {
  const ids = names(pipeline).workflows;
  let ending = false;
  let again = false;
  let paused = picture.state === 'paused';

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

  while (!ending && picture.readyAt === undefined) {
    try {
      await bringUp(pipeline, picture, () => paused);
      Object.assign(picture, { readyAt: Date.now(), state: 'running', reason: undefined });
    } catch (error) {
      if (ending) break;
      Object.assign(picture, { state: 'held', reason: rootMessage(error) });
      await condition(() => again || ending);
      again = false;
      if (!ending) Object.assign(picture, { state: 'starting', reason: undefined });
    }
  }
  while (!ending) {
    const wasPaused = picture.state === 'paused';
    await condition(() => ending || paused !== wasPaused || workflowInfo().historyLength > HISTORY_EVENTS);
    if (ending) break;
    if (paused !== wasPaused) {
      await getExternalWorkflowHandle(ids.generate).signal(paused ? pause : resume);
      await act['schedules.pause'](pipeline, paused);
      if (!ending) picture.state = paused ? 'paused' : 'running';
    } else {
      await condition(allHandlersFinished);
      await continueAsNew<typeof operate>({ pipeline, picture });
    }
  }
  await condition(allHandlersFinished);
}

/** Ends what runs, takes every stage away and looks what is left. Also the whole workflow for a pipeline whose own no longer runs. */
export async function endEverything({ pipeline }: { pipeline: Pipeline }): Promise<Leftovers> {
  const { generate: generator, notebook, provision: foundations, reports: upper, crawl: crawling } = names(pipeline).workflows;
  await act['schedules.remove'](pipeline);
  await Promise.all([generator, notebook, foundations, upper, crawling].map((id) => act['workflow.end'](id)));
  await takeDown({ pipeline, plan: everything() });
  return act['inventory.left'](pipeline);
}

/** Everything in the order of the data: what carries it, the generator and the SQL, the tables of the first crawl, what reads them, the schedules. */
async function bringUp(pipeline: Pipeline, picture: PipelineStatus, isPaused: () => boolean): Promise<void> {
  const ids = names(pipeline).workflows;
  await executeChild(provision, { ...lasting, workflowId: ids.provision, args: [{ pipeline, plan: foundation() }] });
  await once(startChild(generate, { ...lasting, workflowId: ids.generate, args: [{ pipeline, cursor: firstCursor(pipeline) }] }));
  await once(startChild(keepNotebook, { ...lasting, workflowId: ids.notebook, args: [{ pipeline }] }));
  if (isPaused()) await getExternalWorkflowHandle(ids.generate).signal(pause);
  while (!picture.tables) {
    await act['lake.delivered'](pipeline);
    const tables = await executeChild(crawl, { ...lasting, workflowId: ids.crawl, args: [{ pipeline }] });
    picture.tables = await act['lake.tabled'](pipeline, tables);
    if (!picture.tables) await sleep('2 seconds');
  }
  await executeChild(provision, { ...lasting, workflowId: ids.reports, args: [{ pipeline, plan: reports() }] });
  await act['schedules.ensure'](pipeline);
}

/** A long-lived child is started once; when a second attempt finds it running, that is as good. */
async function once(start: Promise<unknown>): Promise<void> {
  try {
    await start;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

const born = ({ name, target, region, account }: Pipeline): PipelineStatus => ({
  name,
  target,
  region,
  account,
  state: 'starting',
  stages: {},
  tables: false,
});

/** The first run's own id sets the event ids of this life apart from those of an earlier pipeline of the same name. */
const firstCursor = ({ generator }: Pipeline): Cursor => ({
  game: { run: workflowInfo().firstExecutionRunId.slice(0, 8), seed: generator.seed, players: generator.players },
  next: 0,
  latest: 0,
  heartbeats: 0,
  paused: false,
});
