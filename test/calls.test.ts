import { fileURLToPath } from 'node:url';
import { CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Worker } from '@temporalio/worker';
import { type Clients, clients } from '../activities/aws.ts';
import { crawlActivities } from '../activities/glue/crawl.ts';
import { stageActivities } from '../activities/registry.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { heartbeats } from '../worker/heartbeat.ts';
import { localAws } from './local-aws.ts';
import type { oneActivity } from './one-activity.ts';
import { temporalServer, workerIn } from './temporal-server.ts';

const taskQueue = 'calls';
const pipeline: Pipeline = { ...parseSpec({ name: 'counted', keep: { streamHours: 48 }, local: { speed: 20 } }), account: '000000000000' };

let local: Local;
let aws: Clients;
let env: TestWorkflowEnvironment;
let worker: Worker;
let running: Promise<void>;

beforeAll(async () => {
  local = await localAws({ settle: 400 });
  aws = clients(local);
  env = await temporalServer();
  worker = await workerIn(env, {
    taskQueue,
    workflowsPath: fileURLToPath(new URL('one-activity.ts', import.meta.url)),
    activities: { ...stageActivities(aws), ...crawlActivities(aws) },
    interceptors: { activity: [heartbeats] },
  });
  running = worker.run();
});
beforeEach(() => {
  local.faults.put({ rules: [] });
  local.calls.clear();
});
afterAll(async () => {
  worker?.shutdown();
  await running;
  await env?.teardown();
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

let count = 0;
const run = (name: string, ...args: unknown[]) =>
  env.client.workflow.execute<typeof oneActivity>('oneActivity', {
    taskQueue,
    workflowId: `one-${++count}`,
    args: [name, [pipeline, ...args]],
  });
/** What the local AWS has been asked; retries inside the SDK count as one, so none are made here. */
const asked = () => {
  const all = local.calls.all().map(({ operation }) => operation);
  return { calls: all.length, mutatingCalls: all.filter((each) => !/^(Get|List|Describe)/.test(each)).length };
};

describe('what an activity tells of its calls', () => {
  it('is what all its attempts made, the looks that came too early too', async () => {
    expect(await run('events.ensure')).toEqual({ outcome: 'created', ...asked() });
    local.calls.clear();
    const ready = (await run('events.ready')) as { calls: number };
    // It is made, keeps its records longer, and is changed by then.
    expect(ready).toEqual({ ...asked(), mutatingCalls: 1 });
    expect(ready.calls).toBeGreaterThan(2);
    local.calls.clear();
    expect(await run('events.ensure')).toEqual({ outcome: 'unchanged', ...asked(), mutatingCalls: 0 });
  });

  it('and of its outcome, the attempts that failed after they took effect among them', async () => {
    local.faults.put({ rules: [{ operation: 'PutRolePolicy', times: 1, fault: { kind: 'error', name: 'ServiceFailure' } }] });
    expect(await run('crawlerRole.ensure')).toEqual({ outcome: 'created', ...asked() });
    expect(asked().mutatingCalls).toBe(4);
    local.calls.clear();
    const longer = { ...pipeline, keep: { ...pipeline.keep, streamHours: 72 }, shards: 4 };
    await env.client.workflow.execute<typeof oneActivity>('oneActivity', {
      taskQueue,
      workflowId: 'changed',
      args: ['events.ensure', [longer]],
    });
    expect(await env.client.workflow.getHandle('changed').result()).toEqual({ outcome: 'changed', ...asked(), mutatingCalls: 2 });
  });

  it('is carried by a failure that is final', async () => {
    await aws.logs.send(new CreateLogGroupCommand({ logGroupName: names(pipeline).studioLogGroup }));
    local.calls.clear();
    expect(await run('studioLogs.ensure')).toEqual({ type: 'ForeignResource', details: [asked()] });
    expect(asked().calls).toBeGreaterThan(1);
  });

  it('is not a failure where the tags of what an attempt before has made do not show at once', async () => {
    local.faults.put({ rules: [{ operation: 'PutRolePolicy', times: 1, fault: { kind: 'error', name: 'ServiceFailure' } }] });
    let hidden = 4;
    const hide = (next: (input: unknown) => Promise<{ output: { Role?: { Tags?: unknown } } }>) => async (input: unknown) => {
      const answer = await next(input);
      if (answer.output.Role?.Tags !== undefined && hidden-- > 0) answer.output.Role.Tags = undefined;
      return answer;
    };
    // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
    aws.iam.middlewareStack.add(hide as any, { step: 'initialize', name: 'hide' });
    try {
      expect(await run('quicksightRole.ensure')).toMatchObject({ outcome: 'created' });
      expect(hidden).toBeLessThanOrEqual(0);
    } finally {
      aws.iam.middlewareStack.remove('hide');
    }
  });

  it('goes along with the crawl', async () => {
    for (const stage of ['bucket', 'lakeDatabase', 'crawler']) await run(`${stage}.ensure`);
    local.calls.clear();
    const since = (await run('crawl.since')) as { at: number };
    expect(since).toEqual({ at: 0, ...asked() });
    local.calls.clear();
    expect(await run('crawl.start', since)).toEqual({ started: true, calls: 2, mutatingCalls: 1 });
    local.calls.clear();
    expect(await run('crawl.finished', since)).toMatchObject({ tables: [], ...asked() });
  });
});
