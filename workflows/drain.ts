import { isCancellation, proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { rootMessage } from './failure.ts';

/** How long each is waited for: that all rows are out of the SQL, and that all events are in the lake. */
const PATIENCE = '10 minutes';
/** Rows of a window come out of Flink, and through their stream, within this. */
export const SINKS_MS = 10_000;

const act = proxyActivities<Activities>({
  // Rows are waited for in two rounds of a minute and a half; counting a lake takes as long as it is large.
  startToCloseTimeout: PATIENCE,
  scheduleToCloseTimeout: PATIENCE,
  heartbeatTimeout: '5 seconds',
  retry: { initialInterval: '250 milliseconds', backoffCoefficient: 1.4, maximumInterval: '5 seconds' },
});

/**
 * Waits until all that a generator which is quiet now has sent lies in the lake, with the rows of its windows, the sliding ones too; their SQL must run. Gives, in
 * words, what did not come through in time.
 */
export async function awaitDrained(pipeline: Pipeline): Promise<string[]> {
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
  await sleep(pipeline.delivery.seconds * 1000 + SINKS_MS, { summary: 'until all is delivered' });
  await orUnsaved('perhaps the latest events', async () => {
    // Since the last audit that agreed: what that has counted needs no second look.
    const { since } = await act['audit.scope'].executeWithOptions({ summary: 'since when' }, [pipeline, { hours: 24, onSchedule: true }]);
    await act['audit.arrived'].executeWithOptions({ summary: 'until the lake has every event' }, [pipeline, since, flushed?.at]);
  });
  return unsaved;
}
