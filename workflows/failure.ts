/** The innermost message: Temporal wraps an activity's own words in the failures of the activity and of the child workflow. */
export function rootMessage(error: unknown): string {
  let innermost = error as Error;
  while (innermost.cause instanceof Error && innermost.name !== 'ApplicationFailure') innermost = innermost.cause;
  return innermost.message;
}
