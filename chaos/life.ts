import { setTimeout as delay } from 'node:timers/promises';
import { type Client, TemporalFailure, WorkflowNotFoundError } from '@temporalio/client';
import type { Clients, Target } from '../activities/aws.ts';
import { scheduled, scheduleOptions } from '../activities/temporal/scheduled.ts';
import { everythingOf } from '../client/inventory.ts';
import { requestPlan, requestTeardown, startPipeline } from '../client/pipeline.ts';
import { type Snapshot, snapshot } from '../client/snapshot.ts';
import { isTransient } from '../client/transient.ts';
import { UserError } from '../client/user-error.ts';
import type { Call } from '../local/call-log.ts';
import { type Audit, mismatches } from '../pipeline/audit.ts';
import { LAKE_TABLES, type LakeTable, names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import type { audit, query } from '../workflows/index.ts';
import { pause } from '../workflows/messages.ts';
import { introduced } from '../workflows/story.ts';
import { createdTwice, meantBy, standingTwice, startedTwice } from './effects.ts';
import { everythingThereIs } from './inventory.ts';
import { lakeOf } from './lake.ts';
import { type Course, until, wordsOf } from './run.ts';

/** Where pipelines live: the product on a Temporal server and a local AWS. */
export interface Place {
  client: Client;
  target: Target;
  /** For looking, and for what somebody does behind the pipeline's back; what the product calls goes by clients of its own. */
  aws: Clients;
  /** Every call to AWS so far. */
  calls(): Promise<Call[]>;
}

/** A small game with everything as quick as it goes. It never ends by itself, and what has a schedule is done when a life says so. */
export const smallGame = (name: string, seed: number, more: { local?: object; [field: string]: unknown } = {}) => ({
  name,
  windowSeconds: 1,
  delivery: { seconds: 0 },
  generator: { rate: 50, seed },
  schedules: SELDOM,
  ...more,
  local: { crawl: SELDOM.crawl, ...more.local },
});

/** The cadences of a life in which nothing is done by itself. */
export const SELDOM = { crawl: '12 hours', queries: '12 hours', refresh: '12 hours', audit: '12 hours', drift: '12 hours' };

/** Asks again while nobody answers, or the pipeline says that it is busy, as a person would; what is down comes back. */
export async function persistently<Value>(signal: AbortSignal, ask: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await delay(200, undefined, { signal });
    }
  }
}

/** What an activity or another workflow met: on its way through Temporal it has lost its class and its code, and only its words are left. */
const PASSING = /UNAVAILABLE|DEADLINE|CANCELLED|ECONNREFUSED|ECONNRESET|EPIPE|socket hang up|fetch failed|ERR_HTTP2|not yet|timed out/i;
/** A refusal of the pipeline's own: it is busy. */
const BUSY = /try again once that is done/;

/** True for an error that asking again gets past: nobody answers just now, here or where the work was done; the pipeline is busy, or its workflow has just ended. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isOver = error instanceof WorkflowNotFoundError;
  const isBusy = error instanceof UserError && BUSY.test(error.message);
  const wasUnanswered = error instanceof TemporalFailure && PASSING.test(`${error.name} ${error.message}`);
  return isOver || isBusy || wasUnanswered || isTransient(error) || isPassing(error.cause);
}

/** The status, unless nobody answers just now. */
export async function seen({ client }: Place, name: string): Promise<Snapshot | undefined> {
  try {
    return await snapshot(client, name);
  } catch (error) {
    if (isPassing(error)) return undefined;
    throw error;
  }
}

/** Has it brought up or changed, as a user would who (if it may hold) says `d2d up` again wherever it holds; returns why it held. */
export async function applyAndWait(place: Place, course: Course, pipeline: Pipeline, mayHold = false): Promise<string[]> {
  const reasons: string[] = [];
  for (;;) {
    const reason = await tried(place, course, pipeline);
    if (reason === undefined) return reasons;
    if (!mayHold) throw new Error(`it is held: ${reason}`);
    reasons.push(reason);
  }
}

/** One `d2d up`; gives why it did not come to its end. */
async function tried(place: Place, { signal }: Course, pipeline: Pipeline): Promise<string | undefined> {
  try {
    await persistently(signal, () => startPipeline(place.client, { pipeline }));
  } catch (error) {
    signal.throwIfAborted();
    return wordsOf(error);
  }
  const wanted = JSON.stringify(pipeline);
  const end = await until(signal, async () => {
    const now = (await seen(place, pipeline.name))?.pipeline;
    if (now?.pending) return undefined;
    if (now?.state === 'held') return { reason: now.reason ?? 'it does not say why' };
    const isUp = now?.state === 'running' || now?.state === 'paused';
    return isUp && JSON.stringify(now.pipeline) === wanted ? {} : undefined;
  });
  return (end as { reason?: string }).reason;
}

