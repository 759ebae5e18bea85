import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Pipeline } from '../pipeline/spec.ts';

export * from '../workflows/index.ts';

const { step } = proxyActivities<{ step(): Promise<Step> }>({ startToCloseTimeout: '1 minute' });

/** When a step began and ended, milliseconds since the epoch. */
export interface Step {
  began: number;
  ended: number;
}

/** Five empty activities, each after the other. */
export async function fiveSteps(): Promise<Step[]> {
  const steps: Step[] = [];
  for (let i = 0; i < 5; i++) steps.push(await step());
  return steps;
}

/** Time limits and retries as the notebook's workflow has them (`workflows/notebook.ts`). */
const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  scheduleToCloseTimeout: '15 minutes',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.3, maximumInterval: '5 seconds' },
});

/** What the notebook's workflow does first: starts the Studio application and waits until it runs. */
export async function startApplication(pipeline: Pipeline): Promise<void> {
  await act['notebook.start'](pipeline);
  await act['notebook.awaitStarted'](pipeline);
}
