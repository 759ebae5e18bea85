import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { meanOf, paceAt, peakOf, type Rate, rateSchema, rateWords } from '../pipeline/rate.ts';

const number = fc.integer({ min: 1, max: 5000 });
const span = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.constantFrom('seconds', 'minutes')).map(([amount, unit]) => `${amount} ${unit}`);
const course = fc.oneof(
  number,
  fc.constant('max' as const),
  fc.record({ ramp: fc.record({ from: number, to: number, over: span }) }),
  fc.record({ daily: fc.record({ low: number, high: number, peak: fc.constantFrom('00:00', '06:30', '20:00', '23:59') }) }),
  fc.record({
    bursts: fc.record({ rate: number, peak: number, every: fc.constant('10 minutes'), lasts: fc.constantFrom('30 seconds', '3 minutes') }),
  }),
);

/** Events in `length` milliseconds from `begin` on, by following the pace piece by piece. */
function follow(rate: Rate, begin: number, length: number): { events: number; pieces: number } {
  let at = 0;
  let events = 0;
  let pieces = 0;
  while (at < length) {
    const { rate: pace, holds } = paceAt(rate, at, begin + at, 30_000, 9999);
    const piece = Math.min(holds, length - at);
    events += (pace * piece) / 1000;
    at += piece;
    pieces++;
  }
  return { events, pieces };
}

describe('the pace', () => {
  it('is positive, never above the peak, and holds for a while but no longer than asked', () => {
    fc.assert(
      fc.property(course, fc.nat(10 ** 8), fc.nat(2 ** 41), fc.integer({ min: 1, max: 30_000 }), (rate, since, now, longest) => {
        const { rate: pace, holds } = paceAt(rate, since, now, longest, 9999);
        expect(pace).toBeGreaterThan(0);
        expect(pace).toBeLessThanOrEqual((peakOf(rate) ?? 9999) * (1 + 1e-9));
        expect(holds).toBeGreaterThan(0);
        expect(holds).toBeLessThanOrEqual(longest);
      }),
    );
  });

  it('of a day comes to its mean', () => {
    const daily = rateSchema.parse({ daily: { low: 100, high: 900, peak: '20:00' } });
    const { events } = follow(daily, Date.UTC(2026, 0, 1), 86_400_000);
    expect(events / 86_400 / meanOf(daily)!).toBeCloseTo(1, 3);
    expect(paceAt(daily, 0, Date.UTC(2026, 0, 1, 20), 30_000, 1).rate).toBeCloseTo(900, 0);
    expect(paceAt(daily, 0, Date.UTC(2026, 0, 1, 8), 30_000, 1).rate).toBeCloseTo(100, 0);
  });

  it('of a ramp goes from end to end, then holds', () => {
    const ramp = rateSchema.parse({ ramp: { from: 100, to: 300, over: '10 minutes' } });
    expect(follow(ramp, 0, 600_000).events).toBeCloseTo(200 * 600, -1);
    expect(paceAt(ramp, 700_000, 0, 30_000, 1)).toEqual({ rate: 300, holds: 30_000 });
  });

  it('of bursts changes at their edges', () => {
    const bursts = rateSchema.parse({ bursts: { rate: 10, peak: 500, every: '1 minute', lasts: '7 seconds' } });
    expect(follow(bursts, 0, 60_000).events).toBeCloseTo(7 * 500 + 53 * 10, 6);
    expect(paceAt(bursts, 6_000, 0, 30_000, 1)).toEqual({ rate: 500, holds: 1_000 });
  });

  it('is refused in one line when it is none', () => {
    for (const wrong of [0, -1, 'fast', { ramp: { from: 1, to: 2 } }, { daily: { low: 1, high: 2, peak: '25:00' } }]) {
      const { success, error } = rateSchema.safeParse(wrong);
      expect([wrong, success]).toEqual([wrong, false]);
      expect(error?.issues).toHaveLength(1);
    }
    expect(rateWords(rateSchema.parse({ bursts: { rate: 1, peak: 2, every: '1 minute', lasts: '1 second' } }))).toBe(
      '1 events/s, 2 for 1 second every 1 minute',
    );
  });
});
