import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import {
  type ActivityInterceptorsFactory,
  bundleWorkflowCode,
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
} from '@temporalio/worker';
import { clients, type Target } from '../activities/aws.ts';
import { createActivities } from '../activities/index.ts';
import type { Transition } from '../local/profile.ts';
import { type Local, type LocalOptions, startLocal } from '../local/start.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { foundation } from '../pipeline/stages.ts';
import { taskQueue } from '../worker/connect.ts';
import { heartbeats } from '../worker/heartbeat.ts';
import type { provision, removeStages } from '../workflows/provision.ts';
import type { Place } from './life.ts';
import { startServer } from './server.ts';

/** An empty account on a local AWS of its own, with a worker of the product's for it, all in this process. */
export interface Account extends Place {
  local: Local;
  /** Milliseconds that AWS takes from now on, by transition. */
  takes: Partial<Record<Transition, number>>;
  /** What is done at a boundary of an activity, as 'bucket.ready after': after it has succeeded, before Temporal hears of it. */
  at: Map<string, () => Promise<void>>;
  /** Provisions all that carries the data, and no more. */
  up(pipeline: Pipeline): Promise<Awaited<ReturnType<typeof provision>>>;
  /** Cancels what `up` has under way. */
  breakOff(pipeline: Pipeline): Promise<void>;
  /** Takes that away again; gives why each stage that would not go is still there. */
  down(pipeline: Pipeline): ReturnType<typeof removeStages>;
}

/** How the local AWS of an account is, and how many milliseconds it has to answer: few unless told, since faults leave some calls without an answer. */
export type AccountOptions = Partial<LocalOptions> & Pick<Target, 'answerWithin'>;

/** Gives out accounts, one at a time. */
export interface Accounts {
  /** A spec under a name that no other has. */
  pipelineOf(spec?: object): Pipeline;
  open(options?: AccountOptions): Promise<Account & { close(): Promise<void> }>;
  /** Opens an account for one story. */
  inAccount<Result>(options: AccountOptions, story: (account: Account) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** What every account here is called. */
export const ACCOUNT = '000000000000';
/** How much faster than AWS things go unless told. */
export const SPEED = 100;
const SHORT_ANSWER_MS = 2_000;

/** A Temporal server for accounts. */
export async function accounts(): Promise<Accounts> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }) } },
  });
  const workflowsPath = fileURLToPath(new URL('workflows.ts', import.meta.url));
  const [server, workflowBundle] = await Promise.all([
    startServer(),
    bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') }),
  ]);
  const { client, native } = server;
  let count = 0;
  const open: Accounts['open'] = async ({ answerWithin = SHORT_ANSWER_MS, ...options } = {}) => {
    const dir = await mkdtemp(join(tmpdir(), 'd2d-account-'));
    const takes: Account['takes'] = { ...options.durations };
    const local = await startLocal({ dir, log: () => undefined, ...options, durations: takes });
    const { region, endpoint, credentials } = local; // plain data: the generator hands it to its thread
    const target: Target = { region, endpoint, credentials, answerWithin };
    const aws = clients({ ...target, app: 'test' });
    const queue = taskQueue({ target: 'local', region });
    const at: Account['at'] = new Map();
    const worker = await Worker.create({
      connection: native,
      taskQueue: queue,
      workflowBundle,
      activities: createActivities({ target, client, taskQueue: queue }),
      interceptors: { activity: [heartbeats, pausingAt(at)] },
      maxConcurrentActivityTaskExecutions: 100,
      maxHeartbeatThrottleInterval: '500 milliseconds',
      shutdownGraceTime: '1 second',
    });
    const running = worker.run();
    const ups = new Map<string, Promise<WorkflowHandleWithFirstExecutionRunId<typeof provision>>>();
    const begun = (pipeline: Pipeline, what: string) => ({ taskQueue: queue, workflowId: `${pipeline.name}/${what}${++count}` });
    return {
      client,
      target,
      local,
      aws,
      calls: async () => local.calls.all(),
      takes,
      at,
      up: async (pipeline) => {
        const args = [{ pipeline, plan: foundation() }] as Parameters<typeof provision>;
        const starting = client.workflow.start<typeof provision>('provision', { ...begun(pipeline, 'up'), args });
        ups.set(pipeline.name, starting);
        return (await starting).result();
      },
      breakOff: async ({ name }) => {
        await (await ups.get(name)!).cancel().catch(unlessGone);
      },
      down: (pipeline) =>
        client.workflow.execute<typeof removeStages>('removeStages', {
          ...begun(pipeline, 'down'),
          args: [{ pipeline, plan: foundation() }],
        }),
      close: async () => {
        await endAll(client);
        worker.shutdown();
        await running;
        for (const each of Object.values(aws)) each.destroy();
        await local.close();
        await rm(dir, { recursive: true, force: true });
      },
    };
  };
  return {
    pipelineOf: (spec = {}) => ({
      ...parseSpec({ name: `game${++count}`, delivery: { seconds: 1 }, local: { speed: SPEED }, ...spec }),
      account: ACCOUNT,
    }),
    open,
    inAccount: async (options, story) => {
      const account = await open(options);
      try {
        return await story(account);
      } finally {
        await account.close();
      }
    },
    close: server.close,
  };
}

const pausingAt =
  (at: Account['at']): ActivityInterceptorsFactory =>
  ({ info: { activityType } }) => ({
    inbound: {
      execute: async (input, next) => {
        await at.get(`${activityType} before`)?.();
        const result = await next(input);
        await at.get(`${activityType} after`)?.();
        return result;
      },
    },
  });

/** Whatever still runs belongs to an account that is about to end: the next one's worker must not take it up. */
async function endAll({ workflow, schedule }: Client): Promise<void> {
  for await (const { scheduleId } of schedule.list()) await schedule.getHandle(scheduleId).delete().catch(unlessGone);
  for await (const { workflowId } of workflow.list({ query: "ExecutionStatus = 'Running'" }))
    await workflow.getHandle(workflowId).terminate('its account ends').catch(unlessGone);
}

const unlessGone = (error: Error) => {
  if (!/not found|already completed|NotFound/i.test(`${error.name} ${error.message}`)) throw error;
};
