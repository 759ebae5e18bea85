import { describe, expect, it } from '@jest/globals';
import { cadences } from '../pipeline/cadences.ts';
import { cost, dayOf, overBudget, PRICES, perHour, perMonth, type Running, total } from '../pipeline/cost.ts';
import { LAKE_TABLES } from '../pipeline/names.ts';
import { QUESTIONS } from '../pipeline/schedules.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { streamShards } from '../pipeline/stream-shards.ts';
import { DAY_MS } from '../pipeline/time.ts';
import { asSent, runningOf, spentUntil } from '../workflows/budget.ts';
import type { PipelineStatus } from '../workflows/messages.ts';
import { outlook } from '../workflows/outlook.ts';
import { initialStatus } from '../workflows/status.ts';

const pipelineOf = (spec: object = {}): Pipeline => ({
  ...parseSpec({
    name: 'priced',
    target: 'aws',
    quicksightPrincipal: 'arn:aws:quicksight:us-east-1:000000000000:user/default/ops',
    ...spec,
  }),
  account: '000000000000',
});
const ALL: Running = { generating: true, studio: true, schedules: true };
const NONE: Running = { generating: false, studio: false, schedules: false };
const priceOf = (pipeline: Pipeline, running: Running) =>
  Object.fromEntries(cost(pipeline, running).map(({ what, perHour: dollars }) => [what, dollars]));

