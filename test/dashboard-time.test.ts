import { describe, expect, it } from '@jest/globals';
import { calculate } from '../local/quicksight/calculate.ts';
import { scopeOf } from '../local/quicksight/scope.ts';
import { dashboardDefinition } from '../pipeline/dashboard.ts';
import { historySpans, liveMinutes, timeOfWindow } from '../pipeline/dashboard-time.ts';
import { parseSpec } from '../pipeline/spec.ts';

const LENGTHS = [1, 5, 7, 10, 30, 60, 90, 600, 3600];
const STEPS = { minute: 60, hour: 3600 };

/** The step, in seconds, that the live charts of windows so long take for a range of time that ends at `now` and is so many minutes long. */
function stepOf(windowSeconds: number, minutes: number, every = 'Window'): number {
  const names = dashboardDefinition({ ...parseSpec({ windowSeconds }), account: '000000000000' });
  const now = new Date('2026-11-23T18:00:00Z');
  const From = [new Date(now.getTime() - minutes * 60_000).toISOString()];
  const scope = scopeOf(names, 'teams', [{ Name: 'window_start', Type: 'DATETIME' }], { From, Every: [every] }, now);
  const { sql } = calculate(timeOfWindow({ windowSeconds }), scope);
  for (const [, condition = '', unit = ''] of sql.matchAll(/WHEN (.*?) THEN date_trunc\('(\w+)'/g)) {
    const [, chosen, least] = /^\(?\('(\w+)' = '\w+'\)(?: OR \(.* > (\d+)\)\))?$/.exec(condition) ?? [];
    expect(chosen).toBe(every);
    const isChosen = condition.includes(`'${every}' = '${every}'`);
    if (isChosen || (least !== undefined && minutes > Number(least))) return STEPS[unit as keyof typeof STEPS] ?? 86_400;
  }
  return windowSeconds;
}

describe('the points of the line charts', () => {
  it.each(LENGTHS)('are 200 at most, of windows of %i s, whatever range of the last day is chosen', (windowSeconds) => {
    for (const minutes of [...Array(400).keys(), 719, 720, 1439, 1440]) {
      const step = stepOf(windowSeconds, minutes);
      // Both ends are whole minutes, and a step may begin before the range.
      expect([minutes, Math.ceil(((minutes + 1) * 60) / step) + 1 <= 200]).toEqual([minutes, true]);
    }
  });

  it('are windows as long as these fit, and never finer than they are asked to be', () => {
    expect([1, 10, 32, 33, 198, 199, 1440].map((minutes) => stepOf(10, minutes))).toEqual([10, 10, 10, 60, 60, 3600, 3600]);
    expect([10, 100, 300].map((minutes) => stepOf(10, minutes, 'Minute'))).toEqual([60, 60, 3600]);
    expect([10, 1440].map((minutes) => stepOf(10, minutes, 'Hour'))).toEqual([3600, 3600]);
    expect(stepOf(10, 10, 'Day')).toBe(86_400);
    expect([60, 1440].map((minutes) => stepOf(3600, minutes))).toEqual([3600, 3600]);
  });

  it('are each window at the range that the dashboard opens with, unless that would be less than a quarter of an hour', () => {
    expect(LENGTHS.map((windowSeconds) => liveMinutes({ windowSeconds }))).toEqual([15, 15, 15, 30, 60, 180, 180, 1440, 1440]);
    for (const windowSeconds of LENGTHS.filter((seconds) => seconds >= 5))
      expect(stepOf(windowSeconds, liveMinutes({ windowSeconds }))).toBe(windowSeconds);
  });

  it('of the history are minutes, or windows that fill none, while it is short, then hours', () => {
    for (const windowSeconds of LENGTHS) {
      const { fine, hourly } = historySpans({ windowSeconds });
      expect(fine / (60 % windowSeconds === 0 ? 60 : windowSeconds)).toBeLessThan(200);
      expect(hourly / 3600).toBeLessThan(200);
    }
  });
});
