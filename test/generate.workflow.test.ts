import { expect, it } from '@jest/globals';
import { laneTotal } from '../pipeline/lanes.ts';
import { entered, type LedgerRange, timeOf } from '../pipeline/ledger.ts';
import { flushLedger, pause, resume, setRate } from '../workflows/messages.ts';
import { ledgerOf, withGenerator } from './generator-stage.ts';

it('gives every event one time for good, skips none and sends none too late, however it is paused, resumed and broken off', async () => {
  let step = 0;
  const total = 3000;
  const spec = { shards: 3, windowSeconds: 1, generator: { rate: 1000, total } };
  const stream = await withGenerator(
    'paused',
    spec,
    () => ++step % 17 === 0,
    async ({ handle, until }) => {
      for (let round = 0; round < 4; round++) {
        await handle.signal(pause);
        const paused = await until(({ state }) => state !== 'running');
        await handle.signal(resume);
        if (paused.state === 'finished') break;
        await until(({ state, acknowledged }) => state === 'finished' || acknowledged > paused.acknowledged);
      }
      const finished = await until(({ state }) => state === 'finished');
      expect(finished).toMatchObject({ acknowledged: total, total, lanes: [1000, 1000, 1000] });
      expect(await handle.executeUpdate(flushLedger)).toMatchObject({
        lanes: [1000, 1000, 1000],
        bases: Array(3).fill([{ from: expect.any(Number) }]),
      });
    },
  );
  const all = [0, 1, 2].flatMap((lane) => Array.from({ length: laneTotal(lane, 3, total) }, (_, i) => `r-${lane}-${i}`));
  expect([...stream.times.keys()].sort()).toEqual(all.sort());
  expect([...stream.times.values()].filter((times) => times.size !== 1)).toEqual([]);
  expect(stream.late).toBe(0);
  const whole = [0, 1, 2].map((lane) => ledgerOf(stream).filter((range) => range.lane === lane));
  for (const [lane, ranges] of whole.entries()) {
    expect(ranges[0]!.first).toBe(0);
    expect(ranges.at(-1)!.end).toBe(1000);
    for (const [i, range] of ranges.entries()) {
      if (i > 0) expect(range.first).toBe(ranges[i - 1]!.end);
      for (let at = range.first; at < range.end; at++)
        expect(stream.times.get(`r-${lane}-${at}`)).toEqual(new Set([timeOf([range.time], at)]));
    }
  }
});

it('follows another rate at once, refuses what the stream does not take, and goes on without a gap', async () => {
  const stream = await withGenerator(
    'rated',
    { shards: 2, generator: { rate: 10 } },
    () => false,
    async ({ handle, until }) => {
      await until(({ acknowledged, state }) => state === 'running' && acknowledged >= 0);
      await expect(handle.executeUpdate(setRate, { args: [90_000] })).rejects.toMatchObject({
        cause: { message: 'a rate of 90000 events/s is more than 2 shards take (8000)' },
      });
      expect(
        await handle.executeUpdate(setRate, { args: [{ bursts: { rate: 100, peak: 2500, every: '3 seconds', lasts: '1 second' } }] }),
      ).toBe('100 events/s, 2500 for 1 second every 3 seconds');
      await until(({ acknowledged }) => acknowledged > 2000);
    },
  );
  const rates = new Set(ledgerOf(stream).map(({ time }) => time.rate));
  expect([...rates]).toEqual(expect.arrayContaining([50, 1250]));
  // More than a thousand events a second and shard go only together.
  expect([stream.aggregated[0], stream.aggregated.at(-1)]).toEqual(['queued', true]);
  for (const lane of [0, 1]) {
    const ranges = ledgerOf(stream).filter((range) => range.lane === lane);
    expect(ranges.reduce<LedgerRange[]>(entered, [])).toEqual(ranges);
    for (const [i, { first, time }] of ranges.entries())
      if (i > 0) expect(timeOf([time], first)).toBeGreaterThanOrEqual(timeOf([ranges[i - 1]!.time], first - 1));
  }
});

it('leaves a pace for another when its time is over, though no event is due for minutes, and asks for nothing meanwhile', async () => {
  const stream = await withGenerator(
    'slow',
    { shards: 2, generator: { rate: 0.01 } },
    () => false,
    async ({ handle, until, stream }) => {
      await until(({ acknowledged }) => stream.times.size === 2 && acknowledged === 0);
      await handle.executeUpdate(setRate, { args: [{ bursts: { rate: 0.01, peak: 500, every: '3 seconds', lasts: '1 second' } }] });
      await until(() => stream.times.size > 1200);
      // The third burst is over: another rate is wanted while no event is due.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await handle.executeUpdate(setRate, { args: [10] });
      const { size } = stream.times;
      await until(() => stream.times.size >= size + 20);
    },
  );
  // On each lane the first, three bursts with as many silences, and the last; one more burst on a slow machine.
  expect(stream.calls.filter((call) => call === 'play').length).toBeLessThanOrEqual(2 * (1 + 8 + 1));
  const ranges = ledgerOf(stream);
  expect(ranges.filter(({ first, end }) => first === end)).toEqual([]);
  expect(ranges.reduce((sum, { first, end }) => sum + end - first, 0)).toBe(stream.times.size);
  expect(stream.late).toBe(0);
});

it('wakes every lane after a pause before any goes on, so that none is late for beginning later than the others, and wakes them again when that was cut short', async () => {
  const { calls } = await withGenerator(
    'woken',
    { shards: 2, generator: { rate: 100 } },
    () => false,
    async ({ handle, until, stream }) => {
      const plays = (count: number) => until(() => stream.calls.filter((call) => call === 'play').length === count);
      await plays(2);
      await handle.signal(pause);
      await until(({ state }) => state === 'paused');
      stream.cutsWake = true;
      await handle.signal(resume);
      await until(() => stream.calls.includes('wake'));
      await handle.executeUpdate(setRate, { args: [50] });
      await plays(4);
    },
  );
  expect(calls.slice(0, 2)).toEqual(['play', 'play']);
  const woken = calls.indexOf('wake');
  expect(calls.slice(2, woken)).not.toContain('play');
  expect(calls.slice(woken, woken + 4)).toEqual(['wake', 'wake', 'play', 'play']);
});
