import { describe, expect, it } from '@jest/globals';
import { gameOf } from '../pipeline/lanes.ts';
import { timeOf } from '../pipeline/ledger.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { heldBackFrom } from '../pipeline/trouble.ts';
import { type LaneCursor, stretchFrom } from '../workflows/cursor.ts';

const gameWith = (trouble: object) => gameOf(parseSpec({ shards: 1, generator: { rate: 10, trouble } }), 'abcd1234');

/** Follows another pace every five seconds, as with a daily course, for 500 of these; after every so many steps what was held back is sent. */
function followed(game: ReturnType<typeof gameWith>, silentEvery = Number.POSITIVE_INFINITY) {
  let at: LaneCursor = { next: 0, latest: 0, since: 0, bases: [] };
  const times: number[] = [];
  let now = 1_000_000;
  const lengths: number[] = [];
  for (let step = 0; step < 500; step++) {
    const { to, bases, until } = stretchFrom(game, at, now, { rate: 10 + Math.sin(step / 100), holds: 5_000 }, Number.MAX_SAFE_INTEGER);
    for (let i = at.next; i < to; i++) times.push(timeOf(bases, i));
    at = { next: to, latest: Math.floor(times.at(-1)!), since: (step + 1) % silentEvery === 0 ? to : at.since, bases };
    lengths.push(bases.length);
    now = until;
  }
  return { at, times, most: Math.max(...lengths) };
}

describe('the time bases of a lane', () => {
  it('are the present one alone while nothing is held back', () => {
    for (const trouble of [{}, { malformed: 0.1, oversized: 0.1 }]) expect(followed(gameWith(trouble))).toMatchObject({ most: 1 });
  });

  it('are those of events that may be held back, and no more', () => {
    const game = gameWith({ late: 0.1 });
    const { at, times, most } = followed(game, 3);
    expect(most).toBeLessThanOrEqual(3);
    for (let i = at.since; i < at.next; i++) expect(timeOf(at.bases, i)).toBe(times[i]);
    const { at: whole, times: all, most: many } = followed(game);
    expect(many).toBeLessThanOrEqual(9);
    for (let i = heldBackFrom(game, whole.next, whole.bases); i < whole.next; i++) expect(timeOf(whole.bases, i)).toBe(all[i]);
  });
});
