import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { learned, nextLook, rememberWaits, type Seen } from '../pipeline/waiting.ts';

/** Looks at a thing that is ready after `ready` milliseconds, until it is seen. */
function wait(ready: number, seen?: Seen, speed = 1): { looks: number; late: number } {
  let at = 0;
  let looks = 1;
  while (at < ready) {
    at += nextLook(at, looks, seen, speed);
    looks++;
  }
  return { looks, late: at - ready };
}

const ready = fc.integer({ min: 1, max: 30 * 60_000 });
const waits = fc.array(ready, { minLength: 1, maxLength: 5 });
const seenOf = (all: number[]): Seen | undefined => all.reduce<Seen | undefined>(learned, undefined);

describe('how often is looked', () => {
  it('is once a second at most, but for one soon look, whatever was seen before', () => {
    fc.assert(
      fc.property(ready, fc.option(waits, { nil: [] }), (time, before) => {
        const { looks, late } = wait(time, seenOf(before));
        expect(looks - 1).toBeLessThanOrEqual(Math.max(1, (time + late) / 1000 + 1e-6));
      }),
    );
  });

  it('is soon for what is quick, and late by a second, later a 120th of the wait, at most where nothing is known', () => {
    expect(wait(300).late).toBe(0);
    fc.assert(
      fc.property(ready, (time) => {
        const longest = time <= 300 ? 300 : time <= 2_000 ? 1_700 : Math.min(10_000, Math.max(1_000, time / 120));
        expect(wait(time).late).toBeLessThanOrEqual(longest + 1);
      }),
    );
  });

  it('finds what takes as long as ever nearly at once, with fewer looks', () => {
    for (const seconds of [15, 45, 75, 150]) {
      const known = seenOf([seconds * 1000 * 0.95, seconds * 1000 * 1.05]);
      const without = wait(seconds * 1000);
      const withIt = wait(seconds * 1000, known);
      expect(withIt.late).toBeLessThanOrEqual(1_000);
      expect(withIt.looks).toBeLessThanOrEqual(without.looks);
    }
  });

  it('goes faster with the time', () => {
    fc.assert(
      fc.property(ready, fc.integer({ min: 2, max: 1000 }), (time, speed) => {
        expect(wait(time / speed, undefined, speed).looks).toBeCloseTo(wait(time).looks, -1);
      }),
    );
  });
});

it('is remembered by kind, with what a pipeline has remembered by stage', () => {
  const before = { events: { shortest: 20, longest: 30 }, bucket: { shortest: 1, longest: 2 } };
  expect(rememberWaits(before, { lateEvents: 40, playerMetrics: 10, lateDelivery: 50, playerDelivery: 60, bucket: 3 })).toEqual({
    events: { shortest: 10, longest: 40 },
    eventsDelivery: { shortest: 50, longest: 60 },
    bucket: { shortest: 1, longest: 3 },
  });
});
