import { describe, expect, it } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { auditActivities } from '../activities/audit/audit.ts';
import { READERS } from '../activities/audit/places.ts';
import { auditScopeActivities } from '../activities/audit/scope.ts';
import { lastAudit } from '../activities/s3/last-audit.ts';
import { onTheWay } from '../activities/sql.ts';
import type { Audit } from '../pipeline/audit.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { act, aws, began, doing, local, quiet } from './audit-stage.ts';
import { putRows } from './lake.ts';

const { pipeline, hour, metrics } = quiet;

describe('what is counted', () => {
  it('in the stream begins when that was made: its predecessor has taken along what it held', async () => {
    const { since, streamSince } = await act['audit.scope'](pipeline, {});
    expect(since).toBe(0);
    expect(streamSince).toBeGreaterThan(began);
    expect(streamSince).toBeLessThan(Date.now());
    expect(await doing(() => act['audit.count'](pipeline, 'stream', streamSince))).toMatchObject({ events: 0, missing: 0 });
    const gone = { send: () => Promise.reject(Object.assign(new Error('gone'), { name: 'ResourceNotFoundException' })) };
    const { streamSince: now } = await auditScopeActivities({ s3: aws.s3, kinesis: gone as never })['audit.scope'](pipeline, {});
    expect(now).toBeGreaterThan(streamSince);
  });

  it('is what the ledger has; what it lacks of that which the lanes made, and what trouble was made with, is told with it', async () => {
    const { game, base } = quiet.scene;
    const bases = [{ from: 0, base, rate: 10 }];
    const reached = { game, lanes: [1_200, 1_210], bases: [bases, bases] };
    const { unwritten, trouble } = await doing(() => act['audit.generated'](pipeline, 0, undefined, reached));
    expect(unwritten).toEqual({ events: 10, examples: [`${game.run}-1-1200 to 1209`] });
    expect([trouble!.late.events > 0, trouble!.malformed.events > 0, trouble!.oversized.events]).toEqual([true, true, 0]);
  });

  it('is everything, where hours are no number to JSON, or go back beyond all times', async () => {
    const { windowsSince, ...all } = await act['audit.scope'](pipeline, {});
    const scope = async (hours: number | null) => (await act['audit.scope'](pipeline, { hours })).since;
    expect(await act['audit.scope'](pipeline, { hours: null })).toMatchObject(all);
    expect([await scope(1e300), await scope(1e9)]).toEqual([0, 0]);
  });

  it('begins with what the lake still keeps, if anything is older', async () => {
    const keeping = (lakeDays: number) => ({ ...pipeline, keep: { ...pipeline.keep, lakeDays } });
    const kept = async (days: number, asked: { hours?: number }) => (await act['audit.scope'](keeping(days), asked)).since;
    const third = 8 / 24; // of a day: all of it happened since
    expect(await kept(third, {})).toBe(0);
    expect((Date.now() - (await kept(third / 2, {}))) / HOUR_MS).toBeCloseTo(4 - 1 / 6, 1);
    expect((Date.now() - (await kept(third / 2, { hours: 1 }))) / HOUR_MS).toBeCloseTo(1, 1);
  });
});

/** The last audit says when everything agreed, milliseconds since the epoch; left out: never. */
const agreedAt = (time?: number) =>
  lastAudit(aws)['audit.publish'](pipeline, {
    agreedAt: time,
    places: [],
    wrongInAthena: [],
    missed: [],
    minutes: [],
    at: 0,
  } as unknown as Audit);
const agreed = (hours: number) => agreedAt(Date.now() - hours * HOUR_MS);

it('an audit on a schedule goes back to the last that agreed, as what was lost since is not there yet; one by hand that does not says nothing for it', async () => {
  const scopeOf = async (asked: { hours?: number; onSchedule?: boolean }, lakeDays = 30) => {
    const { since, isNext } = await act['audit.scope']({ ...pipeline, keep: { ...pipeline.keep, lakeDays } }, asked);
    return { hours: Math.round((Date.now() - since) / HOUR_MS), isNext };
  };
  await agreed(50);
  expect(await scopeOf({ hours: 24, onSchedule: true })).toEqual({ hours: 50, isNext: true });
  expect(await scopeOf({ hours: 24 })).toEqual({ hours: 24, isNext: false });
  // What is no longer kept keeps nobody from agreeing again.
  expect(await scopeOf({ hours: 24, onSchedule: true }, 4 / 24)).toEqual({ hours: 4, isNext: true });
  await agreed(2);
  expect(await scopeOf({ hours: 24, onSchedule: true })).toEqual({ hours: 24, isNext: true });
  await lastAudit(aws)['audit.publish'](pipeline, { places: [], wrongInAthena: [], missed: [], minutes: [], at: 0 } as unknown as Audit);
});

