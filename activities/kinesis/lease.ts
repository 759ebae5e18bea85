import { Context } from '@temporalio/activity';
import { ActivityCancelledError, ActivityNotFoundError, ActivityPausedError, ActivityResetError } from '@temporalio/client';
import { endIn, type LeaseEnd, monotonicMs, NEVER } from './lease-end.ts';

/** Until when an attempt of an activity is the only one. */
export interface Lease {
  end(): LeaseEnd;
  /** True once it has ended, and from then on. */
  isOver(): boolean;
  /** Sends a heartbeat, and holds on for its timeout if Temporal answers that this attempt still is the one. Never rejects. */
  renew(details: () => unknown): Promise<void>;
}

/** What Temporal answers to the one attempt that there is, when it has more to say than that. */
const ANSWERS = [ActivityCancelledError, ActivityPausedError, ActivityResetError];

/**
 * A lease for the attempt that runs just now, over until it is renewed for the first time. Temporal starts another attempt once it has heard no heartbeat of this one
 * for the heartbeat timeout; a heartbeat that was answered reached it after it was sent. The SDK's own heartbeats do not tell whether they were answered. An attempt
 * that Temporal has ended for another reason hears so with its next renewal.
 */
export function lease(): Lease {
  const context = Context.current();
  const { heartbeatTimeoutMs, taskToken } = context.info;
  if (heartbeatTimeoutMs === undefined) return { end: () => NEVER, isOver: () => false, renew: async () => undefined };
  let end: LeaseEnd | undefined;
  let wasLost = false;
  const isOver = () => {
    wasLost ||= end !== undefined && monotonicMs() > end.ticks;
    return wasLost || end === undefined;
  };
  return {
    end: () => (isOver() ? endIn(Number.NEGATIVE_INFINITY) : end!),
    isOver,
    renew: async (details) => {
      const renewed = endIn(heartbeatTimeoutMs);
      try {
        // Under a signal of its own: an attempt that was cancelled goes on renewing until it has come far enough to end.
        const { client } = context;
        await client.withAbortSignal(new AbortController().signal, () => client.activity.heartbeat(taskToken, details()));
      } catch (error) {
        wasLost ||= error instanceof ActivityNotFoundError;
        if (!ANSWERS.some((answer) => error instanceof answer)) return;
      }
      if (end === undefined || !isOver()) end = end === undefined || renewed.ticks > end.ticks ? renewed : end;
    },
  };
}
