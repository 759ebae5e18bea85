import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Producer } from '../activities/kinesis/producer.ts';
import type { LaneRecord } from '../activities/kinesis/shard-queue.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { entered, type LedgerRange, timeOf } from '../pipeline/ledger.ts';
import { paceAt, type Rate } from '../pipeline/rate.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { troubleOf } from '../pipeline/trouble.ts';
import { type LaneCursor, stretchFrom } from '../workflows/cursor.ts';

// Timers as promises are not among those that jest fakes.
jest.unstable_mockModule('node:timers/promises', () => ({
  setTimeout: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
  setImmediate: () => new Promise<void>((resolve) => setTimeout(resolve, 0)),
}));
const { sendStretch, unsent } = await import('../activities/kinesis/stretch.ts');

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000_000 });
});
afterEach(() => {
  jest.useRealTimers();
});

/** Sends a lane's events for so many seconds at a rate, by a producer that takes nothing between two moments (milliseconds from the beginning); when each event was sent. */
async function played(rate: number, seconds: number, [from, until]: [number, number] = [0, 0]): Promise<number[]> {
  const begin = Date.now();
  const at: number[] = [];
  const taking: Producer = {
    lane: () => ({
      send: ({ data }) => {
        const now = Date.now() - begin;
        if (!String(data).includes('"heartbeat"')) at.push(now);
        return now < from || now >= until ? undefined : new Promise((resolve) => setTimeout(resolve, until - now));
      },
      reached: () => undefined,
      progress: () => ({ next: at.length, acknowledged: at.length, resent: 0, oversized: 0, held: 0 }),
      end: async () => ({ next: at.length, acknowledged: at.length, resent: 0, oversized: 0, held: 0 }),
    }),
  };
  const game = gameOf(parseSpec({ shards: 1 }), 'abcd1234');
  const stretch = { game, lane: 0, from: 0, to: rate * seconds, bases: [{ from: 0, base: begin, rate }], since: 0 };
  const sending = sendStretch(stretch, unsent(0), { producer: taking, signal: new AbortController().signal, report: () => undefined });
  await jest.advanceTimersByTimeAsync(seconds * 1000 + 100);
  expect((await sending).next).toBe(rate * seconds);
  return at;
}

/** How many were sent in each piece of so many milliseconds. */
const pieces = (at: number[], length: number, count: number) =>
  Array.from({ length: count }, (_, piece) => at.filter((time) => Math.floor(time / length) === piece).length);

it.each([20, 100, 1000, 4000])('keeps a pace of %i events a second, second by second and within each', async (rate) => {
  const at = await played(rate, 10);
  expect(at.every((time, i) => time >= (i * 1000) / rate)).toBe(true);
  for (const count of pieces(at, 1000, 10)) expect(Math.abs(count - rate)).toBeLessThanOrEqual(rate / 20 + 1);
  for (const count of pieces(at, 100, 100)) expect(Math.abs(count - rate / 10)).toBeLessThanOrEqual(rate / 20 + 1);
});

it('makes up for what it could not send in time, then keeps its pace again', async () => {
  const at = await played(100, 10, [3000, 5000]);
  expect(
    pieces(at, 1000, 10)
      .slice(3, 5)
      .reduce((sum, count) => sum + count),
  ).toBeLessThanOrEqual(6);
  const after = pieces(at, 1000, 10);
  expect(after[5]).toBeGreaterThanOrEqual(290);
  for (const count of after.slice(6)) expect(Math.abs(count - 100)).toBeLessThanOrEqual(6);
});

