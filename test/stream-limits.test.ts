import {
  CreateStreamCommand,
  type CreateStreamInput,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
} from '@aws-sdk/client-kinesis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowBundle } from '@temporalio/worker';
import { clients } from '../activities/aws.ts';
import { stageActivities } from '../activities/registry.ts';
import { waitsOf } from '../client/snapshot.ts';
import { SHARD_LIMIT } from '../local/kinesis/streams.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { foundation, only, STAGES } from '../pipeline/stages.ts';
import type { provision } from '../workflows/provision.ts';
import { type LocalAws, localAws } from './local-aws.ts';
import { temporalServer, workerIn } from './temporal-server.ts';
import { bundleOf } from './workflow-bundle.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'six' }), account: '000000000000' };
const NO_ROOM =
  'This request would have exceed the limit on the number of streams that can simultaneously be in CREATING or DELETING for the account 000000000000. Limit: 5.';
const NO_SHARDS =
  'This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for the account: 20000. Limit: 20000. Number of additional shards that would have resulted from this request: 1.';

const waiting = (name: string) => `Kinesis stream ${name} waits until AWS has made or deleted others: ${NO_ROOM}`;

let local: LocalAws;
let ahead: number;
const begin = async (durations = {}) => {
  ahead = 0;
  local = await localAws({ durations, now: () => Date.now() + ahead });
};
afterEach(() => local.close());

const refused = () => local.calls.all().filter(({ operation, outcome }) => operation === 'CreateStream' && outcome !== 'ok');

/** Streams of other people, which take up all the shards of the account. */
async function allShardsOpen(kinesis: KinesisClient): Promise<void> {
  for (let i = 0; i < SHARD_LIMIT / 200; i++) await kinesis.send(new CreateStreamCommand({ StreamName: `other-${i}`, ShardCount: 200 }));
}

describe('the local AWS', () => {
  let kinesis: KinesisClient;
  const started = async (durations = {}) => {
    await begin(durations);
    kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
  };
  afterEach(() => kinesis.destroy());
  const create = (StreamName: string) => kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const remove = (StreamName: string) => kinesis.send(new DeleteStreamCommand({ StreamName }));

  it('makes and deletes five streams at once, and refuses a further one until one of them is done', async () => {
    await started({ 'stream create': 15_000, 'stream delete': 20_000 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    await expect(create('f')).rejects.toMatchObject({ name: 'LimitExceededException', message: NO_ROOM });
    await expect(create('a')).rejects.toMatchObject({ name: 'ResourceInUseException' });
    ahead += 15_000;
    await create('f');
    for (const name of ['a', 'b', 'c', 'd', 'e']) await remove(name);
    await expect(create('g')).rejects.toMatchObject({ name: 'LimitExceededException', message: NO_ROOM });
    ahead += 20_000;
    await create('g');
  });

  it('has no such limit where they take no time, and refuses what would open more shards than the account may have', async () => {
    await started();
    await allShardsOpen(kinesis);
    await expect(create('more')).rejects.toMatchObject({ name: 'LimitExceededException', message: NO_SHARDS });
    await remove('other-0');
    await create('more');
  });
});

describe('the streams of a pipeline', () => {
  const streams = only(foundation(), (stage) => STAGES[stage].group === 'Kinesis streams');
  let env: TestWorkflowEnvironment;
  let workflowBundle: WorkflowBundle;
  let aws: ReturnType<typeof clients>;
  beforeAll(async () => {
    env = await temporalServer();
    workflowBundle = await bundleOf('workflows/provision.ts');
  });
  afterAll(() => env?.teardown());
  const started = async (durations = {}) => {
    await begin(durations);
    aws = clients(local);
  };
  afterEach(() => {
    for (const client of Object.values(aws)) client.destroy();
  });

  /** Brings the streams up; gives what came of it, and why some had to wait. Time passes once one has asked twice, and it is told why. */
  async function broughtUp() {
    const ids = { taskQueue: 'streams', workflowId: 'streams' };
    const activities = stageActivities(aws);
    const worker = await workerIn(env, { taskQueue: ids.taskQueue, workflowBundle, activities });
    const told = new Set<string>();
    return worker.runUntil(async () => {
      const handle = await env.client.workflow.start<typeof provision>('provision', { ...ids, args: [{ pipeline, plan: streams }] });
      for (;;) {
        const { raw, status } = await handle.describe();
        for (const words of waitsOf(raw.pendingActivities ?? [])) told.add(words);
        if (told.size > 0 && refused().length > 1) ahead += 1_000;
        if (status.name !== 'RUNNING') return { ...(await handle.result()), told: [...told] };
      }
    });
  }

  it('are all made though AWS makes five at once: the sixth waits, says so, and asks once a second at most', async () => {
    await started({ 'stream create': 60_000 });
    const began = Date.now();
    const { failed, outcomes, told } = await broughtUp();

    expect(failed).toEqual({});
    expect(Object.values(outcomes)).toEqual(LAKE_TABLES.map(() => 'created'));
    const [name, ...others] = new Set(refused().map(({ input }) => (input as CreateStreamInput).StreamName));
    expect(others).toEqual([]);
    expect(refused().length).toBeLessThanOrEqual(2 + (Date.now() - began) / 1000);
    expect(told).toEqual([waiting(name!)]);
  });

  it('that wait are asked for by one call each time, which slows down nothing else', async () => {
    await started({ 'stream create': 60_000 });
    const act = stageActivities(aws);
    const [late, ...others] = streams.map(({ stage }) => stage).reverse();
    for (const stage of others) await act[`${stage}.ensure`](pipeline);
    const ensured = () => act[`${late!}.ensure`](pipeline);
    const wait = { type: 'NotYet', message: waiting(names(pipeline).streams.late_events) };
    for (const _ of [1, 2]) await expect(ensured()).rejects.toMatchObject(wait);
    expect(refused()).toHaveLength(2);
    const began = Date.now();
    for (let i = 0; i < 30; i++) await aws.kinesis.send(new DescribeStreamSummaryCommand({ StreamName: pipeline.name }));
    expect(Date.now() - began).toBeLessThan(10_000);
    ahead += 60_000;
    expect(await ensured()).toMatchObject({ outcome: 'created' });
  });

  it('are not waited for so where the account may have no more shards: AWS’s words are the failure', async () => {
    await started();
    await allShardsOpen(aws.kinesis);
    await expect(stageActivities(aws)['lateEvents.ensure'](pipeline)).rejects.toMatchObject({
      type: 'LimitExceededException',
      message: `ensuring Kinesis stream ${names(pipeline).streams.late_events}: LimitExceededException: ${NO_SHARDS}`,
    });
  });
});
