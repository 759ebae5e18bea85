import { isCancellation } from '@temporalio/workflow';

/** The innermost message: Temporal wraps an activity's own words in the failures of the activity and of the child workflow. */
export const rootMessage = (error: unknown): string => rootCause(error).message;

/** The innermost error, which is the activity's own. */
export function rootCause(error: unknown): Error {
  let innermost = error as Error;
  while (innermost.cause instanceof Error && innermost.name !== 'ApplicationFailure') innermost = innermost.cause;
  return innermost;
}

/** For what goes on beside the workflow's main course: that hears of the cancellation itself, and a rejection that nobody awaits would fail the workflow's task for ever. */
export function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
