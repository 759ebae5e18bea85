import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { type Clients, clients } from '../activities/aws.ts';
import { createActivities } from '../activities/index.ts';
import { type Local, type LocalOptions, startLocal } from '../local/start.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { foundation, type Plan } from '../pipeline/stages.ts';
import { toolPaths } from '../setup/tools.mjs';
import { heartbeats } from '../worker/heartbeat.ts';
import type { provision, takeDown } from '../workflows/provision.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';
import { everythingThereIs } from './inventory.ts';

/** An empty account on a local AWS of its own, with a worker of the product's for it, all in this process. */
export interface Account {
  local: Local;
  aws: Clients;
  /** Provisions all that carries the data. */
  up(pipeline: Pipeline): Promise<Awaited<ReturnType<typeof provision>>>;
  /** Cancels what `up` has under way. */
  breakOff(pipeline: Pipeline): Promise<void>;
  down(pipeline: Pipeline): Promise<void>;
  /** What is there that was not there at first. */
  left(): Promise<string[]>;
}

/** Gives out accounts, one after the other. */
export interface Accounts {
  /** A spec under a name that no other has. */
  pipelineOf(spec?: object): Pipeline;
  inAccount<Result>(options: Partial<LocalOptions>, story: (account: Account) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** What every account here is called. */
export const ACCOUNT = '000000000000';
/** How much faster than AWS things go unless told. */
export const SPEED = 100;
/** How long an answer may take: not long, since some calls are never answered. */
const ANSWER_MS = 1_000;

/** A Temporal server for accounts. */
export async function accounts(): Promise<Accounts> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: toolPaths().temporal! }, searchAttributes: SEARCH_ATTRIBUTES },
  });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./provision-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const { workflow } = env.client;
  let count = 0;
  const pipelineOf = (spec: object = {}): Pipeline => ({
    ...parseSpec({ name: `game${++count}`, delivery: { seconds: 1 }, local: { speed: SPEED }, ...spec }),
    account: ACCOUNT,
  });
  const inAccount: Accounts['inAccount'] = async (options, story) => {
    const dir = await mkdtemp(join(tmpdir(), 'd2d-account-'));
    const local = await startLocal({ dir, log: () => undefined, ...options });
    const aws = clients({ ...local, answerWithin: ANSWER_MS });
    const before = await everythingThereIs(aws, ACCOUNT);
    const taskQueue = `account-${++count}`;
    const worker = await Worker.create({
      connection: env.nativeConnection,
      taskQueue,
      workflowBundle,
      activities: createActivities({ target: { ...local, answerWithin: ANSWER_MS }, client: env.client, taskQueue }),
      interceptors: { activity: [heartbeats] },
    });
    const started = (pipeline: Pipeline, what: string) => ({ taskQueue, workflowId: `${pipeline.name}/${what}${++count}` });
    const account: Account = {
      local,
      aws,
      up: (pipeline) =>
        workflow.execute<typeof provision>('provision', { ...started(pipeline, 'up'), args: [{ pipeline, plan: foundation() }] }),
      breakOff: async ({ name }) => {
        for await (const { workflowId } of workflow.list({ query: `WorkflowId STARTS_WITH '${name}/up' AND ExecutionStatus='Running'` }))
          await workflow.getHandle(workflowId).cancel();
      },
      down: async (pipeline) => {
        const wish = { ...started(pipeline, 'down'), args: [{ pipeline, plan: foundation() }] as [{ pipeline: Pipeline; plan: Plan }] };
        const failed = await workflow.execute<typeof takeDown>('takeDown', wish);
        if (Object.keys(failed).length > 0) throw new Error(Object.values(failed).join('\n'));
      },
      left: async () => (await everythingThereIs(aws, ACCOUNT)).filter((thing) => !before.includes(thing)),
    };
    try {
      return await worker.runUntil(() => story(account));
    } finally {
      for (const client of Object.values(aws)) client.destroy();
      await local.close();
      await rm(dir, { recursive: true, force: true });
    }
  };
  return { pipelineOf, inAccount, close: () => env.teardown() };
}
