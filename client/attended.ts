import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Pipeline } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import { rootMessage } from '../workflows/failure.ts';
import { undefinedIfUnanswered } from './transient.ts';
import { UserError } from './user-error.ts';

/** A worker that has nothing to do asks anew once a minute; one that is started anew is there sooner. */
const UNASKED_MS = 75_000;
const LOOK_MS = 1_000;
/** `TASK_QUEUE_TYPE_WORKFLOW` of Temporal's API. */
const WORKFLOW_TASKS = 1;

/** There is no worker for a pipeline. */
export const noWorker = ({ name }: Pick<Pipeline, 'name'>, queue: string): UserError =>
  new UserError(`No worker answers on task queue ${queue}, which pipeline ${name} runs on. Start one: npm start`);

/**
 * The end of what a worker of the pipeline was asked to do; throws once no worker has asked Temporal for work for `patience` milliseconds. Where the server refuses
 * to tell whether one does, `tell` hears so once, and the work is waited for without that.
 */
export async function whileAttended<Value>(
  client: Client,
  pipeline: Pipeline,
  work: Promise<Value>,
  patience = UNASKED_MS,
  tell: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<Value> {
  const end = new AbortController();
  try {
    return await Promise.race([work, nobodyAsks(client, pipeline, patience, tell, end.signal)]);
  } finally {
    end.abort();
  }
}

async function nobodyAsks(
  client: Client,
  pipeline: Pipeline,
  patience: number,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<never> {
  const queue = taskQueue(pipeline);
  try {
    await quietFor(patience, client, queue, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    tell(
      `Temporal does not say whether a worker answers on task queue ${queue} (${rootMessage(error)}): if none does, this waits for ever.`,
    );
    return new Promise<never>(() => undefined);
  }
  throw noWorker(pipeline, queue);
}

/** Resolves once no worker has asked for so many milliseconds. Counts looks, not time: while the machine sleeps, nobody asks. */
async function quietFor(patience: number, client: Client, queue: string, signal: AbortSignal): Promise<void> {
  let before = await latestAsk(client, queue);
  for (let quiet = 0; quiet < patience; quiet += LOOK_MS) {
    await delay(LOOK_MS, undefined, { signal });
    const latest = await latestAsk(client, queue);
    if (latest === undefined || latest !== before) quiet = 0;
    before = latest;
  }
}

/** When a worker last asked for work on a queue, by the server's clock; '' when none has for minutes, undefined when nobody answers just now. */
async function latestAsk({ workflowService, options: { namespace } }: Client, name: string): Promise<string | undefined> {
  const request = { namespace, taskQueue: { name }, taskQueueType: WORKFLOW_TASKS };
  const found = await undefinedIfUnanswered(workflowService.describeTaskQueue(request));
  return found?.pollers
    .map(({ identity, lastAccessTime: at }) => `${identity} ${at?.seconds}.${at?.nanos}`)
    .sort()
    .join();
}
