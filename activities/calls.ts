import { AsyncLocalStorage } from 'node:async_hooks';
import { ApplicationFailure } from '@temporalio/common';

/** How many calls to AWS a piece of work made, and how many of them may have changed something. */
export interface Calls {
  calls: number;
  mutatingCalls: number;
}

/** What the attempts of one activity have done so far. */
export interface Done extends Calls {
  /** The first change that was set out for; a later attempt that finds it made names it in its answer. */
  outcome?: string;
  /** When it was first set out for a creation; milliseconds since the epoch. */
  created?: number;
  /** What the first attempt found that was not as it should be, in words. */
  found?: string;
}

const counting = new AsyncLocalStorage<Done>();
/** What only tells, or answers with a link, of which nothing stays. */
const READS = /^(Get|List|Describe|Head|BatchGet|Search|Lookup|Simulate|CreateApplicationPresignedUrl|GenerateEmbedUrl)/;

/** True for the name of a command, or of its operation, that changes nothing. */
export const isRead = (command: string): boolean => READS.test(command);

/** Runs one attempt of an activity, which adds to what those before it have done. */
export const continuing = <Value>(done: Done, attempt: () => Promise<Value>): Promise<Value> => counting.run(done, attempt);

/** What the attempts of the activity that we are in, this one included, have done so far. */
export const doneSoFar = (): Done => counting.getStore() ?? { calls: 0, mutatingCalls: 0 };

/**
 * Runs `work` and counts the calls that it makes through clients that `counts` watches, with those of the attempts before this one. A failure carries them as its
 * details. Retries inside the SDK count as one.
 */
export function countCalls<Value>(work: () => Promise<Value>): Promise<{ value: Value } & Calls> {
  const done = doneSoFar();
  return counting.run(done, async () => {
    try {
      return { value: await work(), ...callsOf(done) };
    } catch (error) {
      if (error instanceof ApplicationFailure) Object.assign(error, { details: [callsOf(done)] });
      throw error;
    }
  });
}

/** The same of work whose calls are all that it has to tell. */
export const callsIn = async (work: () => Promise<void>): Promise<Calls> => callsOf(await countCalls(work));

const callsOf = ({ calls, mutatingCalls }: Calls): Calls => ({ calls, mutatingCalls });

const operations = new WeakMap<object, string>();

/** The operation that AWS answered with this error, as IAM names most: 'kinesis:CreateStream'; undefined for an error of another kind. */
export const operationOf = (error: object): string | undefined => operations.get(error);

const PREFIXES: Record<string, string> = { cloudwatchlogs: 'logs', kinesisanalyticsv2: 'kinesisanalytics' };

function actionOf({ clientName = '', commandName = '' }: Context): string {
  const service = clientName.replace(/Client$/, '').toLowerCase();
  return `${PREFIXES[service] ?? service}:${commandName.replace(/Command$/, '')}`;
}

interface Context {
  clientName?: string;
  commandName?: string;
}

interface Watchable {
  // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
  middlewareStack: { add(middleware: any, options: { step: 'initialize'; name: string }): void };
}

/** Has a client's calls counted for the work they are made in, and its errors know their operation. */
export function watchCalls<Client extends Watchable>(client: Client): Client {
  type Next = (request: unknown) => Promise<unknown>;
  const count = (next: Next, context: Context) => async (request: unknown) => {
    const done = counting.getStore();
    if (done) {
      done.calls++;
      if (!isRead(context.commandName ?? '')) done.mutatingCalls++;
    }
    try {
      return await next(request);
    } catch (error) {
      if (error instanceof Error) operations.set(error, actionOf(context));
      throw error;
    }
  };
  client.middlewareStack.add(count, { step: 'initialize', name: 'countCalls' });
  return client;
}
