import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  log,
  proxyActivities,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { type Game, WATERMARK_SECONDS } from '../pipeline/event.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { rootMessage } from './failure.ts';
import { type GeneratorState, generatorStatus, pause, respec, resume, stop, windowsClosed } from './messages.ts';

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

/** Sends the game's events at the spec's rate until it is stopped; whenever it is paused or the total is reached, event time goes on until the last window has closed. */
export async function generate({ pipeline: first, cursor }: { pipeline: Pipeline; cursor: Cursor }): Promise<void> {
  let pipeline = first;
  let { game, next, latest, heartbeats, paused } = cursor;
  let stopped = false;
  let state: GeneratorState['state'] = 'running';
  let sending: CancellationScope | undefined;

  setHandler(generatorStatus, () => ({ state, game, acknowledged: next, heartbeats, total: pipeline.generator.total }));
  setHandler(pause, () => {
    paused = true;
    sending?.cancel();
  });
  setHandler(resume, () => {
    paused = false;
    sending?.cancel();
  });
  setHandler(respec, (changed) => {
    pipeline = changed;
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
  const sendAll = async (range: Range) => {
    const summary = `events ${range.from} to ${range.to} at ${range.rate}/s`;
    const send = (again: boolean) => generateRange.executeWithOptions({ summary }, [{ ...range, again }]);
    return (await stretch(() => send(false))) ?? send(true);
  };

  const closeWindows = async (unless: () => boolean) => {
    const window = pipeline.windowSeconds * 1000;
    const until = Math.floor(latest / window) * window + window + WATERMARK_MS;
    while (latest < until && !unless()) {
      const summary = `heartbeats until ${new Date(until).toISOString()}`;
      const sent = await stretch(() => sendHeartbeats.executeWithOptions({ summary }, [{ pipeline, run: game.run, until }]));
      heartbeats += sent?.heartbeats ?? 0;
      latest = Math.max(latest, sent?.latest ?? 0);
    }
  };
  const isDone = () => pipeline.generator.total !== undefined && next >= pipeline.generator.total;
  /** Until it may send again: closes the windows and says so, then waits. */
  const beQuiet = async (): Promise<void> => {
    const wasPaused = paused;
    const isOver = () => stopped || paused !== wasPaused || !(paused || isDone());
    if (paused) state = 'paused';
    await closeWindows(isOver);
    if (isOver()) return;
    state = paused ? 'paused' : 'finished';
    await tellClosed(pipeline);
    await condition(isOver);
  };

  let base = 0;
  let from = next;
  let rate = pipeline.generator.rate;
  while (!stopped) {
    if (paused || isDone()) {
      await beQuiet();
      base = 0;
      continue;
    }
    if (workflowInfo().historyLength > HISTORY_EVENTS) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof generate>({ pipeline, cursor: { game, next, latest, heartbeats, paused } });
    }
    state = 'running';
    const { seed, players, total } = pipeline.generator;
    if (seed !== game.seed || players !== game.players) {
      // Another game: its events must not take the numbers of the one before.
      game = { run: uuid4().slice(0, 8), seed, players };
      next = 0;
    }
    const continued = base + ((next - from) * 1000) / rate;
    base = Date.now() - continued > CATCH_UP_MS ? Math.max(Date.now(), latest) : continued;
    from = next;
    rate = pipeline.generator.rate;
    const to = Math.min(total ?? Number.MAX_SAFE_INTEGER, from + Math.ceil(rate * RANGE_SECONDS));
    const sent = await sendAll({ pipeline, game, from, to, base, rate });
    next = sent.next;
    latest = Math.max(latest, sent.latest);
    heartbeats += sent.heartbeats;
  }
  await closeWindows(() => false);
  state = 'finished';
  await condition(allHandlersFinished);
}

/** A generator may also run alone: then there is nobody to tell. */
async function tellClosed(pipeline: Pipeline): Promise<void> {
  const { pipeline: id } = names(pipeline).workflows;
  try {
    await getExternalWorkflowHandle(id).signal(windowsClosed);
  } catch (error) {
    log.info(`no pipeline ${id} to hear that the windows are closed: ${rootMessage(error)}`);
  }
}
