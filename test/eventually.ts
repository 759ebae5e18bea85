import { ApplicationFailure } from '@temporalio/common';

/** Repeats a step for as long as it says "not yet", as Temporal's retry policy does. */
export async function eventually<Result>(step: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof ApplicationFailure) || error.type !== 'NotYet') throw error;
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }
}
