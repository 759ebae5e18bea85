import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { everything, HOLDS_DATA, only, type Stage } from '../pipeline/stages.ts';
import type { Leftovers } from './messages.ts';
import { takeDown } from './provision.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'takes the pipeline down',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/** Ends what runs, takes every stage away (or all but the data), and looks what is left. Also the whole workflow for a pipeline whose own no longer runs. */
export async function endEverything({ pipeline, keepData = false }: { pipeline: Pipeline; keepData?: boolean }): Promise<Leftovers> {
  const kept = keepData ? HOLDS_DATA : [];
  await act['schedules.remove'](pipeline);
  await act['workflows.end'](pipeline);
  await takeDown({ pipeline, plan: only(everything(), (stage) => !kept.includes(stage)) });
  return act['inventory.left'](pipeline, kept);
}

/** Takes away the stages that one run made; with `andWorkflows` also what it set going. */
export async function takeAwayMade({
  pipeline,
  made,
  andWorkflows,
}: {
  pipeline: Pipeline;
  made: Stage[];
  andWorkflows: boolean;
}): Promise<void> {
  if (andWorkflows) {
    await act['schedules.remove'](pipeline);
    await act['workflows.end'](pipeline);
  }
  await takeDown({ pipeline, plan: only(everything(), (stage) => made.includes(stage)) });
}
