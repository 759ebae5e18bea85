import { CancellationScope } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { holdsTooLong, mostOf } from '../pipeline/lanes.ts';
import { paceAt } from '../pipeline/rate.ts';
import { holdsBack } from '../pipeline/trouble.ts';
import { stretchFrom } from './cursor.ts';
import { act, type GeneratorRun, rateOf, totalOf, withRate } from './generator-run.ts';
import type { Interruption } from './interruption.ts';
import type { LedgerWriter } from './ledger-writer.ts';

/** The longest stretch of events that one activity sends. All of them share one recorded time base, whoever sends them and however often. */
const STRETCH_MS = 30_000;
/** Lanes whose stretches end within this of each other end together. */
const TOGETHER_MS = 1_000;

type Stretch = Omit<Parameters<Activities['kinesis.generate']>[0], 'again'>;

/** Sends the events of the game. */
export interface LaneSender {
  /** All lanes side by side, until a pause, another signal, the total, or a history that has become long. */
  sendLanes(): Promise<void>;
  /** What trouble on purpose holds back on these lanes, or on all. */
  sendHeldBack(lanes?: number[]): Promise<void>;
}

/** Sends for a generator, and enters in its ledger what was sent. */
export function laneSender(run: GeneratorRun, ledger: LedgerWriter, signals: Interruption, isCrowded: () => boolean): LaneSender {
  const isAllowed = () => !run.cursor.paused && !signals.isCut();

  /** What was sent of a stretch that broke off is unknown: what may have been is sent again under its own time base, whatever signals or cancellations come. */
  const sendStretch = async (stretch: Stretch) => {
    const summary = `lane ${stretch.lane}: events ${stretch.from} to ${stretch.to} at ${stretch.bases.at(-1)!.rate}/s`;
    // The worker that has the workflow would take every lane for itself.
    const options = { summary, allowEagerDispatch: false } as const;
    const send = (again: boolean) => act['kinesis.generate'].executeWithOptions(options, [{ ...stretch, again }]);
    return (await signals.run(() => send(false))) ?? CancellationScope.nonCancellable(() => send(true));
  };

  const note = ({ lane, from, since, bases }: Stretch, sent: Awaited<ReturnType<typeof sendStretch>>): void => {
    const { cursor } = run;
    const latest = Math.max(cursor.lanes[lane]!.latest, sent.latest);
    cursor.lanes[lane] = { next: sent.next, latest, since, bases };
    cursor.heartbeats += sent.heartbeats;
    cursor.resent += sent.resent.reduce((sum, [first, end]) => sum + end - first, 0);
    cursor.oversized += sent.oversized;
    if (sent.next > from)
      ledger.enter({ lane, first: from, end: sent.next, time: bases.at(-1)!, at: Date.now(), resent: sent.resent, since });
  };

  const sendHeldBack = async (lanes = [...run.cursor.lanes.keys()]): Promise<void> => {
    const { game } = run.cursor;
    const holding = lanes.map((lane) => ({ lane, ...run.cursor.lanes[lane]! })).filter(({ next, since }) => next > since);
    if (!holdsBack(game) || holding.length === 0) return;
    const resent = await act['kinesis.heldBack'].executeWithOptions({ summary: 'what was held back' }, [
      { pipeline: withRate(run), game, lanes: holding },
    ]);
    for (const [at, { lane, next, bases }] of holding.entries()) {
      run.cursor.lanes[lane] = { ...run.cursor.lanes[lane]!, since: next };
      ledger.enterHeldBack({ lane, first: next, end: next, time: bases.at(-1)!, at: Date.now(), resent: resent[at]!, since: next });
    }
  };

  /**
   * One stretch after the other. Once the history has become long all lanes end when the last of those stretches does that were under way: a lane that ended sooner
   * would be silent until the others have ended, too.
   */
  const sendLane = async (lane: number, ends: { until: number[]; last?: number }): Promise<void> => {
    while (isAllowed() && run.cursor.lanes[lane]!.next < totalOf(run, lane)) {
      const { game, lanes, began } = run.cursor;
      // Until then the sender has waited, by a clock that may be ahead of this one.
      const now = Math.max(ends.until[lane]!, Date.now());
      if (isCrowded()) ends.last ??= Math.max(...ends.until);
      const left = (ends.last ?? Number.POSITIVE_INFINITY) - now;
      if (left < TOGETHER_MS) return;
      const pace = paceAt(rateOf(run), now - began, now, Math.min(STRETCH_MS, left), mostOf(run.pipeline));
      const rate = pace.rate / game.lanes;
      const stretch = {
        ...{ pipeline: withRate(run), game, lane },
        ...stretchFrom(game, lanes[lane]!, now, { ...pace, rate }, totalOf(run, lane)),
      };
      ends.until[lane] = stretch.until;
      note(stretch, await sendStretch(stretch));
      if (isAllowed() && holdsTooLong(rate)) await sendHeldBack([lane]);
      await ledger.writeFull();
    }
  };

  return {
    sendLanes: async () => {
      const ends = { until: run.cursor.lanes.map(() => 0) };
      const ended = await Promise.allSettled(run.cursor.lanes.map((_, lane) => sendLane(lane, ends)));
      // What each lane has sent is known before any failure of one is told.
      const failed = ended.find((each) => each.status === 'rejected');
      if (failed) throw failed.reason;
    },
    sendHeldBack,
  };
}
