import { Context } from '@temporalio/activity';
import { ActivityCancelledError, ActivityPausedError, ActivityResetError } from '@temporalio/client';
import { monotonicMs } from './monotonic.ts';

/** Until when an attempt of an activity is the only one. */
export interface Lease {
  /** From then on Temporal may have another attempt go on; by `monotonicMs`. */
  until(): number;
  /** Sends a heartbeat, and holds on for its timeout if Temporal answers that this attempt still is the one. Never rejects. */
  renew(details: unknown): Promise<void>;
}

/** What Temporal answers to the one attempt that there is, when it has more to say than that. */
const ANSWERS = [ActivityCancelledError, ActivityPausedError, ActivityResetError];

/**
 * A lease for the attempt that runs just now, not renewed yet. Temporal starts another attempt once it has heard no heartbeat of this one for the heartbeat timeout; a
 * heartbeat that was answered reached it after it was sent. The SDK's own heartbeats do not tell whether they were answered.
 */
export function lease(): Lease {
  const context = Context.current();
  const { heartbeatTimeoutMs, taskToken } = context.info;
  if (heartbeatTimeoutMs === undefined) return { until: () => Number.POSITIVE_INFINITY, renew: async () => undefined };
  let until = Number.NEGATIVE_INFINITY;
  return {
    until: () => until,
    renew: async (details) => {
      const sent = monotonicMs();
      try {
        await context.client.activity.heartbeat(taskToken, details);
      } catch (error) {
        if (!ANSWERS.some((answer) => error instanceof answer)) return;
      }
      until = Math.max(until, sent + heartbeatTimeoutMs);
    },
  };
}
