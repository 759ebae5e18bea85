import { setTimeout as delay } from 'node:timers/promises';
import { CreateStreamCommand, DescribeStreamSummaryCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ActivityCancelledError, ActivityNotFoundError, type Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { withFence } from '../activities/attempt.ts';
import { type Clients, clients } from '../activities/aws.ts';
import { type Accounts, accounts } from '../chaos/account.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { localAws } from './local-aws.ts';

const TIMEOUT_MS = 1_000;

describe('an attempt of an activity', () => {
  let local: Local;
  let aws: Clients;
  let count = 0;
  beforeAll(async () => {
    local = await localAws();
    aws = clients({ ...local, isPaced: true });
  });
  beforeEach(() => local.calls.clear());
  afterAll(async () => {
    for (const client of Object.values(aws)) client.destroy();
    await local.close();
  });

  /** Runs an attempt for which Temporal's answers are as `answer` says; `asked` counts them. */
  const attempt = async (answer: () => Promise<unknown>, work: (kinesis: KinesisClient) => Promise<unknown>) => {
    let asked = 0;
    const client = {
      withAbortSignal: <Value>(_signal: AbortSignal, call: () => Value) => call(),
      withDeadline: <Value>(_deadline: number, call: () => Value) => call(),
      activity: { heartbeat: () => answer().finally(() => asked++) },
    };
    const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: TIMEOUT_MS }, { client: client as unknown as Client });
    await environment.run(() => withFence({}, () => work(aws.kinesis)));
    return asked;
  };
  const create = (kinesis: KinesisClient) => kinesis.send(new CreateStreamCommand({ StreamName: `fenced-${++count}`, ShardCount: 1 }));
  const made = () => local.calls.all().filter(({ operation }) => operation === 'CreateStream');
  const refused = (error: Error) => () => Promise.reject(error);

  it('asks Temporal before it changes anything, once for changes that follow at once, and again later', async () => {
    const answered = async () => undefined;
    expect(await attempt(answered, (kinesis) => Promise.all([create(kinesis), create(kinesis)]))).toBe(1);
    const twice = attempt(answered, async (kinesis) => {
      await create(kinesis);
      await delay(TIMEOUT_MS);
      await create(kinesis);
    });
    expect(await twice).toBe(2);
    expect(made()).toHaveLength(4);
  });

  it('changes nothing once Temporal has given it up, and reads all the same', async () => {
    const given = refused(new ActivityNotFoundError('not found'));
    await expect(attempt(given, create)).rejects.toMatchObject({
      type: 'NotYet',
      message: expect.stringContaining('given this attempt up'),
    });
    expect(made()).toEqual([]);
    const look = (kinesis: KinesisClient) =>
      kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'no-such' })).catch(() => undefined);
    expect(await attempt(given, look)).toBe(0);
    expect(local.calls.all()).toHaveLength(1);
  });

  it.each([
    ['refuses', refused(new Error('UNAVAILABLE'))],
    ['does not answer', () => new Promise<void>(() => undefined)],
  ])('changes nothing where Temporal %s', async (_how, answer) => {
    await expect(attempt(answer, create)).rejects.toMatchObject({ type: 'NotYet', message: expect.stringContaining('does not say') });
    expect(made()).toEqual([]);
  });

  it('goes on changing when it is cancelled, as it may have to come far enough to end', async () => {
    await attempt(refused(new ActivityCancelledError('cancelled')), create);
    expect(made()).toHaveLength(1);
  });
});

describe('an attempt whose worker stood still', () => {
  let all: Accounts;
  beforeAll(async () => {
    all = await accounts();
  });
  afterAll(() => all?.close());

  it('makes nothing of what was taken away since', async () => {
    await all.inAccount({}, async ({ local, aws, at, up, down }) => {
      const pipeline = all.pipelineOf();
      let woken = 0;
      let wake = () => {};
      const awake = new Promise<void>((resolve) => {
        wake = resolve;
      });
      at.set('bucket.ensure before', async () => {
        if (woken++ > 0) return;
        // No heartbeat goes out for longer than Temporal waits for one: it gives the stage to another attempt.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
        await awake;
      });
      expect((await up(pipeline)).failed).toEqual({});
      expect(woken).toBeGreaterThan(1);
      expect(await down(pipeline)).toEqual({});
      const before = local.calls.all().length;
      wake();
      const since = () =>
        local.calls
          .all()
          .slice(before)
          .map(({ operation }) => operation);
      while (!since().includes('HeadBucket')) await delay(50);
      await delay(2_000); // what it is not to do would come at once
      expect(since()).not.toContain('CreateBucket');
      const { bucket: Bucket } = names(pipeline);
      await aws.s3.send(new CreateBucketCommand({ Bucket })); // it is free
    });
  });
});