it('a ledger is fetched as far back as the lake is read, also when that is the first minute of an hour', async () => {
  for (const from of [hour + 30_000, hour + 90_000]) {
    let StartAfter = '';
    const fetched: string[] = [];
    const at = (lake: string) => Date.parse(lake.replace(/.*year=(.+)\/month=(.+)\/day=(.+)\/hour=(..).*/, '$1-$2-$3T$4:00:00Z'));
    /** Of a page that was written when the first hour of the lake began that is read. */
    const Key = (lake: string) => `ledger/${new Date(at(lake)).toISOString().slice(0, 10)}/r/0.json`;
    const send = async ({ input }: { input: { Key?: string; Prefix?: string; StartAfter?: string } }) => {
      const isLedger = input.Prefix === names(pipeline).ledgerPrefix;
      if (input.StartAfter && !isLedger) StartAfter = input.StartAfter;
      if (input.Key) fetched.push(input.Key);
      const page = { Key: Key(StartAfter), LastModified: new Date(at(StartAfter)) };
      const Body = { transformToString: async () => JSON.stringify({ game: quiet.scene.game, ranges: [] }) };
      return input.Key ? { Body } : { Contents: isLedger && page.Key > input.StartAfter! ? [page] : [] };
    };
    const s3 = { send } as never;
    for await (const _ of READERS.lake({ s3, kinesis: aws.kinesis }, pipeline, from, 0));
    const { region, endpoint, credentials } = local;
    await doing(() => auditActivities({ ...aws, s3 }, { region, endpoint, credentials })['audit.generated'](pipeline, from));
    expect(fetched).toEqual([Key(StartAfter)]);
  }
});

it('an object of the lake that is none of Firehose is named', async () => {
  const transformToByteArray = async () => Buffer.from('no gzip');
  const send = async ({ input: { Key } }: { input: { Key?: string } }) =>
    Key ? { Body: { transformToByteArray } } : { Contents: [{ Key: 'lake/x' }] };
  const reading = READERS.lake({ s3: { send } as never, kinesis: aws.kinesis }, pipeline, 0, 0).next();
  await expect(reading).rejects.toThrow(/^unpacking quiet.*\/lake\/x: /);
});

it('has arrived in the lake once none of it is missing there', async () => {
  const arrived = () => doing(() => act['audit.arrived'](pipeline, 0));
  const { length } = quiet.sent[1]!;
  await putRows(aws, pipeline, 'events', 'lane-1', quiet.sent[1]!.slice(0, length / 2), hour);
  await expect(arrived()).rejects.toThrow(/^\d+ events are not in the lake$/);
  await putRows(aws, pipeline, 'events', 'lane-1', quiet.sent[1]!, hour);
  await arrived();
});

it('counting ends when it is cancelled', async () => {
  const environment = new MockActivityEnvironment();
  const counting = environment.run(() => act['audit.count'](pipeline, 'lake')) as Promise<unknown>;
  environment.cancel();
  await expect(counting).rejects.toThrow('no answer');
});

describe('on AWS', () => {
  const onAws: Pipeline = { ...pipeline, target: 'aws' };
  const onSchedule = { hours: 24, onSchedule: true };
  const ago = (time: number) => (Date.now() - time) / 60_000;

  it('an audit on a schedule counts what came since the last that agreed, and a little before; on the laptop, and by hand, all that is asked for', async () => {
    await agreedAt();
    expect(await act['audit.scope'](onAws, onSchedule)).toMatchObject({ since: 0, isNext: true });
    await agreedAt(Date.now() - 60 * 60_000);
    expect(ago((await act['audit.scope'](onAws, onSchedule)).since)).toBeCloseTo(70, 0);
    expect(ago((await act['audit.scope'](pipeline, onSchedule)).since)).toBeCloseTo(24 * 60, 0);
    expect(ago((await act['audit.scope'](onAws, { hours: 24 })).since)).toBeCloseTo(24 * 60, 0);
    await agreedAt();
  });

  it('the stream is read no further back than it can be before it forgets', async () => {
    const old = { send: async () => ({ StreamDescriptionSummary: { StreamCreationTimestamp: new Date(0) } }) } as never;
    const of = (each: Pipeline) => auditScopeActivities({ s3: aws.s3, kinesis: old })['audit.scope'](each, {});
    expect(ago((await of(onAws)).streamSince)).toBeCloseTo(12 * 60, 0);
    expect(ago((await of(pipeline)).streamSince)).toBeCloseTo(24 * 60 - 10, 0);
  });
});

