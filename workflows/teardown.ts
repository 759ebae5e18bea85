import {
  ApplicationFailure,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  proxyActivities,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Difference } from '../activities/resource.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { everything, HOLDS_DATA, only, type Stage } from '../pipeline/stages.ts';
import { WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { rootMessage } from './failure.ts';
import { SINKS_MS } from './hands.ts';
import { type Leftovers, pause } from './messages.ts';
import { takeDown } from './provision.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'takes the pipeline down',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/** Ends what runs, takes every stage away (or all but the data), and looks what is left. Also the whole workflow for a pipeline whose own no longer runs. */
export async function endEverything({ pipeline, keepData = false }: { pipeline: Pipeline; keepData?: boolean }): Promise<Leftovers> {
  const kept = keepData ? HOLDS_DATA : [];
  await act['schedules.remove'](pipeline);
  const isAlone = workflowInfo().workflowType === 'endEverything';
  if (keepData && isAlone) await letDataThrough(pipeline);
  await act['workflows.end'](pipeline);
  const failed = await takeDown({ pipeline, plan: only(everything(), (stage) => !kept.includes(stage)) });
  return act['inventory.left'](pipeline, kept, failed);
}

/**
 * Pauses a generator that its pipeline's workflow has left behind, and waits until all that it has sent lies in the lake, with the windows which that closes.
 * Quiet when none runs.
 */
async function letDataThrough(pipeline: Pipeline): Promise<void> {
  const generator = getExternalWorkflowHandle(names(pipeline).workflows.generate);
  if (!(await unlessFailed(generator.signal(pause)))) return;
  const { windowSeconds, delivery } = pipeline;
  await sleep((windowSeconds + WATERMARK_SECONDS + delivery.seconds) * 1000 + SINKS_MS, { summary: 'until all is delivered' });
  await unlessFailed(act['generator.settle'].executeWithOptions({ summary: 'the ledger up to now' }, [pipeline]));
}

/** True when it went well: that nobody hears it is no reason to leave things standing. */
async function unlessFailed(word: Promise<unknown>): Promise<boolean> {
  try {
    await word;
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.info(`the generator does not hear: ${rootMessage(error)}`);
    return false;
  }
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
