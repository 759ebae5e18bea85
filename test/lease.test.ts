import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { generatorActivities } from '../activities/kinesis/generate.ts';
import { rows, shardsOf } from '../activities/kinesis/shards.ts';
import { type SendProgress, unsent } from '../activities/kinesis/stretch.ts';
import type { Local } from '../local/start.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { localAws } from './local-aws.ts';

const spec = parseSpec({ name: 'leased', shards: 1 });
const pipeline: Pipeline = { ...spec, account: '000000000000' };
const StreamName = names(pipeline).streams.events;
const TIMEOUT_MS = 2_400;

let local: Local;
let kinesis: KinesisClient;
let activities: ReturnType<typeof generatorActivities>;
beforeAll(async () => {
  local = await localAws();
  kinesis = new KinesisClient(local);
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { region, endpoint, credentials } = local;
  activities = generatorActivities({ region, endpoint, credentials }, kinesis);
  // Its thread takes part of a lease to start.
  const { environment, sent } = attempt('warm0000', answered);
  environment.cancel();
  await sent;
});
afterAll(async () => {
  kinesis.destroy();
  await local.close();
});

/** The numbers of a run's events that are in the stream. */
async function sentOf(run: string): Promise<number[]> {
  const found: number[] = [];
  for (const { ShardId } of await shardsOf(kinesis, StreamName))
    for await (const page of rows(kinesis, { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
      for (const { event_id: id = '' } of page) if (id.startsWith(`${run}-0-`)) found.push(Number(id.split('-')[2]));
  return found.sort((a, b) => a - b);
}

/** An attempt at a hundred events a second, 1,000 from now on, for which Temporal's answers to its renewals are as `answer` says. */
function attempt(
  run: string,
  answer: (renewal: number) => Promise<void>,
  info: { attempt?: number; heartbeatDetails?: SendProgress } = {},
) {
  let renewals = 0;
  const client = {
    withAbortSignal: <Value>(_signal: AbortSignal, work: () => Value) => work(),
    withDeadline: <Value>(_deadline: number, work: () => Value) => work(),
    activity: { heartbeat: () => answer(++renewals) },
  };
  const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: TIMEOUT_MS, ...info }, { client: client as unknown as Client });
  const bases = [{ from: 0, base: Date.now(), rate: 100 }];
  const stretch = { game: gameOf(spec, run), lane: 0, from: 0, to: 1_000, bases, since: 0 };
  return {
    environment,
    sent: environment.run(() => activities['kinesis.generate']({ ...stretch, pipeline, again: false })) as Promise<SendProgress>,
  };
}

const answered = async () => undefined;
const never = () => new Promise<void>(() => undefined);
const refused = async () => {
  throw new Error('UNAVAILABLE');
};

describe('an attempt of a lane', () => {
  it('sends nothing unless Temporal answers that it is the one', async () => {
    await expect(attempt('aaaaaaaa', refused).sent).rejects.toMatchObject({ type: 'BrokenOff' });
    expect(await sentOf('aaaaaaaa')).toEqual([]);
  });

  it('makes no event that falls due after its lease, and stays out though Temporal answers later', async () => {
    let release = () => {};
    const late = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { sent } = attempt('bbbbbbbb', (renewal) => (renewal === 1 ? answered() : late));
    setTimeout(() => release(), 1.5 * TIMEOUT_MS);
    await expect(sent).rejects.toMatchObject({ type: 'BrokenOff' });
    const events = await sentOf('bbbbbbbb');
    expect(events.length).toBeGreaterThan(10);
    expect(events).toEqual(events.map((_, i) => i));
    expect(events.length).toBeLessThanOrEqual((TIMEOUT_MS / 1000) * 100 + 1);
  });

  it('heeds a cancellation once it has sent what the one before it may have, and names that', async () => {
    const told = { ...unsent(0), lane: 0, next: 20, at: Date.now() };
    const { environment, sent } = attempt('cccccccc', answered, { attempt: 2, heartbeatDetails: told });
    environment.cancel();
    const { next, resent } = await sent;
    // Due within the lease of that one and two seconds more.
    expect(next).toBeGreaterThanOrEqual((TIMEOUT_MS + 2_000) / 10 - 1);
    expect(next).toBeLessThan(900);
    expect(resent).toEqual([[20, expect.any(Number)]]);
    expect(resent[0]![1]).toBeLessThanOrEqual(next);
    expect(await sentOf('cccccccc')).toEqual(Array.from({ length: next - 20 }, (_, i) => 20 + i));
  });

  it('names nothing of one before it that said that it had ended, nor sends on after a cancellation', async () => {
    const told = { ...unsent(0), lane: 0, next: 20, at: Date.now(), ended: true };
    const { environment, sent } = attempt('dddddddd', answered, { attempt: 2, heartbeatDetails: told });
    environment.cancel();
    expect(await sent).toMatchObject({ next: 20, resent: [] });
  });

  it('fails if it is out before it has sent what the one before it may have, be it the first again by a reset', async () => {
    const told = { ...unsent(0), lane: 0, next: 20, at: Date.now() };
    const { environment, sent } = attempt('eeeeeeee', (renewal) => (renewal === 1 ? answered() : never()), {
      attempt: 1,
      heartbeatDetails: told,
    });
    const heartbeats: SendProgress[] = [];
    environment.on('heartbeat', (details: SendProgress) => heartbeats.push(details));
    await expect(sent).rejects.toMatchObject({ type: 'BrokenOff' });
    // The next one, too, has to send what the first may have: this one does not say that nothing lies beyond.
    expect(heartbeats.length).toBeGreaterThan(1);
    expect(heartbeats.filter(({ ended }) => ended)).toEqual([]);
  });
});
