import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { holdsTooLong, isOf, laneTotal, mostOf, mustBeSendable } from '../pipeline/lanes.ts';
import { entered } from '../pipeline/ledger.ts';
import { names } from '../pipeline/names.ts';
import { paceAt, type Rate, rateSchema, rateWords } from '../pipeline/rate.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { holdsBack } from '../pipeline/trouble.ts';
import { slidingSeconds, WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { acknowledged, begin, type Cursor, carriedOver, stretchFrom } from './cursor.ts';
import { isHistoryLong } from './history.ts';
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

/** The longest stretch of events that one activity sends. All of them share one recorded time base, whoever sends them and however often. */
const STRETCH_MS = 30_000;
/** A run with a longer history than this continues as new. */
const HISTORY_EVENTS = 1_000;
/** Lanes whose stretches end within this of each other end together. */
const TOGETHER_MS = 1_000;
/** The ledger is written down when it has so many ranges. */
const PAGE_RANGES = 100;
/** What Flink waits for stragglers (sql/flink), and a little for the clock's grain. */
const WATERMARK_MS = WATERMARK_SECONDS * 1000 + 1_000;

type Stretch = Omit<Parameters<Activities['kinesis.generate']>[0], 'again'>;

const act = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '3 seconds',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '500 milliseconds', backoffCoefficient: 1.5, maximumInterval: '10 seconds' },
});

/** What a generator begins with, or goes on with in its next run; `historyEvents`: how long a run's history may become, left out 1,000. */
interface Generation {
  pipeline: Pipeline;
  cursor: Cursor;
  historyEvents?: number;
}

/**
 * Sends the game's events, lane by lane side by side, at the spec's rate until it is cancelled; whenever it is paused or the total is reached, event time goes on until
 * the last window has closed. Every event that is acknowledged is entered in the ledger.
 */
