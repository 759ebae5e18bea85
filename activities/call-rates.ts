import { setTimeout as delay } from 'node:timers/promises';
import { asyncLocalStorage, Context } from '@temporalio/activity';

/**
 * How many calls of an operation AWS takes from an account within how many seconds, as its service models say, and of Athena and Firehose their pages of quotas. Of
 * Athena it is the burst, and the seconds in which its rate makes up for one.
 */
export const RATES: Record<string, { calls: number; seconds: number }> = {
  ...each({ calls: 1, seconds: 1 }, 'DescribeLimits'),
  ...each(
    { calls: 5, seconds: 1 },
    'AddTagsToStream',
    'CreateStream',
    'DeleteStream',
    'ListStreams',
    'ListTagsForStream',
    'RemoveTagsFromStream',
  ),
  ...each({ calls: 5, seconds: 1 }, 'CreateDeliveryStream', 'DeleteDeliveryStream', 'DescribeDeliveryStream', 'ListDeliveryStreams'),
  ...each({ calls: 5, seconds: 1 }, 'ListTagsForDeliveryStream', 'TagDeliveryStream', 'UntagDeliveryStream', 'UpdateDestination'),
  ...each({ calls: 5, seconds: 1 }, 'ListIngestions'),
  ...each({ calls: 10, seconds: 1 }, 'UpdateShardCount'),
  ...each({ calls: 20, seconds: 1 }, 'DescribeStreamSummary'),
  ...each({ calls: 25, seconds: 1 }, 'DescribeLogStreams'),
  ...each({ calls: 10, seconds: 2 }, 'BatchGetNamedQuery', 'ListNamedQueries', 'ListQueryExecutions'),
  ...each({ calls: 20, seconds: 4 }, 'CreateNamedQuery', 'DeleteNamedQuery', 'UpdateNamedQuery'),
  ...each({ calls: 40, seconds: 2 }, 'BatchGetQueryExecution'),
  ...each({ calls: 80, seconds: 4 }, 'StartQueryExecution', 'StopQueryExecution'),
  ...each({ calls: 200, seconds: 2 }, 'GetQueryExecution', 'GetQueryResults'),
};

function each<Rate>(rate: Rate, ...operations: string[]): Record<string, Rate> {
  return Object.fromEntries(operations.map((operation) => [operation, rate]));
}

/** What calls may lose of their distance on the way: the first of them wait for a connection. */
const LOST_MS = 200;

interface Paceable {
  // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
  middlewareStack: { add(middleware: any, options: { step: 'deserialize'; priority: 'low'; name: string }): void };
}

/**
 * Has a client's calls wait where AWS would refuse one more; what the SDK tries again counts, too. What is cancelled meanwhile is not made, though its turn passes.
 * Other clients are not known of: what they use up, AWS refuses.
 */
export function keepToRates<Client extends Paceable>(client: Client): Client {
  const turns = new Map<string, Turns>();
  type Next = (request: unknown) => Promise<unknown>;
  const pace =
    (next: Next, { commandName = '' }: { commandName?: string }) =>
    async (request: unknown) => {
      const operation = commandName.replace(/Command$/, '');
      const rate = RATES[operation];
      if (rate) {
        const inTurn = turns.get(operation) ?? turnsOf(rate.calls, rate.seconds * 1000 + LOST_MS);
        turns.set(operation, inTurn);
        const now = performance.now();
        const { at, taken } = inTurn(now);
        const signal = asyncLocalStorage.getStore() && Context.current().cancellationSignal;
        if (at > now) await delay(at - now, undefined, { signal });
        taken(performance.now());
      }
      return next(request);
    };
  // Last of all, lest what comes between make two calls into one second; the SDK tries again outside of it.
  client.middlewareStack.add(pace, { step: 'deserialize', priority: 'low', name: 'keepToRates' });
  return client;
}

/** A call's turn: when it is, and whom to tell when it was. */
interface Turn {
  at: number;
  taken(time: number): void;
}

type Turns = (now: number) => Turn;

/** Gives each call the first time, from `now` on, at which fewer than so many others lie within the milliseconds before. */
export function turnsOf(calls: number, within: number): Turns {
  const last: number[] = Array.from({ length: calls }, () => Number.NEGATIVE_INFINITY);
  let next = 0;
  return (now) => {
    const slot = next;
    const at = Math.max(now, last[slot]! + within);
    const taken = (time: number) => {
      last[slot] = time;
    };
    taken(at);
    next = (next + 1) % calls;
    return { at, taken };
  };
}
