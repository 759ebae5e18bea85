import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { sentBy } from '../activities/audit/ledger-index.ts';
import { generated } from '../activities/audit/tally.ts';
import { laneTotal } from '../pipeline/lanes.ts';
import { entered, type LedgerRange, timeOf } from '../pipeline/ledger.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { begin } from '../workflows/cursor.ts';
import { generate } from '../workflows/generate.ts';
import { flushLedger, type GeneratorState, generatorQuery, pause, resume, setRate, updateSpec } from '../workflows/messages.ts';
import { cancelled } from './cancelled.ts';
import { fresh, type Stream, sender } from './fake-sender.ts';
import { temporalServer } from './temporal-server.ts';

let env: TestWorkflowEnvironment;

beforeAll(async () => {
  env = await temporalServer();
}, 60_000);
afterAll(() => env?.teardown());

const taskQueue = 'generate';

/** Runs a generator of a spec over fake activities, while `story` lasts. */
async function withGenerator(
  workflowId: string,
  spec: object,
  breaks: () => boolean,
  story: (s: {
    handle: Handle;
    until: (reached: (state: GeneratorState) => boolean) => Promise<GeneratorState>;
    stream: Stream;
  }) => Promise<void>,
  historyEvents?: number,
): Promise<Stream> {
  const stream = fresh();
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('../workflows/generate.ts', import.meta.url)),
    activities: sender(stream, breaks),
    maxHeartbeatThrottleInterval: 20,
  });
  const pipeline = { ...parseSpec(spec), account: '000000000000' };
  const args: Parameters<typeof generate> = [{ pipeline, cursor: { ...begin(pipeline, 'r', false), began: Date.now() }, historyEvents }];
  await worker.runUntil(async () => {
    const handle = await env.client.workflow.start(generate, { taskQueue, workflowId, args });
    const until = async (reached: (state: GeneratorState) => boolean) => {
      for (;;) {
        const state = await handle.query(generatorQuery);
        if (reached(state)) return state;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await story({ handle, until, stream });
    if ((await handle.describe()).status.name !== 'RUNNING') return;
    await cancelled(handle);
  });
  return stream;
}

type Handle = WorkflowHandleWithFirstExecutionRunId<typeof generate>;

/** Every range that was written down, in order. */
const ledgerOf = ({ pages }: Stream): LedgerRange[] =>
  [...pages.keys()].sort((a, b) => a - b).flatMap((number) => pages.get(number)!.ranges);

it('gives every event one time for good, skips none and sends none too late, however it is paused, resumed and broken off', async () => {
  let step = 0;
  const total = 3000;
  const spec = { shards: 3, windowSeconds: 1, generator: { rate: 1000, total } };
  const stream = await withGenerator(
    'paused',
    spec,
    () => ++step % 17 === 0,
    async ({ handle, until }) => {
      for (let round = 0; round < 4; round++) {
        await handle.signal(pause);
        const paused = await until(({ state }) => state !== 'running');
        await handle.signal(resume);
        if (paused.state === 'finished') break;
        await until(({ state, acknowledged }) => state === 'finished' || acknowledged > paused.acknowledged);
      }
      const finished = await until(({ state }) => state === 'finished');
      expect(finished).toMatchObject({ acknowledged: total, total, lanes: [1000, 1000, 1000] });
      expect(await handle.executeUpdate(flushLedger)).toMatchObject({ lanes: [1000, 1000, 1000] });
    },
  );
  const all = [0, 1, 2].flatMap((lane) => Array.from({ length: laneTotal(lane, 3, total) }, (_, i) => `r-${lane}-${i}`));
  expect([...stream.times.keys()].sort()).toEqual(all.sort());
  expect([...stream.times.values()].filter((times) => times.size !== 1)).toEqual([]);
  expect(stream.late).toBe(0);
  const whole = [0, 1, 2].map((lane) => ledgerOf(stream).filter((range) => range.lane === lane));
  for (const [lane, ranges] of whole.entries()) {
    expect(ranges[0]!.first).toBe(0);
    expect(ranges.at(-1)!.end).toBe(1000);
    for (const [i, range] of ranges.entries()) {
      if (i > 0) expect(range.first).toBe(ranges[i - 1]!.end);
      for (let at = range.first; at < range.end; at++)
        expect(stream.times.get(`r-${lane}-${at}`)).toEqual(new Set([timeOf([range.time], at)]));
    }
  }
}, 120_000);

it('follows another rate at once, refuses what the stream does not take, and goes on without a gap', async () => {
  const stream = await withGenerator(
    'rated',
    { shards: 2, generator: { rate: 10 } },
    () => false,
    async ({ handle, until }) => {
      await until(({ acknowledged, state }) => state === 'running' && acknowledged >= 0);
      await expect(handle.executeUpdate(setRate, { args: [90_000] })).rejects.toMatchObject({
        cause: { message: 'a rate of 90000 events/s is more than 2 shards take (8000)' },
      });
      expect(
        await handle.executeUpdate(setRate, { args: [{ bursts: { rate: 100, peak: 2500, every: '3 seconds', lasts: '1 second' } }] }),
      ).toBe('100 events/s, 2500 for 1 second every 3 seconds');
      await until(({ acknowledged }) => acknowledged > 2000);
    },
  );
  const rates = new Set(ledgerOf(stream).map(({ time }) => time.rate));
  expect([...rates]).toEqual(expect.arrayContaining([50, 1250]));
  // More than a thousand events a second and shard go only together.
  expect([stream.aggregated[0], stream.aggregated.at(-1)]).toEqual(['queued', true]);
  for (const lane of [0, 1]) {
    const ranges = ledgerOf(stream).filter((range) => range.lane === lane);
    expect(ranges.reduce<LedgerRange[]>(entered, [])).toEqual(ranges);
    for (const [i, { first, time }] of ranges.entries())
      if (i > 0) expect(timeOf([time], first)).toBeGreaterThanOrEqual(timeOf([ranges[i - 1]!.time], first - 1));
  }
}, 60_000);

it('leaves a pace for another when its time is over, though no event is due for minutes, and asks for nothing meanwhile', async () => {
  const stream = await withGenerator(
    'slow',
    { shards: 2, generator: { rate: 0.01 } },
    () => false,
    async ({ handle, until, stream }) => {
      await until(({ acknowledged }) => stream.times.size === 2 && acknowledged === 0);
      await handle.executeUpdate(setRate, { args: [{ bursts: { rate: 0.01, peak: 500, every: '3 seconds', lasts: '1 second' } }] });
      await until(() => stream.times.size > 1200);
      // The third burst is over: another rate is wanted while no event is due.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await handle.executeUpdate(setRate, { args: [10] });
      const { size } = stream.times;
      await until(() => stream.times.size >= size + 20);
    },
  );
  // On each lane the first, three bursts with as many silences, and the last; one more burst on a slow machine.
  expect(stream.calls.filter((call) => call === 'play').length).toBeLessThanOrEqual(2 * (1 + 8 + 1));
  const ranges = ledgerOf(stream);
  expect(ranges.filter(({ first, end }) => first === end)).toEqual([]);
  expect(ranges.reduce((sum, { first, end }) => sum + end - first, 0)).toBe(stream.times.size);
  expect(stream.late).toBe(0);
}, 60_000);

it('wakes every lane after a pause before any goes on, so that none is late for beginning later than the others, and wakes them again when that was cut short', async () => {
  const { calls } = await withGenerator(
    'woken',
    { shards: 2, generator: { rate: 100 } },
    () => false,
    async ({ handle, until, stream }) => {
      const plays = (count: number) => until(() => stream.calls.filter((call) => call === 'play').length === count);
      await plays(2);
      await handle.signal(pause);
      await until(({ state }) => state === 'paused');
      stream.cutsWake = true;
      await handle.signal(resume);
      await until(() => stream.calls.includes('wake'));
      await handle.executeUpdate(setRate, { args: [50] });
      await plays(4);
    },
  );
  expect(calls.slice(0, 2)).toEqual(['play', 'play']);
  const woken = calls.indexOf('wake');
  expect(calls.slice(2, woken)).not.toContain('play');
  expect(calls.slice(woken, woken + 4)).toEqual(['wake', 'wake', 'play', 'play']);
}, 60_000);

it('writes down all that was sent though it is cancelled between two attempts of a page', async () => {
  const stream = await withGenerator(
    'cancelled',
    { shards: 2, generator: { rate: 100 } },
    () => false,
    async ({ handle, until, stream }) => {
      await until(() => stream.times.size > 20);
      stream.refuses = true;
      await handle.signal(pause);
      await until(() => stream.refused > 0);
      await handle.cancel();
      stream.refuses = false;
      await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    },
  );
  const written = ledgerOf(stream).reduce((sum, { first, end }) => sum + end - first, 0);
  expect(written).toBe(stream.times.size);
}, 60_000);

it('writes down that what was held back has been sent, though nothing of it was sent again', async () => {
  const total = 300;
  const stream = await withGenerator(
    'held-back',
    { shards: 2, windowSeconds: 1, generator: { rate: 300, total, trouble: { late: 0.1 } } },
    () => false,
    async ({ until }) => void (await until(({ state }) => state === 'finished')),
  );
  const { blocks } = generated(sentBy([...stream.pages.values()]), 1000);
  expect(blocks.filter(({ maybe }) => maybe)).toEqual([]);
  expect(blocks.reduce((sum, { events }) => sum + events, 0)).toBe(total);
}, 60_000);

it('says that it sends until its windows are closed, and what was held back is sent and written down', async () => {
  await withGenerator(
    'settling',
    { shards: 2, windowSeconds: 2, generator: { rate: 300, trouble: { late: 0.1 } } },
    () => false,
    async ({ handle, until, stream }) => {
      await until(() => stream.times.size > 100);
      await handle.signal(pause);
      await until(({ state }) => state === 'paused');
      const answers: boolean[] = [];
      for (let sending = true; sending; await new Promise((resolve) => setTimeout(resolve, 50))) {
        const { last, ...answer } = await handle.executeUpdate(flushLedger);
        sending = answer.sending;
        answers.push(sending);
        if (sending) continue;
        // The window of the last event, and what stragglers are waited for.
        expect(Math.min(...stream.heartbeats.values())).toBeGreaterThanOrEqual(Math.floor(last / 2000) * 2000 + 2000 + 5000);
        expect(stream.heldBack).toHaveLength(2);
        const silent = ledgerOf(stream).filter(({ first, end }) => first === end);
        expect(silent.map(({ lane, since }) => [lane, since]).sort()).toEqual(answer.lanes.map((next, lane) => [lane, next]));
      }
      expect(answers[0]).toBe(true);
      await handle.signal(resume);
      await until(({ state }) => state === 'running');
      expect(await handle.executeUpdate(flushLedger)).toMatchObject({ sending: true });
    },
  );
}, 60_000);

it('holds events back for minutes at most, however slow it goes', async () => {
  const generator = { rate: 1000, trouble: { duplicate: 0.1 } };
  const stream = await withGenerator(
    'slowed',
    { shards: 1, windowSeconds: 1, generator },
    () => false,
    async ({ handle, until, stream }) => {
      await until(() => stream.times.size > 500);
      expect(stream.heldBack).toEqual([]);
      await handle.executeUpdate(setRate, { args: [{ bursts: { rate: 0.01, peak: 300, every: '2 seconds', lasts: '1 second' } }] });
      await until(() => stream.heldBack.length >= 3);
    },
  );
  const { heldBack } = stream;
  expect(heldBack.map(([since]) => since)).toEqual([0, ...heldBack.slice(0, -1).map(([, next]) => next)]);
  const empty = ledgerOf(stream).filter(({ first, end }) => first === end);
  expect(empty.map(({ since }) => since)).toEqual(expect.arrayContaining([heldBack.at(-1)![1]]));
  expect(ledgerOf(stream).filter(({ first, since }) => since > first)).toEqual([]);
  expect(generated(sentBy([...stream.pages.values()]), 10_000).blocks).toMatchObject([{ events: stream.times.size }]);
}, 60_000);

it('sends its total once in all, though another number of shards makes it another game midway, and goes on in event time', async () => {
  const total = 400;
  const generator = { rate: 200, total };
  const stream = await withGenerator(
    'resharded',
    { shards: 2, windowSeconds: 1, generator },
    () => false,
    async ({ handle, until, stream }) => {
      await until(() => stream.times.size > 100);
      await handle.signal(updateSpec, { ...parseSpec({ shards: 3, windowSeconds: 1, generator }), account: '000000000000' });
      const { lanes, acknowledged } = await until(({ state }) => state === 'finished');
      expect(lanes).toHaveLength(3);
      expect(acknowledged).toBe(total);
      expect(lanes.reduce((sum, next) => sum + next, 0)).toBeLessThan(total - 90);
    },
  );
  expect(stream.times.size).toBe(total);
  expect(generated(sentBy([...stream.pages.values()]), 1000).blocks.reduce((sum, { events }) => sum + events, 0)).toBe(total);
}, 60_000);

it('goes on in a new run though it has nothing to send, closes nothing again, and answers the next pause', async () => {
  const stream = await withGenerator(
    'finished',
    { shards: 2, windowSeconds: 60, generator: { rate: 300, total: 60 } },
    () => false,
    async ({ handle, until, stream }) => {
      stream.skips = true;
      await until(({ state }) => state === 'finished');
      const { runId } = await handle.describe();
      const { last } = await handle.executeUpdate(flushLedger);
      const beats = stream.calls.length;
      while ((await handle.describe()).runId === runId)
        await Promise.all(Array.from({ length: 10 }, () => handle.executeUpdate(flushLedger)));
      expect(await handle.executeUpdate(flushLedger)).toMatchObject({ lanes: [30, 30], last, sending: false });
      expect(stream.calls).toHaveLength(beats);
      expect(await toldIn(handle)).toBe(0);
      await handle.signal(pause, { count: 1 });
      await until(({ state }) => state === 'paused');
      while ((await toldIn(handle)) !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(stream.calls).toHaveLength(beats);
    },
  );
  expect(stream.times.size).toBe(60);
}, 60_000);

it('has all lanes end together when the history has become long, so that none is silent before the next run, and nothing is missing or there twice', async () => {
  let runs = 0;
  const stream = await withGenerator(
    'continued',
    { shards: 3, windowSeconds: 1, generator: { rate: { ramp: { from: 90, to: 90.1, over: '1 hour' } } } },
    () => false,
    async ({ handle, stream }) => {
      stream.stagger = 150;
      let seen = '';
      for (const end = Date.now() + 25_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
        const { runId } = await handle.describe();
        if (runId !== seen) runs++;
        seen = runId;
      }
    },
    // The second lane's end of a first stretch is below it, the third's above.
    20,
  );
  expect(runs).toBeGreaterThanOrEqual(2);
  for (const lane of [0, 1, 2]) {
    const plays = stream.plays.filter((play) => play.lane === lane);
    const silences = plays.slice(1).map(({ began }, i) => began - plays[i]!.ended);
    expect(Math.max(...silences)).toBeLessThan(2_000);
    const ranges = ledgerOf(stream).filter((range) => range.lane === lane);
    for (const [i, { first }] of ranges.entries()) expect(first).toBe(ranges[i - 1]?.end ?? 0);
    const rates = ranges.map(({ first, time }, i) => (i === 0 ? 0 : timeOf([time], first) - timeOf([ranges[i - 1]!.time], first - 1)));
    // No time is left out: events follow each other at 30 a second.
    expect(Math.max(...rates)).toBeLessThan(100);
  }
  expect([...stream.times.values()].filter((times) => times.size !== 1)).toEqual([]);
}, 60_000);

/** How often the present run of a generator has told its pipeline that the windows are closed. */
async function toldIn({ workflowId }: Handle): Promise<number> {
  const { events } = await env.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).filter(({ signalExternalWorkflowExecutionInitiatedEventAttributes: told }) => told?.signalName === 'windowsClosed')
    .length;
}
