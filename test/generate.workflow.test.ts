import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { Range, Sent } from '../activities/kinesis/send.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { toolPaths } from '../setup/tools.mjs';
import { generate } from '../workflows/generate.ts';
import { type GeneratorState, generatorStatus, pause, resume, stop } from '../workflows/messages.ts';

let env: TestWorkflowEnvironment;

beforeAll(async () => {
  env = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: toolPaths().temporal! } } });
}, 60_000);
afterAll(() => env?.teardown());

/** What a stream would hold: for each event number the event times it was sent with, and the latest heartbeat sent before it. */
interface Stream {
  times: Map<number, Set<number>>;
  latestHeartbeat: number;
  late: number;
}

/** Fake activities: a sender that notes what it sends, ten events a step, and on its first two attempts breaks off now and then without saying how far it came. */
function sender(stream: Stream, breaks: () => boolean) {
  const untilTold = (milliseconds: number) =>
    Context.current()
      .sleep(milliseconds)
      .catch(() => undefined);
  return {
    'kinesis.generate': async ({ from, to, base, rate, again }: Range & { again: boolean }): Promise<Sent> => {
      const context = Context.current();
      const mustFinish = again || context.info.attempt > 1;
      let next = from;
      while (next < to && (mustFinish || !context.cancellationSignal.aborted)) {
        for (const end = Math.min(to, next + 10); next < end; next++) {
          const time = base + ((next - from) * 1000) / rate;
          if (time < stream.latestHeartbeat) stream.late++;
          stream.times.set(next, (stream.times.get(next) ?? new Set()).add(time));
        }
        if (context.info.attempt <= 2 && breaks()) throw ApplicationFailure.retryable('broke off');
        context.heartbeat({ next });
        await untilTold(5);
      }
      return { next, latest: base + ((next - 1 - from) * 1000) / rate, heartbeats: 0 };
    },
    'kinesis.heartbeats': async (): Promise<Sent> => {
      stream.latestHeartbeat = Date.now();
      Context.current().heartbeat();
      await untilTold(50);
      return { next: 0, latest: Date.now(), heartbeats: 2 };
    },
  };
}

it('gives every event one time for good, skips none and sends none too late, however it is paused, resumed and broken off', async () => {
  const stream: Stream = { times: new Map(), latestHeartbeat: 0, late: 0 };
  let step = 0;
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: 'generate',
    workflowsPath: fileURLToPath(new URL('../workflows/generate.ts', import.meta.url)),
    activities: sender(stream, () => ++step % 17 === 0),
    maxHeartbeatThrottleInterval: 20,
  });
  const total = 3000;
  const pipeline = { ...parseSpec({ windowSeconds: 1, generator: { rate: 1000, total } }), account: '000000000000' };
  const cursor = { game: { run: 'r', seed: 1, players: 40 }, next: 0, latest: 0, heartbeats: 0, paused: false };
  await worker.runUntil(async () => {
    const handle = await env.client.workflow.start(generate, { taskQueue: 'generate', workflowId: 'g', args: [{ pipeline, cursor }] });
    const until = async (reached: (state: GeneratorState) => boolean) => {
      for (;;) {
        const state = await handle.query(generatorStatus);
        if (reached(state)) return state;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    for (let round = 0; round < 4; round++) {
      await handle.signal(pause);
      const paused = await until(({ state }) => state !== 'running');
      await handle.signal(resume);
      if (paused.state === 'finished') break;
      await until(({ state, acknowledged }) => state === 'finished' || acknowledged > paused.acknowledged);
    }
    const finished = await until(({ state }) => state === 'finished');
    expect(finished).toMatchObject({ acknowledged: total, total });
    await handle.signal(stop);
    await handle.result();
  });
  expect([...stream.times.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i));
  expect([...stream.times.values()].filter((times) => times.size !== 1)).toEqual([]);
  expect(stream.late).toBe(0);
}, 120_000);
