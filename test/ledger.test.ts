import { GetObjectCommand, type ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eventsOf, sentBy } from '../activities/audit/ledger-index.ts';
import { generated, tally } from '../activities/audit/tally.ts';
import type { Clients } from '../activities/aws.ts';
import { FORGOTTEN_MS } from '../activities/kinesis/stretch.ts';
import { firstEventAt, ledger, ledgerPages } from '../activities/s3/ledger.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { dueBy, entered, joined, type LedgerRange, type Span, type TimeBase, timeOf } from '../pipeline/ledger.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { DAY_MS } from '../pipeline/time.ts';
import { sentBefore, troubleOf } from '../pipeline/trouble.ts';

const game = { ...gameOf(parseSpec({ shards: 1, generator: { trouble: { late: 0.2 } } }), 'abcd1234'), lateAfter: 200 };
const range = (first: number, end: number, base: number, since: number): LedgerRange => {
  return { lane: 0, first, end, time: { from: first, base, rate: 100 }, at: 0, resent: [], since };
};

it('tells by a range without events what is no longer held back, whatever its time base', () => {
  const ranges = [range(0, 50, 1_000_000, 0), range(50, 50, 2_000_000, 50), range(50, 60, 3_000_000, 50)];
  const sent = sentBy([{ game, ranges }]);
  const pending = Array.from({ length: 60 }, (_, i) => i).filter((i) => i >= 50 && troubleOf(game, 0, i) === 'late');
  expect(sent.get('abcd1234')!.lanes[0]!.pending).toEqual(new Set(pending));
  expect(generated(sent, 1000).blocks).toMatchObject([{ events: 60 - pending.length, maybe: { events: pending.length } }]);
  const { take, holding } = tally(sent);
  const events = laneOf(game, 0);
  for (let i = 0; i < 60; i++) take(events.next(i < 50 ? 1_000_000 + i * 10 : 3_000_000 + (i - 50) * 10));
  expect(holding()).toMatchObject({ missing: 0, altered: 0, unknown: 0 });
});

it('begins to count where events tell a time that is counted, whatever the rate', () => {
  const rates = fc.oneof(fc.constantFrom(100 / 3, 1000 / 7, 0.1), fc.double({ min: 0.05, max: 5_000, noNaN: true }));
  const began = fc.double({ min: 1_700_000_000_000, max: 1_800_000_000_000, noNaN: true });
  fc.assert(
    fc.property(rates, began, fc.nat(2_000), fc.constantFrom(-1, 0, 0.5, 1), (rate, base, i, off) => {
      const time = { from: 0, base, rate };
      const from = Math.floor(timeOf([time], i)) + off;
      const ranges = [{ ...range(0, 2_001, 0, 0), time }];
      // As Athena does, which knows the text of each time.
      const text = (at: number) => new Date(at).toISOString();
      const counted = Array.from({ length: 2_001 }, (_, each) => text(timeOf([time], each))).filter((each) => each >= text(from));
      expect(eventsOf(sentBy([{ game, ranges }], from))).toBe(counted.length);
    }),
    { numRuns: 300 },
  );
});

it('knows numbers beyond its end for later ones', () => {
  const { take, holding } = tally(sentBy([{ game, ranges: [range(0, 10, 1_000_000, 0)] }]));
  const events = laneOf(game, 0);
  for (let i = 0; i < 15; i++) take(events.next(1_000_000 + i * 10));
  expect(holding()).toMatchObject({ unknown: 0, later: 5 });
});

it('does not miss a second copy that came due so late that it was not sent', () => {
  const doubling = { ...game, trouble: { late: 0, duplicate: 0.2, malformed: 0, oversized: 0 } };
  const doubled = Array.from({ length: 100 }, (_, i) => i).filter((i) => troubleOf(doubling, 0, i) === 'duplicate');
  /** What lacks when each event came once, and these ranges are of it, of which the last was acknowledged so late. */
  const lacking = (ranges: LedgerRange[]) => {
    const { take, holding } = tally(sentBy([{ game: doubling, ranges }]));
    const events = laneOf(doubling, 0);
    for (let i = 0; i < 100; i++) take(events.next(1_000_000 + i * 10));
    return holding().lacking.copies;
  };
  const time = { from: 0, base: 1_000_000, rate: 100 };
  const of = (first: number, end: number, late: number, since = 0) => ({
    ...range(first, end, 0, since),
    time,
    at: timeOf([time], end - 1) + late,
  });
  const silent = (late: number) => of(100, 100, late, 100);
  expect(lacking([of(0, 100, 0), silent(0)])).toBe(doubled.length);
  expect(lacking([of(0, 100, 0), silent(FORGOTTEN_MS + 2_000)])).toBe(doubled.filter((i) => sentBefore(doubling, i, [time]) < 100).length);
  // The second half was sent by a worker that came back late, and so were the copies that came due in it.
  const byThen = doubled.filter((i) => sentBefore(doubling, i, [time]) < 50).length;
  expect(lacking([of(0, 50, 0), of(50, 100, FORGOTTEN_MS + 2_000), silent(FORGOTTEN_MS + 2_000)])).toBe(byThen);
  // Ranges that are joined last longer than it takes to forget.
  const slow = { ...time, rate: 0.01 };
  expect(
    lacking([
      { ...of(0, 100, 0), time: slow, at: timeOf([slow], 99) },
      { ...silent(0), time: slow, at: timeOf([slow], 99) },
    ]),
  ).toBe(doubled.length);
});

