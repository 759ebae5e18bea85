import { ApplicationFailure, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Check } from '../activities/preflight.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { HEARD_OUT, QUICK } from './activity-options.ts';
import { rootMessage } from './failure.ts';
import type { ApplyRequest, PipelineStatus, PlanReport } from './messages.ts';
import { refusedBy } from './refusal.ts';

const act = proxyActivities<Activities>({ ...QUICK, ...HEARD_OUT });

/** Surveys how every stage stands to the spec, and whether the account takes it; changes nothing. A workflow of its own, and the first step of others. */
export async function plan({ pipeline, consent }: ApplyRequest): Promise<PlanReport> {
  const looks = await Promise.allSettled([
    act['stages.survey'].executeWithOptions({ summary: 'how every stage stands to the spec' }, [pipeline, consent]),
    act['account.check'].executeWithOptions({ summary: 'what the account allows' }, [pipeline]),
  ]);
  const [survey, checked] = looks;
  if (survey.status === 'rejected' || checked.status === 'rejected') throw bothReasons(looks);
  const { stages, removed, calls, mutatingCalls } = survey.value;
  return {
    stages,
    removed: [...removed, ...Object.values(stages).flatMap(({ removes = [] }) => removes)],
    checks: checked.value,
    calls: calls + checked.value.reduce((sum, check) => sum + (check.calls ?? 0), 0),
    mutatingCalls,
  };
}

/** Why nothing could be looked at: what the survey says, and what the checks refuse or say. */
function bothReasons([survey, checked]: PromiseSettledResult<unknown>[]): unknown {
  const reasons = [survey, checked].flatMap((look) => (look?.status === 'rejected' ? [look.reason as unknown] : []));
  const refused = checked?.status === 'fulfilled' ? refusedBy(checked.value as Check[]) : [];
  if (reasons.some(isCancellation) || (reasons.length === 1 && refused.length === 0)) return reasons.find(isCancellation) ?? reasons[0];
  return ApplicationFailure.nonRetryable([...refused, ...reasons.map(rootMessage)].join('\n'), 'Refused');
}

/** Throws why a pipeline cannot become `next`, in one line. */
export function mustFit(next: Pipeline, present: Pipeline): void {
  const { account, ...spec } = next;
  parseSpec(spec, `the spec for account ${account}`);
  const fixed = (['name', 'target', 'region', 'account'] as const).filter((key) => next[key] !== present[key]);
  if (fixed.length > 0) throw new Error(`${fixed.join(', ')} cannot change; take the pipeline down first, or name the new one otherwise`);
}

/**
 * True if carrying out `next` would do anything: a stage is not as wanted, the spec itself is another, the generator does not follow it, or what was begun has not come
 * to its end.
 */
export function changesAnything(status: PipelineStatus, next: ApplyRequest, stages: PlanReport['stages']): boolean {
  const { pipeline, state, readyAt, rateOverride, eventsHeld, teardownBegun } = status;
  const isOther = JSON.stringify(next.pipeline) !== JSON.stringify(pipeline);
  const isApart = rateOverride !== undefined || eventsHeld === true;
  const isHalfway = state === 'held' || readyAt === undefined || teardownBegun === true;
  return isOther || isApart || isHalfway || Object.values(stages).some(({ action }) => action !== 'none');
}
