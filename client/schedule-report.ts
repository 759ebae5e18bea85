import type { Client, ScheduleDescription } from '@temporalio/client';
import { ScheduleNotFoundError, type WorkflowExecutionInfo } from '@temporalio/client';
import type { ColumnDrift, Crawled } from '../activities/glue/crawl.ts';
import { type Scheduled, scheduled } from '../activities/temporal/scheduled.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { rootMessage } from '../workflows/failure.ts';

/** What became of one schedule's runs; times in milliseconds since the epoch. Closed runs count for as long as the Temporal server keeps them. */
export interface ScheduleReport {
  id: string;
  /** 'crawl', 'query kills_total', 'refresh history'. */
  what: string;
  /** Milliseconds. */
  every: number;
  paused: boolean;
  /** Runs begun. */
  runs: number;
  /** Left out since the run before still went, or since QuickSight's quota was used up. */
  skipped: number;
  /** Fell due while Temporal was down, too long ago to be made up for. */
  missed: number;
  failed: number;
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
      const described = await unlessGone(client.schedule.getHandle(schedule.id).describe());
      return described && reportOf(client, schedule, described);
    }),
  );
  return reports.filter((report) => report !== undefined);
}

const FAILED = "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')";

async function reportOf(
  client: Client,
  { id, name, what }: Scheduled,
  { spec, state, info }: ScheduleDescription,
): Promise<ScheduleReport> {
  const runsThat = (condition: string) => `TemporalScheduledById = '${id}' AND ${condition}`;
  const [outOfQuota, failed, lastFailed, lastCrawl] = await Promise.all([
    what === 'refresh' ? client.workflow.count(runsThat("PipelineState = 'skipped'")).then(({ count }) => count) : 0,
    client.workflow.count(runsThat(FAILED)).then(({ count }) => count),
    latest(client, runsThat(FAILED)),
    what === 'crawl' ? latest(client, runsThat("ExecutionStatus = 'Completed'")) : undefined,
  ]);
  return {
    id,
    what: what === name ? what : `${what} ${name}`,
    every: spec.intervals?.[0]?.every ?? 0,
    paused: state.paused,
    runs: info.numActionsTaken,
    skipped: info.numActionsSkippedOverlap + outOfQuota,
    missed: info.numActionsMissedCatchupWindow,
    failed,
    lastFailure: lastFailed && { at: lastFailed.closeTime?.getTime() ?? 0, message: await failureOf(client, lastFailed) },
    next: info.nextActionTimes[0]?.getTime(),
    last: info.recentActions.at(-1)?.takenAt.getTime(),
    drifted: lastCrawl && (await resultOf<Crawled>(client, lastCrawl)).drifted,
  };
}

async function latest(client: Client, query: string): Promise<WorkflowExecutionInfo | undefined> {
  for await (const run of client.workflow.list({ query, pageSize: 1 })) return run;
  return undefined;
}

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

async function unlessGone<Value>(question: Promise<Value>): Promise<Value | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
