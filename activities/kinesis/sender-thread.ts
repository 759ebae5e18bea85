import { parentPort, workerData } from 'node:worker_threads';
import type { Span } from '../../pipeline/ledger.ts';
import type { Game } from '../../pipeline/simulation.ts';
import type { Target } from '../aws.ts';
import { monotonicMs } from './monotonic.ts';
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

/** What the thread is asked: a task until a moment by `monotonicMs`, to hold on until a later one, or to end early. */
export type ThreadRequest =
  | { job: number; kind: 'run'; task: Task; until: number }
  | { job: number; kind: 'hold'; until: number }
  | { job: number; kind: 'end' };

/** What the thread says of a job. */
export type ThreadReply =
  | { job: number; kind: 'progress'; sent: SendProgress }
  | { job: number; kind: 'warning'; message: string }
  | { job: number; kind: 'done'; sent: SendProgress }
  | { job: number; kind: 'failed'; name: string; message: string };

const { put } = putting(workerData as Target);
const lookUp = lookUpIn(workerData as Target);
const running = new Map<number, { control: AbortController; until: number }>();
const producers = new Map<string, Producer>();

parentPort!.on('message', async (request: ThreadRequest) => {
  const { job } = request;
  const found = running.get(job);
  if (request.kind === 'end') return found?.control.abort();
  if (request.kind === 'hold') return found && Object.assign(found, { until: request.until });
  const { task, until } = request;
  const control = new AbortController();
  const current = { control, until };
  running.set(job, current);
  const isOver = () => {
    if (monotonicMs() > current.until) control.abort();
    return control.signal.aborted;
  };
  const say = (reply: ThreadReply) => parentPort!.postMessage(reply);
  try {
    const sent = await carryOut(task, { signal: control.signal, isOver }, (now) => say({ job, kind: 'progress', sent: now }));
    say({ job, kind: 'done', sent });
  } catch (error) {
    // A producer that has failed sends nothing any more.
    producers.delete(keyOf(task.options));
    say({ job, kind: 'failed', name: (error as Error).name, message: (error as Error).message });
  } finally {
    running.delete(job);
  }
});

async function carryOut(task: Task, end: Ending, report: (sent: SendProgress) => void): Promise<SendProgress> {
  const sending = { producer: producerFor(task.options), ...end, report };
  if (task.kind === 'stretch') return sendStretch(task.stretch, task.start, { ...sending, there: task.there });
  if (task.kind === 'heartbeats') return sendHeartbeats(task, sending);
  const heldBack: Span[][] = [];
  for (const [at, lane] of task.lanes.entries())
    heldBack.push(await sendHeldBack({ game: task.game, ...lane, there: task.there?.[at] }, sending.producer));
  return { ...unsent(0), heldBack };
}

/** The lanes share a producer: what it says is told with any job that it works for. */
function warn(message: string): void {
  const [job] = running.keys();
  if (job !== undefined) parentPort!.postMessage({ job, kind: 'warning', message } satisfies ThreadReply);
}

function producerFor(options: SenderOptions): Producer {
  const found = producers.get(keyOf(options)) ?? producer({ put, lookUp, warn, ...options });
  producers.set(keyOf(options), found);
  return found;
}

function keyOf(options: SenderOptions): string {
  return JSON.stringify(options);
}
