import { setTimeout as delay } from 'node:timers/promises';

/** How often a second AWS takes a call from an account, as its service models say, and for Firehose its page of quotas; burst and rate are one. */
export const RATES: Record<string, number> = {
  AddTagsToStream: 5,
  CreateStream: 5,
  DeleteStream: 5,
  DescribeLimits: 1,
  DescribeStreamSummary: 20,
  ListStreams: 5,
  ListTagsForStream: 5,
  RemoveTagsFromStream: 5,
  UpdateShardCount: 10,
  CreateDeliveryStream: 5,
  DeleteDeliveryStream: 5,
  DescribeDeliveryStream: 5,
  ListDeliveryStreams: 5,
  ListTagsForDeliveryStream: 5,
  TagDeliveryStream: 5,
  UntagDeliveryStream: 5,
  UpdateDestination: 5,
  DescribeLogStreams: 25,
  ListIngestions: 5,
};

/** A second, and what calls may lose of their distance on the way: the first of them wait for a connection. */
const SECOND_MS = 1_200;

interface Paceable {
  // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
  middlewareStack: { addRelativeTo(middleware: any, options: { relation: 'after'; toMiddleware: string; name: string }): void };
}

/** Has a client's calls wait where AWS would refuse one more in this second; what the SDK tries again counts, too. Other processes are not known of: what they use up, AWS refuses. */
export function keepToRates<Client extends Paceable>(client: Client): Client {
  const turns = new Map<string, (now: number) => number>();
  type Next = (request: unknown) => Promise<unknown>;
  const pace =
    (next: Next, { commandName = '' }: { commandName?: string }) =>
    async (request: unknown) => {
      const operation = commandName.replace(/Command$/, '');
      const rate = RATES[operation];
      if (rate !== undefined) {
        const turn = turns.get(operation) ?? inTurn(rate);
        turns.set(operation, turn);
        const now = performance.now();
        const at = turn(now);
        if (at > now) await delay(at - now);
      }
      return next(request);
    };
  client.middlewareStack.addRelativeTo(pace, { relation: 'after', toMiddleware: 'retryMiddleware', name: 'keepToRates' });
  return client;
}

/** Gives each call the first time, from `now` on, at which there are fewer than `rate` others in the second before; in milliseconds. */
export function inTurn(rate: number): (now: number) => number {
  const last: number[] = Array.from({ length: rate }, () => Number.NEGATIVE_INFINITY);
  let next = 0;
  return (now) => {
    const at = Math.max(now, last[next]! + SECOND_MS);
    last[next] = at;
    next = (next + 1) % rate;
    return at;
  };
}
