import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../activities/index.ts';
import { unsent } from '../activities/kinesis/stretch.ts';
import { notYet } from '../activities/not-yet.ts';
import type { Survey } from '../activities/resource.ts';
import { specHash } from '../activities/spec-hash.ts';
import { overBudget } from '../pipeline/cost.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { flushLedger } from '../workflows/messages.ts';

const stages = Object.keys(STAGES) as Stage[];

/** An account in memory, for tests of the workflows: what stands, made by which spec, and what is to go wrong. */
export interface World {
  /** What each standing stage was made by. */
  standing: Map<Stage, string>;
  /** Things that carry nobody's tag. */
  foreign: Set<Stage>;
  /** What of a thing that is given back is not as it was. */
  stays: Map<Stage, string[]>;
  /** Things that AWS is deleting. */
  leaving: Set<Stage>;
  /** Things that do not work, and have to be made anew. */
  dead: Set<Stage>;
  /** What is changed by somebody just now, and stays. */
  moving: Set<Stage>;
  /** Each throws as long as it is there. */
  broken: Map<Stage, Error>;
  /** Why the workflows do not end. */
  endless?: Error;
  /** What would not go away. */
  stuck: Map<Stage, Error>;
  /** How many objects each call of a removal deletes while others are left. */
  full: Map<Stage, number[]>;
  /** A survey of this spec ends no sooner than this. */
  surveying?: (pipeline: Pipeline) => Promise<void> | undefined;
  surveysBegun: number;
  /** The schedules are made no sooner than this. */
  scheduling?: Promise<void>;
  /** What is broken only for other specs than this. */
  mend?: Partial<Record<Stage, Pipeline>>;
  /** Names of the activities in the order in which they began; looks left out. */
  log: string[];
  /** Schedules that are gone, until they are next ensured. */
  lostSchedules: string[];
  /** Of each event number, how often it was sent. */
  sent: Map<string, number>;
  paused: boolean;
  suspended: boolean;
  /** Why the application does not start. */
  starting?: Error;
  /** How the next crawls fail. */
  crawls: Error[];
  /** How many crawls have ended. */
  crawled: number;
  /** Why not all rows are out of the SQL, however long it runs. */
  undrained?: Error;
  /** The generator goes on sending, whatever it is told. */
  restless?: boolean;
  /** Starts of the application that were asked for. */
  starts: number;
  /** Why not all events are in the lake. */
  undelivered?: Error;
  /** Refusals of the account's check. */
  refused: string[];
  /** Why the pipeline is over its budget, whatever it costs. */
  excess?: string;
}

/** An account with nothing in it. */
export const world = (): World => ({
  standing: new Map(),
  foreign: new Set(),
  stays: new Map(),
  leaving: new Set(),
  dead: new Set(),
  moving: new Set(),
  broken: new Map(),
  stuck: new Map(),
  full: new Map(),
  surveysBegun: 0,
  log: [],
  lostSchedules: [],
  crawls: [],
  crawled: 0,
  sent: new Map(),
  paused: false,
  suspended: false,
  starts: 0,
  refused: [],
});

/** The part of the spec that the resources are made by. */
const madeBy = ({ shards, windowSeconds, delivery, keep }: Pipeline) => JSON.stringify({ shards, windowSeconds, delivery, keep });

/** The calls of a look. */
const LOOK = { calls: 1, mutatingCalls: 0 };