/** Resolves once nothing differs any more from what the spec wants; fails if that needs another `up`. Gives why it could not be told, where that may fail. */
export async function awaitAsWanted({ client }: Place, { signal }: Course, pipeline: Pipeline, mayFail = false): Promise<string[]> {
  const reasons: string[] = [];
  const look = () =>
    persistently(signal, () => requestPlan(client, { pipeline })).catch((error: unknown) => {
      if (!mayFail || signal.aborted) throw error;
      reasons.push(wordsOf(error));
      return undefined;
    });
  await until(signal, async () => {
    const report = await look();
    if (!report) return undefined;
    const open = Object.values(report.stages).filter(({ action }) => action !== 'none');
    if (open.every(({ action }) => action === 'wait')) return open.length === 0 || undefined;
    throw new Error(`not as wanted: ${open.map(({ label, action }) => `${label} (${action})`).join(', ')}`);
  });
  return reasons;
}

/** Resolves once windows come out of the SQL, and events have been acknowledged since. */
export async function awaitFlow(place: Place, { signal }: Course, { name }: Pipeline): Promise<void> {
  let first: number | undefined;
  await until(signal, async () => {
    const now = await seen(place, name);
    if (now?.notebook?.state !== 'running' || now.generator?.state !== 'running') return undefined;
    first ??= now.generator.acknowledged;
    return now.generator.acknowledged > first || undefined;
  });
}

/** Resolves once each table of the lake has had rows delivered that were not there before. */
export async function awaitDelivery({ aws }: Place, { signal }: Course, pipeline: Pipeline): Promise<void> {
  const lake = lakeOf({ aws }, pipeline);
  const delivered = async (table: LakeTable) => (await lake.objects(table)).length;
  for (const table of LAKE_TABLES.filter((each) => each !== 'late_events')) {
    const before = await delivered(table);
    await until(signal, async () => (await delivered(table)) > before || undefined);
  }
}

/** Pauses it, and resolves once every window is closed; a deep pause once the Studio application is stopped, too. */
export async function pauseAndWait(place: Place, { signal }: Course, { name }: Pipeline, deep = false): Promise<void> {
  await persistently(signal, () => place.client.workflow.getHandle(name).signal(pause, { deep }));
  await until(signal, async () => {
    const now = await seen(place, name);
    const isQuiet = now?.pipeline.paused && now.pipeline.closed && now.generator?.state === 'paused';
    return (isQuiet && (!deep || now.notebook?.state === 'suspended')) || undefined;
  });
}

