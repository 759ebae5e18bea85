import { parentPort, workerData } from 'node:worker_threads';
import { clients, type Target } from '../aws.ts';
import { type Range, type Sent, sendHeartbeats, sendRange } from './send.ts';

/** What the thread is asked: send a range, send heartbeats, or end a job early. */
export type Order =
  | { job: number; kind: 'range'; stream: string; range: Range; start: Sent }
  | { job: number; kind: 'heartbeats'; stream: string; run: string; until: number }
  | { job: number; kind: 'end' };

/** What the thread says of a job. */
export type Word =
  | { job: number; kind: 'progress'; sent: Sent }
  | { job: number; kind: 'done'; sent: Sent }
  | { job: number; kind: 'failed'; name: string; message: string };

const { kinesis } = clients(workerData as Target);
const running = new Map<number, AbortController>();

parentPort!.on('message', async (order: Order) => {
  if (order.kind === 'end') return running.get(order.job)?.abort();
  const { job, stream } = order;
  const control = new AbortController();
  running.set(job, control);
  const say = (word: Word) => parentPort!.postMessage(word);
  const sending = { kinesis, stream, signal: control.signal, report: (sent: Sent) => say({ job, kind: 'progress', sent }) };
  try {
    const sent = await (order.kind === 'range'
      ? sendRange(order.range, order.start, sending)
      : sendHeartbeats(order.run, order.until, sending));
    say({ job, kind: 'done', sent });
  } catch (error) {
    say({ job, kind: 'failed', name: (error as Error).name, message: (error as Error).message });
  } finally {
    running.delete(job);
  }
});
