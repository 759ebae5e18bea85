import { ActivityFailure, type ApplicationFailure, proxyActivities } from '@temporalio/workflow';

/** Runs one activity to its end and answers with its result, or with what its failure carries. For a worker of tests. */
export async function oneActivity(name: string, args: unknown[]): Promise<unknown> {
  const act = proxyActivities<Record<string, (...given: unknown[]) => Promise<unknown>>>({
    scheduleToCloseTimeout: '20 seconds',
    startToCloseTimeout: '10 seconds',
    heartbeatTimeout: '2 seconds',
    retry: { initialInterval: '50 milliseconds', backoffCoefficient: 1 },
  });
  try {
    return await act[name]!(...args);
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    const { type, details } = error.cause as ApplicationFailure;
    return { type, details };
  }
}