/** Sends one of two lanes, stretch by stretch, at rates that each hold from a second on; when each event was sent and when it happened, how many stretches that took, and how late came what was held back. */
async function followed(rates: [from: number, rate: Rate][], seconds: number, clockAhead = 0, trouble = {}) {
  const begin = Date.now();
  const sent: { at: number; time: number }[] = [];
  const late: number[] = [];
  let [beats, stretches] = [0, 0];
  const taking: Producer = {
    lane: ({ from = 0 } = {}) => {
      let next = from;
      return {
        send: ({ data }) => {
          const { event_time: time, event_type: type } = JSON.parse(String(data)) as { event_time: string; event_type: string };
          const happened = Date.parse(`${time.replace(' ', 'T').replace('Z', '')}Z`);
          if (type === 'heartbeat') beats++;
          else if (Date.now() - happened > 5_000) late.push(Date.now() - happened);
          else sent.push({ at: Date.now() - begin, time: happened - begin });
          return undefined;
        },
        reached: (position) => {
          next = Math.max(next, position);
        },
        progress: () => ({ next, acknowledged: 0, resent: 0, oversized: 0, held: 0 }),
        end: async () => ({ next, acknowledged: 0, resent: 0, oversized: 0, held: 0 }),
      };
    },
  };
  const game = gameOf(parseSpec({ shards: 2, generator: { trouble } }), 'abcd1234');
  let cursor: LaneCursor = { next: 0, latest: 0, since: 0, bases: [] };
  let ledger: LedgerRange[] = [];
  const play = async (rate: Rate, from: number, end: number) => {
    const control = new AbortController();
    setTimeout(() => control.abort(), end - Date.now());
    for (let until = 0; !control.signal.aborted; stretches++) {
      const now = Math.max(until, Date.now() - clockAhead);
      const pace = paceAt(rate, now - from, now, 30_000, 8000);
      const stretch = stretchFrom(game, cursor, now, { ...pace, rate: pace.rate / game.lanes }, Number.MAX_SAFE_INTEGER);
      until = stretch.until;
      const { signal } = control;
      const { next, latest } = await sendStretch({ game, lane: 0, ...stretch }, unsent(stretch.from), {
        producer: taking,
        signal,
        report: () => undefined,
      });
      const time = stretch.bases.at(-1)!;
      if (next > stretch.from) ledger = entered(ledger, { lane: 0, first: stretch.from, end: next, time, at: 0, resent: [], since: 0 });
      cursor = { ...cursor, next, latest: Math.max(cursor.latest, latest), bases: stretch.bases };
    }
  };
  const playAll = async () => {
    for (const [i, [from, rate]] of rates.entries())
      await play(rate, begin + from * 1000 - clockAhead, begin + (rates[i + 1]?.[0] ?? seconds) * 1000);
  };
  const playing = playAll();
  await jest.advanceTimersByTimeAsync(seconds * 1000 + 100);
  await playing;
  const told = ledger.flatMap(({ first, end, time }) =>
    Array.from({ length: end - first }, (_, i) => first + i)
      .filter((i) => troubleOf(game, 0, i) !== 'late')
      .map((i) => Math.floor(timeOf([time], i)) - begin),
  );
  expect(sent.map(({ time }) => time)).toEqual(told);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  return { at: sent.map(({ at }) => at), beats, stretches, late, bases: cursor.bases };
}

it('sends no heartbeats past events that wait for an answer, until their shard would count as idle', async () => {
  const begin = Date.now();
  const stuckAt = 5;
  const beats: number[] = [];
  const waiting: Producer = {
    lane: () => {
      const progress = () => ({ next: stuckAt, acknowledged: stuckAt, resent: 0, oversized: 0, held: 0 });
      const send = ({ data }: LaneRecord) => void (String(data).includes('-hb-') && beats.push(Math.round((Date.now() - begin) / 1000)));
      return { send, reached: () => undefined, progress, end: async () => progress() };
    },
  };
  const game = gameOf(parseSpec({ shards: 1 }), 'abcd1234');
  const stretch = { game, lane: 0, from: 0, to: 50, bases: [{ from: 0, base: begin, rate: 1 }], since: 0 };
  const sending = sendStretch(stretch, unsent(0), { producer: waiting, signal: new AbortController().signal, report: () => undefined });
  await jest.advanceTimersByTimeAsync(51_000);
  await sending;
  expect(beats.filter((at) => at > 9 && at < 33)).toEqual([]);
  expect(beats.filter((at) => at < 8).length).toBeGreaterThanOrEqual(6);
  expect(beats.filter((at) => at > 34).length).toBeGreaterThanOrEqual(10);
});

