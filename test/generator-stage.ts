import { afterAll, beforeAll } from '@jest/globals';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { LedgerRange } from '../pipeline/ledger.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { begin } from '../workflows/cursor.ts';
import { generate } from '../workflows/generate.ts';
import { type GeneratorState, generatorQuery } from '../workflows/messages.ts';
import { cancelled } from './cancelled.ts';
import { fresh, type Stream, sender } from './fake-sender.ts';
import { storyteller, temporalServer, workerIn } from './temporal-server.ts';

/** A Temporal server for the suite that imports this. */
export let env: TestWorkflowEnvironment;

beforeAll(async () => {
  env = await temporalServer();
});
const stories = storyteller();
afterAll(async () => {
  if (env) await stories.end(env);
  await env?.teardown();
});

const taskQueue = 'generate';

/** Runs a generator of a spec over fake activities, while `story` lasts. */
export async function withGenerator(
  workflowId: string,
  spec: object,
  breaks: () => boolean,
  story: (s: {
    handle: Handle;
    until: (reached: (state: GeneratorState) => boolean) => Promise<GeneratorState>;
    stream: Stream;
  }) => Promise<void>,
  historyEvents?: number,
): Promise<Stream> {
  const stream = fresh();
  const worker = await workerIn(env, {
    taskQueue,
    activities: sender(stream, breaks),
    maxHeartbeatThrottleInterval: 20,
  });
  const pipeline = { ...parseSpec(spec), account: '000000000000' };
  const args: Parameters<typeof generate> = [{ pipeline, cursor: { ...begin(pipeline, 'r', false), began: Date.now() }, historyEvents }];
  await stories.tell(worker, async () => {
    const handle = await env.client.workflow.start(generate, { taskQueue, workflowId, args });
    const until = async (reached: (state: GeneratorState) => boolean) => {
      while (!stories.isOver()) {
        const state = await handle.query(generatorQuery);
        if (reached(state)) return state;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error('the suite is over');
    };
    await story({ handle, until, stream });
    if ((await handle.describe()).status.name !== 'RUNNING') return;
    await cancelled(handle);
  });
  return stream;
}

export type Handle = WorkflowHandleWithFirstExecutionRunId<typeof generate>;

/** Every range that was written down, in order. */
export const ledgerOf = ({ pages }: Stream): LedgerRange[] =>
  [...pages.keys()].sort((a, b) => a - b).flatMap((number) => pages.get(number)!.ranges);
