import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ActivityCancelledError, ActivityNotFoundError, ActivityPausedError, ActivityResetError } from '@temporalio/client';
import { isRead } from './calls.ts';
import { endIn, isPast } from './lease-end.ts';
import { notYet } from './not-yet.ts';

/** What Temporal answers to the one attempt that there is, when it has more to say than that. */
const ANSWERS = [ActivityCancelledError, ActivityPausedError, ActivityResetError];

/**
 * Sends a heartbeat of the attempt that we are in, and hears whether it still is the one: false once Temporal has given it up, undefined where there is no answer within so
 * many milliseconds. The SDK's own heartbeats do not tell. Never rejects.
 */
export async function isTheOne(details: unknown, within: number): Promise<boolean | undefined> {
  const { client, info } = Context.current();
  const ask = () => client.withDeadline(Date.now() + within, () => client.activity.heartbeat(info.taskToken, details));
  // Under a signal of its own: an attempt that was cancelled goes on until it has come far enough to end.
  const asked = client.withAbortSignal(new AbortController().signal, ask);
  const answer = asked.then(
    () => true,
    (error) => (error instanceof ActivityNotFoundError ? false : ANSWERS.some((known) => error instanceof known) || undefined),
  );
  // The worker's connection tries again beyond a call's deadline.
  return Promise.race([answer, delay(within, undefined, { ref: false })]);
}

/** Of the heartbeat timeout, for how long an answer holds: a change that sets out then has the rest of it to arrive. */
const HOLDS = 0.6;

const fences = new AsyncLocalStorage<() => Promise<void>>();

/** Runs an attempt whose changes wait for `mayChange`. `details` go with the heartbeats that ask. */
export function withFence<Value>(details: unknown, attempt: () => Promise<Value>): Promise<Value> {
  const context = Context.current();
  const { heartbeatTimeoutMs } = context.info;
  // A server that was told of none may say 0.
  if (!heartbeatTimeoutMs) return attempt();
  const holds = heartbeatTimeoutMs * HOLDS;
  let held = endIn(Number.NEGATIVE_INFINITY);
  let asking: Promise<boolean | undefined> | undefined;
  const ask = async () => {
    const end = endIn(holds);
    const answer = await isTheOne(details, holds);
    if (answer) held = end;
    asking = undefined;
    return answer;
  };
  return fences.run(async () => {
    const { notFound, timedOut } = context.cancellationDetails ?? {};
    if (!notFound && !timedOut && !isPast(held)) return;
    asking ??= ask();
    const answer = await asking;
    if (answer === false) throw notYet('Temporal has given this attempt up');
    if (answer === undefined || isPast(held)) throw notYet('Temporal does not say whether this attempt still is the one');
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