it('sends all of a stretch however late it is, and lasts its time though there is nothing to send', async () => {
  const sent: string[] = [];
  const taking: Producer = {
    lane: ({ from = 0 } = {}) => {
      let next = from;
      return {
        send: ({ data }) => void sent.push(/"event_id":"([^"]+)"/.exec(String(data))![1]!),
        reached: (position) => {
          next = Math.max(next, position);
        },
        progress: () => ({ next, acknowledged: 0, resent: 0, oversized: 0, held: 0 }),
        end: async () => ({ next, acknowledged: 0, resent: 0, oversized: 0, held: 0 }),
      };
    },
  };
  const game = gameOf(parseSpec({ shards: 1 }), 'abcd1234');
  const begin = Date.now();
  const stretch = stretchFrom(game, { next: 5, latest: 0, since: 0, bases: [] }, begin, { rate: 0.1, holds: 30_000 }, 100);
  expect(stretch).toMatchObject({ from: 5, to: 9, until: begin + 30_000 });
  const send = (some: typeof stretch) =>
    sendStretch({ game, lane: 0, ...some }, unsent(some.from), {
      producer: taking,
      signal: new AbortController().signal,
      report: () => undefined,
    });
  jest.setSystemTime(begin + 60_000);
  const catchingUp = send(stretch);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(await catchingUp).toMatchObject({ first: 5, next: 9 });
  expect(sent.filter((id) => id.startsWith('abcd1234-0-'))).toEqual([5, 6, 7, 8].map((i) => `abcd1234-0-${i}`));

  const silent = stretchFrom(
    game,
    { next: 9, latest: 0, since: 0, bases: stretch.bases },
    begin + 30_000,
    { rate: 0.1, holds: 5_000 },
    100,
  );
  expect(silent).toMatchObject({ from: 9, to: 9, bases: stretch.bases });
  jest.setSystemTime(begin + 30_000);
  sent.length = 0;
  const sending = send(silent);
  await jest.advanceTimersByTimeAsync(4_900);
  expect(sent.length).toBeGreaterThanOrEqual(5);
  expect(sent.filter((id) => id.startsWith('abcd1234-0-'))).toEqual([]);
  await jest.advanceTimersByTimeAsync(200);
  expect(await sending).toMatchObject({ first: 9, next: 9 });
});

it.each([0, 700])('sends every burst between long silences, by a clock that is %i ms ahead of the one that paces', async (ahead) => {
  const bursts = { rate: 0.1, peak: 1000, every: '1 minute', lasts: '5 seconds' };
  const { at, beats, stretches } = await followed([[0, { bursts }]], 240, ahead);
  const inSeconds = pieces(
    at.map((time) => time + ahead),
    1000,
    240,
  );
  for (const minute of [0, 60, 120, 180]) {
    const inBurst = inSeconds.slice(minute, minute + 6).reduce((sum, count) => sum + count);
    const inSilence = inSeconds.slice(minute + 6, minute + 60).reduce((sum, count) => sum + count);
    expect(Math.abs(inBurst - 2500)).toBeLessThanOrEqual(50);
    expect(inSilence).toBeLessThanOrEqual(3);
  }
  expect(beats).toBeGreaterThanOrEqual(238);
  // A burst, and the silence after it in two pieces.
  expect(stretches).toBeLessThanOrEqual(5 * 3);
});

it('begins another rate at once, though the next event of the one before was minutes away', async () => {
  const { at, stretches } = await followed(
    [
      [0, 0.01],
      [45, 1000],
      [50, 0.01],
    ],
    320,
  );
  expect(at.filter((time) => time < 45_000)).toEqual([0]);
  expect(Math.abs(at.filter((time) => time < 45_200).length - 101)).toBeLessThanOrEqual(26);
  expect(Math.abs(at.filter((time) => time >= 45_000 && time < 50_100).length - 2500)).toBeLessThanOrEqual(26);
  expect(at.filter((time) => time >= 50_100).length).toBeLessThanOrEqual(2);
  expect(stretches).toBeLessThanOrEqual(2 + 1 + 9);
});

it('sends at a slow pace that bends what comes to its mean, and no event more for each bend', async () => {
  const { at, bases } = await followed([[0, { ramp: { from: 0.02, to: 0.06, over: '10 minutes' } }]], 600);
  // Half of 0.04 events a second, and the first.
  expect(Math.abs(at.length - 13)).toBeLessThanOrEqual(1);
  expect(bases.length).toBeLessThanOrEqual(at.length + 1);
});

it.each<[string, [number, Rate][]]>([
  ['ten times the spec', [[0, 1000]]],
  ['a fortieth of it', [[0, 2.5]]],
  ['a ramp from the one to the other', [[0, { ramp: { from: 2.5, to: 1000, over: '1 minute' } }]]],
  ['bursts', [[0, { bursts: { rate: 5, peak: 500, every: '20 seconds', lasts: '3 seconds' } }]]],
  [
    'one pace after another',
    [
      [0, 1000],
      [25, 10],
      [50, 2000],
    ],
  ],
])('sends what is held back 15 to 30 seconds late at any pace: %s', async (_, rates) => {
  const { late, bases } = await followed(rates, 75, 0, { late: 0.1, duplicate: 0.1 });
  expect(late.length).toBeGreaterThan(5);
  expect(Math.min(...late)).toBeGreaterThan(15_000);
  // The next event, and the sender's next look.
  expect(Math.max(...late)).toBeLessThan(30_000 + 2_000);
  expect(bases.length).toBeLessThanOrEqual(8);
});