/** The activities of the product over an account in memory. */
export function activitiesOf(w: World): Record<string, (...args: never[]) => unknown> {
  const survey = (pipeline: Pipeline, stage: Stage, adopt?: boolean): Survey => {
    const label = `the ${stage} of ${pipeline.name}`;
    const made = w.standing.get(stage);
    if (w.foreign.has(stage)) return { label, arn: `arn:of:${stage}`, action: adopt ? 'adopt' : 'foreign', differences: [] };
    if (w.leaving.has(stage)) return { label, action: 'wait', differences: [], anew: true };
    if (w.moving.has(stage)) return { label, action: 'wait', differences: [] };
    if (w.dead.has(stage))
      return { label, action: 'change', differences: [{ field: 'Status', is: 'FAILED', wanted: 'ACTIVE', anew: true }], anew: true };
    if (made === undefined) return { label, action: 'create', differences: [] };
    if (made === madeBy(pipeline)) return { label, action: 'none', differences: [] };
    return { label, action: 'change', differences: [{ field: 'Spec', is: made, wanted: madeBy(pipeline) }] };
  };
  const steps = Object.fromEntries(
    stages.flatMap((stage) => [
      [
        `${stage}.ensure`,
        async (pipeline: Pipeline) => {
          w.log.push(`${stage}.ensure`);
          const broken = w.broken.get(stage);
          const mended = w.mend?.[stage];
          if (broken && !(mended && madeBy(mended) === madeBy(pipeline))) throw broken;
          const outcome = w.foreign.has(stage) ? 'adopted' : w.standing.has(stage) ? 'changed' : 'created';
          w.standing.set(stage, madeBy(pipeline));
          w.dead.delete(stage);
          w.foreign.delete(stage);
          return { outcome, calls: 2, mutatingCalls: 1 };
        },
      ],
      [`${stage}.ready`, async () => LOOK],
      [
        `${stage}.remove`,
        async () => {
          w.log.push(`${stage}.remove`);
          const emptying = w.full.get(stage)?.shift();
          if (emptying !== undefined) return { calls: 1, mutatingCalls: 1, emptying };
          const stuck = w.stuck.get(stage);
          if (stuck) throw stuck;
          w.standing.delete(stage);
          return { calls: 2, mutatingCalls: 1 };
        },
      ],
      [`${stage}.gone`, async () => LOOK],
      [
        `${stage}.release`,
        async () => {
          w.log.push(`${stage}.release`);
          w.foreign.add(stage);
          return { ...LOOK, stays: w.stays.get(stage) };
        },
      ],
    ]),
  );
  return {
    ...steps,
    'stages.survey': async (pipeline: Pipeline, leave?: { adopt?: boolean }) => {
      w.surveysBegun++;
      await w.surveying?.(pipeline);
      return {
        stages: Object.fromEntries(stages.map((stage) => [stage, survey(pipeline, stage, leave?.adopt)])),
        calls: stages.length,
        mutatingCalls: 0,
        removed: [],
      };
    },
    'budget.excess': async (...spent: Parameters<Activities['budget.excess']>) => w.excess ?? overBudget(...spent),
    'account.check': async () => w.refused.map((message) => ({ name: 'account', state: 'refused', message })),
    'lake.delivered': async () => {
      if (w.sent.size === 0) throw notYet('nothing has been delivered yet');
    },
    'lake.tabled': async () => true,
    'crawl.since': async () => 0,
    'crawl.start': async () => undefined,
    'crawl.finished': async () => {
      w.crawled++;
      const failure = w.crawls.shift();
      if (failure) throw failure;
      return { tables: [], drifted: [] };
    },
    'generator.flushLedger': async (pipeline: Pipeline) => {
      w.log.push('generator.flushLedger');
      const settled = await Context.current().client.workflow.getHandle(names(pipeline).workflows.generate).executeUpdate(flushLedger);
      return { ...settled, ...(w.restless && { sending: true }) };
    },
    'schedules.ensure': async (pipeline: Pipeline) => {
      w.log.push('schedules.ensure');
      await w.scheduling;
      return { specHash: specHash(pipeline), restored: w.lostSchedules.splice(0).map((id) => ({ id, missing: true, differences: [] })) };
    },
    'schedules.pause': async (_pipeline: Pipeline, paused: boolean) => {
      w.paused = paused;
    },
    'schedules.remove': async () => undefined,
    'workflow.end': async (workflowId: string) => {
      const handle = Context.current().client.workflow.getHandle(workflowId);
      if ((await handle.describe()).status.name !== 'RUNNING') return;
      await handle.cancel();
      throw notYet('still ending');
    },
    'workflows.end': async (pipeline: Pipeline) => {
      if (w.endless) throw w.endless;
      const { client } = Context.current();
      let running = false;
      for (const id of [names(pipeline).workflows.generate, names(pipeline).workflows.notebook]) {
        const described = await client.workflow
          .getHandle(id)
          .describe()
          .catch(() => undefined);
        if (described?.status.name !== 'RUNNING') continue;
        running = true;
        await client.workflow.getHandle(id).terminate();
      }
      if (running) throw notYet('still ending');
    },
    'inventory.left': async (_pipeline: Pipeline, kept: Stage[] = [], failed: Partial<Record<Stage, string>> = {}) => ({
      left: [...w.standing.keys()].filter((stage) => !kept.includes(stage)).map((label) => ({ label, why: failed[label] ?? 'it stands' })),
    }),
    'kinesis.generate': async ({ game, lane, from, to, again }: Parameters<Activities['kinesis.generate']>[0]) => {
      const context = Context.current();
      let next = from;
      while (next < to && !again && !context.cancellationSignal.aborted) {
        const id = `${game.run}-${lane}-${next++}`;
        w.sent.set(id, (w.sent.get(id) ?? 0) + 1);
        if (next % 10 === 0) {
          context.heartbeat({ next });
          await context.sleep(5).catch(() => undefined);
        }
      }
      return { ...unsent(from), next, latest: Date.now() };
    },
    'kinesis.heartbeats': async ({ until }: { until: number }) => ({ ...unsent(0), latest: until, heartbeats: 1 }),
    'kinesis.heldBack': async ({ lanes }: { lanes: unknown[] }) => lanes.map(() => []),
    'ledger.write': async () => undefined,
    'notebook.start': async () => {
      w.starts++;
      w.suspended = false;
      return { calls: 0, mutatingCalls: 0 };
    },
    'notebook.awaitStarted': async () => {
      if (w.starting) throw w.starting;
    },
    'notebook.checkJob': async () => ({ running: true }),
    'notebook.run': async () => undefined,
    'notebook.awaitRunning': async () => undefined,
    'notebook.seed': async () => undefined,
    'notebook.drained': async (_pipeline: Pipeline, last?: number) => {
      if (w.suspended) throw notYet('the application is READY');
      if (w.undrained) throw w.undrained;
      w.log.push(`all out to ${last === undefined ? 'whatever was sent' : last > 0 ? 'the last' : 'nothing'}`);
    },
    'audit.scope': async () => ({ since: 0 }),
    'audit.arrived': async () => {
      if (w.undelivered) throw w.undelivered;
    },
    'notebook.isCaughtUp': async () => true,
    'notebook.checkFlow': async () => undefined,
    'notebook.stop': async () => {
      w.suspended = true;
    },
  } as Record<string, (...args: never[]) => unknown>;
}

/** An error that no retry mends. */
export const final = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'ValidationException');
