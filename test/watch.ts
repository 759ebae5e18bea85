interface Watched {
  middlewareStack: {
    add(
      middleware: (
        next: (call: { input: Record<string, unknown> }) => Promise<unknown>,
        context: { commandName?: string },
      ) => (call: { input: Record<string, unknown> }) => Promise<unknown>,
      options: { step: 'initialize'; name: string },
    ): void;
  };
}

/** Tells of every call that is no look, and takes the tags off what is created while `isUntagged`. */
export function watch(client: object, heard: (command: string) => void, isUntagged: () => boolean): void {
  (client as Watched).middlewareStack.add(
    (next, { commandName = '' }) =>
      (call) => {
        const command = commandName.replace(/Command$/, '');
        if (!/^(Get|List|Describe|Head|BatchGet)/.test(command)) heard(command);
        if (!isUntagged()) return next(call);
        const { Tags, tags, CreateBucketConfiguration, ...input } = call.input;
        const carries = /^Create/.test(command) ? input : call.input;
        return next({ ...call, input: carries });
      },
    { step: 'initialize', name: 'watch' },
  );
}
