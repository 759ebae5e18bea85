import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Target } from '../activities/aws.ts';
import { type Embedded, embedded } from '../client/embedded.ts';
import { connect, picture, unlessNobodyAnswers } from '../client/pipeline.ts';
import { announce } from '../client/state.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import type { audit } from '../workflows/index.ts';
import type { PipelineStatus } from '../workflows/messages.ts';
import { madeTwice } from './made-twice.ts';

/** How one run went. */
export interface Run {
  converged: boolean;
  /** What was done to it. */
  blows: string[];
  lost: number;
  duplicates: number;
  leftovers: number;
  madeTwice: number;
  seconds: number;
  /** Why it did not converge. */
  fault?: string;
}

/** The product on this machine, with parts to be killed. */
export interface Ground {
  parts: Embedded;
  client: Client;
  target: Target;
  state: string;
  callLog: string;
  close(): Promise<void>;
}

/** What each game sends. */
const EVENTS = 400;
/** A run that has not come through by then never will. */
const PATIENCE_MS = 150_000;

/** Starts Temporal, the local AWS and a worker on state of their own. */
export async function ground(workerProgram?: URL): Promise<Ground> {
  const state = await mkdtemp(join(tmpdir(), 'data2dashboard-chaos-'));
  const callLog = join(state, 'calls.jsonl');
  const quiet = () => undefined;
  const local = { profile: 'instant' as const, speed: 1, callLog };
  const parts = embedded({ state, workerProgram, target: 'local', region: 'us-east-1', local, tell: quiet, note: quiet });
  const [server, aws] = await Promise.all([parts.temporal(), parts.localAws()]);
  await parts.worker(server, aws);
  await announce(state, { pid: process.pid, temporal: server, aws });
  const target: Target = { region: 'us-east-1', endpoint: aws.endpoint, credentials: aws };
  const client = await connect(server);
  return {
    parts,
    client,
    target,
    state,
    callLog,
    close: async () => {
      await parts.stop();
      await rm(state, { recursive: true, force: true });
      await client.connection.close(); // last: its retries would fail the process
    },
  };
}

/** A small game that sends its events and ends, with everything else as quick as it goes. */
export const specOf = (number: number, random: () => number) => ({
  name: `chaos${number}`,
  windowSeconds: 2,
  delivery: { seconds: 1 },
  generator: { rate: 200, total: EVENTS, seed: Math.floor(random() * 2 ** 32) },
});

/** A run about which nothing is known yet. */
export const begun = (): Run => ({ converged: false, blows: [], lost: 0, duplicates: 0, leftovers: 0, madeTwice: 0, seconds: 0 });

/** Plays a life, whose story notes down in `run` what it sees, and says how it ended. */
export async function lived(on: Ground, name: string, story: (run: Run) => Promise<void>): Promise<Run> {
  const run = begun();
  const began = performance.now();
  try {
    await story(run);
    run.madeTwice = (await madeTwice(on.callLog)).filter((thing) => thing.includes(name)).length;
    run.converged = run.leftovers === 0 && run.lost === 0 && run.duplicates === 0;
  } catch (error) {
    run.fault = `${(error as Error).message}${(error as Error).cause ? `: ${((error as Error).cause as Error).message}` : ''}`;
  }
  run.seconds = Math.round((performance.now() - began) / 100) / 10;
  return run;
}

/** Sends SIGKILL, wherever the process is. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it is on its way back from an earlier kill
  }
}

/** A verb as a user runs it; whether it lives makes no difference to the pipeline. */
export function d2d(state: string, verb: string): ChildProcess {
  const program = new URL('../client/d2d.mjs', import.meta.url).pathname;
  const env = { ...process.env, DATA2DASHBOARD_STATE: state };
  const child = spawn(process.execPath, [program, verb, '--json'], { cwd: state, stdio: 'ignore', env });
  void once(child, 'exit');
  return child;
}

/** Asks until there is an answer, as a person would; what is down comes back. */
export async function again<Value>(ask: () => Promise<Value>): Promise<Value> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > until) throw error;
      await delay(250);
    }
  }
}

export async function reached(client: Client, { name }: Pipeline, isSo: (status: PipelineStatus) => boolean): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const now = await again(() => unlessNobodyAnswers(picture(client, name)));
    if (now && isSo(now.pipeline)) return;
    if (now?.pipeline.state === 'held') throw new Error(`held: ${now.pipeline.reason}`);
    if (Date.now() > until) throw new Error(`still ${now?.pipeline.state ?? 'unanswered'}: ${JSON.stringify(now?.pipeline.stages)}`);
    await delay(200);
  }
}

/** Waits until everything is sent, then counts it everywhere: events and windows that are missing, and events that are there twice. */
export async function audited(client: Client, pipeline: Pipeline) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const { generator } = (await again(() => unlessNobodyAnswers(picture(client, pipeline.name)))) ?? {};
    if (generator?.state === 'finished')
      return again(() =>
        client.workflow.execute<typeof audit>('audit', {
          workflowId: `${names(pipeline).workflows.pipeline}/audit`,
          taskQueue: taskQueue(pipeline.target, pipeline.region),
          args: [{ pipeline, patience: '60 seconds' }],
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      );
    if (Date.now() > until) throw new Error(`the generator is still ${generator?.state} at ${generator?.acknowledged}`);
    await delay(200);
  }
}
