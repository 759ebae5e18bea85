import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment, type TestWorkflowEnvironment } from '@temporalio/testing';
import type { AuditScope, ScopeRequest } from '../activities/audit/scope.ts';
import type { Holding } from '../activities/audit/tally.ts';
import type { Reached } from '../activities/audit/unwritten.ts';
import { temporal } from '../activities/temporal/schedules.ts';
import { type Audit, auditRow, mismatches, type OutstandingWindows } from '../pipeline/audit.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { AuditRequest } from '../workflows/audit.ts';
import type { audit } from '../workflows/index.ts';
import type { LedgerFlush } from '../workflows/messages.ts';
import { temporalServer, workerIn } from './temporal-server.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'audited' }), account: '000000000000' };

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await temporalServer();
});
afterAll(() => env?.teardown());

/** What a place holds of three events. */
const holding = (missing: number): Holding => ({
  ...{ events: 3 - missing, kills: 1, missing, altered: 0, malformed: 0, heartbeats: 1, oversized: 0, unknown: 0, later: 0 },
  copies: { onPurpose: 0, resent: 0, unexplained: 0 },
  lacking: { malformed: 0, copies: 0 },
  minutes: [],
  examples: { missing: [], twice: [], altered: [], lacking: [] },
});

/** Runs one audit that finds so many events missing in the lake; gives its report, and what was published. */
async function audited(
  name: string,
  missing: number,
  publish: (report: Audit) => void,
  {
    settled,
    scope,
    hear = () => undefined,
    fails,
    outstanding,
    ...request
  }: Partial<AuditRequest> & {
    settled?: LedgerFlush & Reached;
    scope?: Partial<AuditScope>;
    fails?: string;
    outstanding?: OutstandingWindows;
    hear?: (activity: string, ...args: unknown[]) => void;
  } = {},
): Promise<Audit> {
  const counts = { columns: ['duplicates', 'windows_checked', 'windows_wrong'], rows: [['0', '1', '0']] };
  const hearLimits = (what: string) => {
    const { startToCloseTimeoutMs, scheduleToCloseTimeoutMs } = Context.current().info;
    hear(`${what} within`, startToCloseTimeoutMs, scheduleToCloseTimeoutMs);
  };
  const failing = async () => {
    throw ApplicationFailure.nonRetryable('counting in Athena ended as FAILED: no', 'QueryFailed');
  };
  const worker = await workerIn(env, {
    taskQueue: name,
    activities: {
      'generator.flushLedger': async () => {
        hearLimits('flush');
        return settled;
      },
      'audit.scope': async (_pipeline: Pipeline, asked: ScopeRequest): Promise<AuditScope> => {
        hearLimits('scope');
        return {
          since: asked.hours === undefined ? 0 : 6,
          streamSince: 8,
          windowsSince: 5,
          isNext: asked.hours === undefined || asked.onSchedule === true,
          agreedAt: 1,
          ...scope,
        };
      },
      'audit.generated': async (_pipeline: Pipeline, from: number, upTo?: number, reached?: Reached) => {
        hear('generated', from, upTo);
        const unwritten = { events: 2, examples: ['r-0-3 to 4'] };
        return { events: 3, kills: 1, ...(reached?.lanes && { unwritten }) };
      },
      'audit.count': async (_pipeline: Pipeline, place: string, from: number, upTo?: number) => {
        hear(place, from, upTo);
        hearLimits(place);
        return holding(place === 'lake' ? missing : 0);
      },
      'audit.athena': async (_pipeline: Pipeline, from: number, upTo?: number) => {
        hear('athena', from, upTo);
        return { events: 3, kills: 1, wrong: [], minutes: [], bytesScanned: 0 };
      },
      'audit.windows': async (_pipeline: Pipeline, sending: boolean, from?: number, upTo?: number) => {
        hear('windows', sending, from, upTo);
        return { checked: 1, wrong: 0, worst: [], bytesScanned: 0, since: 4, sent: 3, ...(outstanding && { until: 5, outstanding }) };
      },
      'audit.counted': async (_pipeline: Pipeline, from: number, upTo?: number) => {
        hear('counted', from, upTo);
        return { duplicates: 0, bytesScanned: 0 };
      },
      'audit.dashboard': async (_: Pipeline, from: number) => {
        hear('dashboard');
        return from > 0 ? undefined : 1;
      },
      'audit.publish': async (_pipeline: Pipeline, report: Audit) => publish(report),
      'crawl.since': async () => ({ at: 0 }),
      'crawl.start': async () => undefined,
      'crawl.finished': async () => ({ tables: [], drifted: [] }),
      'query.start': async () => 'x',
      'query.finished': async (_pipeline: Pipeline, question: string) => ({
        question,
        execution: 'x',
        more: false,
        bytesScanned: 0,
        ...counts,
      }),
      ...(fails && { [fails]: failing }),
    },
  });
  return worker.runUntil(() =>
    env.client.workflow.execute<typeof audit>('audit', {
      taskQueue: name,
      workflowId: name,
      args: [{ pipeline, patience: '1 seconds', ...request }],
    }),
  );
}

