import type { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { withFence } from '../activities/attempt.ts';
import { continuing, type Done } from '../activities/calls.ts';

const EVERY_MS = 1000;

/**
 * Heartbeats for every activity that has none of its own, so that Temporal hears within seconds that a worker was killed and tries again elsewhere. They carry
 * what its attempts have done so far, which the next one goes on from. An attempt that Temporal has given up changes nothing any more. The generator's activities
 * report how far they came by heartbeats of their own, and hold leases.
 */
export const heartbeats = (context: Context): { inbound: ActivityInboundCallsInterceptor } => ({
  inbound: {
    execute: async (input, next) => {
      if (context.info.activityType.startsWith('kinesis.')) return next(input);
      const done: Done = { calls: 0, mutatingCalls: 0, ...(context.info.heartbeatDetails as Done | undefined) };
      const beat = () => context.heartbeat(done);
      const beating = setInterval(beat, EVERY_MS);
      try {
        return await withFence(done, () => continuing(done, () => next(input)));
      } catch (error) {
        beat();
        throw error;
      } finally {
        clearInterval(beating);
      }
    },
  },
});
