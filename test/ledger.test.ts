import { expect, it } from '@jest/globals';
import { generated, sentBy, tally } from '../activities/tally.ts';
import { gameOf } from '../pipeline/lanes.ts';
import type { LedgerRange } from '../pipeline/ledger.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { troubleOf } from '../pipeline/trouble.ts';

const game = { ...gameOf(parseSpec({ shards: 1, generator: { trouble: { late: 0.2 } } }), 'abcd1234'), lateAfter: 20 };
const range = (first: number, end: number, base: number, since: number): LedgerRange => {
  return { lane: 0, first, end, time: { from: first, base, rate: 100 }, at: 0, resent: [], since };
};

it('tells by a range without events what is no longer held back, whatever its time base', () => {
  const ranges = [range(0, 50, 1_000_000, 0), range(50, 50, 2_000_000, 50), range(50, 60, 3_000_000, 50)];
  const sent = sentBy([{ game, ranges }]);
  const pending = Array.from({ length: 60 }, (_, i) => i).filter((i) => i >= 50 && troubleOf(game, 0, i) === 'late');
  expect(sent.get('abcd1234')!.lanes[0]!.pending).toEqual(new Set(pending));
  expect(generated(sent, 1000)).toMatchObject([{ events: 60 - pending.length, maybe: { events: pending.length } }]);
  const { take, holding } = tally(sent);
  const events = laneOf(game, 0);
  for (let i = 0; i < 60; i++) take(events.next(i < 50 ? 1_000_000 + i * 10 : 3_000_000 + (i - 50) * 10));
  expect(holding()).toMatchObject({ missing: 0, altered: 0, unknown: 0 });
});
