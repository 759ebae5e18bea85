import { describe, expect, it } from '@jest/globals';
import { sentBy } from '../activities/audit/ledger-index.ts';
import { type Reached, unwritten } from '../activities/audit/unwritten.ts';
import { gameOf } from '../pipeline/lanes.ts';
import type { TimeBase } from '../pipeline/ledger.ts';
import { parseSpec } from '../pipeline/spec.ts';

const game = gameOf(parseSpec({ shards: 2 }), 'r');
/** An event a second. */
const time: TimeBase = { from: 0, base: 1_000_000, rate: 1 };
const at = (i: number) => time.base + i * 1000;

/** A ledger with these numbers of lane 0, and all of lane 1 up to 100. */
const ledger = (...spans: [number, number, TimeBase?][]) => {
  const range = (lane: number, [first, end, base = time]: [number, number, TimeBase?]) => ({
    ...{ lane, first, end, time: base, at: at(end), resent: [], since: 0 },
  });
  return sentBy([{ game, ranges: [...spans.map((span) => range(0, span)), range(1, [0, 100])] }]);
};
const reached = (next: number, ...bases: TimeBase[]): Reached => ({ game, lanes: [next, 100], bases: [bases, [time]] });
const NONE = { events: 0, examples: [] };

describe('what the lanes made and the ledger lacks', () => {
  it('is nothing where it has every number up to where the lanes are, or nobody says where that is', () => {
    expect(unwritten(ledger([0, 60], [60, 100]), 0, reached(100, time))).toEqual(NONE);
    // As where what was held back has been sent.
    expect(unwritten(ledger([0, 60], [60, 60], [60, 100]), 0, reached(100, time))).toEqual(NONE);
    expect(unwritten(ledger([0, 60]), 0)).toEqual(NONE);
    expect(unwritten(ledger([0, 60]), 0, {})).toEqual(NONE);
  });

  it('is named by its numbers: before the first range, between ranges, and behind the last', () => {
    expect(unwritten(ledger([50, 90]), 0)).toEqual({ events: 50, examples: ['r-0-0 to 49'] });
    expect(unwritten(ledger([50, 90]), at(20))).toEqual({ events: 30, examples: ['r-0-20 to 49'] });
    expect(unwritten(ledger([50, 90]), at(60))).toEqual(NONE);
    const [gap, tail] = ['r-0-20 to 29', 'r-0-90 to 99'];
    expect(unwritten(ledger([0, 20], [30, 90]), 0)).toEqual({ events: 10, examples: [gap] });
    expect(unwritten(ledger([0, 20], [30, 90]), 0, reached(100, time))).toEqual({ events: 20, examples: [gap, tail] });
    expect(unwritten(sentBy([]), 0, reached(100, time))).toEqual({ events: 200, examples: ['r-0-0 to 99', 'r-1-0 to 99'] });
  });

  it('is only what surely happened since the time that is asked for', () => {
    expect(unwritten(ledger([0, 20], [30, 90]), at(20), reached(100, time)).events).toBe(20);
    expect(unwritten(ledger([0, 20], [30, 90]), at(21), reached(100, time)).events).toBe(10);
    expect(unwritten(ledger([0, 90]), at(95), reached(100, time))).toEqual({ events: 5, examples: ['r-0-95 to 99'] });
    // Pages of long ago are not read, and a lane may have been silent since.
    expect(unwritten(ledger(), at(1_000), reached(100, time))).toEqual(NONE);
  });

  it('is by the latest time base where the earlier ones are lost with it', () => {
    const later: TimeBase = { from: 95, base: at(500), rate: 1 };
    expect(unwritten(ledger([0, 90]), at(80), reached(100, later)).events).toBe(10);
    expect(unwritten(ledger([0, 90]), at(300), reached(100, later)).examples).toEqual(['r-0-95 to 99']);
  });

  it('counts all, and names twenty', () => {
    const { events, examples } = unwritten(ledger(...Array.from({ length: 40 }, (_, k): [number, number] => [2 * k, 2 * k + 1])), 0);
    expect([events, examples.length]).toEqual([39, 20]);
  });
});
