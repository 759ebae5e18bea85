import { Worker } from 'node:worker_threads';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Target } from '../aws.ts';
import type { Range, Sent } from './send.ts';
import type { Order, Word } from './sender-thread.ts';

const HEARTBEAT_MS = 250;

/** The generator's activities. They run on a thread of their own, so that sending never holds up the worker's event loop. */
export function generator(target: Target) {
  const thread = senderThread(target);
  return {
    /**
     * Sends a range of events and returns how far it came: to its end, or to where it was cancelled. What an earlier attempt sent beyond its last
     * heartbeat is not known, so a repeated attempt sends the same events again, under the same time base, to the end of the range before it heeds a cancellation.
     */
    'kinesis.generate': async ({ pipeline, again, ...range }: Range & { pipeline: Pipeline; again: boolean }): Promise<Sent> => {
      const { attempt, heartbeatDetails } = Context.current().info;
      const start: Sent = (attempt > 1 && (heartbeatDetails as Sent | undefined)) || { next: range.from, latest: 0, heartbeats: 0 };
      return supervised(thread, { kind: 'range', stream: names(pipeline).streams.events, range, start }, start, again || attempt > 1);
    },
    /** Sends heartbeats alone until event time has passed `until`; a cancellation ends it early. */
    'kinesis.heartbeats': ({ pipeline, run, until }: { pipeline: Pipeline; run: string; until: number }): Promise<Sent> =>
      supervised(
        thread,
        { kind: 'heartbeats', stream: names(pipeline).streams.events, run, until },
        { next: 0, latest: 0, heartbeats: 0 },
        false,
      ),
  };
}

type NewOrder = Order extends infer Each ? (Each extends { kind: 'range' | 'heartbeats' } ? Omit<Each, 'job'> : never) : never;

/** Hands an order to the thread, passes its progress on as the activity's heartbeat, and a cancellation back to it. */
async function supervised(thread: SenderThread, order: NewOrder, start: Sent, mustFinish: boolean): Promise<Sent> {
  const context = Context.current();
  let latest = start;
  const job = thread.run(order, (sent) => {
    latest = sent;
  });
  const beating = setInterval(() => context.heartbeat(latest), HEARTBEAT_MS);
  const heed = () => {
    if (!mustFinish || context.cancellationDetails?.workerShutdown) job.end();
  };
  context.cancellationSignal.addEventListener('abort', heed);
  try {
    const sent = await job.done;
    context.heartbeat(sent);
    if (context.cancellationDetails?.workerShutdown)
      throw ApplicationFailure.create({ message: 'the worker is shutting down', type: 'WorkerShutdown' });
    return sent;
  } finally {
    clearInterval(beating);
    context.cancellationSignal.removeEventListener('abort', heed);
  }
}

interface SenderThread {
  run(order: NewOrder, progress: (sent: Sent) => void): { done: Promise<Sent>; end(): void };
}

/** One thread for all generators of a worker, started with the first order; a thread that dies fails its orders and is replaced. */
function senderThread(target: Target): SenderThread {
  const jobs = new Map<number, { progress: (sent: Sent) => void; done: (sent: Sent) => void; failed: (error: Error) => void }>();
  let thread: Worker | undefined;
  let count = 0;
  const hear = (word: Word) => {
    const job = jobs.get(word.job);
    if (word.kind === 'progress') return job?.progress(word.sent);
    jobs.delete(word.job);
    if (jobs.size === 0) thread?.unref();
    if (word.kind === 'done') job?.done(word.sent);
    else job?.failed(Object.assign(new Error(word.message), { name: word.name }));
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
    run: (order, progress) => {
      const job = ++count;
      thread ??= start();
      thread.ref();
      const done = new Promise<Sent>((resolve, reject) => jobs.set(job, { progress, done: resolve, failed: reject }));
      thread.postMessage({ ...order, job });
      return { done, end: () => thread?.postMessage({ job, kind: 'end' } satisfies Order) };
    },
  };
}
