import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const program = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** A run of the product as a user starts it, in a folder of its own. */
export interface Run {
  child: ChildProcess;
  /** Everything said on stderr so far. */
  said(): string;
  /** Resolves once stderr has this text; rejects if the run ends before. */
  says(text: string | RegExp): Promise<void>;
  /** The exit code, and what came on stdout. */
  ended: Promise<{ code: number | null; output: string }>;
}

/** Starts `npm start -- <args>` in `cwd`, without npm in between. */
export const start = (cwd: string, ...args: string[]): Run => run(cwd, program('client/start.ts'), args);

/** Ends a run, if it has not ended by itself; resolves when it has. */
export async function ended(run: Run): Promise<void> {
  run.child.kill('SIGTERM');
  await run.ended;
}

/** Runs a verb of d2d in `cwd` and returns its exit code and its JSON. */
export async function d2d(cwd: string, ...args: string[]): Promise<{ code: number | null; facts: Record<string, unknown> }> {
  const { code, output } = await run(cwd, program('client/d2d.mjs'), [...args, '--json']).ended;
  return { code, facts: JSON.parse(output.trim().split('\n').at(-1) || '{}') as Record<string, unknown> };
}

function run(cwd: string, path: string, args: string[]): Run {
  const child = spawn(process.execPath, ['--import', tsx, path, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let output = '';
  let said = '';
  const listeners = new Set<() => void>();
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    for (const listener of listeners) listener();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  const has = (text: string | RegExp) => (typeof text === 'string' ? said.includes(text) : text.test(said));
  return {
    child,
    said: () => said,
    says: (text) =>
      new Promise<void>((resolve, reject) => {
        const look = () => has(text) && resolve();
        listeners.add(look);
        look();
        void ended.then(({ code }) => reject(new Error(`ended with code ${code} before it said ${text}:\n${said}`)));
      }),
    ended,
  };
}

/** The live descendants of a process whose command line has this text. */
export function descendants(root: number, text = ''): number[] {
  const processes = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (processOf(name) ?? []) : []));
  const tree = [root];
  for (const pid of tree) tree.push(...processes.filter(({ parent }) => parent === pid).map((found) => found.pid));
  return processes.filter(({ pid, command }) => pid !== root && tree.includes(pid) && command.includes(text)).map(({ pid }) => pid);
}

function processOf(name: string): { pid: number; parent: number; command: string } | undefined {
  try {
    const status = readFileSync(`/proc/${name}/status`, 'utf8');
    if (/^State:\s*Z/m.test(status)) return undefined;
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
    return { pid: Number(name), parent, command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
