import { ApplicationFailure, proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Difference } from '../activities/resource.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { everything, HOLDS_DATA, only, type Stage } from '../pipeline/stages.ts';
import { WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { awaitDrained } from './drain.ts';
import { type Leftovers, pause, resume } from './messages.ts';
import { removeStages } from './provision.ts';
import { signalIfRunning } from './signal.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'takes the pipeline down',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/**
 * Ends what runs, takes every stage away (or all but the data), and looks what is left. Also the whole workflow for a pipeline whose own no longer runs. `unsaved` is
 * what was found not to be in the lake; left out, what an earlier life of the pipeline has left behind is let through first.
 */
export async function tearDown({
  pipeline,
  keepData = false,
  unsaved,
}: {
  pipeline: Pipeline;
  keepData?: boolean;
  unsaved?: string[];
}): Promise<Leftovers> {
  const kept = keepData ? HOLDS_DATA : [];
  await act['schedules.remove'](pipeline);
  const lacking = unsaved ?? (keepData ? await drainOrphans(pipeline) : []);
  await act['workflows.end'](pipeline);
  const failed = await removeStages({ pipeline, plan: only(everything(), (stage) => !kept.includes(stage)) });
  const left = await act['inventory.left'](pipeline, kept, failed);
  return lacking.length === 0 ? left : { ...left, unsaved: lacking };
}

/**
 * Pauses a generator that its pipeline's workflow has left behind, lets the SQL run, and waits until all that was sent lies in the lake, with the windows which that
 * closes. Quiet when neither is there.
 */
async function drainOrphans(pipeline: Pipeline): Promise<string[]> {
  const { generate, notebook } = names(pipeline).workflows;
  const found = [await signalIfRunning(generate, pause), await signalIfRunning(notebook, resume)];
  if (!found.some(Boolean)) return [];
  await sleep((pipeline.windowSeconds + WATERMARK_SECONDS) * 1000, { summary: 'until it is quiet' });
  return awaitDrained(pipeline);
}

/** Gives back what one run took over, and takes away the stages that it made; with `andWorkflows` also what it set going. */
export async function removeCreated({
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
  const failed = await removeStages({ pipeline, plan: only(everything(), (stage) => made.includes(stage)) });
  if (Object.keys(failed).length > 0) throw ApplicationFailure.nonRetryable(Object.values(failed).join('\n'), 'StagesFailed');
}
