/** How far ahead of our clock AWS's is, in milliseconds, as the latest answer to each client told. */
const ahead = new WeakMap<object, number>();

interface Timed {
  // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
  middlewareStack: { add(middleware: any, options: { step: 'deserialize'; name: string }): void };
}

/** Milliseconds since the epoch by AWS's clock, as far as the client has heard from it. */
export const awsNow = (client: object): number => Date.now() + (ahead.get(client) ?? 0);

/** Has a client learn AWS's time from each answer. The SDK itself corrects only what is off by five minutes, and more. */
export function timed<Client extends Timed>(client: Client): Client {
  type Next = (request: unknown) => Promise<{ response?: { headers?: Record<string, string> } }>;
  const learn = (next: Next) => async (request: unknown) => {
    const answer = await next(request);
    const time = Date.parse(answer.response?.headers?.date ?? '');
    if (!Number.isNaN(time)) ahead.set(client, time - Date.now());
    return answer;
  };
  client.middlewareStack.add(learn, { step: 'deserialize', name: 'learnTime' });
  return client;
}