describe('the metrics', () => {
  it('are compared as far back as is asked for, in full hours, and it is known whether anything was sent since', async () => {
    const { player_metrics: rows } = metrics;
    await putRows(aws, pipeline, 'player_metrics', 'all', rows.slice(1), hour);
    const [far, near] = await Promise.all(
      [hour, Date.now() - 2 * HOUR_MS].map((from) => doing(() => act['audit.windows'](pipeline, false, from))),
    );
    await putRows(aws, pipeline, 'player_metrics', 'all', rows, hour);
    expect(far).toMatchObject({ wrong: 1, sent: 2_400 });
    expect(far!.since).toBeLessThanOrEqual(hour);
    expect(near).toMatchObject({ checked: 0, wrong: 0, sent: 0 });
    expect(near!.since).toBeGreaterThan(hour);
  });

  it('are missed only where a window has ended that is compared: what was sent a minute ago need not have any yet', async () => {
    const answer = async ({ input }: { input: { QueryString?: string; MaxResults?: number } }) => ({
      QueryExecutionId: 'q',
      QueryExecution: { Status: { State: 'SUCCEEDED' } },
      ResultSet: { Rows: [{}, { Data: [{ VarCharValue: '0' }, { VarCharValue: '0' }] }] },
      ...input,
    });
    const sentOf = async (ago: number, sending: boolean) => {
      const time = { from: 0, base: Date.now() - ago, rate: 10 };
      const page = { game: quiet.scene.game, ranges: [{ lane: 0, first: 0, end: 300, resent: [], since: 0, at: 0, time }] };
      const Body = { transformToString: async () => JSON.stringify(page) };
      const s3 = {
        send: async ({ input: { Key } }: { input: { Key?: string } }) =>
          Key ? { Body } : { Contents: [{ Key: 'ledger/r/0', LastModified: new Date() }] },
      };
      const { region, endpoint, credentials } = local;
      const lake = auditActivities({ ...aws, s3: s3 as never, athena: { send: answer } as never }, { region, endpoint, credentials });
      return (await doing(() => lake['audit.windows'](pipeline, sending))).sent;
    };
    expect(await sentOf(60_000, true)).toBe(0);
    expect(await sentOf(60_000, false)).toBe(300);
    const some = await sentOf(110_000, true);
    expect([some > 0, some < 300]).toEqual([true, true]);
    expect(await sentOf(200_000, true)).toBe(300);
  });

  it('are outstanding where the SQL is behind: of a game that goes on for a quarter of an hour without a fault, of a quiet one not', async () => {
    const text = (time: number) => new Date(time).toISOString().replace('T', ' ').slice(0, -1);
    const windowsOf = async (behind: number, sending: boolean) => {
      const since = Math.floor(Date.now() / 10_000) * 10_000 - behind;
      const row = ['5', '0', undefined, text(since - 70_000), text(since)].map((VarCharValue) => ({ VarCharValue }));
      const send = async () => ({
        QueryExecutionId: 'q',
        QueryExecution: { Status: { State: 'SUCCEEDED' } },
        ResultSet: { Rows: [{}, { Data: row }] },
      });
      const { region, endpoint, credentials } = local;
      const lake = auditActivities({ ...aws, athena: { send } as never }, { region, endpoint, credentials });
      const { until, outstanding, worst } = await doing(() => lake['audit.windows'](pipeline, sending));
      expect({ until, worst, since: outstanding!.since }).toEqual({ until: since - 70_000, worst: [], since });
      return outstanding!.isOverdue;
    };
    const usual = onTheWay(pipeline) * 1000;
    expect(await windowsOf(usual + 14 * 60_000, true)).toBe(false);
    expect(await windowsOf(usual + 16 * 60_000, true)).toBe(true);
    expect(await windowsOf(usual + 60_000, false)).toBe(true);
  });

  it('are compared since the last audit that agreed, or as an audit by hand asks', async () => {
    const ago = async (asked: Parameters<(typeof act)['audit.scope']>[1]) =>
      Math.round((Date.now() - (await act['audit.scope'](pipeline, asked)).windowsSince) / HOUR_MS);
    const onSchedule = { hours: 24, onSchedule: true };
    expect(await ago(onSchedule)).toBe(24);
    await agreed(6);
    expect([await ago(onSchedule), await ago({}), await ago({ hours: 9 })]).toEqual([6, 6, 9]);
    // That one left out windows that were on their way: 90 seconds' here, and any that records came late for.
    const agreed6 = Date.now() - 6 * HOUR_MS;
    await agreedAt(agreed6);
    expect((await act['audit.scope'](pipeline, onSchedule)).windowsSince).toBe(agreed6 - (onTheWay(pipeline) * 1000 + 600_000));
    await agreed(1);
    expect(await ago(onSchedule)).toBe(2);
    await agreed(48);
    expect(await ago(onSchedule)).toBe(24);
  });
});
