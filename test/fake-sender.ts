import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { type SendProgress, type Stretch, unsent } from '../activities/kinesis/stretch.ts';
import { dueBy, type LedgerPage, type Span, timeOf } from '../pipeline/ledger.ts';
import { aggregation, type Pipeline } from '../pipeline/spec.ts';

/** What a stream would hold: for each event the times it was sent with, and each lane's latest heartbeat. */
export interface Stream {
  times: Map<string, Set<number>>;
  heartbeats: Map<number, number>;
  late: number;
  pages: Map<number, LedgerPage>;
  /** What was asked for, in order; `wake`: heartbeats that have no time to wait for. */
  calls: ('play' | 'beat' | 'wake')[];
  /** When each stretch of a lane began and ended, in the order of their ends. */
  plays: { lane: number; began: number; ended: number }[];
  /** How much later than the lane before it a lane hears that its stretch is over, in milliseconds. */
  stagger: number;
  /** How records are put together, stretch by stretch. */
  aggregated: (boolean | 'queued')[];
  /** From which event on, and before which, what was held back was asked for. */
  heldBack: Span[];
  /** The next wake comes to nothing: it waits until it is cut short. */
  cutsWake: boolean;
  /** A lane that is cancelled breaks off without saying how far it came. */
  breaksWhenCancelled: boolean;
  /** Heartbeats need not wait until it is time for them. */
  skips: boolean;
  /** Pages that were asked for and not written: all, while S3 refuses them. */
  refused: number;
  refuses: boolean;
}

/** Fake activities: a sender that notes what it sends, ten events a step, and on its first two attempts breaks off now and then without saying how far it came. */
export function sender(stream: Stream, breaks: () => boolean) {
  const untilTold = (milliseconds: number) =>
    Context.current()
      .sleep(milliseconds)
      .catch(() => undefined);
  return {
    'kinesis.generate': async ({
      pipeline,
      game,
      lane,
      from,
      to,
      bases,
      until = 0,
      again,
    }: Stretch & { pipeline: Pipeline; again: boolean }): Promise<SendProgress> => {
      stream.calls.push('play');
      stream.aggregated.push(aggregation(pipeline));
      const began = Date.now();
      const context = Context.current();
      const isRepeated = again || context.info.attempt > 1;
      const least = isRepeated ? Math.min(to, dueBy(bases, Date.now())) : 0;
      const end = again ? least : to;
      const isDone = () => next >= end && (again || Date.now() >= until);
      let next = from;
      while (!isDone() && !(next >= least && context.cancellationSignal.aborted)) {
        // No event goes before its time.
        for (const due = Math.min(end, next + 10, dueBy(bases, Date.now())); next < due; next++) {
          const time = timeOf(bases, next);
          const id = `${game.run}-${lane}-${next}`;
          if (time < (stream.heartbeats.get(lane) ?? 0)) stream.late++;
          stream.times.set(id, (stream.times.get(id) ?? new Set()).add(time));
        }
        if (context.info.attempt <= 2 && breaks()) throw ApplicationFailure.retryable('broke off');
        context.heartbeat({ next });
        await untilTold(5);
      }
      if (stream.breaksWhenCancelled && context.cancellationSignal.aborted) throw ApplicationFailure.retryable('broke off');
      await untilTold(lane * stream.stagger);
      stream.plays.push({ lane, began, ended: Date.now() });
      return { ...unsent(from), next, latest: Math.floor(timeOf(bases, next - 1)) };
    },
    'kinesis.heartbeats': async ({ after, until }: { after: number[]; until: number }): Promise<SendProgress> => {
      stream.calls.push(until <= Date.now() ? 'wake' : 'beat');
      if (stream.calls.at(-1) === 'wake' && stream.cutsWake) {
        stream.cutsWake = false;
        const beating = setInterval(() => Context.current().heartbeat(), 10);
        await Context.current().cancelled.finally(() => clearInterval(beating));
      }
      const latest = Math.max(stream.skips ? until : Date.now(), ...after);
      for (const lane of after.keys()) stream.heartbeats.set(lane, latest);
      Context.current().heartbeat();
      await untilTold(50);
      return { ...unsent(0), latest, heartbeats: 2 };
    },
    'kinesis.heldBack': async ({ lanes }: { lanes: { since: number; next: number }[] }): Promise<Span[][]> => {
      for (const { since, next } of lanes) stream.heldBack.push([since, next]);
      return lanes.map(() => []);
    },
    'ledger.write': async (_: Pipeline, number: number, page: LedgerPage) => {
      if (stream.refuses) {
        stream.refused++;
        throw ApplicationFailure.retryable('refused');
      }
      stream.pages.set(number, page);
    },
  };
}

export const fresh = (): Stream => ({
  times: new Map(),
  heartbeats: new Map(),
  late: 0,
  pages: new Map(),
  calls: [],
  plays: [],
  stagger: 0,
  aggregated: [],
  heldBack: [],
  cutsWake: false,
  breaksWhenCancelled: false,
  skips: false,
  refused: 0,
  refuses: false,
});
