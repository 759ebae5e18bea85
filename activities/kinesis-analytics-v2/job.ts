import type { KinesisAnalyticsV2Client } from '@aws-sdk/client-kinesis-analytics-v2';
import { LAKE_TABLES } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { enter, type Session } from './session.ts';

/** The note's job as Flink tells it. Times are Flink's own, in milliseconds since the epoch. */
export interface Job {
  /** Of all jobs of the cluster: people may run queries of their own there. */
  states: string[];
  /** Of the note's job while it runs. */
  id?: string;
  /** The same, or the one of the note's that began last. */
  latest?: string;
  now: number;
  vertices: { id: string; name: string; parallelism: number }[];
}

const BASE = '/flinkdashboard/jobs';

/** Flink's REST behind the application's presigned URL; the application must be RUNNING. */
export const flinkOf = (client: KinesisAnalyticsV2Client, pipeline: Pipeline): Promise<Session> =>
  enter(client, pipeline, 'FLINK_DASHBOARD_URL');

/** What Flink's tables of the note are called: its source and every sink. A vertex is named after the tables of what is chained in it. */
const TABLES = ['game_events', ...LAKE_TABLES.filter((table) => table !== 'events')].map((table) => new RegExp(`\\b${table}\\b`));
const isOfNote = (vertices: Job['vertices']): boolean => TABLES.every((table) => vertices.some(({ name }) => table.test(name)));

/** The note's job: the one that reads our source and writes to all our sinks. */
export async function jobOf(flink: Session): Promise<Job> {
  const { jobs = [] } = (await flink('GET', `${BASE}/overview`)) as { jobs?: { jid: string; state: string; 'start-time': number }[] };
  const states = jobs.map(({ state }) => state);
  const isRunning = (state: string) => Number(state === 'RUNNING');
  const likeliest = jobs.sort((a, b) => isRunning(b.state) - isRunning(a.state) || b['start-time'] - a['start-time']);
  for (const { jid, state } of likeliest) {
    const { vertices = [], now = 0 } = (await flink('GET', `${BASE}/${jid}`)) as unknown as Partial<Job>;
    if (!isOfNote(vertices)) continue;
    return state === 'RUNNING' ? { states, id: jid, latest: jid, now, vertices } : { states, latest: jid, now: 0, vertices: [] };
  }
  return { states, now: 0, vertices: [] };
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

/** What a subtask has done of a sink's work, in rows since it was started or restarted: taken in, sent (those that go again, again), and refused by the stream. */
export interface SinkRows {
  taken: number;
  sent: number;
  refused: number;
}

/** The work of every sink, subtask by subtask, in the same order each time; as old as Flink's last round of collecting metrics. */
export async function sinksOf(flink: Session, { id, vertices }: Job): Promise<SinkRows[]> {
  const all = vertices.map(async ({ id: vertex, parallelism }) => {
    const path = `${BASE}/${id}/vertices/${vertex}/subtasks`;
    const known = (await flink('GET', `${path}/metrics`)) as unknown as { id: string }[];
    const names = known.flatMap((metric) => (OF_SINKS.test(metric.id) ? [metric.id] : [])).sort();
    if (names.length === 0) return [];
    const query = `metrics?get=${encodeURIComponent(names.join())}`;
    const subtasks = Array.from(
      { length: parallelism },
      async (_, i) => (await flink('GET', `${path}/${i}/${query}`)) as unknown as Metric[],
    );
    return (await Promise.all(subtasks)).flatMap((metrics) => rowsOf(names, metrics));
  });
  return (await Promise.all(all)).flat();
}

interface Metric {
  id: string;
  value: string;
}
const OF_SINKS = /Writer\.numRecords(In|Send|Out|SendErrors|OutErrors)$/;

/** Versions of Flink count what is sent, and what fails, as `Send` or as `Out`. */
function rowsOf(names: string[], metrics: Metric[]): SinkRows[] {
  const values = new Map(metrics.map((metric) => [metric.id, Number(metric.value)]));
  const writers = new Set(names.map((name) => name.slice(0, name.lastIndexOf('.'))));
  return [...writers].map((writer) => {
    const of = (...counts: string[]) => Math.max(...counts.map((count) => values.get(`${writer}.numRecords${count}`) ?? 0));
    return { taken: of('In'), sent: of('Send', 'Out'), refused: of('SendErrors', 'OutErrors') };
  });
}

/** When the latest checkpoint that has completed was begun; 0 before the first. */
export async function checkpointOf(flink: Session, { id }: Job): Promise<number> {
  const { latest } = (await flink('GET', `${BASE}/${id}/checkpoints`)) as {
    latest?: { completed?: { trigger_timestamp?: number } | null };
  };
  return latest?.completed?.trigger_timestamp ?? 0;
}

/** True once a job has gone on from a checkpoint by itself. */
export async function hasRestarted(flink: Session, { id }: Job): Promise<boolean> {
  const { counts } = (await flink('GET', `${BASE}/${id}/checkpoints`)) as { counts?: { restored?: number } };
  return (counts?.restored ?? 0) > 0;
}

/** What last made Flink restart or give up the latest job: the innermost cause, one line; undefined if nothing has. */
export async function exceptionOf(flink: Session, { latest }: Job): Promise<string | undefined> {
  if (latest === undefined) return undefined;
  const answer = (await flink('GET', `${BASE}/${latest}/exceptions`)) as { 'root-exception'?: string | null };
  const trace = answer['root-exception'] ?? undefined;
  const causes = trace?.split('\n').filter((line) => line.startsWith('Caused by: '));
  return causes?.at(-1)?.slice('Caused by: '.length) ?? trace?.split('\n')[0];
}
