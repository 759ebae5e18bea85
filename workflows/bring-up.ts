import {
  ApplicationFailure,
  CancellationScope,
  condition,
  executeChild,
  isCancellation,
  log,
  proxyActivities,
  upsertMemo,
} from '@temporalio/workflow';
import type { Calls } from '../activities/calls.ts';
import type { Activities } from '../activities/index.ts';
import type { Check } from '../activities/preflight.ts';
import type { Consent, Outcome, Survey } from '../activities/resource.ts';
import { foreignAdvice } from '../pipeline/foreign.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { foundation, only, type Plan, reports, STAGES, type Stage } from '../pipeline/stages.ts';
import { abandonedChild, type PipelineChildren } from './children.ts';
import { rootMessage } from './failure.ts';
import { makeTables } from './first-tables.ts';
import type { ApplyRequest, PipelineStatus, PlanReport } from './messages.ts';
import { provision, rememberWaits } from './provision.ts';
import { replacingStale } from './replacing-stale.ts';
import { callsOf } from './scheduled.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '5 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  summary: 'brings the pipeline up',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/** Characters of a summary, which the server limits to 400 bytes. */
const SUMMARY = 200;

/** Looks how everything stands to the spec, and whether the account takes it; changes nothing. */
export async function surveyStages({ pipeline, consent }: ApplyRequest): Promise<PlanReport> {
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

const refusedBy = (checks: Check[]): string[] =>
  checks.flatMap(({ name, state, message }) => (state === 'refused' ? [`${name}: ${message}`] : []));

/** Why a plan may not be carried out: every refused check and foreign thing, one line each; undefined if it may. */
export function refusal({ stages, checks }: PlanReport, consent: Consent = {}): string | undefined {
  const lines = refusedBy(checks);
  for (const { label, arn, action, differences, owner, hidden } of Object.values(stages)) {
    const whose = arn ? `${label} (${arn})` : label;
    if (action === 'foreign') lines.push(foreignAdvice({ label, arn, owner, hidden }));
    if (action === 'replace' && !consent.replace) {
      const fields = differences.flatMap(({ field, replace }) => (replace ? [field] : []));
      lines.push(`${whose} has to be made anew to change ${fields.join(', ')}, and what it holds would be lost; to agree, give --replace`);
    }
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** Throws why a pipeline cannot become `next`, in one line. */
export function mustFit(next: Pipeline, present: Pipeline): void {
  const { account, ...spec } = next;
  parseSpec(spec, `the spec for account ${account}`);
  const fixed = (['name', 'target', 'region', 'account'] as const).filter((key) => next[key] !== present[key]);
  if (fixed.length > 0) throw new Error(`${fixed.join(', ')} cannot change; take the pipeline down first, or name the new one otherwise`);
}

/** True if carrying out `next` would do anything: a stage is not as wanted, the spec itself is another, or the generator does not follow it. */
export function changesAnything(
  { pipeline, state, readyAt, rateOverride, eventsHeld }: PipelineStatus,
  next: ApplyRequest,
  stages: Record<string, { action: string }>,
): boolean {
  const isOther = JSON.stringify(next.pipeline) !== JSON.stringify(pipeline);
  const isApart = rateOverride !== undefined || eventsHeld === true;
  return isOther || isApart || state === 'held' || readyAt === undefined || Object.values(stages).some(({ action }) => action !== 'none');
}

/**
 * Everything in the order of the data: what carries it, the generator and the SQL, the tables of the first crawl, what reads them, the schedules. Each begins the
 * moment that what it needs stands.
 */
export async function bringUp(request: ApplyRequest, status: PipelineStatus, children: PipelineChildren): Promise<void> {
  const { pipeline, consent } = request;
  const began = Date.now();
  const ids = names(pipeline).workflows;
  const report = await surveyStages(request);
  const { stages } = report;
  const refused = refusal(report, consent);
  if (refused) throw ApplicationFailure.nonRetryable(refused, 'Refused');
  recordSurvey(status, stages);
  status.pipeline = pipeline;

  /** What was done so far, to be added up. */
  const made: (Partial<Calls> | undefined)[] = [report];
  const outcomes: Partial<Record<Stage, Outcome>> = {};
  const failed: Partial<Record<Stage, string>> = {};
  const isLost = (stage: Stage) => stage in failed || dependsOn(stage, failed);
  const provisionAll = async (workflowId: string, plan: Plan) => {
    const open = only(plan, (stage) => stages[stage].action !== 'none' && !dependsOn(stage, failed));
    if (open.length === 0) return;
    const options = abandonedChild(pipeline, workflowId, `provisions ${open.map(({ stage }) => stage).join(', ')}`.slice(0, SUMMARY));
    const args: Parameters<typeof provision> = [{ pipeline, plan: open, consent, seen: status.waits }];
    const done = await replacingStale(workflowId, () => executeChild(provision, { ...options, args }));
    status.waits = rememberWaits(status.waits, done.waits);
    made.push(done);
    Object.assign(outcomes, done.outcomes);
    Object.assign(failed, done.failed);
  };
  let isMade = false;
  const makeFoundation = async () => {
    await provisionAll(ids.provision, foundation());
    isMade = true;
  };
  /** True once all of these stand, false when one of them will not. */
  const stand = async (...needed: Stage[]): Promise<boolean> => {
    const all = () => needed.every((stage) => status.stages[stage] === 'ready');
    await condition(() => all() || isMade);
    return all();
  };

  const quiet = status.generating && interruptsData(stages);
  /** False while something is missing without which what is sent would never reach the lake: a delivery begins with what comes once it stands. */
  const carriersStand = () =>
    CARRIERS.every((stage) => status.stages[stage] === 'ready' || ['change', 'adopt'].includes(stages[stage].action));
  /** Its start takes the application longer than the rest takes to be made; its SQL runs once that stands, too. */
  const startApplication = async () => {
    if (status.generating || status.deep || !(await stand('studio'))) return;
    if (status.wanted?.deep) return;
    status.studioRuns = true;
    made.push(await warmUp(pipeline));
  };
  const letFlow = async () => {
    if (!(await stand('events', 'studio', ...DELIVERIES))) return;
    if (status.generating) await children.updateSpec(pipeline, !request.heals);
    await children.startMissing(pipeline);
    if (quiet || status.eventsHeld) await children.releaseEvents();
    if (!status.tables && (await stand('crawler'))) made.push(await makeTables(pipeline, status));
  };

  try {
    // Into a stream that is not there, or is being deleted, nothing comes that could close a window.
    if (quiet) await (['create', 'wait'].includes(stages.events.action) ? children.holdEvents() : children.closeWindows());
    await together(makeFoundation, startApplication, letFlow);
  } finally {
    if (status.eventsHeld && carriersStand()) await children.releaseEvents();
  }
  // What only people look at may fail: the data flows without it.
  if (DATA_PATH.some(isLost)) throw allFailed(failed);
  await provisionAll(ids.reports, reports());
  await ensureSchedules(status);
  if (Object.keys(failed).length > 0) throw allFailed(failed);
  const all = Object.keys(stages) as Stage[];
  const created = all.filter((stage) => outcomes[stage] === 'created').length;
  const unchanged = all.filter((stage) => (outcomes[stage] ?? 'unchanged') === 'unchanged').length;
  const changed = all.length - created - unchanged;
  status.tally = { created, changed, unchanged, ...callsOf(...made), seconds: (Date.now() - began) / 1000 };
}

/** Makes the schedules as the spec wants them, paused as the pipeline is, or as the user wants it meanwhile. */
export async function ensureSchedules(status: PipelineStatus): Promise<void> {
  const { pipeline } = status;
  let { paused } = status;
  const wanted = () => status.wanted?.paused ?? status.paused;
  status.memo = await act['schedules.ensure'].executeWithOptions({ summary: 'crawl, questions, refreshes' }, [pipeline, paused]);
  upsertMemo(status.memo);
  await act['schedules.pause'](pipeline, paused);
  while (paused !== wanted()) {
    paused = wanted();
    await act['schedules.pause'](pipeline, paused);
  }
}

const DELIVERIES = (Object.keys(STAGES) as Stage[]).filter((stage) => stage.endsWith('Delivery'));
/** What brings the events to the lake. */
export const CARRIERS: Stage[] = ['events', ...DELIVERIES];
const DATA_PATH: Stage[] = [...DELIVERIES, 'studio', 'crawler'];

/** Asks the application to start. If that fails, whoever keeps the notebook meets the same, and says it in the status. */
async function warmUp(pipeline: Pipeline): Promise<Calls | undefined> {
  const options = { summary: 'the application starts while the rest is made', scheduleToCloseTimeout: STAGES.studio.patience };
  try {
    return await act['notebook.start'].executeWithOptions(options, [pipeline]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn(`the application did not start: ${rootMessage(error)}`);
    return undefined;
  }
}

/** Runs all side by side. When one fails the others are cancelled; all have ended by the time that this throws. */
async function together(...works: (() => Promise<void>)[]): Promise<void> {
  const scope = new CancellationScope();
  const orCancel = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      scope.cancel();
      throw error;
    }
  };
  const ends = await scope.run(() => Promise.allSettled(works.map(orCancel)));
  const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  if (reasons.length > 0) throw reasons.find((reason) => !isCancellation(reason)) ?? reasons[0];
}

/** True when a stage needs, over however many others, one that failed. */
const dependsOn = (stage: Stage, failed: object): boolean =>
  STAGES[stage].needs.some((need) => need in failed || (need !== 'tables' && dependsOn(need, failed)));

const allFailed = (failed: Partial<Record<Stage, string>>) =>
  ApplicationFailure.nonRetryable(Object.values(failed).join('\n'), 'StagesFailed');

/** What the survey says of the stages goes into the status: which stand, and which this run is about to make. */
function recordSurvey(status: PipelineStatus, stages: Record<Stage, Survey>): void {
  const all = Object.entries(stages) as [Stage, Survey][];
  for (const [stage, { action }] of all) status.stages[stage] = action === 'none' ? 'ready' : 'waiting';
  const missing = all.flatMap(([stage, { action }]) => (action === 'create' ? [stage] : []));
  status.created = [...new Set([...status.created, ...missing])];
  for (const [stage, { action, differences }] of all) if (action === 'adopt') status.adopted[stage] ??= differences;
  status.faults = {};
  if (missing.includes('bucket') || missing.includes('lakeDatabase')) status.tables = false;
}

/**
 * True when carrying this out restarts the SQL, changes the shards it reads, or makes a delivery anew, which begins with what comes then: every window has to be
 * closed before, and nothing may be sent meanwhile.
 */
function interruptsData(stages: Record<Stage, Survey>): boolean {
  const { studio, events } = stages;
  const isReshaped = events.differences.some(({ field }) => field === 'ShardCount');
  const isAnew = CARRIERS.map((stage) => stages[stage]).some(({ action }) => action === 'create' || action === 'replace');
  // What is not settled may be on its way out.
  const isUnsettled = CARRIERS.some((stage) => stages[stage].action === 'wait');
  return isReshaped || isAnew || isUnsettled || ['change', 'replace'].includes(studio.action);
}