/** What a lane's stretches come to, one after the other: so many events (none: it was silent), under the time base before or a new one, of which some were sent again. */
const lives = fc.array(
  fc.record({
    lane: fc.nat(1),
    events: fc.nat(30),
    rate: fc.constantFrom(10, 100),
    anew: fc.boolean(),
    silent: fc.boolean(),
    again: fc.tuple(fc.nat(30), fc.nat(30)),
  }),
  { maxLength: 30 },
);
type Life = typeof lives extends fc.Arbitrary<infer Value> ? Value : never;

/** The ranges of a life in the order in which a generator enters them, and of each lane the times of its events, those sent again and from where on something may be held back. */
function lived(life: Life) {
  const ranges: LedgerRange[] = [];
  const lanes = [0, 1].map(() => ({ times: [] as number[], resent: new Set<number>(), since: 0, bases: [] as TimeBase[] }));
  for (const [at, { lane, events, rate, anew, silent, again }] of life.entries()) {
    const { times, resent, bases } = lanes[lane]!;
    const first = times.length;
    if (bases.length === 0 || anew) bases.push({ from: first, base: 1_000_000 * (at + 1), rate });
    const time = bases.at(-1)!;
    for (let i = first; i < first + events; i++) times.push(time.base + ((i - time.from) * 1000) / time.rate);
    const end = times.length;
    const span: Span = [Math.min(end, first + again[0]), Math.min(end, first + again[0] + again[1])];
    for (let i = span[0]; i < span[1]; i++) resent.add(i);
    const spans = span[0] < span[1] ? [span] : [];
    if (end > first) ranges.push({ lane, first, end, time, at, resent: spans, since: lanes[lane]!.since });
    if (!silent || end === lanes[lane]!.since) continue;
    lanes[lane]!.since = end;
    ranges.push({ lane, first: end, end, time, at, resent: [], since: end });
  }
  return { ranges, lanes };
}

const numbers = (spans: readonly Span[]) => spans.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i));

describe('the ledger', () => {
  it('says of every event the same whether its ranges are entered one by one or joined, and wherever its pages begin', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 1, max: 10 }), fc.boolean(), (life, length, isJoined) => {
        const { ranges, lanes } = lived(life);
        const whole = isJoined ? ranges.reduce<LedgerRange[]>(entered, []) : ranges;
        expect(whole.length).toBeLessThanOrEqual(ranges.length);
        const two = { ...game, lanes: 2 };
        const pages = Array.from({ length: Math.ceil(whole.length / length) }, (_, page) => ({
          game: two,
          ranges: whole.slice(page * length, (page + 1) * length),
        }));
        const read = sentBy(pages).get(game.run)?.lanes ?? [];
        for (const [lane, { spans, bases, resent, pending, end }] of read.entries()) {
          const { times, since, resent: again } = lanes[lane]!;
          expect(end).toBe(times.length);
          expect(numbers(spans)).toEqual([...times.keys()]);
          expect(times.map((_, i) => timeOf(bases, i))).toEqual(times);
          expect(numbers(resent)).toEqual([...again].sort((a, b) => a - b));
          for (const i of pending) expect(i).toBeGreaterThanOrEqual(since);
          const isHeld = (i: number) => i >= since && times[i]! > times.at(-1)! - two.lateAfter;
          const late = [...times.keys()].filter((i) => isHeld(i) && troubleOf(two, lane, i) === 'late');
          expect([...pending]).toEqual(expect.arrayContaining(late));
        }
      }),
    );
  });

  it('joins spans to the same numbers, sorted, none touching the next', () => {
    const span = fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 10 })).map(([first, more]): Span => [first, first + more]);
    fc.assert(
      fc.property(fc.array(span), (spans) => {
        const all = joined(spans);
        expect(numbers(all)).toEqual([...new Set(numbers(spans))].sort((a, b) => a - b));
        for (const [i, [first]] of all.entries()) if (i > 0) expect(first).toBeGreaterThan(all[i - 1]![1]);
      }),
    );
  });

  it('has an event due once its time has come, and no later', () => {
    const whole = fc.record({ from: fc.nat(1000), base: fc.nat(10 ** 6), rate: fc.constantFrom(0.5, 3, 100, 4000) });
    fc.assert(
      fc.property(whole, fc.nat(2 * 10 ** 6), (base, time) => {
        const due = dueBy([base], time);
        expect(due).toBeGreaterThanOrEqual(base.from);
        if (due > base.from) expect(timeOf([base], due - 1)).toBeLessThanOrEqual(time + 1e-6);
        expect(timeOf([base], due)).toBeGreaterThan(Math.min(time, base.base - 1) - 1e-6);
        if (time >= base.base) expect(timeOf([base], due)).toBeGreaterThan(time - 1e-6);
      }),
    );
  });
});

