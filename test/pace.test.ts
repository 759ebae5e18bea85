import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Courier } from '../activities/kinesis/deliver.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { parseSpec } from '../pipeline/spec.ts';

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

/** Sends a lane's events for so many seconds at a rate, by a courier that takes nothing between two moments (milliseconds from the beginning); when each event was sent. */
async function played(rate: number, seconds: number, [from, until]: [number, number] = [0, 0]): Promise<number[]> {
  const begin = Date.now();
  const at: number[] = [];
  const courier: Courier = {
    lane: () => ({
      send: ({ data }) => {
        const now = Date.now() - begin;
        if (!String(data).includes('"heartbeat"')) at.push(now);
        return now < from || now >= until ? undefined : new Promise((resolve) => setTimeout(resolve, until - now));
      },
      reached: () => undefined,
      end: async () => ({ next: at.length, acknowledged: at.length, resent: 0, oversized: 0, held: 0 }),
    }),
  };
  const game = gameOf(parseSpec({ shards: 1 }), 'abcd1234');
  const stretch = { game, lane: 0, from: 0, to: rate * seconds, bases: [{ from: 0, base: begin, rate }], since: 0 };
  const sending = sendStretch(stretch, unsent(0), { courier, signal: new AbortController().signal, report: () => undefined });
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