describe('cost', () => {
  it('is what the price table says, service by service', () => {
    const prices = priceOf(pipelineOf({ shards: 4, generator: { rate: 1000 }, schedules: { crawl: '1 hour' } }), ALL);
    expect(prices['Kinesis shards']).toBeCloseTo(9 * PRICES.shardHour, 9);
    expect(prices['Studio application']).toBeCloseTo((4 + 2) * PRICES.kpuHour, 9);
    expect(prices['Glue crawls']).toBeCloseTo((2 * PRICES.dpuHour) / 6, 9);
    expect(prices['Kinesis PUT units']).toBeGreaterThan(3.6e6 * PRICES.putUnits);
    expect(prices.Firehose).toBeGreaterThan(((3.6e6 * 5 * 1024) / 1024 ** 3) * PRICES.firehoseGb);
    expect(prices['Kinesis retention']).toBe(0);
    expect(priceOf(pipelineOf({ keep: { streamHours: 48 } }), ALL)['Kinesis retention']).toBeGreaterThan(0);
  });

  it("has the players' metrics in as many shards as their rows take, half filled", () => {
    const shardsFor = (players: number, rate = 8000) => streamShards(pipelineOf({ generator: { players, rate } }), 'player_metrics');
    expect([40, 2500, 10_000, 10_010].map((players) => shardsFor(players))).toEqual([1, 1, 4, 5]);
    expect(shardsFor(100_000, 10)).toBe(1);
    expect(LAKE_TABLES.map((table) => streamShards(pipelineOf({ shards: 3 }), table))).toEqual([3, 1, 1, 1, 1, 1]);
    expect(priceOf(pipelineOf({ generator: { players: 10_010, rate: 8000 } }), ALL)['Kinesis shards']).toBeCloseTo(
      (2 + 5 + 4) * PRICES.shardHour,
      9,
    );
  });

  it('has the late events in as many shards as may come late at once, half filled, lest one sink hold all back', () => {
    const late = (share: number, rate: number | 'max', shards = 10) => {
      const pipeline = pipelineOf({ shards, generator: { rate, trouble: { late: share } } });
      return { late: streamShards(pipeline, 'late_events'), bill: priceOf(pipeline, ALL)['Kinesis shards']! / PRICES.shardHour };
    };
    expect(late(0, 40_000).late).toBe(1);
    expect(late(0.0499, 10_000).late).toBe(1);
    expect(late(0.05, 10_000).late).toBe(2);
    expect(late(1, 'max').late).toBe(81);
    expect(late(0.05, 10_000).bill).toBeCloseTo(late(0, 10_000).bill + 1, 9);
  });

  it('falls to what stands, when everything rests', () => {
    const still = priceOf(pipelineOf(), NONE);
    const paid = Object.entries(still).flatMap(([what, dollars]) => (dollars > 0 ? [what] : []));
    expect(paid).toEqual(['Kinesis shards', 'S3 lake']);
    expect(total(cost(pipelineOf(), ALL))).toBeGreaterThan(total(cost(pipelineOf(), NONE)) * 5);
  });

  it('goes by how often each thing is done, whoever says so', () => {
    const each = { crawl: { every: '10 seconds' }, kills_total: { every: '30 seconds' }, history: { every: '12 hours' } };
    const own = pipelineOf({ schedules: { crawl: '1 hour', queries: '1 hour', refresh: '1 hour', each } });
    expect(cadences(own).map(({ name, every }) => `${name} ${every / 1000}`)).toEqual([
      'crawl 10',
      'kills_total 30',
      ...QUESTIONS.filter((name) => name !== 'kills_total').map((name) => `${name} ${name === 'retention' ? 86_400 : 3600}`),
      'history 43200',
      'audit 3600',
    ]);
    // Of a lake that has nothing yet each query is billed as the least.
    const prices = priceOf(own, { ...ALL, lakeDays: 0 });
    expect(prices['Glue crawls']).toBeCloseTo(361 * PRICES.crawlHours * PRICES.dpuHour, 9);
    expect(prices['Athena queries']).toBeCloseTo(
      ((120 + QUESTIONS.length - 2 + 1 / 24 + 1 / 12 + 3) * PRICES.athenaLeast * PRICES.athenaTb) / 1024 ** 4,
      12,
    );
    expect(overBudget({ ...own, maxHourlyCost: 20 }, 0, ALL)).toContain('more than maxHourlyCost $20');
  });

  it('has what crawls ask of S3 by the age of the lake: all objects are listed, one of each hour and table is read', () => {
    const requests = (lakeDays: number) =>
      priceOf(pipelineOf({ schedules: { crawl: '5 minutes', audit: '1 hour' } }), { ...ALL, lakeDays })['S3 requests of crawls']!;
    const hours = 10 * 24 * LAKE_TABLES.length;
    expect(requests(10)).toBeCloseTo(13 * hours * ((120 / 1000) * PRICES.s3Puts + PRICES.s3Gets), 9);
    expect(requests(0)).toBe(0);
    expect(requests(100)).toBeCloseTo(10 * requests(10), 9);
  });

  it('has what the streams keep for longer than a week by its bytes', () => {
    const retention = (streamHours: number, running: Partial<Running> = {}) =>
      priceOf(pipelineOf({ generator: { rate: 1000 }, keep: { streamHours, lakeDays: 1 } }), { ...ALL, ...running })['Kinesis retention']!;
    const [week, month] = [retention(168), retention(720)];
    expect(week).toBe(7 * PRICES.retentionShardHour);
    const events = (1000 * 230 * 3600 * (720 - 168)) / 1024 ** 3;
    expect(month - week).toBeGreaterThan((events * PRICES.longRetentionGbMonth) / 730);
    expect(month - week).toBeLessThan((1.1 * events * PRICES.longRetentionGbMonth) / 730);
    expect(retention(720, { lakeDays: 5 })).toBe(week);
    expect(retention(720, { stands: ['teamMetrics'] })).toBeLessThan(PRICES.retentionShardHour + 0.001);
  });

  it('has PUT units by the bytes where all events go in aggregates, else one an event', () => {
    const units = (generator: object) =>
      priceOf(pipelineOf({ generator }), { ...ALL, studio: false })['Kinesis PUT units']! / PRICES.putUnits;
    expect(units({ rate: 2000 })).toBeCloseTo(2000 * 3600, 3);
    expect(units({ rate: 8000 })).toBeCloseTo((8000 * 3600 * 230) / (25 * 1024), 3);
    expect(units({ rate: 100, aggregate: true })).toBeCloseTo((100 * 3600 * 230) / (25 * 1024), 3);
    expect(units({ rate: 100, aggregate: false })).toBeCloseTo(100 * 3600, 3);
  });

  it('on this machine is nothing, and says what AWS would ask with the cadence of AWS', () => {
    const local = pipelineOf({ target: 'local', schedules: { crawl: '1 hour' }, local: { crawl: '10 seconds' } });
    expect(perHour(local, ALL)).toBe(0);
    expect(cadences(local)[0]).toMatchObject({ name: 'crawl', every: 10_000 });
    expect(priceOf(local, ALL)['Glue crawls']).toBeCloseTo((2 * PRICES.dpuHour) / 6, 9);
  });

  it('is over the budget by the hour or by the day, in UTC', () => {
    const hourly = perHour(pipelineOf(), ALL);
    expect(overBudget(pipelineOf({ maxHourlyCost: hourly + 0.01 }), 1e6, ALL)).toBeUndefined();
    expect(overBudget(pipelineOf({ maxHourlyCost: hourly - 0.01 }), 0, ALL)).toContain('more than maxHourlyCost');
    expect(overBudget(pipelineOf({ maxDailyCost: 5 }), 5.01, ALL)).toContain('$5.01 today, more than maxDailyCost $5');
    expect(overBudget(pipelineOf({ maxDailyCost: 5 }), 4.99, ALL)).toBeUndefined();
    expect(dayOf(Date.UTC(2026, 10, 24, 23, 59, 59))).toBe('2026-11-24');
    expect(perMonth(1)).toBe(730);
  });
});

