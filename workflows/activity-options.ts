import type { ActivityOptions } from '@temporalio/workflow';

/** Every activity heartbeats at least once a second: a worker that was killed is noticed within this, and another takes the activity up. */
const heartbeatTimeout = '5 seconds';

/**
 * For what needs a call or a few, to AWS or to Temporal. An attempt takes seconds. Ten minutes outlast a restart of the worker and a bad spell of a service; what fails
 * for longer is told to the user.
 */
export const QUICK = {
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout,
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
} as const satisfies ActivityOptions;

/** For what AWS works on by itself for up to half an hour, as a crawl, a query or a refresh: each attempt looks once, and fails until it is done. */
export const LONG = {
  ...QUICK,
  scheduleToCloseTimeout: '30 minutes',
  retry: { ...QUICK.retry, maximumInterval: '10 seconds' },
} as const satisfies ActivityOptions;

/** For what is undone when it is cancelled: a call that is under way is heard out first, or what it made would be left behind. */
export const HEARD_OUT = { cancellationType: 'WAIT_CANCELLATION_COMPLETED' } as const satisfies ActivityOptions;

/**
 * For the steps of a stage (ensure, ready, remove, gone). How long all attempts may take is the patience of the stage; one attempt may take minutes, since it may
 * delete objects or make one thing after the other.
 */
export const STAGE_STEP = { startToCloseTimeout: '4 minutes', heartbeatTimeout, ...HEARD_OUT } as const satisfies ActivityOptions;
