import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  sleep,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { Calls } from '../activities/calls.ts';
import type { Activities } from '../activities/index.ts';
import type { Consent, Outcome } from '../activities/resource.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import type { Plan, Stage } from '../pipeline/stages.ts';
import { rememberWaits, seenOf, type Waits } from '../pipeline/waiting.ts';
import { STAGE_STEP } from './activity-options.ts';
import { rootCause, rootMessage } from './failure.ts';
import { type StageState, stageMoved } from './messages.ts';
import { callsOf } from './scheduled.ts';
import { signalIfRunning } from './signal.ts';

const act = proxyActivities<Activities>(STAGE_STEP);

/** What provisioning did: calls to AWS, and how long each stage that was made took to be ready, in milliseconds of AWS's time. */
export interface Provisioned {
  calls: number;
  mutatingCalls: number;
  waits: Partial<Record<Stage, number>>;
  /** What came of each stage. */
  outcomes: Partial<Record<Stage, Outcome>>;
  /** What AWS said of the stages that failed. */
  failed: Partial<Record<Stage, string>>;
}

/** How often a thing that AWS made badly is made anew before that is reported. */
const MENDINGS = 2;
const MEND_AFTER_MS = 2_000;
const MADE: Outcome[] = ['created', 'replaced'];

/**
 * Brings up the stages of a plan, each the moment its own needs are ready. A stage that fails stops only those that need it. `seen` are the waits of earlier
 * runs; those of this one come to them as it goes.
 */
export async function provision({
  pipeline,
  plan,
  consent,
  seen = {},
}: {
  pipeline: Pipeline;
  plan: Plan;
  consent?: Consent;
  seen?: Waits;
}): Promise<Provisioned> {
  const done: Provisioned = { calls: 0, mutatingCalls: 0, waits: {}, outcomes: {}, failed: {} };
  const bringUp = async ({ stage, patience }: Planned, mendings = 0): Promise<void> => {
    const options = { scheduleToCloseTimeout: patience, summary: stage, retry: often(pipeline) };
    const ensured = await patiently(() => act[`${stage}.ensure`].executeWithOptions(options, [pipeline, consent]));
    Object.assign(done, callsOf(done, ensured));
    if (mendings === 0) done.outcomes[stage] = ensured.outcome;
    // What was only changed is often ready at once, and tells nothing of how long the next one takes.
    const isMade = MADE.includes(ensured.outcome);
    const since = Date.now();
    try {
      const known = isMade ? seenOf(rememberWaits(seen, done.waits), stage) : undefined;
      Object.assign(done, callsOf(done, await act[`${stage}.ready`].executeWithOptions(options, [pipeline, known])));
    } catch (error) {
      if (!mayBeMended(error, mendings)) throw error;
      Object.assign(done, callsOf(done, callsUntil(error)));
      await sleep(MEND_AFTER_MS / speedOf(pipeline), { summary: `until ${stage} is mended` });
      return bringUp({ stage, patience, needs: [] }, mendings + 1);
    }
    if (isMade) done.waits[stage] = (Date.now() - since) * speedOf(pipeline);
  };
  await alongNeeds(plan, async (planned) => {
    await reportStage(planned.stage, 'working');
    try {
      await bringUp(planned);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const fault = faultOf(error, planned);
      done.failed[planned.stage] = fault;
      await reportStage(planned.stage, 'failed', fault);
      return false;
    }
    await reportStage(planned.stage, 'ready');
    return true;
  });
  return done;
}

/** Patience that ran out is given once more: it may have been no worker, and not AWS, that took so long. */
async function patiently<Done>(step: () => Promise<Done>): Promise<Done> {
  try {
    return await step();
  } catch (error) {
    if (!hasRunOut(error)) throw error;
    return step();
  }
}

const hasRunOut = (error: unknown): boolean => error instanceof ActivityFailure && error.retryState === 'TIMEOUT';

const WAITED_FOR: Record<string, string> = { ensure: 'be as wanted', ready: 'become ready', remove: 'take its removal', gone: 'be gone' };