it('is written down for the dashboard as it is returned, good or bad', async () => {
  const published: Audit[] = [];
  const reports = [
    await audited('good', 0, (report) => published.push(report)),
    await audited('bad', 2, (report) => published.push(report)),
  ];
  expect(published).toEqual(reports);
  expect(reports[0]!.agreedAt).toBeGreaterThan(1);
  expect(reports[1]!.agreedAt).toBe(1);
  expect(reports[0]).toMatchObject({ windowsSince: 4, windowsEvents: 3 });
  expect(reports.map(auditRow)).toMatchObject([
    { generated: 3, in_s3: 3, lost: 0, faults: 0 },
    { generated: 3, in_s3: 1, lost: 2, faults: 3 },
  ]);
  expect(Object.keys(auditRow(reports[0]!))).not.toEqual(expect.arrayContaining(['counted_since']));
});

it('of a game that goes on counts everywhere what was sent by one moment, and leaves out what is still on its way', async () => {
  const heard: unknown[][] = [];
  const hear = (...call: unknown[]) => void heard.push(call);
  const going = await audited('going', 0, () => undefined, { settled: { at: 7, sending: true }, hear });
  expect(going).toMatchObject({ generated: 3, lost: 0, windowsChecked: 1 });
  expect(going.killsOnDashboard).toBeUndefined();
  expect(heard.filter(([what]) => !String(what).endsWith('within')).sort()).toEqual([
    ['athena', 0, 7],
    ['counted', 5, 7],
    ['generated', 0, 7],
    ['lake', 0, 7],
    ['stream', 8, 7],
    ['windows', true, 5, 7],
  ]);
  const quiet = await audited('quiet', 0, () => undefined, { settled: { at: 7, sending: false }, hear });
  expect(quiet.killsOnDashboard).toBe(1);
  expect(heard).toContainEqual(['windows', false, 5, 7]);
});

it('tells apart what the lanes made and what the ledger has of it, and holds the places against the ledger', async () => {
  const ahead = await audited('ahead', 0, () => undefined, { settled: { at: 7, sending: false, lanes: [5] } });
  expect(ahead).toMatchObject({ generated: 5, acknowledged: 3, inStream: 3, inS3: 3, inAthena: 3, lost: 0 });
  expect(mismatches(ahead)).toEqual(['acknowledged is 3, but 5 were generated; the ledger lacks: r-0-3 to 4']);
});

it('of a part of the game leaves out the dashboard, which shows all of it', async () => {
  const part = await audited('part', 0, () => undefined, { hours: 1 });
  expect(part.killsOnDashboard).toBeUndefined();
  expect(mismatches(part)).toEqual([]);
  // Nor does it speak for what happened before; the audits on a schedule are a chain.
  expect(part.agreedAt).toBe(1);
  expect((await audited('link', 0, () => undefined, { hours: 1, onSchedule: true })).agreedAt).toBeGreaterThan(1);
});

it('with windows outstanding looks until its patience ends, and leaves them to the next audit', async () => {
  const looks: unknown[] = [];
  const hear = (what: string) => void (what === 'windows' && looks.push(what));
  const behind = await audited('behind', 0, () => undefined, {
    ...{ settled: { at: 7, sending: true }, outstanding: { since: 6, isOverdue: false }, hear, patience: '5 seconds' },
  });
  expect(mismatches(behind)).toEqual([]);
  expect(behind).toMatchObject({ windowsUntil: 5, windowsOutstanding: { since: 6 }, agreedAt: 1 });
  expect(looks.length).toBeGreaterThan(1);
});