describe('what a day has cost', () => {
  const at = Date.UTC(2026, 10, 24, 18);
  const spent = { day: '2026-11-24', dollars: 3, at, perHour: 2, waived: 2 };

  it('grows by the hours since it was last added up, and begins anew at midnight, however long nobody added up', () => {
    expect(spentUntil(Date.UTC(2026, 10, 24, 20), spent)).toEqual({ day: '2026-11-24', dollars: 7, waived: 2 });
    expect(spentUntil(Date.UTC(2026, 10, 25, 9), spent)).toEqual({ day: '2026-11-25', dollars: 18 });
    expect(spentUntil(Date.UTC(2026, 10, 27, 1), spent)).toEqual({ day: '2026-11-27', dollars: 2 });
  });
});

describe('the bill of a pipeline', () => {
  const every = Object.keys(STAGES) as Stage[];
  const standing = Object.fromEntries(every.map((stage) => [stage, 'ready' as const]));
  const running = (spec: object, more: Partial<PipelineStatus> = {}): PipelineStatus => ({
    ...initialStatus(pipelineOf(spec)),
    stages: standing,
    generating: true,
    studioRuns: true,
    readyAt: 1,
    ...more,
  });

  it('names the dearest of what runs', () => {
    const { words, onAws } = outlook(running({ target: 'local' }, { readyAt: Date.now() }));
    expect(onAws).toBeGreaterThan(0.3);
    expect(words).toMatch(/^Nothing is billed here; on AWS this would cost \$\d\.\d\d an hour, \$\d+ a month \(most of it Glue crawls /);
    const { words: billed } = outlook(running({}, { deep: true, paused: true, studioRuns: false }));
    expect(billed).toBe('Billed now: $0.11 an hour, $80 a month (most of it Kinesis shards $0.105, S3 lake $0.004).');
  });

  it('has the shards that were made for the spec, whatever rate was set live, and the records of what is sent', () => {
    const slow = { players: 100_000, rate: 10, trouble: { late: 0.5 } };
    const billOf = (status: PipelineStatus) => priceOf(asSent(status), runningOf(status));
    const [asMade, rated] = [running({ generator: slow }), running({ generator: slow }, { rateOverride: 'max' })].map(billOf);
    expect(rated!['Kinesis shards']).toBeCloseTo(7 * PRICES.shardHour, 9);
    expect(rated!['Kinesis shards']).toBe(asMade!['Kinesis shards']);
    expect(rated!.Firehose).toBeGreaterThan(asMade!.Firehose! * 100);
  });

  it('has of the lake what may be in it by its age', () => {
    const day = pipelineOf({ generator: { rate: 5000 } });
    const lakeAfter = (lakeDays?: number) => priceOf(day, { ...ALL, lakeDays })['S3 lake']!;
    expect(lakeAfter(0)).toBe(0);
    expect(lakeAfter(73)).toBeCloseTo(lakeAfter() / 5, 9);
    expect([lakeAfter(365), lakeAfter(1e4)]).toEqual([lakeAfter(), lakeAfter()]);
    expect(outlook(running({}, { readyAt: Date.now(), deep: true, paused: true, studioRuns: false })).words).not.toContain('S3 lake');
    const { onAws } = outlook(running({ generator: { rate: 5000 } }, { readyAt: Date.now() - 73 * DAY_MS }));
    expect(onAws).toBeCloseTo(total(cost(day, { ...ALL, lakeDays: 73 })), 3);
  });

  it('is nothing while nothing stands, and grows with each stream that does', () => {
    const held = (stages: PipelineStatus['stages'], created: Stage[] = every) =>
      outlook({ ...initialStatus(pipelineOf({ shards: 3 })), state: 'held', stages, created });
    expect(held({}).words).toBe('Billed now: $0.00 an hour, $0 a month.');
    expect(held({ events: 'failed', playerMetrics: 'waiting', teamMetrics: 'working' }).perHour).toBe(0);
    expect(held({ playerMetrics: 'ready', events: 'waiting' }).perHour).toBeCloseTo(PRICES.shardHour, 9);
    expect(held({ playerMetrics: 'drifted', events: 'ready' }).perHour).toBeCloseTo(4 * PRICES.shardHour, 9);
    // What stood before this run, and only has to be changed, is paid for all the while.
    expect(held({ events: 'waiting', teamMetrics: 'failed' }, ['teamMetrics']).perHour).toBeCloseTo(3 * PRICES.shardHour, 9);
  });
});
