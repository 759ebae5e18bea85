import { isThrottlingError, isTransientError } from '@smithy/core/retry';
import { isGrpcServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';

/**
 * The status codes of gRPC with which Temporal answers what may well be answered a moment later: CANCELLED and UNAVAILABLE while the server goes or comes,
 * DEADLINE_EXCEEDED while no worker takes up a query or an update, RESOURCE_EXHAUSTED over its limits, and FAILED_PRECONDITION for a query that comes before the
 * workflow's first task is done, or while its latest one has failed.
 */
const PASSING_CODES = new Set([1, 4, 8, 9, 14]);

/** Codes that Node's HTTP/2 client and `fetch` give to a connection that failed; those of its other clients the AWS SDK knows. */
const LOST_CONNECTION = /^(ERR_HTTP2_\w+|UND_ERR_SOCKET|UND_ERR_\w+_TIMEOUT)$/;

/**
 * True when an error, or what caused it, says that nobody answered just now, so that the same question may be answered a moment later: a server or a worker is on its
 * way back, or is overloaded. Not so when there is an answer that will stay the same: a workflow that does not exist, a query that it does not have
 * (`QueryNotRegisteredError`: our workflows register theirs before they first wait, so the worker is one of another version), a refusal by AWS.
 */
export function isTransient(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if (isGrpcServiceError(error)) return PASSING_CODES.has(error.code);
  const { code, cause } = error as NodeJS.ErrnoException;
  const known = error as Parameters<typeof isTransientError>[0];
  return (
    error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
    LOST_CONNECTION.test(String(code)) ||
    isTransientError(known) ||
    isThrottlingError(known) ||
    isTransient(cause)
  );
}

/** The answer to a question; undefined when nobody answers just now, by `isTransient`. */
export async function undefinedIfUnanswered<Value>(question: Promise<Value>): Promise<Value | undefined> {
  try {
    return await question;
  } catch (error) {
    if (isTransient(error)) return undefined;
    throw error;
  }
}
