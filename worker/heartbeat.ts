import type { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';

const EVERY_MS = 1000;

/**
 * Heartbeats for every activity that has none of its own, so that Temporal hears within seconds that a worker was killed and tries again elsewhere. The
 * generator's activities report how far they came by theirs.
 */
export const heartbeats = (context: Context): { inbound: ActivityInboundCallsInterceptor } => ({
  inbound: {
    execute: async (input, next) => {
      if (context.info.activityType.startsWith('kinesis.')) return next(input);
      const beating = setInterval(() => context.heartbeat(), EVERY_MS);
      try {
        return await next(input);
      } finally {
        clearInterval(beating);
      }
    },
  },
});