it('of hours without an event finds no window, and no fault; with events it does', async () => {
  const quiet: Audit = { ...(await audited('still', 0, () => undefined)), windowsChecked: 0 };
  expect(mismatches(quiet)).toEqual(['windowsChecked is 0: no window has closed']);
  expect(mismatches({ ...quiet, windowsEvents: 0 })).toEqual([]);
  const nothing = {
    windowsEvents: undefined,
    generated: 0,
    acknowledged: 0,
    inStream: 0,
    inS3: 0,
    inAthena: 0,
    killsGenerated: 0,
    killsOnDashboard: undefined,
  };
  expect(mismatches({ ...quiet, ...nothing })).toEqual([]);
});

it.each<[string, string, Partial<Audit>, (keyof Audit)[]]>([
  ['audit.athena', 'Athena', { lost: 0, windowsChecked: 1 }, ['inAthena']],
  ['audit.windows', 'The metrics', { inAthena: 3 }, ['windowsChecked', 'windowsWrong']],
  ['audit.counted', 'What Athena counts twice', { inAthena: 3, windowsChecked: 1 }, ['duplicates']],
  ['audit.dashboard', 'The dashboard', { inAthena: 3 }, ['killsOnDashboard']],
  ['crawl.start', 'What came since the last crawl', { inAthena: 3, lost: 0 }, []],
  ['generator.flushLedger', 'What goes on', { inAthena: 3, lost: 0 }, []],
])('of which %s fails says so, and publishes all else', async (fails, what, counted, absent) => {
  const published: Audit[] = [];
  const found = await audited(`failing-${fails}`, 0, (each) => published.push(each), { fails });
  expect(published).toEqual([found]);
  expect(found).toMatchObject({ generated: 3, inStream: 3, inS3: 3, ...counted });
  for (const name of absent) expect([name, found[name]]).toEqual([name, undefined]);
  expect(mismatches(found)).toEqual([`${what} could not be counted: counting in Athena ended as FAILED: no`]);
  expect(auditRow(found)).toMatchObject({ faults: 1 });
});

it.each([
  ['audit.count', ['The lake', 'The stream'], { generated: 3, inAthena: 3, lost: 0, places: [] }],
  ['audit.generated', ['What was sent'], { generated: 0, lost: 0 }],
  ['audit.scope', ['From when on to count'], { generated: 3, inStream: 3, inS3: 3 }],
])('of which %s fails is published with its fault', async (fails, whats, counted) => {
  const published: Audit[] = [];
  const found = await audited(`without-${fails}`, 0, (each) => published.push(each), { fails });
  expect(published).toEqual([found]);
  expect(found).toMatchObject(counted);
  expect(mismatches(found)).toEqual(whats.map((what) => `${what} could not be counted: counting in Athena ended as FAILED: no`));
});

it('has longer than a day for a stream on AWS, which is read at half the pace at which it can be written', async () => {
  const heard = new Map<string, number>();
  const hear = (what: string, ...[within]: unknown[]) => void heard.set(what, Number(within));
  const hours = 84;
  const streamSince = Date.now() - hours * 3_600_000;
  await audited('far', 0, () => undefined, { hear, scope: { streamSince }, pipeline: { ...pipeline, target: 'aws' } });
  expect(heard.get('lake within')).toBe(24 * 3_600_000);
  expect(heard.get('stream within')).toBeGreaterThanOrEqual((24 + 2 * hours) * 3_600_000);
});

it('waits two minutes at most for the ledger and for what is to be counted: a bucket may refuse both', async () => {
  const heard: unknown[][] = [];
  await audited('brief', 0, () => undefined, { hear: (...call) => void heard.push(call) });
  expect(heard).toContainEqual(['flush within', 60_000, 120_000]);
  expect(heard).toContainEqual(['scope within', 60_000, 120_000]);
});

it('does not go on waiting for a generator that cannot write its ledger once that is of no use any more', async () => {
  const taskQueue = 'nobody-works-here';
  const { generate: workflowId } = names(pipeline).workflows;
  const generator = await env.client.workflow.start('generate', { taskQueue, workflowId });
  const attempt = new MockActivityEnvironment();
  const flush = temporal(env.client, taskQueue)['generator.flushLedger'];
  const flushed = attempt.run(flush, pipeline);
  attempt.cancel();
  await expect(flushed).rejects.toThrow();
  await generator.terminate();
  expect(await new MockActivityEnvironment().run(flush, pipeline)).toBeUndefined();
});

it('that may not be written down fails, in the words of S3', async () => {
  const refused = () => {
    throw ApplicationFailure.nonRetryable('AccessDenied: no', 'AccessDenied');
  };
  await expect(audited('refused', 0, refused)).rejects.toMatchObject({ cause: { cause: { message: 'AccessDenied: no' } } });
});
