interface Client {
  // biome-ignore lint/suspicious/noExplicitAny: every SDK client has a middleware stack of its own type
  middlewareStack: { add(middleware: any, options: { step: 'initialize'; name: string }): void };
}

/** Has a client's lists come one item a page; `limit` is what its service calls the size of a page. */
export function onePerPage(client: Client, limit: 'MaxItems' | 'MaxResults'): void {
  const narrow =
    (next: (asked: { input: object }) => Promise<unknown>, { commandName = '' }: { commandName?: string }) =>
    (asked: { input: object }) =>
      next(/^List(?!Tags)/.test(commandName) ? { ...asked, input: { ...asked.input, [limit]: 1 } } : asked);
  client.middlewareStack.add(narrow, { step: 'initialize', name: 'onePerPage' });
}