/** Why a stage failed; where nobody said anything before patience ran out, what was waited for. */
function faultOf(error: unknown, { stage, patience }: Pick<Planned, 'stage' | 'patience'>): string {
  if (!hasRunOut(error) || !(rootCause(error) instanceof TimeoutFailure)) return rootMessage(error);
  const [, step = ''] = (error as ActivityFailure).activityType.split('.');
  return `stage ${stage}: twice ${patience} passed without an answer while it was to ${WAITED_FOR[step]}; is a worker running?`;
}

/**
 * A thing that came out broken is mended by the next ensure: a few times, or for as long as its role may not have spread. So is, once, what patience was not enough
 * for.
 */
function mayBeMended(error: unknown, mendings: number): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  if (hasRunOut(error)) return mendings === 0;
  const type = error.cause instanceof ApplicationFailure ? error.cause.type : undefined;
  return type === 'BrokenWhileRoleSpreads' || (type === 'BrokenResource' && mendings < MENDINGS);
}

/** The calls of an activity that failed for good. */
const callsUntil = (error: unknown): Partial<Calls> | undefined =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? (error.cause.details?.[0] as Partial<Calls>) : undefined;

/** Takes the stages of a plan away, each once everything that needs it is gone; gives why each of those that would not go is still there. */
export async function removeStages({ pipeline, plan }: { pipeline: Pipeline; plan: Plan }): Promise<Partial<Record<Stage, string>>> {
  const reversed = plan.map(({ stage, patience }) => ({
    stage,
    patience,
    needs: plan.filter(({ needs }) => needs.includes(stage)).map((dependent) => dependent.stage),
  }));
  const failed: Partial<Record<Stage, string>> = {};
  await alongNeeds(reversed, async (planned) => {
    const { stage, patience } = planned;
    let deleted = 0;
    const soFar = () => `${deleted.toLocaleString('en')} objects deleted so far`;
    const options = () => ({
      scheduleToCloseTimeout: patience,
      summary: deleted > 0 ? `${stage}: ${soFar()}` : stage,
      retry: often(pipeline),
    });
    try {
      // As long as objects go, patience begins anew.
      let emptying: number | undefined;
      do {
        emptying = (await patiently(() => act[`${stage}.remove`].executeWithOptions(options(), [pipeline]))).emptying;
        deleted += emptying ?? 0;
      } while (emptying !== undefined);
      await patiently(() => act[`${stage}.gone`].executeWithOptions(options(), [pipeline]));
      return true;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const fault = faultOf(error, planned);
      failed[stage] = deleted > 0 ? `${fault} (${soFar()})` : fault;
      return false;
    }
  });
  return failed;
}

/** Errors are met again ever more seldom; what only has to be waited for says itself when to look. */
const often = (pipeline: Pipeline) => ({
  initialInterval: 500 / speedOf(pipeline),
  backoffCoefficient: 1.5,
  maximumInterval: Math.max(10_000 / speedOf(pipeline), 500),
});

type Planned = Plan[number];

/** Runs `work` for every stage as soon as it has succeeded for those that the stage needs. */
async function alongNeeds(plan: Plan, work: (planned: Planned) => Promise<boolean>): Promise<void> {
  const done = new Map<Stage, Promise<boolean>>();
  for (const planned of inOrder(plan)) {
    const needed = Promise.all(planned.needs.map((need) => done.get(need)));
    done.set(
      planned.stage,
      needed.then((succeeded) => !succeeded.includes(false) && work(planned)),
    );
  }
  const ended = await Promise.allSettled(done.values());
  const thrown = ended.find((end) => end.status === 'rejected');
  if (thrown) throw thrown.reason;
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

/** Tells the very run of the pipeline that began this: a later life has children of its own. */
async function reportStage(stage: Stage, state: StageState, fault?: string): Promise<void> {
  const { parent } = workflowInfo();
  if (parent) await signalIfRunning(parent, stageMoved, stage, state, fault);
}
