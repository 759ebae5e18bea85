import { Worker } from 'node:worker_threads';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { Context, log } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { dueBy, joined, type Span, timeOf } from '../../pipeline/ledger.ts';
import { names } from '../../pipeline/names.ts';
import type { Game } from '../../pipeline/simulation.ts';
import { aggregation, type Pipeline } from '../../pipeline/spec.ts';
import { dueAtEnd } from '../../pipeline/trouble.ts';
import type { Target } from '../aws.ts';
import type { LeaseEnd } from '../lease-end.ts';
import { lease } from './lease.ts';
import { sentSince } from './read-back.ts';
import type { SenderOptions, Task, ThreadReply, ThreadRequest } from './sender-thread.ts';
import { FORGOTTEN_MS, type SendProgress, type Silent, type Stretch, unsent } from './stretch.ts';

const HEARTBEAT_MS = 250;
/** A third of the heartbeat timeout. */
const RENEWAL_MS = 1_000;
/** What an earlier attempt may have been ahead: heartbeats overtake each other, and where none is left clocks differ. */
const AHEAD_MS = 2_000;
/** An event arrives after it happened, but for clocks that differ: by more where a copy would be counted than where it would only be one. */
const EARLY_MS = { forgotten: 60_000, known: 5_000 };

/** The generator's activities. They run on a thread of their own, so that sending never holds up the worker's event loop. */
export function generatorActivities(target: Target, kinesis: KinesisClient) {
  const thread = senderThread(target);
  return {
    /**
     * Sends a stretch of one lane's events and returns how far it came: to its end, or to where it was cancelled. What an earlier attempt sent beyond its last
     * heartbeat is not known, but that nothing of it fell due after its lease. So a repeated attempt sends, under the same time base and before it heeds a cancellation,
     * all that was due by then, and says that it has; but first it looks which of these events are in the stream, and leaves them out. `again`: all attempts have ended,
     * and none said how far it came; what may have been sent goes again, and no more.
     */
    'kinesis.generate': async ({ pipeline, again, ...whole }: Stretch & { pipeline: Pipeline; again: boolean }): Promise<SendProgress> => {
      const { attempt, heartbeatDetails: told, heartbeatTimeoutMs = 0 } = Context.current().info as Info;
      const known = told ?? { ...unsent(whole.from), lane: whole.lane };
      // A reset makes the next attempt the first again.
      const isRepeated = !known.ended && (again || attempt > 1 || told !== undefined);
      const latest = Math.max(Date.now(), (told?.at ?? 0) + heartbeatTimeoutMs) + AHEAD_MS;
      const least = isRepeated ? Math.max(known.next, Math.min(whole.to, dueBy(whole.bases, latest))) : 0;
      const stretch: Stretch = again ? { ...whole, to: least, until: undefined } : whole;
      const start: SendProgress = isRepeated ? { ...known, resent: maybeSent(known, least) } : { ...known, ended: false };
      const there = isRepeated ? await sentAlready(kinesis, pipeline, stretch, timeOf(stretch.bases, known.next), known) : undefined;
      const sent = await supervised(thread, { kind: 'stretch', options: optionsOf(pipeline), stretch, start, there }, start, least);
      if (sent.next < least) throw brokenOff(`it came to event ${sent.next} of the ${least} that an earlier attempt may have sent`);
      return sent;
    },
    /** Sends heartbeats alone, on every lane, until event time has passed `until`; a cancellation ends it early. */
    'kinesis.heartbeats': ({
      pipeline,
      ...input
    }: {
      pipeline: Pipeline;
      game: Game;
      after: number[];
      until: number;
    }): Promise<SendProgress> => supervised(thread, { kind: 'heartbeats', options: optionsOf(pipeline), ...input }, unsent(0)),
    /** Sends what the lanes have held back, and returns, lane by lane, what of it may be in the stream once more: of a repeated attempt all. */
    'kinesis.heldBack': async ({ pipeline, ...input }: { pipeline: Pipeline } & HeldBack): Promise<Span[][]> => {
      const { attempt, scheduledTimestampMs: since } = Context.current().info;
      const isRepeated = attempt > 1;
      const look = (lane: Silent) => sentAlready(kinesis, pipeline, { game: input.game, lane: lane.lane }, since, unsent(0));
      const there = isRepeated ? await Promise.all(input.lanes.map(look)) : undefined;
      const sent = await supervised(
        thread,
        { kind: 'heldBack', options: optionsOf(pipeline), ...input, there },
        unsent(0),
        Number.POSITIVE_INFINITY,
      );
      if (!sent.heldBack) throw brokenOff('it ended before all was sent');
      return isRepeated ? input.lanes.map((lane) => allOf(input.game, lane)) : sent.heldBack;
    },
  };
}

/** Which events of a lane came into the stream since a moment, as far as is known; undefined if that cannot be looked up, unless a copy would count. */
async function sentAlready(
  kinesis: KinesisClient,
  pipeline: Pipeline,
  lane: { game: Game; lane: number },
  since: number,
  known: SendProgress,
): Promise<Set<number> | undefined> {
  const isForgotten = Date.now() - since > FORGOTTEN_MS;
  const early = isForgotten ? EARLY_MS.forgotten : EARLY_MS.known;
  try {
    // AWS refuses a moment that is yet to come.
    return await whileBeating(known, sentSince(kinesis, pipeline, lane, Math.min(since, Date.now()) - early));
  } catch (error) {
    if (isForgotten) throw error;
    log.warn(`what an earlier attempt may have sent is sent again: ${(error as Error).message}`);
    return undefined;
  }
}

