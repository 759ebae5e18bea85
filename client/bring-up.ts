import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { clients, type Target } from '../activities/aws.ts';
import { hasKillsOnDashboard } from '../activities/quicksight/page.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { type Embedded, embedded } from './embedded.ts';
import { Busy, connect, inAccount, type Started, startPipeline } from './pipeline.ts';
import type { Progress } from './progress.ts';
import { announce } from './state.ts';
import { undefinedIfUnanswered } from './transient.ts';
import { watchUp } from './watch.ts';

/** What is up, and how long that took, in seconds since the process began. */
export interface Up {
  client: Client;
  pipeline: Pipeline;
  target: Target;
  temporalUi?: string;
  /** Until every stage stood. */
  upSeconds: number;
  /** Until the dashboard showed its first kills. */
  firstChartSeconds: number;
}

/** Prepares Temporal, the local AWS and the worker on a state folder; `progress` hears when one of them goes down and when it is back. Nothing runs yet. */
export const machine = (
  state: string,
  { region, local }: Spec,
  progress: Progress,
  behaviour: { seed?: number; faults?: string; callLog?: string } = {},
): Embedded =>
  embedded({
    state,
    region,
    local: { ...local, ...behaviour },
    note: (line) => progress.line(`  ${line}`),
    tell: (event) => {
      const again = event.state === 'down' && `${event.reason}; starting it again in ${event.retryMs / 1000} s`;
      progress.line(`  ${again || `${event.name} is back`}`);
    },
  });

/** What `bringUp` tells while it works. */
export interface Told {
  /** The pipeline is held, and why, or somebody has taken it down; when this throws, `bringUp` does. */
  stuck(reason: string): void;
  /** The parts are up, and nothing is asked for yet; when this throws, `bringUp` does. */
  before?(client: Client, pipeline: Pipeline): Promise<void>;
  /** There is a pipeline now. */
  started?(pipeline: { client: Client; pipeline: Pipeline }): void;
}

/** Starts the parts, then the pipeline, and returns once the dashboard shows data. Throws once `signal` is aborted, at its next wait. */
export async function bringUp(
  parts: Embedded,
  state: string,
  spec: Spec,
  progress: Progress,
  signal: AbortSignal,
  { stuck, before = async () => undefined, started = () => undefined }: Told,
): Promise<Up> {
  const timed = async <Value>(what: string, work: () => Promise<Value>): Promise<Value> => {
    signal.throwIfAborted();
    const since = Date.now();
    progress.now(`starting ${what}`);
    const value = await work();
    progress.done(what, since);
    return value;
  };
  const starting = [
    timed('Temporal', () => parts.temporal()),
    spec.target === 'local' ? timed('local AWS', () => parts.localAws()) : undefined,
  ] as const;
  const [server, aws] = await Promise.all(starting);
  await timed('worker', () => parts.worker(server, aws));
  const target: Target = aws ? { region: spec.region, endpoint: aws.endpoint, credentials: aws } : { region: spec.region };
  const { address, namespace, ui } = server as typeof server & { ui?: string };
  await announce(state, { pid: process.pid, temporal: { address, namespace, ui }, aws });

  const client = await connect(server);
  const pipeline = await inAccount(spec, target);
  await before(client, pipeline);
  const { was } = await startOnceFree(client, pipeline, progress, signal);
  started({ client, pipeline });
  if (was) progress.line(`  pipeline ${spec.name} goes on where it was`);
  await watchUp(client, spec.name, progress, stuck, signal);
  const upSeconds = sinceBegin();
  progress.now('waiting for the dashboard to show its first kills');
  while (spec.target === 'local' && !(await undefinedIfUnanswered(hasKillsOnDashboard(clients(target), pipeline))))
    await delay(500, undefined, { signal });
  return { client, pipeline, target, temporalUi: ui, upSeconds, firstChartSeconds: sinceBegin() };
}

/** Starts the pipeline after the end of what an earlier life of these parts began, and which goes on with the worker of this one: a take-down, or an up by another spec. */
export async function startOnceFree(client: Client, pipeline: Pipeline, progress: Progress, signal: AbortSignal): Promise<Started> {
  const waiting = (what: string) => {
    signal.throwIfAborted();
    progress.now(what);
  };
  for (;;) {
    try {
      return await startPipeline(client, { pipeline }, waiting);
    } catch (error) {
      if (!(error instanceof Busy)) throw error;
      progress.now(`waiting for what was begun before: ${error.what}`);
      await delay(500, undefined, { signal });
    }
  }
}

const sinceBegin = () => Math.round(performance.now() / 100) / 10;
