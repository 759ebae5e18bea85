import { ActivityFailure, CancellationScope } from '@temporalio/workflow';

/** What signals cut short: sending goes on only until the next of them. */
export interface Interruption {
  /** Cuts short what `run` does just now, and says so until `clear`. */
  cut(): void;
  clear(): void;
  isCut(): boolean;
  /** Runs until done or cut short; undefined when an activity's attempts ended without saying how far they came. Throws for an activity that begins after the workflow was cancelled. */
  run<Result>(work: () => Promise<Result>): Promise<Result | undefined>;
}

/** Nothing has been cut short yet. */
export function interruption(): Interruption {
  const scopes = new Set<CancellationScope>();
  let isCut = false;
  return {
    cut: () => {
      isCut = true;
      for (const scope of scopes) scope.cancel();
    },
    clear: () => {
      isCut = false;
    },
    isCut: () => isCut,
    run: async (work) => {
      const scope = new CancellationScope();
      scopes.add(scope);
      try {
        return await scope.run(work);
      } catch (error) {
        if (!(error instanceof ActivityFailure)) throw error;
        return undefined;
      } finally {
        scopes.delete(scope);
      }
    },
  };
}
