import { setTimeout as sleep } from 'node:timers/promises';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { DYNAMIC_CONFIG } from '../client/embedded.ts';
import { toolPaths } from '../setup/tools.mjs';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** The SDK gives a server five seconds to start, which on a busy machine is too few now and then. */
const TRIES = 4;
/** What a story may take to end that was broken off. */
const LINGERS_MS = 10_000;

/** A Temporal server of its own for a test, with the product's search attributes; `identity` is that of its client. */
export async function temporalServer(identity?: string): Promise<TestWorkflowEnvironment> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  for (let tries = 1; ; tries++) {
    try {
      return await TestWorkflowEnvironment.createLocal({
        ...(identity !== undefined && { client: { identity } }),
        server: {
          executable: { type: 'existing-path', path: toolPaths().temporal! },
          searchAttributes: SEARCH_ATTRIBUTES,
          extraArgs: DYNAMIC_CONFIG,
        },
      });
    } catch (error) {
      if (tries === TRIES || !(error as Error).message.includes('did not start within')) throw error;
    }
  }
}

/**
 * A worker that takes the product's workflows, or those that its options name. It runs them on this thread, which makes it in a tenth of the time; and none counts as
 * stuck because the machine is busy.
 */
export async function workerIn({ nativeConnection }: TestWorkflowEnvironment, options: Omit<WorkerOptions, 'connection'>): Promise<Worker> {
  const isNamed = options.workflowBundle !== undefined || options.workflowsPath !== undefined;
  const own = isNamed ? {} : { workflowBundle: await workflowBundle() };
  return Worker.create({ connection: nativeConnection, debugMode: true, ...own, ...options });
}

/**
 * Tells the stories of a suite, each while its worker runs. A story that its test has given up may wait for ever, and would fail whichever suite comes next in this
 * process: `end` breaks it off by terminating the workflows that it waits for, and waits for it a while; `isOver` is for loops in a story.
 */
export function storyteller() {
  const untold = new Set<Promise<void>>();
  let isOver = false;
  return {
    tell(worker: Worker, story: () => Promise<void>): Promise<void> {
      const telling = worker.runUntil(story);
      untold.add(telling);
      const forget = () => void untold.delete(telling);
      telling.then(forget, forget);
      return telling;
    },
    isOver: () => isOver,
    async end({ client }: TestWorkflowEnvironment): Promise<void> {
      isOver = true;
      if (untold.size === 0) return;
      for await (const { workflowId } of client.workflow.list({ query: "ExecutionStatus = 'Running'" }))
        await client.workflow.getHandle(workflowId).terminate('the suite is over');
      const waited = new AbortController();
      await Promise.race([Promise.allSettled(untold), sleep(LINGERS_MS, undefined, { signal: waited.signal }).catch(() => undefined)]);
      waited.abort();
    },
  };
}
