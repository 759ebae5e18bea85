import { ApplicationFailure, executeChild, proxyActivities, sleep, upsertMemo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Leave, Survey } from '../activities/resource.ts';
import { names } from '../pipeline/names.ts';
import { foundation, only, type Plan, reports, STAGES, type Stage } from '../pipeline/stages.ts';
import { type Hands, lasting } from './hands.ts';
import type { PipelineStatus, PlanReport, Wish } from './messages.ts';
import { provision, remembered } from './provision.ts';
import { crawl } from './scheduled.ts';

const act = proxyActivities<Activities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '5 seconds',
  summary: 'brings the pipeline up',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '2 seconds' },
});

/** Characters of a summary, which the server limits to 400 bytes. */
const SUMMARY = 200;

/** Looks how everything stands to the spec, and whether the account takes it; changes nothing. */
export async function surveyed({ pipeline, leave }: Wish): Promise<PlanReport> {
  const [{ stages, calls, mutatingCalls }, checks] = await Promise.all([
    act['stages.survey'].executeWithOptions({ summary: 'how every stage stands to the spec' }, [pipeline, leave]),
    act['account.check'].executeWithOptions({ summary: 'what the account allows' }, [pipeline]),
  ]);
  return { stages, removed: [], checks, calls, mutatingCalls };
}

/** Why a plan may not be carried out: every refused check and foreign thing, one line each; undefined if it may. */
export function refusal({ stages, checks }: PlanReport, leave: Leave = {}): string | undefined {
  const lines = checks.flatMap(({ name, state, message }) => (state === 'refused' ? [`${name}: ${message}`] : []));
  for (const { label, arn, action, differences } of Object.values(stages)) {
    const whose = arn ? `${label} (${arn})` : label;
    if (action === 'foreign')
      lines.push(`${whose} exists and was not made for this pipeline; take it over with --adopt, or choose another name for the pipeline`);
    if (action === 'replace' && !leave.replace) {
      const fields = differences.flatMap(({ field, replace }) => (replace ? [field] : []));
      lines.push(`${whose} has to be made anew to change ${fields.join(', ')}, and what it holds would be lost; to agree, give --replace`);
    }
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** Everything in the order of the data: what carries it, the generator and the SQL, the tables of the first crawl, what reads them, the schedules. */
export async function bringUp(wish: Wish, picture: PipelineStatus, hands: Hands): Promise<void> {
  const { pipeline, leave } = wish;
  const began = Date.now();
  const ids = names(pipeline).workflows;
  const report = await surveyed(wish);
  const { stages } = report;
  const refused = refusal(report, leave);
  if (refused) throw ApplicationFailure.nonRetryable(refused, 'Refused');
  noteDown(picture, stages);
  const isOther = JSON.stringify(picture.pipeline) !== JSON.stringify(pipeline);
  picture.pipeline = pipeline;

  let { calls, mutatingCalls } = report;
  const failed: Partial<Record<Stage, string>> = {};
  const provisionAll = async (workflowId: string, plan: Plan) => {
    const open = only(plan, (stage) => stages[stage].action !== 'none' && !leansOn(stage, failed));
    if (open.length === 0) return;
    const done = await executeChild(provision, {
      ...lasting(pipeline, workflowId, `provisions ${open.map(({ stage }) => stage).join(', ')}`.slice(0, SUMMARY)),
      args: [{ pipeline, plan: open, leave, seen: picture.waits }],
    });
    picture.waits = remembered(picture.waits, done.waits);
    calls += done.calls;
    mutatingCalls += done.mutatingCalls;
    Object.assign(failed, done.failed);
  };

  const quiet = picture.generating && touchesSql(stages);
  if (quiet) await hands.closeWindows();
  await provisionAll(ids.provision, foundation());
  // What only people look at may fail: the data flows without it.
  if (DATA_PATH.some((stage) => stage in failed || leansOn(stage, failed))) throw allFailed(failed);
  if (isOther && picture.generating) await hands.respec(pipeline);
  await hands.setGoing(pipeline);
  if (quiet) await hands.goOn();
  while (!picture.tables) {
    await act['lake.delivered'](pipeline);
    const { tables } = await executeChild(crawl, {
      ...lasting(pipeline, ids.crawl, 'the first crawl, which makes the tables'),
      args: [{ pipeline }],
    });
    picture.tables = await act['lake.tabled'](pipeline, tables);
    if (!picture.tables) await sleep('2 seconds', { summary: 'until more has been delivered' });
  }
  await provisionAll(ids.reports, reports());
  upsertMemo(await act['schedules.ensure'].executeWithOptions({ summary: 'crawl, questions, refreshes' }, [pipeline, picture.paused]));
  if (picture.paused) await act['schedules.pause'](pipeline, true);
  if (Object.keys(failed).length > 0) throw allFailed(failed);
  const counted = (...actions: Survey['action'][]) => Object.values(stages).filter(({ action }) => actions.includes(action)).length;
  picture.tally = {
    created: counted('create'),
    changed: counted('change', 'replace', 'adopt'),
    unchanged: counted('none', 'wait'),
    calls,
    mutatingCalls,
    seconds: (Date.now() - began) / 1000,
  };
}

const DATA_PATH: Stage[] = ['eventsDelivery', 'playerDelivery', 'teamDelivery', 'studio', 'crawler'];

/** True when a stage needs, over however many others, one that failed. */
const leansOn = (stage: Stage, failed: object): boolean =>
  STAGES[stage].needs.some((need) => need in failed || (need !== 'tables' && leansOn(need, failed)));

const allFailed = (failed: Partial<Record<Stage, string>>) =>
  ApplicationFailure.nonRetryable(Object.values(failed).join('\n'), 'StagesFailed');

/** What the survey says of the stages goes into the picture: which stand, and which this run is about to make. */
function noteDown(picture: PipelineStatus, stages: Record<Stage, Survey>): void {
  const all = Object.entries(stages) as [Stage, Survey][];
  for (const [stage, { action }] of all) picture.stages[stage] = action === 'none' ? 'ready' : 'waiting';
  const missing = all.flatMap(([stage, { action }]) => (action === 'create' ? [stage] : []));
  picture.made = [...new Set([...picture.made, ...missing])];
  picture.faults = {};
  if (missing.includes('bucket') || missing.includes('lakeDatabase')) picture.tables = false;
}

/** True when carrying this out restarts the SQL or changes the shards it reads: then every window has to be closed before. */
function touchesSql({ studio, events }: Record<Stage, Survey>): boolean {
  const isReshaped = events.differences.some(({ field }) => field === 'ShardCount');
  return isReshaped || ['change', 'replace'].includes(studio.action) || events.action === 'create';
}
