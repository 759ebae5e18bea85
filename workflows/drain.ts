import { isCancellation, proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { QUICK } from './activity-options.ts';
import { addUp } from './budget.ts';
import { closeWindows, tellNotebook } from './children.ts';
import { rootMessage } from './failure.ts';
import { type PipelineStatus, pause, resume } from './messages.ts';
import { signalIfRunning } from './signal.ts';

/** Rows of a window come out of Flink, and through their stream, within this. */
const SINKS_MS = 10_000;

/** One attempt may take all the time that there is: rows are waited for in two rounds of a minute and a half, and counting a lake takes as long as it is large. */
const act = proxyActivities<Activities>({ ...QUICK, startToCloseTimeout: QUICK.scheduleToCloseTimeout });

/** Holds the events and waits as long as the delivery of what was sent takes; at once before there is a generator. */
export async function awaitDelivery(status: PipelineStatus): Promise<void> {
  if (!status.generating) return;
  await quieten(status);
  await untilDelivered(status.pipeline);
}

/**
 * Before a take-down that keeps the data: has the SQL run, pauses the generator, and waits until all that was sent lies in the lake. Returns in words what did not
 * come through in time; undefined before there is a generator.
 */
export async function drainPipeline(status: PipelineStatus): Promise<string[] | undefined> {
  if (!status.generating) return undefined;
  // What was open when it was suspended comes out only now.
  await tellNotebook(status, true);
  status.deep = false;
  status.studioRuns = true;
  addUp(status);
  await quieten(status);
  return awaitDrained(status.pipeline);
}

/**
 * Drains, as far as they run, a generator and a notebook that their pipeline's workflow has left behind, with the windows which the pause closes. Returns in words
 * what did not come through in time.
 */
export async function drainOrphans(pipeline: Pipeline): Promise<string[]> {
  const { generate, notebook } = names(pipeline).workflows;
  const found = [await signalIfRunning(generate, pause), await signalIfRunning(notebook, resume)];
  if (!found.some(Boolean)) return [];
  await sleep((pipeline.windowSeconds + WATERMARK_SECONDS) * 1000, { summary: 'until it is quiet' });
  return awaitDrained(pipeline);
}

/** One that has sent its total is quiet and has closed its windows, too, but goes on when the total grows. */
async function quieten(status: PipelineStatus): Promise<void> {
  if (!status.closed || !status.paused) await closeWindows(status);
}

const untilDelivered = ({ delivery }: Pipeline): Promise<void> =>
  sleep(delivery.seconds * 1000 + SINKS_MS, { summary: 'until all is delivered' });

/**
 * Waits until all that a generator which is quiet now has sent lies in the lake, with the rows of its windows, the sliding ones too; their SQL must run. Returns in
 * words what did not come through in time.
 */
async function awaitDrained(pipeline: Pipeline): Promise<string[]> {
  const unsaved: string[] = [];
  /** What fails is said, and holds nothing up. */
  const orUnsaved = async <Result>(what: string, work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (isCancellation(error)) throw error;
      unsaved.push(`${what}: ${rootMessage(error)}`);
      return undefined;
    }
  };
  const flushed = await orUnsaved('perhaps some of the ledger', () =>
    act['generator.flushLedger'].executeWithOptions({ summary: 'the ledger up to now' }, [pipeline]),
  );
  if (flushed?.sending) unsaved.push('perhaps the latest events: the generator does not come to rest');
  await orUnsaved('perhaps the latest windows', () =>
    act['notebook.drained'].executeWithOptions({ summary: 'until all rows are out' }, [pipeline, flushed?.last]),
  );
  await untilDelivered(pipeline);
  await orUnsaved('perhaps the latest events', async () => {
    // Since the last audit that agreed: what that has counted needs no second look.
    const { since } = await act['audit.scope'].executeWithOptions({ summary: 'since when' }, [pipeline, { hours: 24, onSchedule: true }]);
    await act['audit.arrived'].executeWithOptions({ summary: 'until the lake has every event' }, [pipeline, since, flushed?.at]);
  });
  return unsaved;
}
