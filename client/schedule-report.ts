import type { Client, ScheduleDescription, ScheduleOverlapPolicy, WorkflowExecutionInfo } from '@temporalio/client';
import type { ColumnDrift, Crawled } from '../activities/glue/crawl.ts';
import { type Scheduled, scheduled } from '../activities/temporal/scheduled.ts';
import { undefinedIfUnknown } from '../activities/temporal/unknown.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { rootMessage } from '../workflows/failure.ts';

/** What became of one schedule's runs since it was made; times in milliseconds since the epoch. Closed runs count for as long as the Temporal server keeps them. */
export interface ScheduleReport {
  id: string;
  /** 'crawl', 'query kills_total', 'refresh history'. */
  what: string;
  /** Its interval, in milliseconds. */
  every: number;
  paused: boolean;
  /** Runs begun. */
  runs: number;
  /** Left out since the run before still went and as many waited as may, or since QuickSight's quota was used up. */
  skipped: number;
  /** Fell due while Temporal was down, too long ago to be made up for. */
  missed: number;
  /** Ended by the next run that fell due, as the overlap policy wants it. */
  overtaken: number;
  failed: number;
  /** True when the latest run that came to its own end failed. */
  failing: boolean;
  lastFailure?: { at: number; message: string };
  next?: number;
  last?: number;
  /** Of the latest crawl that ended well: what in the tables is not as the SQL expects it. */
  drifted?: ColumnDrift[];
}

/** How the schedules of a pipeline fare; none for one that has none yet. */
export async function scheduleReport(client: Client, pipeline: Pipeline): Promise<ScheduleReport[]> {
  const reports = await Promise.all(
    scheduled(pipeline).map(async (schedule) => {
      const described = await undefinedIfUnknown(client.schedule.getHandle(schedule.id).describe());
      return described && reportOf(client, schedule, described);
    }),
  );
  return reports.filter((report) => report !== undefined);
}

/** How a run ends that is cut short by the next, or by who takes the pipeline down; and by its own doing. A terminated run is the former where the policy says so. */
const statuses = (overlap: ScheduleOverlapPolicy) => {
  const cut = ['Canceled', ...(overlap === 'TERMINATE_OTHER' ? ['Terminated'] : [])];
  const failed = ['Failed', 'TimedOut', 'Terminated'].filter((status) => !cut.includes(status));
  return { cut: isOne(cut), failed: isOne(failed), completed: isOne(['Completed']) };
};
const isOne = (all: string[]) => `ExecutionStatus IN (${all.map((status) => `'${status}'`).join(', ')})`;

async function reportOf(
  client: Client,
  { id, name, what, overlap }: Scheduled,
  { spec, state, info, raw }: ScheduleDescription,
): Promise<ScheduleReport> {
  const is = statuses(overlap);
  const runsThat = (condition: string) =>
    `TemporalScheduledById = '${id}' AND StartTime >= '${info.createdAt.toISOString()}' AND ${condition}`;
  const count = async (condition: string) => (await client.workflow.count(runsThat(condition))).count;
  // Looked up before they are counted: what ends meanwhile is in the counts at most.
  const [lastFailed, lastCompleted] = await Promise.all([latest(client, runsThat(is.failed)), latest(client, runsThat(is.completed))]);
  const [outOfQuota, overtaken, failed] = await Promise.all([
    what === 'refresh' ? count("PipelineState = 'skipped'") : 0,
    count(is.cut),
    count(is.failed),
  ]);
  return {
    id,
    what: what === name ? what : `${what} ${name}`,
    every: spec.intervals?.[0]?.every ?? 0,
    paused: state.paused,
    runs: info.numActionsTaken,
    skipped: info.numActionsSkippedOverlap + Number(raw.info?.bufferDropped ?? 0) + outOfQuota,
    missed: info.numActionsMissedCatchupWindow,
    overtaken,
    failed,
    failing: lastFailed !== undefined && closed(lastFailed) > (lastCompleted ? closed(lastCompleted) : 0),
    lastFailure: lastFailed && { at: closed(lastFailed), message: await failureOf(client, lastFailed) },
    next: info.nextActionTimes[0]?.getTime(),
    last: info.recentActions.at(-1)?.takenAt.getTime(),
    drifted: what === 'crawl' && lastCompleted ? (await resultOf<Crawled>(client, lastCompleted)).drifted : undefined,
  };
}

async function latest(client: Client, query: string): Promise<WorkflowExecutionInfo | undefined> {
  for await (const run of client.workflow.list({ query, pageSize: 1 })) return run;
  return undefined;
}

const closed = ({ closeTime }: WorkflowExecutionInfo): number => closeTime?.getTime() ?? 0;

const resultOf = <Result>(client: Client, { workflowId, runId }: WorkflowExecutionInfo): Promise<Result> =>
  client.workflow.getHandle(workflowId, runId).result() as Promise<Result>;

async function failureOf(client: Client, run: WorkflowExecutionInfo): Promise<string> {
  try {
    await resultOf(client, run);
  } catch (error) {
    return rootMessage(error);
  }
  throw new Error(`run ${run.workflowId} is listed as failed, and has a result`);
}
