import type { Client } from '@temporalio/client';
import type { Pipeline } from '../pipeline/spec.ts';
import type { PlanReport, Tally } from '../workflows/messages.ts';
import { whileAttended } from './attended.ts';
import { startPipeline } from './pipeline.ts';
import { type Progress, progressOn } from './progress.ts';
import { session } from './session.ts';
import { UserError } from './user-error.ts';
import type { VerbResult } from './verb.ts';
import { watchUp } from './watch.ts';

/** What a user agrees to beforehand. */
export interface UpOptions {
  adopt?: boolean;
  replace?: boolean;
  rollback?: boolean;
}

/**
 * Brings the pipeline up, or has a running one apply the spec as it is now, and waits until it runs so, unless it does already. Seconds count from the start of the
 * program.
 */
export async function up({ adopt, replace, rollback }: UpOptions): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const progress = progressOn(process.stderr);
  try {
    const { was, report } = await startPipeline(client, { pipeline, consent: { adopt, replace }, rollback }, progress.now);
    const did = await carriedOut(client, pipeline, report, progress);
    const tally: Tally = { ...did, seconds: Math.round(performance.now()) / 1000 };
    return { ok: true, facts: tally, words: wordsOf(pipeline.name, was, tally) };
  } finally {
    progress.end();
  }
}

/** Waits until the pipeline runs by the spec, which it does already where its answer says so; gives what was done. */
export async function carriedOut(
  client: Client,
  pipeline: Pipeline,
  report: PlanReport | undefined,
  progress: Progress,
): Promise<Omit<Tally, 'seconds'>> {
  if (report?.isSettled) return unchanged(report);
  const stuck = (reason: string) => {
    throw new UserError(reason);
  };
  const now = await whileAttended(client, pipeline, watchUp(client, pipeline.name, progress, stuck));
  return tallyOf(report, now.pipeline.tally!);
}

/** What an up did: by its plan, if that left nothing to do, else as the pipeline added it up. */
export const tallyOf = (report: PlanReport | undefined, own: Tally): Omit<Tally, 'seconds'> =>
  report && isNothing(report) ? unchanged(report) : own;

const isNothing = ({ stages }: PlanReport) => Object.values(stages).every(({ action }) => action === 'none');

const unchanged = ({ stages, calls, mutatingCalls }: PlanReport): Omit<Tally, 'seconds'> => ({
  created: 0,
  changed: 0,
  unchanged: Object.keys(stages).length,
  calls,
  mutatingCalls,
});

function wordsOf(name: string, was: boolean, { created, changed, unchanged: same, calls, mutatingCalls, seconds }: Tally): string {
  const did = `${created} created, ${changed} changed, ${same} unchanged; ${calls} calls to AWS, ${mutatingCalls} of them changing something`;
  return `pipeline ${name} ${was ? 'is as its spec wants it' : 'is up'} after ${seconds.toFixed(1)} s: ${did}`;
}
