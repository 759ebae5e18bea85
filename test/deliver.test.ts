import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { LaneOptions, Positions, Progress } from '../activities/kinesis/ack-tracker.ts';
import { producer } from '../activities/kinesis/producer.ts';
import { later, settled, troubled } from './troubled-stream.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const FAST = { limit: { records: 1e6, bytes: 1e9 } };
const scene = fc.record({
  weather: fc.record({
    seed: fc.integer(),
    refused: fc.constantFrom(0, 0.1, 0.4),
    broken: fc.constantFrom(0, 0.1, 0.4),
  }),
  /** Of each record: its key, by which its position is above the one before, its padding. */
  records: fc.array(fc.tuple(fc.nat(5), fc.nat(2), fc.nat(200)), { minLength: 1, maxLength: 150 }),
  aggregate: fc.constantFrom(true, false, 'queued' as const),
  ordered: fc.boolean(),
  looks: fc.boolean(),
  aggregateBytes: fc.constantFrom(300, 2000),
  calls: fc.integer({ min: 1, max: 4 }),
  callRecords: fc.constantFrom(3, 500),
  callBytes: fc.constantFrom(500, 5_000_000),
  maxBytes: fc.constantFrom(1000, 1 << 20),
  hashKeys: fc.integer({ min: 1, max: 3 }),
  abortAfter: fc.option(fc.nat(120)),
});

type Scene = typeof scene extends fc.Arbitrary<infer Value> ? Value : never;

interface Given {
  text: string;
  key: number;
  position: number;
}

/** Sends the records of a scene by one lane, and says what was taken, told and reported. */
async function played({ weather, records, maxBytes, hashKeys, abortAfter, looks, ...settings }: Scene) {
  const stream = troubled(weather);
  const given: Given[] = [];
  const resends = new Map<number, number>();
  let reached = 0;
  const control = new AbortController();
  const reports: { progress: Progress; owed: number[]; reached: number }[] = [];
  const options: LaneOptions = {
    maxBytes,
    signal: control.signal,
    report: (progress) => {
      const owed = given.filter(({ text }) => !stream.acknowledged.has(text)).map(({ position }) => position);
      reports.push({ progress, owed, reached });
    },
    resent: (spans: Positions[]) => {
      for (const [from, to] of spans) for (let p = from; p < to; p++) resends.set(p, (resends.get(p) ?? 0) + 1);
    },
  };
  const lane = producer({
    put: stream.put,
    ...(looks && { lookUp: stream.lookUp }),
    stream: 's',
    patienceMs: 1e9,
    ...FAST,
    ...settings,
  }).lane(options);
  const play = async () => {
    if (abortAfter !== null) setTimeout(() => control.abort(), abortAfter);
    let position = 0;
    for (const [n, [key, ahead, pad]] of records.entries()) {
      if (control.signal.aborted && ahead > 0) break; // a position that was begun is finished
      position += ahead;
      lane.reached(position);
      reached = position;
      const text = `${n}/${key}/${'.'.repeat(pad)}`;
      given.push({ text, key, position });
      const room = lane.send({
        data: n % 2 ? text : Buffer.from(text),
        partitionKey: `k${key}`,
        hashKey: String(key % hashKeys),
        position,
      });
      if (n % 7 === 0) await later(1);
      if (room) await room;
    }
    reached = position + 1;
    lane.reached(reached);
    return lane.end();
  };
  const progress = await settled(play());
  return { progress, given, resends, reports, reached, ...stream };
}

describe('through a stream that refuses records and breaks calls', () => {
  it('loses nothing, names the position of each further copy, and is right about how far everything is acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (each) => {
        const { progress, given, resends, reports, stored, acknowledged } = await played({ ...each, abortAfter: null });
        expect([...acknowledged].sort()).toEqual(given.map(({ text }) => text).sort());
        for (const { text, position } of given) {
          const copies = stored.filter((one) => one === text).length;
          expect(copies).toBeGreaterThanOrEqual(1);
          expect(copies).toBeLessThanOrEqual(1 + (resends.get(position) ?? 0));
        }
        expect(progress).toMatchObject({ next: given.at(-1)!.position + 1, acknowledged: given.length, oversized: 0, held: 0 });
        for (const report of reports) {
          expect(report.progress.next).toBe(Math.min(report.reached, ...report.owed));
          expect(report.progress.held).toBeLessThanOrEqual(each.maxBytes + 250);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('keeps the order of each key when asked', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (each) => {
        const { given, stored } = await played({ ...each, ordered: true, abortAfter: null });
        const firsts = [...new Set(stored)];
        for (const key of new Set(given.map((one) => one.key)))
          expect(firsts.filter((text) => text.split('/')[1] === String(key))).toEqual(
            given.filter((one) => one.key === key).map(({ text }) => text),
          );
      }),
      { numRuns: 100 },
    );
  });

  it('when aborted has stored everything below where it stopped, and nothing from there on', async () => {
    await fc.assert(
      fc.asyncProperty(scene, fc.nat(120), async (each, abortAfter) => {
        const { progress, given, stored, reached } = await played({ ...each, abortAfter });
        const below = given.filter(({ position }) => position < progress.next).map(({ text }) => text);
        expect([...new Set(stored)].sort()).toEqual(below.sort());
        expect(progress.next).toBeLessThanOrEqual(reached);
        expect(progress).toMatchObject({ acknowledged: below.length, held: 0 });
      }),
      { numRuns: 100 },
    );
  });
});
