import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Figure, limited, quantile } from './figure.ts';

const ROUNDS = 5;
const LIMIT_SECONDS = 1;
const program = (path: string) => fileURLToPath(new URL(`../client/${path}`, import.meta.url));

/** What `d2d up --json` ends with. */
interface Report {
  unchanged: number;
  calls: number;
  mutatingCalls: number;
  seconds: number;
}

/** Seconds that `d2d up` takes where all stands already and the game goes on, with Flink running beside it; fails if it changes anything. */
export async function again(): Promise<Figure[]> {
  const state = await mkdtemp(join(tmpdir(), 'd2d-again-'));
  const child = spawn(process.execPath, ['--import', 'tsx', program('start.ts'), '--state', state, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const isUp = once(createInterface({ input: child.stdout }), 'line');
    await Promise.race([isUp, ended.then(([code]) => Promise.reject(new Error(`the start ended with exit code ${code}`)))]);
    const reports: Report[] = [];
    while (reports.length < ROUNDS) reports.push(await upAgain(state));
    const changing = reports.reduce((sum, { mutatingCalls }) => sum + mutatingCalls, 0);
    if (changing > 0) throw new Error(`a second up made ${changing} mutating calls`);
    const { unchanged, calls } = reports[0]!;
    const took = quantile(
      reports.map(({ seconds }) => seconds),
      0.5,
    );
    return [limited('second up', 's', took, LIMIT_SECONDS, `median of ${ROUNDS}; ${unchanged} stages, ${calls} calls, 0 mutating`)];
  } finally {
    child.kill('SIGTERM');
    await ended;
    await rm(state, { recursive: true, force: true });
  }
}

async function upAgain(state: string): Promise<Report> {
  const env = { ...process.env, DATA2DASHBOARD_STATE: state };
  const { stdout } = await promisify(execFile)(process.execPath, [program('d2d.mjs'), 'up', '--json'], { env });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Report;
}