export async function generate({ pipeline: first, cursor: start, historyEvents }: Generation): Promise<never> {
  let pipeline = first;
  let cursor = start;
  let isNews = false;
  /** Who is writing down the ledger just now. */
  let writing = 0;
  let state: GeneratorState['state'] = 'running';
  const sending = new Set<CancellationScope>();
  const cut = () => {
    isNews = true;
    for (const scope of sending) scope.cancel();
  };
  const rate = () => cursor.rate ?? pipeline.generator.rate;
  /** Of the rate as it is now: whether records are aggregated hangs on it. */
  const paced = (): Pipeline => ({ ...pipeline, generator: { ...pipeline.generator, rate: rate() } });

  const status = (): GeneratorState => {
    const { game, heartbeats, resent, oversized } = cursor;
    const lanes = cursor.lanes.map(({ next }) => next);
    const sent = { acknowledged: acknowledged(cursor), heartbeats, resent, oversized };
    return { state, game, lanes, ...sent, rate: rateWords(rate()), total: pipeline.generator.total };
  };
  const show = (now: GeneratorState['state']) => {
    state = now;
    setCurrentDetails(generatorDetails(pipeline, status()));
  };
  setHandler(generatorQuery, status);
  setHandler(pause, (how) => {
    cursor.paused = true;
    cursor.pauses = how?.count ?? cursor.pauses;
    if (cursor.quiet) cursor.quiet.told = false;
    cut();
  });
  setHandler(resume, () => {
    cursor.paused = false;
    if (cursor.quiet) cursor.quiet.told = false;
    cut();
  });
  setHandler(updateSpec, (changed, how) => {
    const isRated = how?.applied || !isSame(changed.generator.rate, pipeline.generator.rate);
    pipeline = changed;
    if (isRated) {
      cursor.rate = undefined;
      cursor.began = Date.now();
    }
    cut();
  });
  setHandler(
    setRate,
    async (wanted) => {
      const parsed = rateSchema.parse(wanted);
      cursor.rate = parsed;
      cursor.began = Date.now();
      cut();
      await signalIfRunning(names(pipeline).workflows.pipeline, rateChanged, parsed);
      return rateWords(parsed);
    },
    { validator: (wanted) => mustBeSendable(wanted, pipeline) },
  );
  setHandler(flushLedger, async () => {
    const at = Date.now();
    await writeLedger();
    await condition(() => writing === 0);
    return { game: cursor.game, lanes: cursor.lanes.map(({ next }) => next), at, sending: !isQuiet(), last: lastEvent() };
  });

  const lastEvent = () => cursor.quiet?.last ?? Math.max(...cursor.lanes.map(({ latest }) => latest));
  const isQuiet = () => cursor.quiet?.settled === true && (cursor.paused || isDone());
  const isAllowed = () => !cursor.paused && !isNews;
  const isCrowded = () => isHistoryLong(historyEvents ?? HISTORY_EVENTS);
  const totalOf = (lane: number) => laneTotal(lane, cursor.game.lanes, pipeline.generator.total, cursor.earlier);
  const isDone = () => cursor.lanes.every(({ next }, lane) => next >= totalOf(lane));

  /** Sends until done or cut short by a signal; undefined when the attempts broke off without saying how far they came. */
  const cuttable = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    const scope = new CancellationScope();
    sending.add(scope);
    try {
      return await scope.run(work);
    } catch (error) {
      if (CancellationScope.current().consideredCancelled || !(error instanceof ActivityFailure)) throw error;
      return undefined;
    } finally {
      sending.delete(scope);
    }
  };
  /** What was sent of a stretch that broke off is unknown: all of it is sent again under its own time base, whatever signals come. */
  const sendAll = async (stretch: Stretch) => {
    const summary = `lane ${stretch.lane}: events ${stretch.from} to ${stretch.to} at ${stretch.bases.at(-1)!.rate}/s`;
    const send = (again: boolean) => act['kinesis.generate'].executeWithOptions({ summary }, [{ ...stretch, again }]);
    return (await cuttable(() => send(false))) ?? send(true);
  };

  /**
   * One stretch after the other, until a signal, the total, or a history that has become long. Then all lanes end when the last of those stretches does that were
   * under way: a lane that ended sooner would be silent until the others have ended, too.
   */
  const play = async (lane: number, ends: { until: number[]; last?: number }): Promise<void> => {
    while (isAllowed() && cursor.lanes[lane]!.next < totalOf(lane)) {
      const { game } = cursor;
      const at = cursor.lanes[lane]!;
      // Until then the sender has waited, by a clock that may be ahead of this one.
      const now = Math.max(ends.until[lane] ?? 0, Date.now());
      if (isCrowded()) ends.last ??= Math.max(...ends.until);
      const left = (ends.last ?? Number.POSITIVE_INFINITY) - now;
      if (left < TOGETHER_MS) return;
      const pace = paceAt(rate(), now - cursor.began, now, Math.min(STRETCH_MS, left), mostOf(pipeline));
      const each = pace.rate / game.lanes;
      const stretch = stretchFrom(game, at, now, { ...pace, rate: each }, totalOf(lane));
      const { from, since, bases } = stretch;
      ends.until[lane] = stretch.until;
      const sent = await sendAll({ pipeline: paced(), game, lane, ...stretch });
      const latest = Math.max(at.latest, sent.latest);
      cursor.lanes[lane] = { next: sent.next, latest, since, bases };
      cursor.heartbeats += sent.heartbeats;
      cursor.resent += sent.resent.reduce((sum, [first, end]) => sum + end - first, 0);
      cursor.oversized += sent.oversized;
      const range = { lane, first: from, end: sent.next, time: bases.at(-1)!, at: Date.now(), resent: sent.resent, since };
      if (sent.next > from) cursor.ledger = entered(cursor.ledger, range);
      if (isAllowed() && holdsTooLong(each)) await sendHeldBack([lane]);
      if (cursor.ledger.length >= PAGE_RANGES) await writeLedger();
    }
  };

  /** All lanes side by side; what each has sent is known before any failure of one is told. */
  const playAll = async (): Promise<void> => {
    const ends = { until: cursor.lanes.map(() => 0) };
    const ended = await Promise.allSettled(cursor.lanes.map((_, lane) => play(lane, ends)));
    const failed = ended.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
  };

  /** What is under way goes into one page; a page is one object, named by its number. */
  const writeLedger = async (): Promise<void> => {
    writing++;
    try {
      while (cursor.ledger.length > 0) {
        const { game, ledger, pages } = cursor;
        cursor.ledger = [];
        cursor.pages = pages + 1;
        const summary = `${ledger.length} ranges`;
        const write = () => act['ledger.write'].executeWithOptions({ summary }, [pipeline, pages, { game, ranges: ledger }]);
        await CancellationScope.nonCancellable(write);
      }
    } finally {
      writing--;
    }
  };

  /** True once they came back; false when they were cut short. */
  const sendHeartbeats = async (until: number): Promise<boolean> => {
    const { game, lanes } = cursor;
    const summary = `heartbeats until ${new Date(until).toISOString()}`;
    const order = { pipeline: paced(), game, after: lanes.map((lane) => lane.latest), until };
    const sent = await cuttable(() => act['kinesis.heartbeats'].executeWithOptions({ summary }, [order]));
    if (sent === undefined) return false;
    cursor.heartbeats += sent.heartbeats;
    cursor.lanes = lanes.map((lane) => ({ ...lane, latest: Math.max(lane.latest, sent.latest) }));
    return true;
  };
  /** Sends heartbeats until the windows that begin with the last event's, or before it, have closed; these are so many seconds long. */
  const closeWindows = async (last: number, seconds: number, unless: () => boolean) => {
    const window = pipeline.windowSeconds * 1000;
    const until = Math.floor(last / window) * window + seconds * 1000 + WATERMARK_MS;
    while (Math.min(...cursor.lanes.map((lane) => lane.latest)) < until && !unless()) await sendHeartbeats(until);
  };
  /** Sends what trouble on purpose holds back on these lanes. */
  const sendHeldBack = async (lanes = [...cursor.lanes.keys()]) => {
    const { game } = cursor;
    const all = lanes.map((lane) => ({ lane, ...cursor.lanes[lane]! })).filter(({ next, since }) => next > since);
    if (!holdsBack(game) || all.length === 0) return;
    const again = await act['kinesis.heldBack'].executeWithOptions({ summary: 'what was held back' }, [
      { pipeline: paced(), game, lanes: all },
    ]);
    for (const [at, { lane, next, bases }] of all.entries()) {
      const resent = again[at]!;
      cursor.lanes[lane] = { ...cursor.lanes[lane]!, since: next };
      cursor.ledger = [...cursor.ledger, { lane, first: next, end: next, time: bases.at(-1)!, at: Date.now(), resent, since: next }];
    }
  };
  /** Until it may send again, or the history has become long: closes the windows and says so to each pause, then waits. */
  const beQuiet = async (): Promise<void> => {
    cursor.quiet ??= { last: lastEvent(), told: false, settled: false };
    const { quiet } = cursor;
    const { last } = quiet;
    const wasPaused = cursor.paused;
    const isOver = () => cursor.paused !== wasPaused || !(cursor.paused || isDone());
    const showQuiet = () => show(cursor.paused ? 'paused' : 'finished');
    if (cursor.paused || quiet.told) showQuiet();
    await closeWindows(last, pipeline.windowSeconds, isOver);
    if (isOver()) return;
    // By now every window that it belongs to is closed.
    await sendHeldBack();
    await writeLedger();
    quiet.settled = true;
    showQuiet();
    const isCalled = () => isOver() || !quiet.told;
    while (!isOver() && !isCrowded()) {
      const isNew = !quiet.told;
      quiet.told = true;
      // A generator may also run alone: then there is nobody to tell.
      if (isNew) await signalIfRunning(names(pipeline).workflows.pipeline, windowsClosed, cursor.pauses);
      // The sliding ones close later: only a take-down that keeps the data waits for them.
      await closeWindows(last, slidingSeconds(pipeline), isCalled);
      await condition(() => isCalled() || isCrowded());
    }
  };

  const run = async (): Promise<never> => {
    for (;;) {
      isNews = false;
      if (!isOf(cursor.game, pipeline)) {
        // Another game: its events must not take the numbers of the one before.
        await sendHeldBack();
        await writeLedger();
        const { paused, pauses, heartbeats, resent, oversized, pages, quiet } = cursor;
        const fresh = { ...begin(pipeline, uuid4().slice(0, 8), paused), pauses, heartbeats, resent, oversized, pages, quiet };
        cursor = carriedOver(fresh, cursor);
      }
      if (isCrowded()) {
        await writeLedger();
        await condition(allHandlersFinished);
        await continueAsNew<typeof generate>({ pipeline, cursor, historyEvents });
      }
      if (cursor.paused || isDone()) {
        await beQuiet();
        continue;
      }
      show('running');
      // To Flink a shard that has been silent is idle: lanes that begin later than the others would begin late without this.
      if (cursor.quiet) {
        const isAwake = await sendHeartbeats(Date.now());
        if (!isAwake && isNews) continue;
      }
      cursor.quiet = undefined;
      await playAll();
    }
  };

  try {
    return await run();
  } catch (error) {
    // Taken down: the data may be kept, and then has to be accounted for to the last event.
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => writeLedger().then(() => condition(() => writing === 0)));
    throw error;
  }
}

const isSame = (a: Rate, b: Rate): boolean => JSON.stringify(a) === JSON.stringify(b);
