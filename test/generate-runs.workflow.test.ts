import { expect, it } from '@jest/globals';
import { sentBy } from '../activities/audit/ledger-index.ts';
import { generated } from '../activities/audit/tally.ts';
import { timeOf } from '../pipeline/ledger.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { flushLedger, pause, resume, setRate, updateSpec } from '../workflows/messages.ts';
import { env, type Handle, ledgerOf, withGenerator } from './generator-stage.ts';

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
});

it('accounts for all that was sent though its lanes break off as it is cancelled', async () => {
  const stream = await withGenerator(
    'broken-off',
    { shards: 2, generator: { rate: 100 } },
    () => false,
    async ({ handle, until, stream }) => {
      await until(() => stream.times.size > 20);
      stream.breaksWhenCancelled = true;
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    },
  );
  const written = ledgerOf(stream).reduce((sum, { first, end }) => sum + end - first, 0);
  expect(written).toBe(stream.times.size);
  for (const times of stream.times.values()) expect(times.size).toBe(1);
});

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
});

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
});

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
});

it('sends its total once in all, though another number of shards makes it another game midway, and goes on in event time', async () => {
  const total = 400;
  const generator = { rate: 200, total };
  const stream = await withGenerator(
    'resharded',
    { shards: 2, windowSeconds: 1, generator },
    () => false,
    async ({ handle, until, stream }) => {
      await handle.executeUpdate(setRate, { args: [150] });
      await until(() => stream.times.size > 100);
      await handle.signal(updateSpec, { ...parseSpec({ shards: 3, windowSeconds: 1, generator }), account: '000000000000' });
      const { lanes, acknowledged, rate } = await until(({ state, lanes }) => state === 'finished' && lanes.length === 3);
      expect(rate).toBe('150 events/s');
      expect(acknowledged).toBe(total);
      expect(lanes.reduce((sum, next) => sum + next, 0)).toBeLessThan(total - 90);
    },
  );
  expect(stream.times.size).toBe(total);
  expect(generated(sentBy([...stream.pages.values()]), 1000).blocks.reduce((sum, { events }) => sum + events, 0)).toBe(total);
});

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
});

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
});

/** How often the present run of a generator has told its pipeline that the windows are closed. */
async function toldIn({ workflowId }: Handle): Promise<number> {
  const { events } = await env.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).filter(({ signalExternalWorkflowExecutionInitiatedEventAttributes: told }) => told?.signalName === 'windowsClosed')
    .length;
}
