import { AsyncLocalStorage } from 'node:async_hooks';

/** How many calls to AWS a piece of work made, and how many of them may have changed something. */
export interface Calls {
  calls: number;
  mutatingCalls: number;
}

const counting = new AsyncLocalStorage<Calls>();
const READS = /^(Get|List|Describe|Head|BatchGet|Search|Lookup|Simulate)/;

/** Runs `work` and counts the calls that it makes through clients that `counts` watches. Retries inside the SDK count as one. */
export async function counted<Value>(work: () => Promise<Value>): Promise<{ value: Value } & Calls> {
  const calls: Calls = { calls: 0, mutatingCalls: 0 };
  const value = await counting.run(calls, work);
  return { value, ...calls };
}

interface Watchable {
  // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
  middlewareStack: { add(middleware: any, options: { step: 'initialize'; name: string }): void };
}

/** Has a client's calls counted for the work they are made in. */
export function counts<Client extends Watchable>(client: Client): Client {
  type Next = (request: unknown) => Promise<unknown>;
  const count =
    (next: Next, { commandName = '' }: { commandName?: string }) =>
    (request: unknown) => {
      const calls = counting.getStore();
      if (calls) {
        calls.calls++;
        if (!READS.test(commandName)) calls.mutatingCalls++;
      }
      return next(request);
    };
  client.middlewareStack.add(count, { step: 'initialize', name: 'countCalls' });
  return client;
}
