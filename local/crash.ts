import type { Aws } from './aws.ts';

/** Ends the process as kill -9 does; nothing after it is done. */
export function crash(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

/**
 * Does what a service does of itself, in the name of its principal. That is no call, so it is in no call log, and of the fault plan only a crash befalls it: right
 * before, or right after, when what was done is not written down yet.
 */
export async function acting<Result>(aws: Aws, service: string, operation: string, work: () => Promise<Result>): Promise<Result> {
  const fault = aws.faults.strike({ service, operation, caller: `${service}.amazonaws.com`, input: {} }, 'crash')?.fault;
  if (fault) await aws.journal.commit(); // the strike is counted, and is not met again
  if (fault?.kind === 'crash' && fault.when === 'before') return crash();
  return fault ? work().then(crash, crash) : work();
}
