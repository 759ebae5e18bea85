import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import { isOf, mustBeSendable, whyUnsendable } from '../pipeline/lanes.ts';
import { names } from '../pipeline/names.ts';
import { type Rate, rateSchema, rateWords } from '../pipeline/rate.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { slidingSeconds } from '../pipeline/windows.ts';
import { acknowledged, begin, type Cursor, carriedOver } from './cursor.ts';
import { type GeneratorRun, isDone, lastEvent, rateOf } from './generator-run.ts';
import { isHistoryLong } from './history.ts';
import { type Interruption, interruption } from './interruption.ts';
import { type LaneSender, laneSender } from './lane-sender.ts';
import { type LedgerWriter, ledgerWriter } from './ledger-writer.ts';
import {
  flushLedger,
  type GeneratorState,
  generatorQuery,
  pause,
  rateChanged,
  resume,
  setRate,
  updateSpec,
  windowsClosed,
} from './messages.ts';
import { signalIfRunning } from './signal.ts';
import { generatorDetails } from './story.ts';
import { type WindowCloser, windowCloser } from './window-closer.ts';

/** A run with a longer history than this continues as new. */
const HISTORY_EVENTS = 1_000;

/** What a generator begins with, or goes on with in its next run; `historyEvents`: how long a run's history may become, left out 1,000. */
interface Generation {
  pipeline: Pipeline;
  cursor: Cursor;
  historyEvents?: number;
}

/** A generator at work. */
interface Parts {
  run: GeneratorRun;
  ledger: LedgerWriter;
  lanes: LaneSender;
  windows: WindowCloser;
  /** Shows what it does from now on. */
  show(state: GeneratorState['state']): void;
  isCrowded(): boolean;
}

/**
 * Sends the game's events, lane by lane side by side, at the spec's rate until it is cancelled; whenever it is paused or the total is reached, event time goes on until
 * the last window has closed. Every event that is acknowledged is entered in the ledger.
 */
export async function generate({ pipeline, cursor, historyEvents }: Generation): Promise<never> {
  const run: GeneratorRun = { pipeline, cursor };
  const signals = interruption();
  const ledger = ledgerWriter(run);
  const isCrowded = () => isHistoryLong(historyEvents ?? HISTORY_EVENTS);
  const lanes = laneSender(run, ledger, signals, isCrowded);
  const windows = windowCloser(run, signals);
  const show = tellState(run);
  heed(run, signals, ledger);
  try {
    for (;;) {
      signals.clear();
      if (!isOf(run.cursor.game, run.pipeline)) await beginAnotherGame(run, lanes, ledger);
      if (isCrowded()) {
        await ledger.write();
        await condition(allHandlersFinished);
        await continueAsNew<typeof generate>({ ...run, historyEvents });
      }
      if (run.cursor.paused || isDone(run)) {
        await beQuiet({ run, ledger, lanes, windows, show, isCrowded });
        continue;
      }
      show('running');
      // To Flink a shard that has been silent is idle: lanes that begin later than the others would begin late without this.
      if (run.cursor.quiet && !(await windows.sendHeartbeats(Date.now())) && signals.isCut()) continue;
      run.cursor.quiet = undefined;
      await lanes.sendLanes();
    }
  } catch (error) {
    // Taken down: the data may be kept, and then has to be accounted for to the last event.
    if (isCancellation(error)) await CancellationScope.nonCancellable(ledger.flush);
    throw error;
  }
}

/** Answers the query, and gives what tells the state from now on, there and in the Temporal UI. */
function tellState(run: GeneratorRun): Parts['show'] {
  let state: GeneratorState['state'] = 'running';
  const status = (): GeneratorState => {
    const { game, heartbeats, resent, oversized, lanes } = run.cursor;
    const sent = { acknowledged: acknowledged(run.cursor), heartbeats, resent, oversized };
    const { total } = run.pipeline.generator;
    return { state, game, lanes: lanes.map(({ next }) => next), ...sent, rate: rateWords(rateOf(run)), total };
  };
  setHandler(generatorQuery, status);
  return (now) => {
    state = now;
    setCurrentDetails(generatorDetails(run.pipeline, status()));
  };
}

