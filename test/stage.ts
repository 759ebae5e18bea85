import { afterAll, beforeAll } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { operate } from '../workflows/index.ts';
import type { ApplyRequest, PipelineStatus } from '../workflows/messages.ts';
import * as messages from '../workflows/messages.ts';
import { storyteller, temporalServer, workerIn } from './temporal-server.ts';
import { activitiesOf, type World, world } from './world.ts';

/** A Temporal server for the suite that imports this. */
export let env: TestWorkflowEnvironment;

beforeAll(async () => {
  env = await temporalServer();
});
const stories = storyteller();
afterAll(async () => {
  if (env) await stories.end(env);
  await env?.teardown();
});

/** The generator of a pipeline. */
export const generatorOf = (pipeline: Pipeline) => env.client.workflow.getHandle(names(pipeline).workflows.generate);
/** Of a spec whose pipeline looks for drift soon. */
export const soon = { schedules: { drift: '10 seconds' } };

let count = 0;

/** Runs `story` with a worker over an account in memory, and a pipeline that nobody else has; on a task queue of its own, or on `queue`. */
export async function withPipeline(story: (s: Stage) => Promise<void>, spec: object = {}, queue?: string): Promise<void> {
  count++;
  const taskQueue = queue ?? `pipeline-${count}`;
  const account = world();
  const activities = activitiesOf(account);
  const changed: Partial<typeof activities> = {};
  const pipeline: Pipeline = {
    ...parseSpec({ name: `game${count}`, windowSeconds: 1, local: { speed: 100 }, generator: { rate: 100 }, ...spec }),
    account: '000000000000',
  };
  const worker = await workerIn(env, {
    taskQueue,
    // Looked up at each call, so that a story may change them as it goes.
    activities: Object.fromEntries(
      Object.entries(activities).map(([type, own]) => [type, (...args: never[]) => (changed[type] ?? own)(...args)]),
    ),
    maxHeartbeatThrottleInterval: 20,
  });
  const handle = env.client.workflow.getHandle<typeof operate>(pipeline.name);
  const startOf = (request: Partial<ApplyRequest>) => ({
    taskQueue,
    workflowId: pipeline.name,
    args: [{ pipeline, ...request }] as Parameters<typeof operate>,
  });
  const up = (request: Partial<ApplyRequest> = {}) => env.client.workflow.start<typeof operate>('operate', startOf(request));
  const apply = (request: Partial<ApplyRequest> = {}) => handle.executeUpdate(messages.apply, { args: [{ pipeline, ...request }] });
  const upBrokenOff = () =>
    env.client.workflow.signalWithStart<typeof operate, [{ rollback: boolean }]>('operate', {
      ...startOf({}),
      signal: messages.breakOff,
      signalArgs: [{ rollback: false }],
    });
  const until = async (isSo: (status: PipelineStatus) => boolean): Promise<PipelineStatus> => {
    while (!stories.isOver()) {
      const status = await handle.query(messages.statusQuery);
      if (isSo(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('the suite is over');
  };
  await stories.tell(worker, async () => {
    await story({ account, acts: (more) => void Object.assign(changed, more), pipeline, handle, up, apply, upBrokenOff, until });
    const described = await handle.describe();
    if (described.status.name === 'RUNNING') await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
  });
}

/** What a story plays with. */
export interface Stage {
  account: World;
  /** Changes what an activity does from now on; one that is undefined does again as the account does. */
  acts(changed: Record<string, ((...args: never[]) => unknown) | undefined>): void;
  pipeline: Pipeline;
  handle: ReturnType<TestWorkflowEnvironment['client']['workflow']['getHandle']>;
  up(request?: Partial<ApplyRequest>): Promise<unknown>;
  /** Asks the running pipeline to apply its spec, or what is given. */
  apply(request?: Partial<ApplyRequest>): Promise<messages.PlanReport>;
  /** A break-off comes before it has begun. */
  upBrokenOff(): Promise<unknown>;
  until(isSo: (status: PipelineStatus) => boolean): Promise<PipelineStatus>;
}

export const isRunning = ({ state }: PipelineStatus) => state === 'running';
export const isHeld = ({ state }: PipelineStatus) => state === 'held';

/** Where something waits until it is let through. */
export function gate() {
  let arrive = () => {};
  let open = () => {};
  const reached = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const isOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  const passed = () => {
    arrive();
    return isOpen;
  };
  return { passed, reached, open };
}
