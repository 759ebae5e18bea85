import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { type Game, WATERMARK_SECONDS } from '../pipeline/event.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { type GeneratorState, generatorStatus, pause, resume, stop } from './messages.ts';

/** Where the generator stands; carried from run to run. */
export interface Cursor {
  game: Game;
  /** Number of the next event. */
  next: number;
  /** Event time of the latest event or heartbeat, milliseconds since the epoch; nothing that follows may be older. */
  latest: number;
  heartbeats: number;
  paused: boolean;
}

/** Seconds of events that one activity sends. All events of a range share one recorded time base, whoever sends them and however often. */
const RANGE_SECONDS = 30;
/** A time base this far behind the clock is not caught up with: the next range starts now. */
const CATCH_UP_MS = 5_000;
const HISTORY_EVENTS = 1_000;
/** What Flink waits for stragglers (sql/flink), and a little for the clock's grain. */
const WATERMARK_MS = WATERMARK_SECONDS * 1000 + 1_000;

type Range = Omit<Parameters<Activities['kinesis.generate']>[0], 'again'>;

const { 'kinesis.generate': generateRange, 'kinesis.heartbeats': sendHeartbeats } = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '3 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '500 milliseconds', backoffCoefficient: 1.5, maximumInterval: '10 seconds' },
});

/** Sends the game's events at the spec's rate until it is stopped or the total is reached; then event time goes on until the last window has closed. */
export async function generate({ pipeline, cursor }: { pipeline: Pipeline; cursor: Cursor }): Promise<void> {
  const { rate, total } = pipeline.generator;
  let { next, latest, heartbeats, paused } = cursor;
  let stopped = false;
  let state: GeneratorState['state'] = 'running';
  let sending: CancellationScope | undefined;

  setHandler(generatorStatus, () => ({ state, game: cursor.game, acknowledged: next, heartbeats, total }));
  setHandler(pause, () => {
    paused = true;
    sending?.cancel();
  });
  setHandler(resume, () => {
    paused = false;
    sending?.cancel();
  });
  setHandler(stop, () => {
    stopped = true;
    sending?.cancel();
  });

  /** Sends until done or cut short by a signal; undefined when the attempts broke off without saying how far they came. */
  const stretch = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    sending = new CancellationScope();
    try {
      return await sending.run(work);
    } catch (error) {
      if (CancellationScope.current().consideredCancelled || !(error instanceof ActivityFailure)) throw error;
      return undefined;
    } finally {
      sending = undefined;
    }
  };
  /** What was sent of a range that broke off is unknown: all of it is sent again under its own time base, whatever signals come. */
  const sendAll = async (range: Range) =>
    (await stretch(() => generateRange({ ...range, again: false }))) ?? generateRange({ ...range, again: true });

  const closeWindows = async (unless: () => boolean) => {
    const window = pipeline.windowSeconds * 1000;
    const until = Math.floor(latest / window) * window + window + WATERMARK_MS;
    while (latest < until && !unless()) {
      const sent = await stretch(() => sendHeartbeats({ pipeline, run: cursor.game.run, until }));
      heartbeats += sent?.heartbeats ?? 0;
      latest = Math.max(latest, sent?.latest ?? 0);
    }
  };

  let base = 0;
  let from = next;
  while (!stopped && (total === undefined || next < total)) {
    if (paused) {
      state = 'paused';
      await closeWindows(() => !paused || stopped);
      await condition(() => !paused || stopped);
      base = 0;
      continue;
    }
    if (workflowInfo().historyLength > HISTORY_EVENTS) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof generate>({ pipeline, cursor: { ...cursor, next, latest, heartbeats, paused } });
    }
    state = 'running';
    const continued = base + ((next - from) * 1000) / rate;
    base = Date.now() - continued > CATCH_UP_MS ? Math.max(Date.now(), latest) : continued;
    from = next;
    const to = Math.min(total ?? Number.MAX_SAFE_INTEGER, from + Math.ceil(rate * RANGE_SECONDS));
    const sent = await sendAll({ pipeline, game: cursor.game, from, to, base, rate });
    next = sent.next;
    latest = Math.max(latest, sent.latest);
    heartbeats += sent.heartbeats;
  }
  await closeWindows(() => false);
  state = 'finished';
  await condition(() => stopped);
  await condition(allHandlersFinished);
}
