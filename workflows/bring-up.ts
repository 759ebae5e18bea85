import {
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  patched,
  proxyActivities,
  upsertMemo,
} from '@temporalio/workflow';
import type { Calls } from '../activities/calls.ts';
import type { Activities } from '../activities/index.ts';
import type { Outcome, Survey } from '../activities/resource.ts';
import type { RestoredSchedule } from '../activities/temporal/schedules.ts';
import { names } from '../pipeline/names.ts';
import { foundation, only, type Plan, reports, STAGES, type Stage } from '../pipeline/stages.ts';
import { rememberWaits } from '../pipeline/waiting.ts';
import { HEARD_OUT, QUICK } from './activity-options.ts';
import { stopWarmingUp } from './allowance.ts';
import { abandonedChild, closeWindows, holdEvents, releaseEvents, remakeRows, sendSpec, startMissing } from './children.ts';
import { recordDrifts, scheduleDrifts, workflowDrifts } from './drifts.ts';
import { rootMessage } from './failure.ts';
import { makeTables } from './first-tables.ts';
import type { ApplyRequest, PipelineStatus } from './messages.ts';
import { plan } from './plan.ts';
import { provision } from './provision.ts';
import { refusal } from './refusal.ts';
import { replacingStale } from './run-child.ts';
import { callsOf } from './scheduled.ts';

const act = proxyActivities<Activities>({ ...QUICK, ...HEARD_OUT, summary: 'brings the pipeline up' });

/** Characters of a summary, which the server limits to 400 bytes. */
const SUMMARY = 200;

const DELIVERIES = (Object.keys(STAGES) as Stage[]).filter((stage) => stage.endsWith('Delivery'));
/** What brings the events to the lake. */
export const CARRIERS: Stage[] = ['events', ...DELIVERIES];
const METRIC_STREAMS = (Object.keys(STAGES) as Stage[]).filter((stage) => stage !== 'events' && STAGES[stage].group === 'Kinesis streams');
const DATA_PATH: Stage[] = [...DELIVERIES, 'studio', 'crawler'];

/** What the survey of one version found: a stage that only a later one knows is not in it, though the code that replays the survey knows that stage. */
type Surveys = Partial<Record<Stage, Survey>>;

/** One bringing up under way: what is asked, what the survey found, and what came of it so far. */
interface BringUp {
  request: ApplyRequest;
  status: PipelineStatus;
  /** The stages of this bringing up; one that is not among them is left to the next look for drift. */
  stages: Surveys;
  outcomes: Partial<Record<Stage, Outcome>>;
  failed: Partial<Record<Stage, string>>;
  /** Of each step that is done. */
  calls: (Partial<Calls> | undefined)[];
  /** True once nothing of the foundation is under way any more. */
  isFoundationDone: boolean;
  /** True while what brings the events to the lake changes under a generator that runs. */
  interruptsData: boolean;
}

/**
 * Everything in the order of the data: what carries it, the generator and the SQL, the tables of the first crawl, what reads them, the schedules. Each begins the
 * moment that what it needs stands.
 */
export async function bringUp(request: ApplyRequest, status: PipelineStatus): Promise<void> {
  const began = Date.now();
  const report = await plan(request);
  const refused = refusal(report, request.consent);
  if (refused) throw ApplicationFailure.nonRetryable(refused, 'Refused');
  const { stages } = report;
  recordSurvey(status, stages);
  recordRowCarriers(status, doRowCarriersStand(stages, true), began);
  status.pipeline = request.pipeline;
  const interruptsData = status.generating && doesInterruptData(stages);
  const run: BringUp = { request, status, stages, outcomes: {}, failed: {}, calls: [report], isFoundationDone: false, interruptsData };
  const ids = names(request.pipeline).workflows;
  try {
    // Into a stream that is not there, or is being deleted, nothing comes that could close a window.
    const isStreamAway = ['create', 'wait'].includes(stages.events?.action ?? 'none');
    if (interruptsData) await (isStreamAway ? holdEvents(status) : closeWindows(status));
    const provisionFoundation = async () => {
      await provisionStages(run, ids.provision, foundation());
      run.isFoundationDone = true;
    };
    await allOrCancel(
      provisionFoundation,
      () => startApplication(run),
      () => startDataFlow(run),
    );
  } finally {
    if (status.eventsHeld && doCarriersStand(run)) await releaseEvents(status);
  }
  // What only people look at may fail: the data flows without it.
  if (DATA_PATH.some((stage) => stage in run.failed || dependsOn(stage, run.failed))) throw allFailed(run);
  await provisionStages(run, ids.reports, reports());
  const restored = await ensureSchedules(status);
  if (isHealing(run)) recordDrifts(status, scheduleDrifts(restored));
  if (Object.keys(run.failed).length > 0) throw allFailed(run);
  status.tally = tallyOf(run, Date.now() - began);
}

