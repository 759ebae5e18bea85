import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowBundle } from '@temporalio/worker';
import { underWay } from '../activities/not-yet.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Plan } from '../pipeline/stages.ts';
import type { Seen } from '../pipeline/waiting.ts';
import type { crawl, keepNotebook, refresh } from '../workflows/index.ts';
import { resume, suspend } from '../workflows/messages.ts';
import type { provision } from '../workflows/provision.ts';
import { cancelled } from './cancelled.ts';
import { temporalServer, workerIn } from './temporal-server.ts';
import { bundleOf } from './workflow-bundle.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'learning' }), account: '000000000000' };
const CALLS = { calls: 1, mutatingCalls: 1 };
/** What everything takes here. */
const TAKES_MS = 3_000;
/** The second look at something new comes sooner than this, at what is known to take so long later. */
const SOON_MS = 2_000;

let env: TestWorkflowEnvironment;
let workflowBundle: WorkflowBundle;
/** When was looked, by the activity that waits; activities in the order in which they began. */
let looks: Map<string, number[]>;
/** How long refreshes took, as QuickSight tells. */
let tookBefore: Seen | undefined;
/** Whether the application runs. */
let runs: boolean;

/** Looks as the product does, at what is there so long after the activity began. */
const takes =
  (answer?: object, isThere = () => false) =>
  async (...args: unknown[]) => {
    const { activityId, activityType, scheduledTimestampMs, workflowExecution } = Context.current().info;
    const key = `${activityType} ${workflowExecution?.runId} ${activityId}`;
    looks.set(key, [...(looks.get(key) ?? []), Date.now()]);
    if (isThere() || Date.now() - scheduledTimestampMs >= TAKES_MS) return answer;
    throw underWay(pipeline, `${activityType} is not there`, args.at(-1) as Seen | undefined);
  };
/** How long after the first look the second came, for each activity of these types that had to look twice. */
const gaps = (...types: string[]): number[] =>
  [...looks].flatMap(([key, [first, second]]) => (types.includes(key.split(' ')[0]!) && second ? [second - first!] : []));

const activities = {
  'events.ensure': async () => ({ outcome: 'created', ...CALLS }),
  'events.ready': takes(CALLS),
  'playerMetrics.ensure': async () => ({ outcome: 'created', ...CALLS }),
  'playerMetrics.ready': takes(CALLS),
  'crawl.since': async () => ({ at: 0, ...CALLS }),
  'crawl.start': async () => ({ started: true, ...CALLS }),
  'crawl.finished': takes({ tables: [], drifted: [], ...CALLS }),
  'refresh.start': async (_pipeline: Pipeline, _dataSet: string, run: string) => ({ ingestion: run, seen: tookBefore }),
  'refresh.finished': takes(Object(12)),
  'notebook.start': async () => ({ ...CALLS, found: runs ? undefined : 'it was stopped' }),
  'notebook.awaitStarted': takes(undefined, () => runs),
  'notebook.checkJob': async () => {
    runs = true;
    return { running: true };
  },
  'notebook.stop': async () => {
    runs = false;
  },
};

beforeAll(async () => {
  env = await temporalServer();
  workflowBundle = await bundleOf('chaos/workflows.ts');
});
beforeEach(() => {
  looks = new Map();
  runs = false;
});
afterAll(() => env?.teardown());

const told = async (story: () => Promise<void>) => {
  const worker = await workerIn(env, { taskQueue: 'learning', workflowBundle, activities });
  await worker.runUntil(story);
};
const until = async (isSo: () => Promise<boolean> | boolean) => {
  while (!(await isSo())) await new Promise((later) => setTimeout(later, 50));
};
const learns = ([first, second, ...others]: number[]) => {
  expect(first).toBeLessThan(SOON_MS);
  expect(second).toBeGreaterThan(SOON_MS);
  expect(others).toEqual([]);
};

describe('what was waited for once is looked at when it may be there', () => {
  it('as another stream that is made is', async () => {
    const plan: Plan = [
      { stage: 'events', needs: [], patience: '1 minute' },
      { stage: 'playerMetrics', needs: ['events'], patience: '1 minute' },
    ];
    await told(async () => {
      const options = { taskQueue: 'learning', workflowId: 'provision', args: [{ pipeline, plan }] as Parameters<typeof provision> };
      expect((await env.client.workflow.execute<typeof provision>('provision', options)).failed).toEqual({});
    });
    learns(gaps('events.ready', 'playerMetrics.ready'));
  });

  it('as the next of the first crawls is', async () => {
    await told(async () => {
      const crawled = (seen?: Seen) =>
        env.client.workflow.execute<typeof crawl>('crawl', {
          taskQueue: 'learning',
          workflowId: 'crawl',
          args: [{ pipeline, seen }],
        });
      const { seen } = await crawled();
      await crawled(seen);
    });
    learns(gaps('crawl.finished'));
  });

  it('as a refresh is, by what QuickSight tells of those before', async () => {
    await told(async () => {
      for (tookBefore of [undefined, { shortest: TAKES_MS, longest: TAKES_MS }])
        await env.client.workflow.execute<typeof refresh>('refresh', {
          taskQueue: 'learning',
          workflowId: 'refresh',
          args: [{ pipeline, dataSet: 'history' }],
        });
    });
    learns(gaps('refresh.finished'));
  });

  it('as the application is that is started again', async () => {
    await told(async () => {
      const handle = await env.client.workflow.start<typeof keepNotebook>('keepNotebook', {
        taskQueue: 'learning',
        workflowId: 'learning/notebook',
        args: [{ pipeline }],
      });
      await until(() => runs);
      await handle.signal(suspend);
      await until(() => !runs);
      await handle.signal(resume);
      await until(() => runs);
      await cancelled(handle);
    });
    learns(gaps('notebook.awaitStarted'));
  });
});
