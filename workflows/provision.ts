import { ApplicationFailure, getExternalWorkflowHandle, isCancellation, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Plan, Stage } from '../pipeline/stages.ts';
import { rootMessage } from './failure.ts';
import { type StageState, stageMoved } from './messages.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  retry: { initialInterval: '500 milliseconds', backoffCoefficient: 1.5, maximumInterval: '10 seconds' },
});
const look = proxyActivities<Activities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '5 seconds',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '5 seconds' },
});

/** Brings up the stages of a plan, each the moment its own needs are ready. A stage that fails stops only those that need it; all failures come back in one. */
export async function provision({ pipeline, plan }: { pipeline: Pipeline; plan: Plan }): Promise<void> {
  await alongNeeds(plan, async ({ stage, patience }) => {
    await tell(stage, 'working');
    try {
      await act[`${stage}.ensure`].executeWithOptions({ scheduleToCloseTimeout: patience, summary: stage }, [pipeline]);
      await look[`${stage}.ready`].executeWithOptions({ scheduleToCloseTimeout: patience, summary: stage }, [pipeline]);
    } catch (error) {
      if (!isCancellation(error)) await tell(stage, 'failed');
      throw error;
    }
    await tell(stage, 'ready');
  });
}

/** Takes the stages of a plan away, each once everything that needs it is gone. */
export async function takeDown({ pipeline, plan }: { pipeline: Pipeline; plan: Plan }): Promise<void> {
  const reversed = plan.map(({ stage, patience }) => ({
    stage,
    patience,
    needs: plan.filter(({ needs }) => needs.includes(stage)).map((dependent) => dependent.stage),
  }));
  await alongNeeds(reversed, async ({ stage, patience }) => {
    await act[`${stage}.remove`].executeWithOptions({ scheduleToCloseTimeout: patience, summary: stage }, [pipeline]);
    await look[`${stage}.gone`].executeWithOptions({ scheduleToCloseTimeout: patience, summary: stage }, [pipeline]);
  });
}

type Planned = Plan[number];

/** Runs `work` for every stage as soon as those it needs are done. Every started stage is heard before judging. */
async function alongNeeds(plan: Plan, work: (planned: Planned) => Promise<void>): Promise<void> {
  const done = new Map<Stage, Promise<boolean>>();
  const failures: unknown[] = [];
  const run = async (planned: Planned): Promise<boolean> => {
    const needed = await Promise.all(planned.needs.map((need) => done.get(need)));
    if (needed.includes(false)) return false;
    try {
      await work(planned);
      return true;
    } catch (error) {
      failures.push(error);
      return false;
    }
  };
  for (const planned of inOrder(plan)) done.set(planned.stage, run(planned));
  await Promise.all(done.values());
  const cancelled = failures.find(isCancellation);
  if (cancelled) throw cancelled;
  if (failures.length > 0) throw ApplicationFailure.nonRetryable(failures.map(rootMessage).join('\n'), 'StagesFailed');
}

/** Stages behind those they need, so that each finds the promises it waits for. */
function inOrder(plan: Plan): Plan {
  const placed: Plan = [];
  const rest = [...plan];
  while (rest.length > 0) {
    const next = rest.findIndex(({ needs }) => needs.every((need) => !rest.some(({ stage }) => stage === need)));
    if (next < 0) throw ApplicationFailure.nonRetryable(`stages need each other in a ring: ${rest.map(({ stage }) => stage).join(', ')}`);
    placed.push(...rest.splice(next, 1));
  }
  return placed;
}

async function tell(stage: Stage, state: StageState): Promise<void> {
  const { parent } = workflowInfo();
  if (parent) await getExternalWorkflowHandle(parent.workflowId).signal(stageMoved, stage, state);
}
