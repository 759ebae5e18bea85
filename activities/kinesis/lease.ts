import { Context } from '@temporalio/activity';
import { isTheOne } from '../attempt.ts';
import { endIn, type LeaseEnd, monotonicMs, NEVER } from '../lease-end.ts';

/** Until when an attempt of an activity is the only one. */
export interface Lease {
  end(): LeaseEnd;
  /** True once it has ended, and from then on. */
  isOver(): boolean;
  /** Sends a heartbeat, and holds on for its timeout if Temporal answers that this attempt still is the one. Never rejects. */
  renew(details: () => unknown): Promise<void>;
}

/**
 * A lease for the attempt that runs just now, over until it is renewed for the first time. Temporal starts another attempt once it has heard no heartbeat of this one
 * for the heartbeat timeout; a heartbeat that was answered reached it after it was sent. An attempt that Temporal has ended for another reason hears so with its next
 * renewal.
 */
export function lease(): Lease {
  const { heartbeatTimeoutMs } = Context.current().info;
  if (!heartbeatTimeoutMs) return { end: () => NEVER, isOver: () => false, renew: async () => undefined };
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
      const answer = await isTheOne(details(), heartbeatTimeoutMs);
      wasLost ||= answer === false;
      if (answer && (end === undefined || !isOver())) end = end === undefined || renewed.ticks > end.ticks ? renewed : end;
    },
  };
}
