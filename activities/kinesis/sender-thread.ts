import { parentPort, workerData } from 'node:worker_threads';
import type { Span } from '../../pipeline/ledger.ts';
import type { Game } from '../../pipeline/simulation.ts';
import type { Target } from '../aws.ts';
import { type Producer, producer } from './producer.ts';
import { putting } from './put-records.ts';
import { lookUpIn } from './read-back.ts';
import { type SendProgress, type Silent, type Stretch, sendHeartbeats, sendHeldBack, sendStretch, unsent } from './stretch.ts';

/** Where records go, and how. */
export interface Way {
  stream: string;
  aggregate: boolean | 'queued';
  ordered: boolean;
}

/** What there is to be sent. */
export type Task =
  | { kind: 'stretch'; way: Way; stretch: Stretch; start: SendProgress; there?: ReadonlySet<number> }
  | { kind: 'heartbeats'; way: Way; game: Game; after: number[]; until: number }
  | { kind: 'heldBack'; way: Way; game: Game; lanes: Silent[]; there?: (ReadonlySet<number> | undefined)[] };

/** What the thread is asked: a task, or to end one early. */
export type Order = { job: number; task: Task } | { job: number; task: 'end' };

/** What the thread says of a job. */
export type Word =
  | { job: number; kind: 'progress'; sent: SendProgress }
  | { job: number; kind: 'done'; sent: SendProgress }
  | { job: number; kind: 'failed'; name: string; message: string };

const { put } = putting(workerData as Target);
const lookUp = lookUpIn(workerData as Target);
const running = new Map<number, AbortController>();
const couriers = new Map<string, Producer>();

parentPort!.on('message', async (order: Order) => {
  const { job, task } = order;
  if (task === 'end') return running.get(job)?.abort();
  const control = new AbortController();
  running.set(job, control);
  const say = (word: Word) => parentPort!.postMessage(word);
  try {
    const sent = await carryOut(task, control.signal, (now) => say({ job, kind: 'progress', sent: now }));
    say({ job, kind: 'done', sent });
  } catch (error) {
    // One that has failed once carries nothing any more.
    couriers.delete(keyOf(task.way));
    say({ job, kind: 'failed', name: (error as Error).name, message: (error as Error).message });
  } finally {
    running.delete(job);
  }
});

async function carryOut(task: Task, signal: AbortSignal, report: (sent: SendProgress) => void): Promise<SendProgress> {
  const sending = { courier: courierFor(task.way), signal, report };
  if (task.kind === 'stretch') return sendStretch(task.stretch, task.start, { ...sending, there: task.there });
  if (task.kind === 'heartbeats') return sendHeartbeats(task, sending);
  const heldBack: Span[][] = [];
  for (const [at, lane] of task.lanes.entries())
    heldBack.push(await sendHeldBack({ game: task.game, ...lane, there: task.there?.[at] }, sending.courier));
  return { ...unsent(0), heldBack };
}

function courierFor(way: Way): Producer {
  const found = couriers.get(keyOf(way)) ?? producer({ put, lookUp, ...way });
  couriers.set(keyOf(way), found);
  return found;
}

function keyOf(way: Way): string {
  return JSON.stringify(way);
}
