import { parentPort, workerData } from 'node:worker_threads';
import type { Span } from '../../pipeline/ledger.ts';
import type { Game } from '../../pipeline/simulation.ts';
import type { Target } from '../aws.ts';
import { type LeaseEnd, monotonicMs } from '../lease-end.ts';
import { type Producer, producer } from './producer.ts';
import { putting } from './put-records.ts';
import { lookUpIn } from './read-back.ts';
import { type Ending, type SendProgress, type Silent, type Stretch, sendHeartbeats, sendHeldBack, sendStretch, unsent } from './stretch.ts';

/** Where records go, and how they get there. */
export interface SenderOptions {
  stream: string;
  aggregate: boolean | 'queued';
  ordered: boolean;
}

/** What there is to be sent. */
export type Task =
  | { kind: 'stretch'; options: SenderOptions; stretch: Stretch; start: SendProgress; there?: ReadonlySet<number> }
  | { kind: 'heartbeats'; options: SenderOptions; game: Game; after: number[]; until: number }
  | { kind: 'heldBack'; options: SenderOptions; game: Game; lanes: Silent[]; there?: (ReadonlySet<number> | undefined)[] };

/** What the thread is asked: a task until its lease ends, to hold on until that ends later, or to end early. */
export type ThreadRequest =
  | { job: number; kind: 'run'; task: Task; end: LeaseEnd }
  | { job: number; kind: 'hold'; end: LeaseEnd }
  | { job: number; kind: 'end' };

/** What the thread says of a job. */
export type ThreadReply =
  | { job: number; kind: 'progress'; sent: SendProgress }
  | { job: number; kind: 'warning'; message: string }
  | { job: number; kind: 'done'; sent: SendProgress }
  | { job: number; kind: 'failed'; name: string; message: string };

const { put } = putting(workerData as Target);
const lookUp = lookUpIn(workerData as Target);
/** What is under way: for which producer, and until when. */
interface Job {
  control: AbortController;
  end: LeaseEnd;
  key: string;
}
const running = new Map<number, Job>();
const producers = new Map<string, Producer>();

parentPort!.on('message', async (request: ThreadRequest) => {
  const { job } = request;
  const found = running.get(job);
  if (request.kind === 'end') return found?.control.abort();
  if (request.kind === 'hold') return found && Object.assign(found, { end: request.end });
  const { task, end } = request;
  const control = new AbortController();
  const current: Job = { control, end, key: keyOf(task.options) };
  running.set(job, current);
  const ending: Ending = {
    signal: control.signal,
    dueUntil: () => {
      if (monotonicMs() > current.end.ticks) control.abort();
      return current.end.time;
    },
  };
  const say = (reply: ThreadReply) => parentPort!.postMessage(reply);
  const mine = producerFor(task.options);
  try {
    const sent = await carryOut(task, mine, ending, (now) => say({ job, kind: 'progress', sent: now }));
    say({ job, kind: 'done', sent });
  } catch (error) {
    // A producer that has failed sends nothing any more; another lane may have begun a new one since.
    if (producers.get(current.key) === mine) producers.delete(current.key);
    say({ job, kind: 'failed', name: (error as Error).name, message: (error as Error).message });
  } finally {
    running.delete(job);
  }
});

async function carryOut(task: Task, producer: Producer, end: Ending, report: (sent: SendProgress) => void): Promise<SendProgress> {
  const sending = { producer, ...end, report };
  if (task.kind === 'stretch') return sendStretch(task.stretch, task.start, { ...sending, there: task.there });
  if (task.kind === 'heartbeats') return sendHeartbeats(task, sending);
  const heldBack: Span[][] = [];
  for (const [at, lane] of task.lanes.entries()) {
    const resent = await sendHeldBack({ game: task.game, ...lane }, { ...sending, there: task.there?.[at] });
    if (resent === undefined) return unsent(0);
    heldBack.push(resent);
  }
  return { ...unsent(0), heldBack };
}

function producerFor(options: SenderOptions): Producer {
  const key = keyOf(options);
  const found = producers.get(key) ?? producer({ put, lookUp, warn: (message) => warn(key, message), ...options });
  producers.set(key, found);
  return found;
}

/** Lanes share a producer: what it says is told with one of the jobs that it works for. */
function warn(key: string, message: string): void {
  const [job] = [...running].find(([, each]) => each.key === key) ?? [];
  if (job !== undefined) parentPort!.postMessage({ job, kind: 'warning', message } satisfies ThreadReply);
}

function keyOf(options: SenderOptions): string {
  return JSON.stringify(options);
}
