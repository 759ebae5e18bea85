import type { KinesisAnalyticsV2Client } from '@aws-sdk/client-kinesis-analytics-v2';
import type { Pipeline } from '../../pipeline/spec.ts';
import { enter, type Session } from './session.ts';

/** The note's job as Flink tells it. Times are Flink's own, in milliseconds since the epoch. */
export interface Job {
  /** Of all jobs of the cluster; the note's is the running one. */
  states: string[];
  id?: string;
  /** The running one, or the one that began last. */
  latest?: string;
  now: number;
  vertices: { id: string; name: string; parallelism: number }[];
}

const BASE = '/flinkdashboard/jobs';

/** Flink's REST behind the application's presigned URL; the application must be RUNNING. */
export const flinkOf = (client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<Session> =>
  enter(client, pipeline, 'FLINK_DASHBOARD_URL');

/** The running job. */
export async function jobOf(flink: Session): Promise<Job> {
  const { jobs = [] } = (await flink('GET', `${BASE}/overview`)) as { jobs?: { jid: string; state: string; 'start-time': number }[] };
  const running = jobs.find(({ state }) => state === 'RUNNING');
  const states = jobs.map(({ state }) => state);
  const latest = (running ?? [...jobs].sort((a, b) => a['start-time'] - b['start-time']).at(-1))?.jid;
  if (!running) return { states, latest, now: 0, vertices: [] };
  const { vertices = [], now = 0 } = (await flink('GET', `${BASE}/${running.jid}`)) as unknown as Partial<Job>;
  return { states, id: running.jid, latest, now, vertices };
}

/** The vertex that reads the events. */
export const sourceOf = ({ vertices }: Job) => vertices.find(({ name }) => name.includes('Source'));

/** Up to which event time (milliseconds since the epoch) every operator behind the source has been told that nothing earlier comes; undefined before the first word. */
export async function watermarkOf(flink: Session, job: Job): Promise<number | undefined> {
  const behind = job.vertices.filter((vertex) => vertex !== sourceOf(job));
  const all = await Promise.all(
    behind.map(async ({ id }) => (await flink('GET', `${BASE}/${job.id}/vertices/${id}/watermarks`)) as unknown as { value: string }[]),
  );
  const marks = all.flat().map(({ value }) => Number(value));
  const least = Math.min(...marks);
  return marks.length > 0 && least > 0 ? least : undefined;
}

/** Changes whenever Flink has collected its metrics anew: every 10 seconds, unless it is told otherwise, and only while somebody asks. */
export async function roundOf(flink: Session): Promise<number | undefined> {
  const name = 'Status.JVM.CPU.Time';
  const [found] = (await flink('GET', `/flinkdashboard/taskmanagers/metrics?get=${name}&agg=sum`)) as unknown as { sum?: number }[];
  return found?.sum;
}

/**
 * Rows that the sinks hold back, as far as Flink's metrics tell: those taken in and not sent yet, and those that a stream refused. Rows of calls under way are not
 * among them. Versions of Flink count what is sent, and what fails, as `Send` or as `Out`.
 */
export async function heldBack(flink: Session, { id, vertices }: Job): Promise<number> {
  const all = await Promise.all(
    vertices.map(async (vertex) => {
      const path = `${BASE}/${id}/vertices/${vertex.id}/subtasks/metrics`;
      const known = (await flink('GET', path)) as unknown as { id: string }[];
      const ofSinks = known.flatMap((metric) => (OF_SINKS.test(metric.id) ? [metric.id] : []));
      if (ofSinks.length === 0) return [];
      return (await flink('GET', `${path}?get=${encodeURIComponent(ofSinks.join())}&agg=sum`)) as unknown as { id: string; sum: number }[];
    }),
  );
  const sums = new Map(all.flat().map((metric) => [metric.id, metric.sum]));
  const of = (writer: string, ...counts: string[]) => Math.max(...counts.map((count) => sums.get(`${writer}.numRecords${count}`) ?? 0));
  const writers = new Set([...sums.keys()].map((metric) => metric.slice(0, metric.lastIndexOf('.'))));
  const held = [...writers].map((writer) => of(writer, 'In') - of(writer, 'Send', 'Out') + of(writer, 'SendErrors', 'OutErrors'));
  return held.reduce((sum, each) => sum + each, 0);
}

const OF_SINKS = /Writer\.numRecords(In|Send|Out|SendErrors|OutErrors)$/;

/** When the latest checkpoint that has completed was begun; 0 before the first. */
export async function checkpointOf(flink: Session, { id }: Job): Promise<number> {
  const { latest } = (await flink('GET', `${BASE}/${id}/checkpoints`)) as {
    latest?: { completed?: { trigger_timestamp?: number } | null };
  };
  return latest?.completed?.trigger_timestamp ?? 0;
}

/** What last made Flink restart or give up the latest job: the innermost cause, one line; undefined if nothing has. */
export async function exceptionOf(flink: Session, { latest }: Job): Promise<string | undefined> {
  if (latest === undefined) return undefined;
  const answer = (await flink('GET', `${BASE}/${latest}/exceptions`)) as { 'root-exception'?: string | null };
  const trace = answer['root-exception'] ?? undefined;
  const causes = trace?.split('\n').filter((line) => line.startsWith('Caused by: '));
  return causes?.at(-1)?.slice('Caused by: '.length) ?? trace?.split('\n')[0];
}
