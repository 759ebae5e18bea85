import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Producer, ProducerOptions } from '../activities/kinesis/producer.ts';
import type { Put } from '../activities/kinesis/put-records.ts';
import type { Stretch } from '../activities/kinesis/stretch.ts';
import { payloads } from '../pipeline/aggregation.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { WATERMARK_SECONDS } from '../pipeline/windows.ts';

// Timers as promises are not among those that jest fakes.
jest.unstable_mockModule('node:timers/promises', () => ({
  setTimeout: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
  setImmediate: () => new Promise<void>((resolve) => setTimeout(resolve, 0)),
}));
const { sendStretch, unsent } = await import('../activities/kinesis/stretch.ts');
const { producer } = await import('../activities/kinesis/producer.ts');

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000_000 });
});
afterEach(() => {
  jest.useRealTimers();
});

const after = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
const never = new AbortController().signal;
const IDLE_MS = 30_000;
const WATERMARK_MS = WATERMARK_SECONDS * 1000;

/** A record in the order of its shard: when it came there, and when it happened (milliseconds). */
interface Arrival {
  id: string;
  at: number;
  time: number;
}

/** A shard that takes so long (milliseconds) over a call, by the first event's ids that it carries, and what has come there; but for records that are late on purpose. */
function shard(takes: (ids: string[]) => number) {
  const arrivals: Arrival[] = [];
  const put: Put = async (_, entries) => {
    const events = entries.flatMap(({ Data }) =>
      payloads(Data).map((data) => JSON.parse(Buffer.from(data).toString()) as Record<string, string>),
    );
    await after(takes(events.map((event) => event.event_id!)));
    for (const { event_id: id = '', event_time: time } of events)
      if (!id.includes('-late-')) arrivals.push({ id, at: Date.now(), time: Date.parse(`${time!.replace(' ', 'T')}Z`) });
    return entries.map(() => ({ SequenceNumber: '1', ShardId: 'shardId-000000000000' }));
  };
  return { put, arrivals };
}

/** How far behind the latest event time of its shard each event came, at most (milliseconds). */
function spread(arrivals: Arrival[]): number {
  let [latest, worst] = [0, 0];
  for (const { time } of arrivals) {
    latest = Math.max(latest, time);
    worst = Math.max(worst, latest - time);
  }
  return worst;
}

/** Sends a stretch of a lane that has 12 matches side by side; gives after how many milliseconds all of it was acknowledged. */
async function sendTo(
  put: Put,
  stretch: Omit<Stretch, 'game' | 'lane' | 'since' | 'from'>,
  options: Partial<ProducerOptions>,
): Promise<number> {
  const game = gameOf(parseSpec({ shards: 1, generator: { players: 240 } }), 'abcd1234');
  const began = Date.now();
  let ended: number | undefined;
  const post = producer({ put, stream: 'events', ordered: true, ...options });
  const sending = sendStretch({ game, lane: 0, from: 0, since: 0, ...stretch }, unsent(0), {
    producer: post,
    signal: never,
    report: () => undefined,
  });
  void sending.then(() => {
    ended = Date.now() - began;
  });
  while (ended === undefined && Date.now() - began < 300_000) await jest.advanceTimersByTimeAsync(100);
  expect((await sending).next).toBe(stretch.to);
  return ended!;
}

describe('a lane', () => {
  it('has its matches keep together, though one record a round trip is less than they make', async () => {
    const { put, arrivals } = shard(() => 100);
    await sendTo(put, { to: 6_000, bases: [{ from: 0, base: Date.now(), rate: 300 }] }, { aggregate: false });
    expect(arrivals.filter(({ id }) => !id.includes('-hb-'))).toHaveLength(6_000);
    expect(spread(arrivals)).toBeLessThan(WATERMARK_MS);
  });

  it.each([
    { aggregate: true, ordered: false, rate: 100, hung: 100, to: 4_000 },
    { aggregate: false, rate: 100, hung: 100, to: 4_000 },
    { aggregate: 'queued' as const, rate: 100, hung: 100, to: 4_000 },
    { aggregate: 'queued' as const, rate: 0.021, hung: 1, to: 3 },
  ])(
    'goes on past a call without an answer only so far that nothing comes late: %j',
    async ({ aggregate, ordered = true, rate, hung, to }) => {
      let isHung = false;
      const { put, arrivals } = shard((ids) => {
        const hangs = !isHung && ids.some((id) => id.endsWith(`-0-${hung}`));
        isHung ||= hangs;
        return hangs ? 25_000 : 20;
      });
      await sendTo(put, { to, bases: [{ from: 0, base: Date.now(), rate }] }, { aggregate, ordered });
      expect(arrivals.filter(({ id }) => !id.includes('-hb-'))).toHaveLength(to);
      expect(spread(arrivals)).toBeLessThan(WATERMARK_MS);
    },
  );

  it('waits no longer for an answer than until its shard would count as idle', async () => {
    const { put, arrivals } = shard((ids) => (ids.some((id) => id.endsWith('-0-100')) ? 50_000 : 20));
    await sendTo(put, { to: 6_000, bases: [{ from: 0, base: Date.now(), rate: 100 }] }, { aggregate: 'queued' });
    const silences = arrivals.slice(1).map(({ at }, i) => at - arrivals[i]!.at);
    expect(Math.max(...silences)).toBeLessThan(IDLE_MS);
  });

  it.each([
    ['a low pace, in seconds', 10, 350, 5_000],
    ['a high one, as fast as the shard takes it', 900, 31_500, 34_500],
  ])('catches up from far behind at %s', async (_, rate, to, most) => {
    const { put } = shard(() => 100);
    const bases = [{ from: 0, base: Date.now() - 35_000, rate }];
    const taken = await sendTo(put, { to, bases }, { aggregate: false, ordered: false });
    expect(taken).toBeLessThan(most);
  });

  it('that waits for an answer hears at once that it is to end, and does not ask all the time', async () => {
    const game = gameOf(parseSpec({ shards: 1 }), 'abcd1234');
    const control = new AbortController();
    const ids: string[] = [];
    const progress = () => ({ next: 100, acknowledged: 100, resent: 0, oversized: 0, held: 0 });
    const stuck: Producer = {
      lane: () => ({ send: ({ data }) => void ids.push(String(data)), reached: () => undefined, progress, end: async () => progress() }),
    };
    let looks = 0;
    const dueUntil = () => {
      looks++;
      return Number.POSITIVE_INFINITY;
    };
    const stretch = { game, lane: 0, from: 0, to: 10_000, bases: [{ from: 0, base: Date.now(), rate: 100 }], since: 0 };
    let isOver = false;
    const sending = sendStretch(stretch, unsent(0), { producer: stuck, signal: control.signal, dueUntil, report: () => undefined });
    void sending.then(() => {
      isOver = true;
    });
    await jest.advanceTimersByTimeAsync(10_000);
    const before = looks;
    await jest.advanceTimersByTimeAsync(10_000);
    expect(looks - before).toBeLessThanOrEqual(200);
    expect(ids.filter((json) => !json.includes('"heartbeat"'))).toHaveLength(401);
    expect(isOver).toBe(false);
    control.abort();
    await jest.advanceTimersByTimeAsync(50);
    expect(isOver).toBe(true);
  });
});
