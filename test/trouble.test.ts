import { ok } from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type TimeBase, timeOf } from '../pipeline/ledger.ts';
import { type Game, laneOf } from '../pipeline/simulation.ts';
import { type Due, dueAt, dueAtEnd, malformed, oversized, sentBefore, type Trouble, troubleOf } from '../pipeline/trouble.ts';

const gameWith = (trouble: Partial<Trouble>, lateAfter = 100, seed = 7): Game => ({
  run: '1a2b3c4d',
  seed,
  players: 100,
  lanes: 2,
  trouble: { late: 0, duplicate: 0, malformed: 0, oversized: 0, ...trouble },
  lateAfter,
});
const shares = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20)).map(([late, duplicate, malformed, oversized]) => ({
  late: late / 100,
  duplicate: duplicate / 100,
  malformed: malformed / 100,
  oversized: oversized / 100,
}));

describe('trouble', () => {
  it('comes in the shares asked for, and never where none is', () => {
    fc.assert(
      fc.property(shares, fc.nat(0xffff_ffff), fc.nat(1e9), fc.nat(9), (trouble, seed, from, lane) => {
        const game = gameWith(trouble, 100, seed);
        const n = 10_000;
        const found = { late: 0, duplicate: 0, malformed: 0, oversized: 0, none: 0 };
        for (let i = from; i < from + n; i++) found[troubleOf(game, lane, i) ?? 'none']++;
        for (const kind of ['late', 'duplicate', 'malformed', 'oversized'] as const) {
          const p = trouble[kind];
          // Six standard deviations: once in 500 million.
          expect(Math.abs(found[kind] - n * p)).toBeLessThanOrEqual(6 * Math.sqrt(n * p * (1 - p)));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('falls on the same events however often one asks, on others with another seed or in another lane', () => {
    const marks = (game: Game, lane: number) => Array.from({ length: 2000 }, (_, i) => troubleOf(game, lane, i) ?? '-').join();
    const game = gameWith({ late: 0.1, duplicate: 0.1, malformed: 0.05, oversized: 0.05 });
    expect(marks(game, 0)).toBe(marks({ ...game, run: 'other' }, 0));
    expect(marks(game, 0)).not.toBe(marks(game, 1));
    expect(marks(game, 0)).not.toBe(marks({ ...game, seed: 8 }, 0));
  });

  it('changes no event: a game with trouble has the events of the same game without', () => {
    const texts = (game: Game) => {
      const events = laneOf(game, 0);
      return Array.from({ length: 500 }, (_, i) => events.next(i));
    };
    expect(texts(gameWith({ late: 0.5, duplicate: 0.5 }, 7))).toEqual(texts(gameWith({})));
  });
});

describe('what was held back', () => {
  /** So many events at so many a second, after a pause of so long; `silent`: then the lane falls silent. */
  const stretch = fc.record({
    length: fc.nat(150),
    rate: fc.constantFrom(0.5, 3, 100 / 3, 1000, 4000),
    after: fc.constantFrom(0, 0, 7, 5_000),
    silent: fc.boolean(),
  });
  type Life = (typeof stretch extends fc.Arbitrary<infer Value> ? Value : never)[];
  /** Lives through stretches, each under its time base and the last with a silence behind; gives the end, and what came outside of its place. */
  const lived = (game: Game, start: number, life: Life) => {
    const { lateAfter } = game;
    const due = new Map<number, Due['kind']>();
    const note = ({ i, kind }: Due) => {
      ok(!due.has(i), `${i} comes twice`);
      due.set(i, kind);
    };
    const bases: TimeBase[] = [];
    let [i, since, now] = [start, start, 1_000_000];
    for (const [at, { length, rate, after, silent }] of life.entries()) {
      if (length > 0) bases.push({ from: i, base: now + after, rate });
      const time = (of: number) => timeOf(bases, of);
      for (const end = i + length; i < end; i++)
        for (const each of dueAt(game, 1, i, bases, since)) {
          ok(time(i) - time(each.i) > lateAfter, `${each.i} comes at ${i}, which is too soon`);
          ok(time(i - 1) - time(each.i) < 2 * lateAfter, `${each.i} comes at ${i}, which is too late`);
          ok(sentBefore(game, each.i, bases) === i, `${each.i} comes at ${i}, and not where it is said to`);
          note(each);
        }
      if (length > 0) now = time(i);
      if (!silent && at < life.length - 1) continue;
      for (const each of dueAtEnd(game, 1, i, bases, since)) {
        ok(each.i < i, `${each.i} comes before ${i}`);
        ok(sentBefore(game, each.i, bases) >= i, `${each.i} comes at the end, and was to come before`);
        note(each);
      }
      since = i;
    }
    return { end: i, due };
  };

  it('is due once, between one and two blocks late whatever the pace, or in the next silence; copies too', () => {
    fc.assert(
      fc.property(
        shares,
        fc.integer({ min: 1, max: 9_000 }),
        fc.nat(1e9),
        fc.array(stretch, { maxLength: 6 }),
        (trouble, block, start, life) => {
          const game = gameWith(trouble, block);
          const { end, due } = lived(game, start, life);
          const wanted = Array.from({ length: end - start }, (_, k) => ({ i: start + k, kind: troubleOf(game, 1, start + k) }));
          const held = wanted.filter(({ kind }) => kind === 'late' || kind === 'duplicate');
          expect([...due].map(([i, kind]) => ({ i, kind })).sort((a, b) => a.i - b.i)).toEqual(held);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('comes at the start of blocks only, in the order of numbers', () => {
    const game = gameWith({ late: 0.3, duplicate: 0.3 }, 500);
    const bases = [{ from: 0, base: 1_000_000, rate: 100 }];
    for (let i = 0; i < 1000; i++) {
      const numbers = dueAt(game, 0, i, bases).map((due) => due.i);
      if (i % 50 !== 0 || i < 100) expect(numbers).toEqual([]);
      else expect(numbers.length).toBeGreaterThan(0);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });
});

describe('an extra record', () => {
  const [json = ''] = [laneOf(gameWith({}), 1).next(0)];

  it('that is malformed is no JSON, and tells whose it is', () => {
    const text = malformed(json);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(text).toMatch(/^\{"event_id":"1a2b3c4d-1-0x",/);
    expect(text.length).toBe(Math.floor((json.length + 1) / 2));
  });

  it('that is oversized is the event, and more than Kinesis takes', () => {
    const text = oversized(json);
    expect(JSON.parse(text)).toEqual({ ...JSON.parse(json), event_id: '1a2b3c4d-1-0o' });
    expect(Buffer.byteLength(text)).toBe(1024 * 1024 + 1);
  });
});