/** Counts a game that is paused everywhere. Flink may have to start again first, so half of the life's time is waited for rows, or so many milliseconds. */
export const runAudit = (place: Place, course: Course, pipeline: Pipeline, patience = course.within / 2): Promise<Audit> =>
  persistently(course.signal, () =>
    place.client.workflow.execute<typeof audit>('audit', {
      workflowId: `${pipeline.name}/audit`,
      taskQueue: taskQueue(pipeline),
      args: [{ pipeline, patience: `${Math.ceil(patience / 1000)} seconds` }],
      ...introduced(pipeline, 'counts everything'),
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
  );

/** Pauses the game and counts it everywhere; fails with whatever does not agree. */
export async function pauseAndAudit(place: Place, course: Course, pipeline: Pipeline, deep = false): Promise<void> {
  await pauseAndWait(place, course, pipeline, deep);
  const report = await runAudit(place, course, pipeline);
  Object.assign(course.run, { lost: finite(report.lost), duplicates: finite(report.duplicates ?? Number.NaN) });
  const faults = mismatches(report);
  if (faults.length > 0) throw new Error(`the account does not agree: ${faults.join('; ')}`);
}

const finite = (value: number) => (Number.isFinite(value) ? value : null);

/** Fails with whatever has no name of its own and stands twice. */
export async function expectStandsOnce({ aws }: Place, { run, signal }: Course, pipeline: Pipeline): Promise<void> {
  const twice = await persistently(signal, () => standingTwice(aws, pipeline));
  if (twice.length === 0) return;
  run.madeTwice = twice.length;
  throw new Error(`stands twice: ${twice.join(', ')}`);
}

/** Counts what was made or started twice in the whole life; fails with a list of it. */
export async function expectMadeOnce(place: Place, { run }: Pick<Course, 'run'>, pipeline: Pipeline): Promise<void> {
  const [calls, meant] = await Promise.all([place.calls(), meantBy(place.client, pipeline)]);
  const created = createdTwice(calls).filter(
    (thing) => thing.includes(pipeline.name) || thing.includes(pipeline.name.replaceAll('-', '_')),
  );
  const twice = [...created, ...startedTwice(calls, pipeline, meant)];
  run.madeTwice = twice.length;
  if (twice.length > 0) throw new Error(`made twice: ${twice.join(', ')}`);
}

/**
 * Has everything that is on a schedule done once, but for the account of a game that goes on, and every question asked; where that may fail, until it does not:
 * gives why it did.
 */
export async function runSchedulesOnce({ client }: Place, { signal }: Course, pipeline: Pipeline, mayFail = false): Promise<string[]> {
  const queue = taskQueue(pipeline);
  const reasons: string[] = [];
  const done = async (work: (turn: number) => Promise<unknown>) => {
    for (let turn = 1; ; turn++)
      try {
        return await persistently(signal, () => work(turn));
      } catch (error) {
        if (!mayFail || signal.aborted) throw error;
        reasons.push(wordsOf(error));
      }
  };
  const others = scheduled(pipeline).filter(({ what }) => what !== 'audit');
  const all = others.map((each) => {
    const { workflowType, args } = scheduleOptions(pipeline, queue, each).action;
    const how = { taskQueue: queue, args, ...introduced(pipeline, each.name), workflowIdConflictPolicy: 'USE_EXISTING' as const };
    return done((turn) => client.workflow.execute(workflowType, { ...how, workflowId: `${each.id}/life/${turn}` }));
  });
  const asking = done((turn) =>
    client.workflow.execute<typeof query>('query', {
      taskQueue: queue,
      workflowId: `${names(pipeline).workflows.query}/life/${turn}`,
      args: [{ pipeline }],
      ...introduced(pipeline, 'asks everything'),
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
  );
  await Promise.all([...all, asking]);
  return reasons;
}

/** Takes it down, and where something may be left, until nothing is: gives what was said to be left. */
export async function tearDown({ client }: Place, { signal, run }: Course, pipeline: Pipeline, mayLeave = false): Promise<string[]> {
  const said: string[] = [];
  for (;;) {
    const { left } = await persistently(signal, () => requestTeardown(client, pipeline));
    if (left.length === 0) return said;
    const words = left.map(({ label, why }) => `${label}: ${why}`);
    if (!mayLeave) throw new Error(`it is down, but these are left: ${words.join('; ')}`);
    run.blows.push(...words.filter((each) => !said.includes(each)).map((each) => `left: ${each}`));
    said.push(...words);
  }
}

/** What there is before a run: all of AWS, and what Temporal has of the pipeline. */
export const inventoryOf = async ({ aws, client }: Place, { name, account }: Pipeline): Promise<string[]> => [
  ...(await everythingThereIs(aws, account)),
  ...(await everythingOf(client, name)),
];

/** The workflow that took everything down has a moment to end. */
const ENDS_WITHIN_MS = 3_000;

/** Counts what is there that was not there before; fails with a list of it. */
export async function expectNothingLeft(place: Place, { run }: Pick<Course, 'run'>, pipeline: Pipeline, before: string[]): Promise<void> {
  const until = Date.now() + ENDS_WITHIN_MS;
  const look = async () => (await inventoryOf(place, pipeline)).filter((thing) => !before.includes(thing));
  let left = await look();
  // Of AWS nothing may be left the moment that down has answered.
  while (left.length > 0 && left.every((thing) => thing.startsWith('workflow ')) && Date.now() < until) left = await look();
  run.leftovers = left.length;
  if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
}

/** The end of a life: counts everything, takes it down, and looks that nothing was made twice and nothing is left. */
export async function toTheEnd(place: Place, course: Course, pipeline: Pipeline, before: string[]): Promise<void> {
  course.phase('the account');
  await pauseAndAudit(place, course, pipeline);
  await expectStandsOnce(place, course, pipeline);
  await downToNothing(place, course, pipeline, before);
}

/** Takes it down, and looks that nothing was made twice in the whole life and nothing is left. */
export async function downToNothing(place: Place, course: Course, pipeline: Pipeline, before: string[]): Promise<void> {
  course.phase('down');
  await tearDown(place, course, pipeline);
  course.phase('the end');
  await expectMadeOnce(place, course, pipeline);
  await expectNothingLeft(place, course, pipeline, before);
}
