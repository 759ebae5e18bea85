import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Target } from '../activities/aws.ts';
import { type Embedded, embedded } from '../client/embedded.ts';
import { connect, inAccount, picture, startPipeline, takeDown, unlessNobodyAnswers } from '../client/pipeline.ts';
import { announce } from '../client/state.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import type { audit } from '../workflows/index.ts';
import type { PipelineStatus } from '../workflows/messages.ts';
import { madeTwice } from './made-twice.ts';
import { oneOf, randomBy } from './random.ts';

/** How one run went. */
export interface KillRun {
  converged: boolean;
  kills: string[];
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

const PARTS = ['worker', 'local AWS', 'Temporal', 'client'] as const;
const PHASES = ['up', 'run', 'apply', 'down'] as const;
const EVENTS = 400;
const RATE = 200;
/** A run that has not come through by then never will. */
const PATIENCE_MS = 150_000;

/** Starts Temporal, the local AWS and a worker on state of their own. */
export async function ground(): Promise<Ground> {
  const state = await mkdtemp(join(tmpdir(), 'data2dashboard-chaos-'));
  const callLog = join(state, 'calls.jsonl');
  const quiet = () => undefined;
  const local = { profile: 'instant' as const, speed: 1, callLog };
  const parts = embedded({ state, target: 'local', region: 'us-east-1', local, tell: quiet, note: quiet });
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
      await client.connection.close();
      await parts.stop();
      await rm(state, { recursive: true, force: true });
    },
  };
}

/** One life of a pipeline, with a part killed at a random moment of each of some phases: up, run, apply, down. */
export async function killRun(on: Ground, number: number, seed: number): Promise<KillRun> {
  const random = randomBy(seed * 1_000_003 + number);
  const written = {
    name: `chaos${number}`,
    windowSeconds: 2,
    delivery: { seconds: 1 },
    generator: { rate: RATE, total: EVENTS, seed: Math.floor(random() * 2 ** 32) },
  };
  const spec = parseSpec(written);
  const kills: string[] = [];
  const began = performance.now();
  const nemesis = async (phase: (typeof PHASES)[number], withinMs: number, verb?: ChildProcess): Promise<void> => {
    const part = oneOf(PARTS, random);
    const after = random() * withinMs;
    if (random() < 0.5) return;
    await delay(after);
    kills.push(`${part} ${Math.round(after)} ms into ${phase}`);
    const pid = part === 'client' ? verb?.pid : on.parts.pids()[part];
    if (pid !== undefined) killed(pid);
  };
  const result: KillRun = { converged: false, kills, lost: 0, duplicates: 0, leftovers: 0, madeTwice: 0, seconds: 0 };
  try {
    const pipeline = await again(() => inAccount(spec, on.target));
    await writeFile(join(on.state, 'data2dashboard.yaml'), JSON.stringify(written));
    const upVerb = d2d(on.state, 'up');
    await Promise.all([again(() => startPipeline(on.client, { pipeline })), nemesis('up', 8_000, upVerb)]);
    await Promise.all([reached(on.client, pipeline, ({ state }) => state === 'running'), nemesis('run', 6_000)]);
    const counted = await audited(on.client, pipeline);
    Object.assign(result, { lost: counted.lost + counted.windowsWrong, duplicates: counted.duplicates });
    const changed: Pipeline = { ...pipeline, delivery: { seconds: 2, megabytes: 4 }, keep: { ...pipeline.keep, logDays: 30 } };
    await Promise.all([again(() => startPipeline(on.client, { pipeline: changed })), nemesis('apply', 3_000)]);
    await reached(on.client, changed, ({ state, pipeline: now }) => state === 'running' && now.delivery.seconds === 2);
    const [{ left }] = await Promise.all([again(() => takeDown(on.client, changed)), nemesis('down', 3_000)]);
    upVerb.kill('SIGKILL');
    result.leftovers = left.length;
    result.madeTwice = (await madeTwice(on.callLog)).filter((thing) => thing.includes(spec.name)).length;
    result.converged = left.length === 0 && result.lost === 0 && result.duplicates === 0;
  } catch (error) {
    result.fault = `${(error as Error).message}${(error as Error).cause ? `: ${((error as Error).cause as Error).message}` : ''}`;
  }
  result.seconds = Math.round((performance.now() - began) / 100) / 10;
  return result;
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it is on its way back from an earlier kill
  }
}

/** A verb as a user runs it; whether it lives makes no difference to the pipeline. */
function d2d(state: string, verb: string): ChildProcess {
  const program = new URL('../client/d2d.mjs', import.meta.url).pathname;
  const env = { ...process.env, DATA2DASHBOARD_STATE: state };
  const child = spawn(process.execPath, [program, verb, '--json'], { cwd: state, stdio: 'ignore', env });
  void once(child, 'exit');
  return child;
}

/** Asks until there is an answer, as a person would; what is down comes back. */
async function again<Value>(ask: () => Promise<Value>): Promise<Value> {
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

async function reached(client: Client, { name }: Pipeline, isSo: (status: PipelineStatus) => boolean): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const now = await again(() => unlessNobodyAnswers(picture(client, name)));
    if (now && isSo(now.pipeline)) return;
    if (now?.pipeline.state === 'held') throw new Error(`held: ${now.pipeline.reason}`);
    if (Date.now() > until) throw new Error(`still ${now?.pipeline.state ?? 'unanswered'}: ${JSON.stringify(now?.pipeline.stages)}`);
    await delay(200);
  }
}

/** Waits until everything is sent, then counts it everywhere. */
async function audited(client: Client, pipeline: Pipeline) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const { generator } = (await again(() => unlessNobodyAnswers(picture(client, pipeline.name)))) ?? {};
    if (generator?.state === 'finished')
      return again(() =>
        client.workflow.execute<typeof audit>('audit', {
          workflowId: `${names(pipeline).workflows.pipeline}/audit`,
          taskQueue: taskQueue(pipeline.target, pipeline.region),
          args: [{ pipeline, game: generator.game, generated: EVENTS, patience: '60 seconds' }],
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      );
    if (Date.now() > until) throw new Error(`the generator is still ${generator?.state} at ${generator?.acknowledged}`);
    await delay(200);
  }
}