describe('the pages of a ledger', () => {
  const DAYS = 400;
  const began = Date.UTC(2025, 8, 1, 6);
  const pipeline = { ...parseSpec({}), account: '000000000000' };
  const range = (at: number): LedgerRange => ({
    lane: 0,
    first: at,
    end: at + 1,
    time: { from: 0, base: 1000, rate: 1 },
    at,
    resent: [],
    since: 0,
  });

  /** An S3 of 1,000 keys a listing, as AWS's, in which a ledger of four pages a day was written for so many days; every hundred days another game began. */
  async function written(days: number) {
    const objects = new Map<string, { body: string; LastModified: Date }>();
    const calls = { list: 0, get: [] as string[] };
    let now = began;
    const send = async (command: object) => {
      const {
        Key = '',
        Body,
        Prefix = '',
        StartAfter = '',
        ContinuationToken = '',
      } = (command as PutObjectCommand & ListObjectsV2Command).input;
      if (command instanceof PutObjectCommand) return void objects.set(Key, { body: String(Body), LastModified: new Date(now) });
      if (command instanceof GetObjectCommand) {
        calls.get.push(Key);
        return { Body: { transformToString: async () => objects.get(Key)!.body } };
      }
      calls.list++;
      const after = ContinuationToken || StartAfter;
      const keys = [...objects.keys()].filter((key) => key.startsWith(Prefix) && key > after).sort();
      const Contents = keys.slice(0, 1_000).map((key) => ({ Key: key, LastModified: objects.get(key)!.LastModified }));
      return { Contents, ...(keys.length > 1_000 && { NextContinuationToken: Contents.at(-1)!.Key }) };
    };
    const s3 = { send } as unknown as S3Client;
    const write = ledger({ s3 } as Clients)['ledger.write'];
    // Games are named at random.
    const runs = ['r9', 'r1', 'r5', 'r3'];
    for (let page = 0; page < days * 4; page++) {
      now = began + (page * DAY_MS) / 4;
      await write(pipeline, page % 400, {
        game: { ...game, run: runs[Math.floor(page / 400)]! },
        ranges: [range(now - began)].map((each) => ({ ...each, at: now })),
      });
    }
    return { s3, calls, objects, last: now };
  }
  const readSince = async (s3: S3Client, since?: number) => {
    const numbers: [string, number][] = [];
    for await (const {
      game: { run },
      ranges,
    } of ledgerPages(s3, pipeline, since))
      numbers.push([run, ranges[0]!.first]);
    return numbers;
  };

  it('are kept by day, come in order for each game, and those of a day cost one listing though there are 400 days of them', async () => {
    const { s3, calls, objects, last } = await written(DAYS);
    expect([...objects.keys()][0]).toBe('ledger/2025-09-01/r9/000000000.json');
    const all = await readSince(s3);
    const ofGame = (wanted: string) => all.flatMap(([run, at]) => (run === wanted ? [at] : []));
    for (const run of ['r9', 'r1', 'r5', 'r3']) expect(ofGame(run)).toEqual(ofGame(run).toSorted((a, b) => a - b));
    expect([all.length, calls.list]).toEqual([DAYS * 4, 2]);
    Object.assign(calls, { list: 0, get: [] });
    expect((await readSince(s3, last - DAY_MS)).map(([, at]) => at)).toEqual(
      [4, 3, 2, 1, 0].map((back) => last - began - (back * DAY_MS) / 4),
    );
    expect([calls.list, calls.get.length]).toEqual([1, 5]);
  });

  it('tell the first event by the first pages of the first day, with one listing', async () => {
    const { s3, calls } = await written(DAYS);
    expect(await firstEventAt(s3, pipeline)).toBe(1000);
    expect(calls).toEqual({ list: 1, get: ['ledger/2025-09-01/r9/000000000.json'] });
  });

  it('tell it of two games of that day, and of none', async () => {
    const { s3, calls } = await written(0);
    expect(await firstEventAt(s3, pipeline)).toBe(Number.POSITIVE_INFINITY);
    const write = ledger({ s3 } as Clients)['ledger.write'];
    for (const [run, first] of [
      ['r2', 5],
      ['r1', 3],
    ] as const)
      for (const number of [0, 1])
        await write(pipeline, number, { game: { ...game, run }, ranges: [{ ...range(first + 10 * number), at: began }] });
    expect(await firstEventAt(s3, pipeline)).toBe(1000 + 3 * 1000);
    expect(calls.get).toEqual(['r1', 'r2'].map((run) => `ledger/2025-09-01/${run}/000000000.json`));
  });
});
