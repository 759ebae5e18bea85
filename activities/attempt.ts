import { AsyncLocalStorage } from 'node:async_hooks';
import { Context } from '@temporalio/activity';
import { ActivityCancelledError, ActivityNotFoundError, ActivityPausedError, ActivityResetError } from '@temporalio/client';
import { isRead } from './calls.ts';
import { endIn, isPast } from './kinesis/lease-end.ts';
import { notYet } from './not-yet.ts';

/** What Temporal answers to the one attempt that there is, when it has more to say than that. */
const ANSWERS = [ActivityCancelledError, ActivityPausedError, ActivityResetError];

/**
 * Sends a heartbeat of the attempt that we are in, and hears whether it still is the one: false once Temporal has given it up, undefined where there is no answer within
 * the heartbeat timeout. The SDK's own heartbeats do not tell. Never rejects.
 */
export async function isTheOne(details: unknown): Promise<boolean | undefined> {
  const { client, info } = Context.current();
  try {
    // Under a signal of its own: an attempt that was cancelled goes on until it has come far enough to end.
    const inTime = AbortSignal.timeout(info.heartbeatTimeoutMs!);
    await client.withAbortSignal(inTime, () => client.activity.heartbeat(info.taskToken, details));
  } catch (error) {
    if (error instanceof ActivityNotFoundError) return false;
    if (!ANSWERS.some((answer) => error instanceof answer)) return undefined;
  }
  return true;
}

/** Of the heartbeat timeout, for how long an answer holds: a change that sets out then arrives before another attempt can. */
const HOLDS = 0.6;

const fences = new AsyncLocalStorage<() => Promise<void>>();

/** Runs an attempt whose changes wait for `mayChange`. `details` go with the heartbeats that ask. */
export function withFence<Value>(details: unknown, attempt: () => Promise<Value>): Promise<Value> {
  const { heartbeatTimeoutMs } = Context.current().info;
  if (heartbeatTimeoutMs === undefined) return attempt();
  let held = endIn(Number.NEGATIVE_INFINITY);
  let asking: Promise<boolean | undefined> | undefined;
  const ask = async () => {
    const end = endIn(heartbeatTimeoutMs * HOLDS);
    const answer = await isTheOne(details);
    if (answer) held = end;
    asking = undefined;
    return answer;
  };
  return fences.run(async () => {
    while (isPast(held)) {
      asking ??= ask();
      const answer = await asking;
      if (answer === false) throw notYet('another attempt has taken this up: this one was not heard for too long');
      if (answer === undefined) throw notYet('Temporal does not say whether this attempt still is the one');
    }
  }, attempt);
}

/**
 * To be waited for before anything is changed: rejects once Temporal may have given the attempt that we are in to another. One whose worker stood still, as on a laptop
 * asleep, would go on where it was: its pipeline may have been taken down by then, and what bears the same names be another's. Outside of an attempt nothing is asked.
 */
export const mayChange = async (): Promise<void> => fences.getStore()?.();

interface Fenceable {
  // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
  middlewareStack: { add(middleware: any, options: { step: 'deserialize'; priority: 'low'; name: string }): void };
}

/** Has a client ask before each call that may change something, the SDK's own retries included. */
export function fenced<Client extends Fenceable>(client: Client): Client {
  type Next = (request: unknown) => Promise<unknown>;
  const ask =
    (next: Next, { commandName = '' }: { commandName?: string }) =>
    async (request: unknown) => {
      if (!isRead(commandName)) await mayChange();
      return next(request);
    };
  client.middlewareStack.add(ask, { step: 'deserialize', priority: 'low', name: 'fence' });
  return client;
}
