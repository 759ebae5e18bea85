import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { auditActivities } from '../activities/audit/audit.ts';
import type { Holding } from '../activities/audit/tally.ts';
import { type Clients, clients } from '../activities/aws.ts';

import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { type Child, startChild } from '../processes/children.ts';
import { environmentFor, taskQueue } from '../worker/connect.ts';
import { begin } from '../workflows/cursor.ts';
import type { generate } from '../workflows/generate.ts';
import { flushLedger, generatorQuery, pause } from '../workflows/messages.ts';
import { cancelled } from './cancelled.ts';
import { bringUp } from './dashboard-lake.ts';
import { type LocalAws, localAws } from './local-aws.ts';
import { temporalServer } from './temporal-server.ts';

const LANES = 6;
/** As Temporal's API numbers it. */
const TASK_QUEUE_TYPE_WORKFLOW = 1;
const spec = parseSpec({ name: 'spread', shards: LANES, windowSeconds: 1, generator: { rate: 600, players: 100 } });
const pipeline: Pipeline = { ...spec, account: '000000000000' };

let local: LocalAws;
let aws: Clients;
let env: TestWorkflowEnvironment;
const workers: Child[] = [];

beforeAll(async () => {
  [local, env] = await Promise.all([localAws(), temporalServer()]);
  aws = clients(local);
  for (const name of ['one', 'another']) workers.push(worker(name));
  await Promise.all([...workers.map(({ ready }) => ready), bringUp(aws, ['bucket', 'events'], pipeline)]);
});
afterAll(async () => {
  for (const each of workers) await each.stop();
  await env?.teardown();
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

/** The product's worker, in a process of its own. */
function worker(name: string, where: object = { AWS_ENDPOINT_URL: local.endpoint }): Child {
  const { accessKeyId, secretAccessKey } = local.credentials;
  return startChild({
    name,
    command: process.execPath,
    args: ['--import', 'tsx', 'worker/main.ts'],
    env: {
      ...environmentFor({ address: env.address, namespace: 'default' }),
      AWS_REGION: local.region,
      ...where,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: undefined,
    },
    logFile: join(local.dir, `${name}.log`),
    ready: { line: (line) => line === 'ready' },
  });
}

it('has its lanes sent by whichever workers there are: those of one that is killed, or stands still for a while, move to another and go on, and every event is accounted for', async () => {
  const workflowId = names(pipeline).workflows.generate;
  const handle = await env.client.workflow.start<typeof generate>('generate', {
    taskQueue: taskQueue(pipeline),
    workflowId,
    args: [{ pipeline, cursor: { ...begin(pipeline, 'spread00', false), began: Date.now() } }],
  });
  /** Who sends the lanes just now, by process id. */
  const senders = async () => {
    const { raw } = await handle.describe();
    return (raw.pendingActivities ?? [])
      .filter(({ activityType, lastHeartbeatTime }) => activityType?.name === 'kinesis.generate' && lastHeartbeatTime)
      .map(({ lastWorkerIdentity }) => Number(lastWorkerIdentity?.split('@')[0]));
  };
  const until = async (isSo: (pids: number[]) => boolean) => {
    for (;;) {
      const pids = await senders();
      if (isSo(pids)) return;
      await delay(50);
    }
  };
  await until((pids) => pids.length === LANES && new Set(pids).size === workers.length);
  const sleeper = (await senders())[0]!;
  const other = (pid: number) => workers.find((each) => each.pid !== pid)!.pid;
  expect(workers.map(({ pid }) => pid)).toContain(sleeper);

  process.kill(sleeper, 'SIGSTOP');
  await until((pids) => pids.length === LANES && pids.every((pid) => pid === other(sleeper)));
  // For a moment two send the same events.
  process.kill(sleeper, 'SIGCONT');
  await until((pids) => pids.length === LANES);

  const victim = (await senders())[0]!;
  const survivor = other(victim);
  process.kill(victim, 'SIGKILL');
  await until((pids) => pids.length === LANES && pids.every((pid) => pid === survivor));
  // Just taken over: what the killed one may have sent goes first, not the half minute of a whole stretch.
  await handle.signal(pause);
  const since = performance.now();
  while ((await handle.query(generatorQuery)).state !== 'paused') await delay(50);
  expect(performance.now() - since).toBeLessThan(20_000);
  const { lanes } = await handle.executeUpdate(flushLedger);
  for (const next of lanes) expect(next).toBeGreaterThan(0);
  const { region, endpoint, credentials } = local;
  const held = (await auditActivities(aws, { region, endpoint, credentials })['audit.count'](pipeline, 'stream')) as Holding;
  expect(held).toMatchObject({ events: lanes.reduce((sum, next) => sum + next, 0), missing: 0, altered: 0, unknown: 0 });
  expect(held.copies.unexplained).toBe(0);
  await cancelled(handle);
});

it('takes up the work of its own account alone, whose queue the client names likewise', async () => {
  // Without an endpoint for all services it is a worker for AWS; who it is, the local AWS tells.
  const onAws = worker('on-aws', { AWS_ENDPOINT_URL_STS: local.endpoint });
  try {
    await onAws.ready;
    const pollers = async (account: string) => {
      const name = taskQueue({ ...pipeline, target: 'aws', account });
      const asked = { namespace: 'default', taskQueue: { name }, taskQueueType: TASK_QUEUE_TYPE_WORKFLOW };
      return (await env.connection.workflowService.describeTaskQueue(asked)).pollers.map(({ identity }) => identity?.split('@')[0]);
    };
    while ((await pollers(local.account)).length === 0) await delay(50);
    expect(await pollers(local.account)).toEqual([String(onAws.pid)]);
    expect(await pollers('111111111111')).toEqual([]);
  } finally {
    await onAws.stop();
  }
});
