import { ApplicationFailure, patched, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Difference } from '../activities/resource.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { everything, HOLDS_DATA, only, type Stage } from '../pipeline/stages.ts';
import type { Leftovers } from './messages.ts';
import { takeDown } from './provision.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'takes the pipeline down',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/** Stages that a take-down which began with an earlier version does not go through. */
const AUDIT_ON_DASHBOARD: Stage[] = ['auditTable', 'audits'];

/** Ends what runs, takes every stage away (or all but the data), and looks what is left. Also the whole workflow for a pipeline whose own no longer runs. */
export async function endEverything({ pipeline, keepData = false }: { pipeline: Pipeline; keepData?: boolean }): Promise<Leftovers> {
  const kept = keepData ? HOLDS_DATA : [];
  await act['schedules.remove'](pipeline);
  await act['workflows.end'](pipeline);
  const unknown = patched('audit-on-dashboard') ? [] : AUDIT_ON_DASHBOARD;
  const failed = await takeDown({ pipeline, plan: only(everything(), (stage) => ![...kept, ...unknown].includes(stage)) });
  return act['inventory.left'](pipeline, kept, failed);
}

/** Gives back what one run took over, and takes away the stages that it made; with `andWorkflows` also what it set going. */
export async function takeAwayMade({
  pipeline,
  made,
  adopted,
  andWorkflows,
}: {
  pipeline: Pipeline;
  made: Stage[];
  adopted: Partial<Record<Stage, Difference[]>>;
  andWorkflows: boolean;
}): Promise<void> {
  if (andWorkflows) {
    await act['schedules.remove'](pipeline);
    await act['workflows.end'](pipeline);
  }
  for (const [stage, met] of Object.entries(adopted) as [Stage, Difference[]][]) await act[`${stage}.release`](pipeline, met);
  const failed = await takeDown({ pipeline, plan: only(everything(), (stage) => made.includes(stage)) });
  if (Object.keys(failed).length > 0) throw ApplicationFailure.nonRetryable(Object.values(failed).join('\n'), 'StagesFailed');
}
