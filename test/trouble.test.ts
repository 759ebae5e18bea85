import { ok } from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Game, laneOf } from '../pipeline/simulation.ts';
import { type Due, dueAt, dueAtEnd, malformed, oversized, type Trouble, troubleOf } from '../pipeline/trouble.ts';

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
  /** Lives through stretches of such lengths with a silence behind each; gives the end, and what came outside of its place. */
  const lived = (game: Game, start: number, lengths: number[]) => {
    const due = new Map<number, Due['kind']>();
    const note = ({ i, kind }: Due) => {
      ok(!due.has(i), `${i} comes twice`);
      due.set(i, kind);
    };
    let i = start;
    for (const length of lengths) {
      const since = i;
      for (; i < since + length; i++)
        for (const each of dueAt(game, 1, i, since)) {
          ok(i - each.i > game.lateAfter && i - each.i <= 2 * game.lateAfter, `${each.i} comes before ${i}`);
          note(each);
        }
      for (const each of dueAtEnd(game, 1, i, since)) {
        ok(each.i < i, `${each.i} comes before ${i}`);
        note(each);
      }
    }
    return { end: i, due };
  };

  it('is due once, between one and two blocks late, or in the next silence; copies too', () => {
    const lives = fc.array(fc.nat(400), { maxLength: 5 });
    fc.assert(
      fc.property(shares, fc.integer({ min: 1, max: 60 }), fc.nat(1e9), lives, (trouble, block, start, lengths) => {
        const game = gameWith(trouble, block);
        const { end, due } = lived(game, start, lengths);
        const wanted = Array.from({ length: end - start }, (_, k) => ({ i: start + k, kind: troubleOf(game, 1, start + k) }));
        const held = wanted.filter(({ kind }) => kind === 'late' || kind === 'duplicate');
        expect([...due].map(([i, kind]) => ({ i, kind })).sort((a, b) => a.i - b.i)).toEqual(held);
      }),
    );
  });

  it('comes at the start of blocks only, in the order of numbers', () => {
    const game = gameWith({ late: 0.3, duplicate: 0.3 }, 50);
    for (let i = 0; i < 1000; i++) {
      const numbers = dueAt(game, 0, i).map((due) => due.i);
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