/** What the generator is told, and what it is asked to do. */
function heed(run: GeneratorRun, signals: Interruption, ledger: LedgerWriter): void {
  const turnTo = (paused: boolean, pauses = run.cursor.pauses) => {
    Object.assign(run.cursor, { paused, pauses });
    if (run.cursor.quiet) run.cursor.quiet.told = false;
    signals.cut();
  };
  const sendAt = (rate: Rate | undefined) => {
    Object.assign(run.cursor, { rate, began: Date.now() });
  };
  setHandler(pause, (how) => turnTo(true, how?.count));
  setHandler(resume, () => turnTo(false));
  setHandler(updateSpec, (changed, how) => {
    const isRated = how?.applied || !isSame(changed.generator.rate, run.pipeline.generator.rate);
    run.pipeline = changed;
    if (isRated) sendAt(undefined);
    signals.cut();
  });
  setHandler(
    setRate,
    async (wanted) => {
      const rate = rateSchema.parse(wanted);
      sendAt(rate);
      signals.cut();
      await signalIfRunning(names(run.pipeline).workflows.pipeline, rateChanged, rate);
      return rateWords(rate);
    },
    { validator: (wanted) => mustBeSendable(wanted, run.pipeline) },
  );
  setHandler(flushLedger, async () => {
    const at = Date.now();
    // What is sent while it is written down is not in it.
    const { game, lanes } = run.cursor;
    const reached = { game, lanes: lanes.map(({ next }) => next), bases: lanes.map(({ bases }) => bases) };
    await ledger.flush();
    const { quiet, paused } = run.cursor;
    const isQuiet = quiet?.settled === true && (paused || isDone(run));
    return { ...reached, at, sending: !isQuiet, last: lastEvent(run) };
  });
}

const isSame = (a: Rate, b: Rate): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Another game: its events must not take the numbers of the one before, of which all is sent and written down. */
async function beginAnotherGame(run: GeneratorRun, lanes: LaneSender, ledger: LedgerWriter): Promise<void> {
  await lanes.sendHeldBack();
  await ledger.write();
  const { paused, pauses, heartbeats, resent, oversized, pages, quiet, rate, began } = run.cursor;
  const fresh = { ...begin(run.pipeline, uuid4().slice(0, 8), paused), pauses, heartbeats, resent, oversized, pages, quiet };
  if (rate !== undefined && whyUnsendable(rate, run.pipeline) === undefined && patched('rate-lives-on'))
    Object.assign(fresh, { rate, began });
  run.cursor = carriedOver(fresh, run.cursor);
}

/** Until it may send again, or the history has become long: closes the windows and says so to each pause, then waits. */
async function beQuiet({ run, ledger, lanes, windows, show, isCrowded }: Parts): Promise<void> {
  run.cursor.quiet ??= { last: lastEvent(run), told: false, settled: false };
  const { quiet, paused: wasPaused } = run.cursor;
  const { last } = quiet;
  const isOver = () => run.cursor.paused !== wasPaused || !(run.cursor.paused || isDone(run));
  const showQuiet = () => show(run.cursor.paused ? 'paused' : 'finished');
  if (run.cursor.paused || quiet.told) showQuiet();
  await windows.closeWindows(last, run.pipeline.windowSeconds, isOver);
  if (isOver()) return;
  // By now every window that it belongs to is closed.
  await lanes.sendHeldBack();
  await ledger.write();
  quiet.settled = true;
  showQuiet();
  const isCalled = () => isOver() || !quiet.told;
  while (!isOver() && !isCrowded()) {
    const isNew = !quiet.told;
    quiet.told = true;
    // A generator may also run alone: then there is nobody to tell.
    if (isNew) await signalIfRunning(names(run.pipeline).workflows.pipeline, windowsClosed, run.cursor.pauses);
    // The sliding ones close later: only a take-down that keeps the data waits for them.
    await windows.closeWindows(last, slidingSeconds(run.pipeline), isCalled);
    await condition(() => isCalled() || isCrowded());
  }
}
