import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Lane, type ProducerOptions, producer } from '../activities/kinesis/producer.ts';
import type { Put } from '../activities/kinesis/put-records.ts';
import type { LookUp } from '../activities/kinesis/read-back.ts';
import { payloads } from '../pipeline/aggregation.ts';
import { later, named, settled } from './troubled-stream.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const FAST = { limit: { records: 1e6, bytes: 1e9 } };
const sender = (put: Put, more: Partial<ProducerOptions> = {}) => producer({ put, stream: 's', ...FAST, ...more });
const stored = (records: { length: number }) => Array.from(records as unknown[], () => ({ SequenceNumber: '1' }));
const sending = (lane: Lane, position: number, more: object = {}) =>
  lane.send({ data: `${position}`, partitionKey: 'k', hashKey: '0', position, ...more });

describe('a lane', () => {
  it('refuses by itself what a stream would refuse, tells its position, and goes on', async () => {
    const sizes: number[] = [];
    const oversized: number[] = [];
    const put: Put = async (_stream, records) => {
      sizes.push(...records.map(({ Data, PartitionKey }) => Data.length + PartitionKey.length));
      return stored(records);
    };
    const lane = sender(put).lane({ oversized: (position) => void oversized.push(position) });
    for (const [position, bytes] of [1 << 20, (1 << 20) - 1, 5 << 20, 1].entries())
      void sending(lane, position, { data: new Uint8Array(bytes) })?.catch(() => undefined);
    lane.reached(4);
    expect(await settled(lane.end())).toEqual({ next: 4, acknowledged: 2, resent: 0, oversized: 2, held: 0 });
    expect(oversized).toEqual([0, 2]);
    expect(sizes.sort()).toEqual([1 << 20, 2]);
  });

  it('shares its calls with other lanes, and keeps its own account', async () => {
    const put = jest.fn<Put>(async (_stream, records) => stored(records));
    const one = sender(put);
    const lanes = [1000, 2000, 3000].map((from) => ({ from, lane: one.lane({ from }) }));
    for (let i = 0; i < 10; i++) for (const { from, lane } of lanes) void sending(lane, from + i);
    for (const { from, lane } of lanes) lane.reached(from + 10);
    const ends = await settled(Promise.all(lanes.map(({ lane }) => lane.end())));
    expect(ends.map(({ next, acknowledged }) => [next, acknowledged])).toEqual([
      [1010, 10],
      [2010, 10],
      [3010, 10],
    ]);
    expect(put.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it('has the events of one match keep their pace and their order over a long way, in few records', async () => {
    const stored: string[] = [];
    let records = 0;
    const put: Put = async (_stream, entries) => {
      records += entries.length;
      await later(25);
      stored.push(...entries.flatMap(({ Data }) => payloads(Data).map((data) => Buffer.from(data).toString())));
      await later(25);
      return entries.map(() => ({ SequenceNumber: '1' }));
    };
    const lane = producer({ put, stream: 's', aggregate: 'queued', ordered: true }).lane({});
    const began = performance.now();
    const play = async () => {
      for (let i = 0; i < 500; i++) {
        lane.reached(i);
        await sending(lane, i);
        await later(20);
      }
      return lane.end();
    };
    expect(await settled(play())).toMatchObject({ acknowledged: 500, held: 0 });
    expect(performance.now() - began).toBeLessThan(10_150);
    expect(stored).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`));
    expect(records).toBeGreaterThan(100);
  });

  it('fills its shard in order though only one aggregate a round trip may go, by larger ones, and by none while none has to wait', async () => {
    const sizes: number[] = [];
    const stored: number[] = [];
    const put: Put = async (_stream, entries) => {
      await later(100);
      sizes.push(...entries.map(({ Data }) => Data.length));
      stored.push(...entries.flatMap(({ Data }) => payloads(Data).map((data) => Number.parseInt(Buffer.from(data).toString(), 10))));
      return entries.map(() => ({ SequenceNumber: '1' }));
    };
    const lane = producer({ put, stream: 's', aggregate: true, ordered: true }).lane({});
    const began = performance.now();
    const play = async () => {
      for (let i = 0; i < 20_000; i++) {
        lane.reached(i);
        await sending(lane, i, { data: `${i}`.padEnd(228) });
      }
      return lane.end();
    };
    expect(await settled(play())).toMatchObject({ acknowledged: 20_000, held: 0 });
    expect(20_000 / ((performance.now() - began) / 1000)).toBeGreaterThan(3_500);
    expect(stored).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(sizes[0]).toBeLessThan(52_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(204_800);
  });

  it('when aborted while it is looked up what may be stored, keeps account of what goes in the same call', async () => {
    const stored: string[] = [];
    const control = new AbortController();
    let [isLost, isLookedUp] = [false, false];
    const put: Put = async (_stream, entries) => {
      stored.push(...entries.map(({ Data }) => Buffer.from(Data).toString()));
      if (!isLost) return entries.map(() => ({ ShardId: 's', SequenceNumber: '1' }));
      isLost = false;
      void sending(lane, 2);
      lane.reached(3);
      throw named('TimeoutError');
    };
    const lookUp: LookUp = async () => {
      isLookedUp = true;
      await later(1_000);
      return new Set();
    };
    const lane = sender(put, { lookUp }).lane({ signal: control.signal });
    const play = async () => {
      void sending(lane, 0);
      await later(500);
      isLost = true;
      void sending(lane, 1);
      while (!isLookedUp) await later(10);
      control.abort();
      return lane.end();
    };
    expect(await settled(play())).toMatchObject({ next: 3, acknowledged: 3, held: 0 });
    expect(stored).toEqual(['0', '1', '1', '2']);
  });

  it('says why it sends again what could not be looked up', async () => {
    const said: string[] = [];
    let calls = 0;
    const put: Put = async (_stream, entries) => {
      if (++calls === 2) throw named('TimeoutError');
      return entries.map(() => ({ ShardId: 's', SequenceNumber: '1' }));
    };
    const lookUp: LookUp = async () => Promise.reject(new Error('AccessDeniedException'));
    const lane = sender(put, { lookUp, warn: (message) => said.push(message) }).lane();
    const play = async () => {
      void sending(lane, 0);
      await later(500);
      void sending(lane, 1);
      return lane.end();
    };
    expect(await settled(play())).toMatchObject({ acknowledged: 2 });
    expect([calls, said]).toEqual([3, ['records that may be stored are sent again (1): AccessDeniedException']]);
  });

  it('passes positions that have no record', async () => {
    const lane = sender(async (_stream, records) => stored(records)).lane({ from: 5 });
    lane.reached(9);
    expect((await settled(lane.end())).next).toBe(9);
  });

  it('fails with the reason when the stream is not there, and when no call gets through for too long', async () => {
    for (const [error, patienceMs] of [
      [named('ResourceNotFoundException', { $metadata: { httpStatusCode: 400 } }), 1e9],
      [named('TimeoutError'), 5000],
    ] as const) {
      const put = jest.fn<Put>(async () => Promise.reject(error));
      const lane = sender(put, { patienceMs }).lane({ maxBytes: 1 });
      const room = sending(lane, 0);
      const end = lane.end();
      await expect(settled(Promise.all([room, end]))).rejects.toBe(error);
      expect(() => sending(lane, 1)).toThrow(error);
      await expect(lane.end()).rejects.toBe(error);
      expect(put.mock.calls.length > 1).toBe(error.name === 'TimeoutError');
    }
  });
});

describe('the pace', () => {
  it('keeps to what a shard takes, and finds what others leave of it', async () => {
    const began = performance.now();
    const seen: { at: number; count: number }[] = [];
    let refusals = 0;
    const put: Put = async (_stream, records) => {
      const second = Math.floor(performance.now() / 1000);
      let used = seen.filter(({ at }) => at === second).reduce((sum, { count }) => sum + count, 0);
      return records.map(() => {
        if (used >= 400) {
          refusals++;
          return { ErrorCode: 'ProvisionedThroughputExceededException' };
        }
        used++;
        seen.push({ at: second, count: 1 });
        return { SequenceNumber: '1' };
      });
    };
    const lane = sender(put, { limit: { records: 950, bytes: 1e6 } }).lane({});
    const play = async () => {
      for (let i = 0; i < 8000; i++) {
        const room = sending(lane, i);
        if (room) await room;
      }
      return lane.end();
    };
    expect((await settled(play())).acknowledged).toBe(8000);
    const seconds = (performance.now() - began) / 1000;
    expect(seconds).toBeLessThan(26); // 20 at best
    expect(refusals).toBeLessThan(4000);
  });
});