/** Provisions, in a child workflow, those of these stages which the survey found not to be as wanted. */
async function provisionStages({ request, status, stages, outcomes, failed, calls }: BringUp, workflowId: string, all: Plan) {
  const { pipeline, consent } = request;
  const isOpen = (stage: Stage) => (stages[stage]?.action ?? 'none') !== 'none' && !dependsOn(stage, failed);
  const open = only(all, isOpen);
  if (open.length === 0) return;
  const options = abandonedChild(pipeline, workflowId, `provisions ${open.map(({ stage }) => stage).join(', ')}`.slice(0, SUMMARY));
  const args: Parameters<typeof provision> = [{ pipeline, plan: open, consent, seen: status.waits }];
  const done = await replacingStale(provision, { ...options, args });
  status.waits = rememberWaits(status.waits, done.waits);
  calls.push(done);
  Object.assign(outcomes, done.outcomes);
  Object.assign(failed, done.failed);
}

/**
 * Asks the application to start as soon as it stands: that takes it longer than the rest takes to be made. If it fails, whoever keeps the notebook meets the same, and
 * says it in the status.
 */
async function startApplication(run: BringUp): Promise<void> {
  const { status, request, calls } = run;
  if (status.generating || status.deep || !(await untilReady(run, ['studio'])) || status.desired.deep) return;
  status.studioRuns = true;
  const options = { summary: 'the application starts while the rest is made', scheduleToCloseTimeout: STAGES.studio.patience };
  try {
    calls.push(await act['notebook.start'].executeWithOptions(options, [request.pipeline]));
    if (status.desired.deep && patched('in-step')) {
      // Whoever was to stop it before it had been started found nothing to stop.
      status.studioRuns = true;
      await stopWarmingUp(status);
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn(`the application did not start: ${rootMessage(error)}`);
  }
}

/** Starts the generator and the SQL, or tells them the spec, as soon as what carries the events stands; then makes the first tables. */
async function startDataFlow(run: BringUp): Promise<void> {
  const { status, request, calls } = run;
  const { pipeline, heals } = request;
  if (!(await untilReady(run, [...CARRIERS, 'studio']))) return;
  if (status.generating) await sendSpec(status, pipeline, !heals);
  const started = await startMissing(status, pipeline);
  if (isHealing(run)) recordDrifts(status, workflowDrifts(started));
  if (status.rowsLostFrom !== undefined && (await untilReady(run, METRIC_STREAMS))) await remakeRows(status, pipeline);
  if (run.interruptsData || status.eventsHeld) await releaseEvents(status);
  if (!status.tables && (await untilReady(run, ['crawler']))) calls.push(await makeTables(pipeline, status));
}

/** True where what is not as wanted was changed behind the pipeline's back, and not by a request that is taken back. */
const isHealing = ({ status, request }: BringUp): boolean => request.heals === true && status.state !== 'rolling back';

/** True once those of these stages that were surveyed stand, false when one of them will not. */
async function untilReady(run: BringUp, stages: Stage[]): Promise<boolean> {
  const areReady = () => stages.every((stage) => !run.stages[stage] || run.status.stages[stage] === 'ready');
  await condition(() => areReady() || run.isFoundationDone);
  return areReady();
}

/** False while something is missing without which what is sent would never reach the lake: a delivery begins with what comes once it stands. */
const doCarriersStand = ({ status, stages }: BringUp): boolean =>
  CARRIERS.every((stage) => status.stages[stage] === 'ready' || doesCarry(stages[stage]));

/** False of a carrier that is missing, does not work, or is on its way in or out; one that lacks our tag carries. */
export const doesCarry = (carrier: Survey | undefined): boolean =>
  carrier === undefined || (!carrier.anew && ['none', 'change', 'adopt', 'foreign'].includes(carrier.action));

/** Makes the schedules as the spec wants them, paused as the pipeline is, or as the user wants it meanwhile. */
export async function ensureSchedules(status: PipelineStatus): Promise<RestoredSchedule[]> {
  const { pipeline } = status;
  let { paused } = status;
  const ensure = act['schedules.ensure'];
  const { specHash, restored = [] } = await ensure.executeWithOptions({ summary: 'crawl, questions, refreshes' }, [pipeline, paused]);
  status.memo = { specHash };
  upsertMemo(status.memo);
  try {
    if (patched('in-step')) paused = status.desired.paused;
    await act['schedules.pause'](pipeline, paused);
    while (paused !== status.desired.paused) {
      paused = status.desired.paused;
      await act['schedules.pause'](pipeline, paused);
    }
  } catch (error) {
    // The user may have asked for the other meanwhile, and that have come through before this.
    if (patched('in-step')) status.partlyTold = true;
    throw error;
  }
  return restored;
}

/** Runs all side by side. When one fails the others are cancelled; all have ended by the time that this throws. */
async function allOrCancel(...works: (() => Promise<void>)[]): Promise<void> {
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

const allFailed = ({ failed }: BringUp) => ApplicationFailure.nonRetryable(Object.values(failed).join('\n'), 'StagesFailed');

function tallyOf({ stages, outcomes, calls }: BringUp, took: number): NonNullable<PipelineStatus['tally']> {
  const all = Object.keys(stages) as Stage[];
  const created = all.filter((stage) => outcomes[stage] === 'created').length;
  const unchanged = all.filter((stage) => (outcomes[stage] ?? 'unchanged') === 'unchanged').length;
  return { created, changed: all.length - created - unchanged, unchanged, ...callsOf(...calls), seconds: took / 1000 };
}

/** What the survey says of the stages goes into the status: which stand, and which this run is about to make. */
export function recordSurvey(status: PipelineStatus, stages: Surveys): void {
  const all = Object.entries(stages) as [Stage, Survey][];
  for (const [stage, { action }] of all) status.stages[stage] = action === 'none' ? 'ready' : 'waiting';
  const missing = all.flatMap(([stage, { action, anew }]) => (action === 'create' || anew ? [stage] : []));
  status.created = [...new Set([...status.created, ...missing])];
  for (const [stage, { action, differences }] of all) if (action === 'adopt') status.adopted[stage] ??= differences;
  status.faults = {};
  if (missing.includes('bucket') || missing.includes('lakeDatabase')) status.tables = false;
}

/** What the rows of the metrics come out of, go through and are brought to the lake by: rows that are on their way go with it, unless the SQL makes them anew. */
const ROW_CARRIERS: Stage[] = ['events', ...METRIC_STREAMS, ...DELIVERIES.filter((stage) => stage !== 'eventsDelivery')];

/** False with one of these gone, or on its way out, or (`isReplacing`) about to be replaced. */
export const doRowCarriersStand = (stages: Surveys, isReplacing = false): boolean =>
  ROW_CARRIERS.every((stage) => {
    const { action, anew } = stages[stage] ?? {};
    return action !== 'create' && !anew && !(isReplacing && action === 'replace');
  });

/** Notes that all that carries rows stood at a time, in milliseconds since the epoch; else, that rows which were on their way since it last did are gone. */
export function recordRowCarriers(status: PipelineStatus, doStand: boolean, at: number): void {
  if (doStand) status.rowsStoodAt = at;
  else if (status.generating && patched('rows-lost')) status.rowsLostFrom ??= status.rowsStoodAt ?? status.readyAt ?? 0;
}

/**
 * True when carrying this out restarts the SQL, changes the shards it reads, or makes a delivery anew, which begins with what comes then: every window has to be
 * closed before, and nothing may be sent meanwhile.
 */
function doesInterruptData(stages: Surveys): boolean {
  const { studio, events } = stages;
  const isReshaped = events?.differences.some(({ field }) => field === 'ShardCount') ?? false;
  const isRestarted = studio?.action === 'change' || studio?.action === 'replace';
  // What is not settled may be on its way out.
  const isAnew = CARRIERS.some((stage) => stages[stage]?.anew || ['create', 'replace', 'wait'].includes(stages[stage]?.action ?? 'none'));
  return isReshaped || isRestarted || isAnew;
}