/** What an earlier attempt may have sent beyond what it told. */
const maybeSent = ({ next, resent }: SendProgress, least: number): Span[] => (least > next ? joined([...resent, [next, least]]) : resent);

/** Lanes that fall silent, each before event `next`. */
interface HeldBack {
  game: Game;
  lanes: Silent[];
}

const allOf = (game: Game, { lane, next, since, bases }: Silent): Span[] =>
  joined(dueAtEnd(game, lane, next, bases, since).map(({ i }): Span => [i, i + 1]));

const optionsOf = (pipeline: Pipeline): SenderOptions => ({
  stream: names(pipeline).streams.events,
  aggregate: aggregation(pipeline),
  ordered: pipeline.generator.ordered,
});

/** The activity's own part of what Temporal says of it. */
type Info = Omit<Context['info'], 'heartbeatDetails'> & { heartbeatDetails?: SendProgress };

/** Why another attempt must go on. */
const brokenOff = (message: string) => ApplicationFailure.create({ message, type: 'BrokenOff' });

/** How far it came, and when that was told: nothing that falls due later than a heartbeat's timeout after that is sent unless more is told. */
const toldNow = (sent: SendProgress): SendProgress => ({ ...sent, at: Date.now() });

/** Waits for work that tells nothing; how far an earlier attempt came is not lost meanwhile. */
async function whileBeating<Value>(known: SendProgress, work: Promise<Value>): Promise<Value> {
  const context = Context.current();
  const beating = setInterval(() => context.heartbeat(known), HEARTBEAT_MS);
  return work.finally(() => clearInterval(beating));
}

/**
 * Hands a task to the thread, passes its progress on as the activity's heartbeat, and a cancellation back to it once all below event `least` is acknowledged. It makes
 * no more events once its lease is over.
 */
async function supervised(thread: SenderThread, task: Task, start: SendProgress, least = 0): Promise<SendProgress> {
  const context = Context.current();
  const held = lease();
  await held.renew(() => toldNow(start));
  /** Why it sends no more. */
  const isOut = () => {
    const { workerShutdown, notFound, timedOut } = context.cancellationDetails ?? {};
    if (workerShutdown) return 'the worker is shutting down';
    return notFound || timedOut || held.isOver() ? 'Temporal was not heard for too long' : undefined;
  };
  const never = isOut();
  if (never) throw brokenOff(never);
  let latest = start;
  const heed = () => {
    if (isOut() || (context.cancellationSignal.aborted && latest.next >= least)) job.end();
  };
  const progress = (sent: SendProgress) => {
    latest = sent;
    heed();
  };
  const job = thread.run(task, held.end(), { progress, warn: (message) => context.log.warn(message) });
  const beat = () => {
    heed();
    context.heartbeat(toldNow(latest));
  };
  const renew = () => void held.renew(() => toldNow(latest)).then(() => job.holdUntil(held.end()));
  const beating = [setInterval(beat, HEARTBEAT_MS), setInterval(renew, RENEWAL_MS)];
  context.cancellationSignal.addEventListener('abort', heed);
  try {
    const sent = await job.done;
    const message = isOut();
    // Short of `least`, an earlier attempt may have sent what lies beyond.
    context.heartbeat(toldNow({ ...sent, ended: sent.next >= least }));
    if (message) throw brokenOff(message);
    return sent;
  } finally {
    for (const each of beating) clearInterval(each);
    context.cancellationSignal.removeEventListener('abort', heed);
  }
}

/** A task of the thread. */
interface Job {
  done: Promise<SendProgress>;
  end(): void;
  /** It ends by itself at this end. */
  holdUntil(end: LeaseEnd): void;
}

/** Who hears of a task while it is under way. */
interface Told {
  progress(sent: SendProgress): void;
  warn(message: string): void;
}

interface SenderThread {
  run(task: Task, end: LeaseEnd, tell: Told): Job;
}

/** One thread for all generators of a worker, started with the first task; a thread that dies fails its tasks and is replaced. */
function senderThread(target: Target): SenderThread {
  const jobs = new Map<number, Told & { done: (sent: SendProgress) => void; failed: (error: Error) => void }>();
  let thread: Worker | undefined;
  let count = 0;
  const hear = (reply: ThreadReply) => {
    const job = jobs.get(reply.job);
    if (reply.kind === 'progress') return job?.progress(reply.sent);
    if (reply.kind === 'warning') return job?.warn(reply.message);
    jobs.delete(reply.job);
    if (jobs.size === 0) thread?.unref();
    if (reply.kind === 'done') job?.done(reply.sent);
    else job?.failed(Object.assign(new Error(reply.message), { name: reply.name }));
  };
  const lost = (error: Error) => {
    thread = undefined;
    for (const { failed } of jobs.values()) failed(error);
    jobs.clear();
  };
  const start = () => {
    const worker = new Worker(new URL('./sender-thread.mjs', import.meta.url), { workerData: target });
    return worker.on('message', hear).on('error', lost);
  };
  return {
    run: (task, end, tell) => {
      const job = ++count;
      thread ??= start();
      thread.ref();
      const done = new Promise<SendProgress>((resolve, reject) => jobs.set(job, { ...tell, done: resolve, failed: reject }));
      const post = (request: ThreadRequest) => thread?.postMessage(request);
      post({ job, kind: 'run', task, end });
      return { done, end: () => post({ job, kind: 'end' }), holdUntil: (later) => post({ job, kind: 'hold', end: later }) };
    },
  };
}
