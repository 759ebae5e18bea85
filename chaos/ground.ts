import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clients } from '../activities/aws.ts';
import { type Embedded, embedded } from '../client/embedded.ts';
import { connect } from '../client/pipeline.ts';
import { announce } from '../client/state.ts';
import type { Call } from '../local/call-log.ts';
import { controlOf } from '../local/control-client.ts';
import { BOUNDARIES } from './boundary-file.ts';
import type { Place } from './life.ts';

/** The product on this machine, in processes that can be killed. */
export interface Ground extends Place {
  parts: Embedded;
  /** The ids of all that can be killed, as they are now. */
  pids(): Record<string, number | undefined>;
  /** Steers the local AWS. */
  control: ReturnType<typeof controlOf>;
  state: string;
  /** Where the worker kills itself next, as 'bucket.ensure before'; each once. */
  boundaries: { put(all: string[]): Promise<void>; left(): Promise<string[]> };
  close(): Promise<void>;
}

/** What was killed comes back at once, however often it was before. */
const BACKOFF = { firstMs: 100, longestMs: 100, healthyMs: 30_000 };

/** Starts Temporal, the local AWS and a worker on state of their own. */
export async function ground(): Promise<Ground> {
  delete process.env.TEMPORAL_ADDRESS; // nothing here is done to a user's server
  const state = await mkdtemp(join(tmpdir(), 'data2dashboard-chaos-'));
  const callLog = join(state, 'calls.jsonl');
  const boundaries = join(state, 'boundaries.json');
  await writeFile(boundaries, '[]');
  process.env[BOUNDARIES] = boundaries;
  const quiet = () => undefined;
  const parts = embedded({
    state,
    workerProgram: new URL('mortal-worker.ts', import.meta.url),
    region: 'us-east-1',
    local: { profile: 'instant', speed: 1, callLog },
    backoff: BACKOFF,
    anyPorts: true,
    tell: quiet,
    note: quiet,
  });
  const [server, aws] = await Promise.all([parts.temporal(), parts.localAws()]);
  await parts.worker(server, aws);
  await announce(state, { pid: process.pid, temporal: server, aws });
  const target = { region: 'us-east-1', endpoint: aws.endpoint, credentials: aws };
  const client = await connect(server);
  return {
    parts,
    pids: () => ({ ...parts.pids(), ...within(parts.pids()['local AWS']) }),
    client,
    target,
    control: controlOf({ region: target.region, endpoint: aws.endpoint, credentials: aws }),
    state,
    aws: clients({ ...target, app: 'test' }),
    calls: async () => callsIn(await readFile(callLog, 'utf8')),
    boundaries: {
      put: (all) => writeFile(boundaries, JSON.stringify(all)),
      left: async () => JSON.parse(await readFile(boundaries, 'utf8')) as string[],
    },
    close: async () => {
      await parts.stop();
      await rm(state, { recursive: true, force: true });
      await client.connection.close(); // last: its retries would fail the process
    },
  };
}

/** A line that was cut short by a kill is no call. */
const callsIn = (text: string): Call[] =>
  text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Call);

/** Processes of the local AWS that can die alone, by what their command lines end in. */
const WITHIN = { Flink: / Local$/, Athena: /athena\/engine-process\.ts / };

function within(parent: number | undefined): Record<string, number | undefined> {
  if (parent === undefined) return {};
  const children = execFileSync('ps', ['-A', '-ww', '-o', 'ppid=,pid=,args='], { encoding: 'utf8', maxBuffer: 2 ** 24 })
    .split('\n')
    .flatMap((line) => (Number.parseInt(line, 10) === parent ? [line.trim().replace(/^\d+\s+/, '')] : []));
  const pidOf = (command: RegExp) => children.filter((line) => command.test(line)).map((line) => Number.parseInt(line, 10))[0];
  return { Flink: pidOf(WITHIN.Flink), Athena: pidOf(WITHIN.Athena) };
}

/** Sends SIGKILL; false if there is no such process. */
export function killed(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

/** A verb as a user runs it. */
export function d2d(state: string, ...verb: string[]): ChildProcess {
  const program = new URL('../client/d2d.mjs', import.meta.url).pathname;
  const env = { ...process.env, DATA2DASHBOARD_STATE: state };
  return spawn(process.execPath, [program, ...verb, '--json'], { cwd: state, stdio: 'ignore', env });
}
