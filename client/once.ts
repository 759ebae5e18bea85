import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { type Audit, mismatches } from '../pipeline/audit.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import type { audit } from '../workflows/index.ts';
import { type GeneratorState, generatorQuery } from '../workflows/messages.ts';
import { introduced } from '../workflows/story.ts';
import { requestPlan, runsHere } from './pipeline.ts';
import type { Progress } from './progress.ts';
import { undefinedIfUnanswered } from './transient.ts';
import { UserError } from './user-error.ts';

/** What a start with `--once` reports: the audit's counts, seconds from the start of the process, and how many things its take-down left. */
export type OnceReport = Audit & { firstChartSeconds: number; upSeconds: number; leftovers: number };

const PATIENCE = '180 seconds';

/** Refuses a start with `--once` where anything stands already: what it takes down in the end has to be what it made. */
export async function mustBeFresh(client: Client, pipeline: Pipeline): Promise<void> {
  const { name, target } = pipeline;
  const isThere = await runsHere(client, pipeline);
  if (isThere)
    throw new UserError(`--once wants fresh state, but pipeline ${name} is already there: take it down, or give another --state.`);
  if (target !== 'aws') return;
  const { stages } = await requestPlan(client, { pipeline });
  const standing = Object.values(stages).filter(({ action }) => action !== 'create');
  if (standing.length > 0)
    throw new UserError(
      `--once takes away in the end what it made, but of pipeline ${name} there is already: ${standing.map(({ label }) => label).join(', ')}. Take it down first (npm start, then npx d2d down), or give the spec another name.`,
    );
}

/** Waits until the pipeline's total is sent and its last window closed, then counts everywhere; returns the account and what in it does not agree. */
export async function account(
  client: Client,
  pipeline: Pipeline,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ audit: Audit; faults: string[] }> {
  const since = Date.now();
  const generator = await finished(client, pipeline, progress, signal);
  progress.done(`${generator.acknowledged} events sent`, since);
  progress.now('counting every event in the stream, the lake, Athena and the dashboard');
  const counting = Date.now();
  const counted = client.workflow.execute<typeof audit>('audit', {
    workflowId: `${names(pipeline).workflows.pipeline}/audit`,
    taskQueue: taskQueue(pipeline),
    args: [{ pipeline, patience: PATIENCE }],
    ...introduced(pipeline, 'counts every event at every stage'),
  });
  const report = await Promise.race([counted, aborted(signal)]);
  progress.done('every event counted', counting);
  const faults = mismatches(report);
  if (generator.acknowledged !== report.acknowledged)
    faults.unshift(`acknowledged is ${report.acknowledged} by the ledger, but ${generator.acknowledged} by the generator`);
  return { audit: report, faults };
}

/** Rejects once the signal is aborted; at once where it is already. */
async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

async function finished(client: Client, pipeline: Pipeline, progress: Progress, signal: AbortSignal): Promise<GeneratorState> {
  const handle = client.workflow.getHandle(names(pipeline).workflows.generate);
  for (;;) {
    const state = await undefinedIfUnanswered(handle.query(generatorQuery));
    if (state?.state === 'finished') return state;
    const closing = state?.acknowledged === state?.total ? '; heartbeats go on until the last window has closed' : '';
    if (state) progress.now(`${state.acknowledged} of ${state.total} events sent${closing}`);
    await delay(500, undefined, { signal });
  }
}

const ORDER = [
  ...['generated', 'acknowledged', 'inStream', 'inS3', 'inAthena', 'lost', 'duplicates', 'resent', 'heartbeats', 'killsGenerated'],
  ...['killsOnDashboard', 'windowsChecked', 'windowsWrong', 'firstChartSeconds', 'upSeconds', 'leftovers'],
];

/** The report as one line of JSON: its counts in the order of the data, then the seconds and the leftovers. */
export const reportLine = (report: OnceReport): string => JSON.stringify(report, ORDER);
