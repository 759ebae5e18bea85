import { setTimeout as sleep } from 'node:timers/promises';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Worker } from '@temporalio/worker';
import { toolPaths } from '../setup/tools.mjs';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';

/** The SDK gives a server five seconds to start, which on a busy machine is too few now and then. */
const TRIES = 4;
/** What a story may take to end that was broken off. */
const LINGERS_MS = 10_000;

/** A Temporal server of its own for a test, with the product's search attributes; `identity` is that of its client. */
export async function temporalServer(identity?: string): Promise<TestWorkflowEnvironment> {
  for (let tries = 1; ; tries++) {
    try {
      return await TestWorkflowEnvironment.createLocal({
        ...(identity !== undefined && { client: { identity } }),
        server: { executable: { type: 'existing-path', path: toolPaths().temporal! }, searchAttributes: SEARCH_ATTRIBUTES },
      });
    } catch (error) {
      if (tries === TRIES || !(error as Error).message.includes('did not start within')) throw error;
    }
  }
}

/**
 * Tells the stories of a suite, each while its worker runs. `end` breaks off what a story that its test has given up still waits for, which would fail whichever suite
 * comes next in this process, and waits for it a while; `isOver` is for loops in a story.
 */
export function storyteller() {
  const ending = new AbortController();
  const told: Promise<void>[] = [];
  return {
    tell(env: TestWorkflowEnvironment, worker: Worker, story: () => Promise<void>): Promise<void> {
      const telling = worker.runUntil(() => env.connection.withAbortSignal(ending.signal, story));
      told.push(telling);
      return telling;
    },
    isOver: () => ending.signal.aborted,
    async end(): Promise<void> {
      ending.abort();
      const waited = new AbortController();
      await Promise.race([Promise.allSettled(told), sleep(LINGERS_MS, undefined, { signal: waited.signal }).catch(() => undefined)]);
      waited.abort();
    },
  };
}
