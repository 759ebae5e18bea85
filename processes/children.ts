import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { keepLog } from './child-log.ts';

const GUARD = fileURLToPath(new URL('guard.sh', import.meta.url));
const HELD_BY_PARENT = 'DATA2DASHBOARD_STDIN_HELD_BY_PARENT';
const LAST_LINES = 5;
const LAST_WORDS_MS = 1000;

/** How a process ended: `code` or `signal`, as Node says it; neither when it could not even be started. */
export type Exit = { code?: number; signal?: NodeJS.Signals };

/** When a child counts as ready: a line of its output says so, or the caller has seen it answer (the signal is aborted when nobody waits any more). */
export type Readiness = { line: (line: string) => boolean } | { answers: (signal: AbortSignal) => Promise<void> };

/** What to start, and how it is heard and ended. */
export type ChildOptions = {
  name: string;
  command: string;
  args?: string[];
  /** Added to our own environment; an undefined value takes a variable away. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Without it the child is ready as soon as it is started. */
  ready?: Readiness;
  /** 60 s unless told. */
  readyMs?: number;
  /** Everything it writes is appended here; over 10 MB the file is set aside as `.1` at the start. */
  logFile: string;
  /** Hears each line too. */
  log?: (line: string) => void;
  /** The time between TERM and KILL, 10 s unless told. */
  graceMs?: number;
};

/** A child process of ours. */
export type Child = {
  name: string;
  /** Its process id, or that of the guard it runs under; undefined when it could not be started. */
  pid: number | undefined;
  /** Resolves once it is ready; rejects, with its last lines, if it ends before that or takes longer than `readyMs`. */
  ready: Promise<void>;
  /** Resolves, and never rejects, once it has ended. */
  exited: Promise<Exit>;
  /** Ends it, by TERM and after the grace by KILL; resolves once it is gone. Calling it again is harmless. */
  stop(): Promise<Exit>;
};

/**
 * Starts a child that ends with us even if we are killed: a program of ours (its command is our own Node) must call `exitWithParent`, any other is run
 * under guard.sh. It gets a process group of its own, so that Ctrl-C reaches only us and we end our children in order.
 */
export function startChild(options: ChildOptions): Child {
  const { name, command, args = [], graceMs = 10_000 } = options;
  const ours = command === process.execPath;
  const [file, fileArgs] = ours ? [command, args] : ['sh', [GUARD, String(Math.ceil(graceMs / 1000)), command, ...args]];
  const env = { ...process.env, ...options.env, [HELD_BY_PARENT]: ours ? '1' : undefined };
  const spawned = spawn(file, fileArgs, { env, cwd: options.cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });

  const lastLines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const logged = keepLog(spawned, options.logFile, (line) => {
    lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    options.log?.(line);
    for (const listener of listeners) listener(line);
  });
  const exited = exitOf(spawned, logged);
  const ready = readiness(options, exited, lastLines, listeners);
  ready.catch(() => {}); // it may be that nobody waits for it: `exited` tells as well
  return { name, pid: spawned.pid, ready, exited, stop: () => end(spawned, exited, graceMs) };
}

/**
 * For our own programs: once the parent that started us by `startChild` is gone, runs `shutdown` and exits, at the latest after the grace. Does nothing in
 * a program started by hand. Call it first: it also keeps the mark of such a parent from our own children.
 */
export function exitWithParent(shutdown: () => Promise<void> | void, graceMs = 10_000): void {
  const held = process.env[HELD_BY_PARENT] !== undefined;
  delete process.env[HELD_BY_PARENT];
  if (!held) return;
  let leaving = false;
  const leave = async () => {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(1), graceMs).unref();
    try {
      await shutdown();
      process.exit(0);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`, () => process.exit(1));
    }
  };
  for (const event of ['end', 'close', 'error']) process.stdin.once(event, leave);
  process.stdin.resume().unref(); // waiting for the parent alone must not keep us running
}

/** In words for the user, how a process ended. */
export const exitReason = ({ code, signal }: Exit): string =>
  signal ? `was ended by ${signal}` : code === undefined ? 'could not be started' : `exited with code ${code}`;

async function exitOf(spawned: ChildProcess, logged: Promise<void>): Promise<Exit> {
  const exit = await new Promise<Exit>((resolve) => {
    spawned.once('error', () => spawned.pid === undefined && resolve({}));
    spawned.once('exit', (code, signal) => resolve(signal ? { signal } : { code: code ?? 1 }));
  });
  killGroup(spawned); // whatever it started itself and left behind
  await Promise.race([logged, delay(LAST_WORDS_MS, undefined, { ref: false })]);
  return exit;
}

async function readiness(
  options: ChildOptions,
  exited: Promise<Exit>,
  lastLines: string[],
  listeners: Set<(line: string) => void>,
): Promise<void> {
  const { name, ready, readyMs = 60_000 } = options;
  const over = new AbortController();
  const failure = (what: string) => new Error([`${name} ${what}`, ...lastLines].join('\n  '));
  const isReady = async () => {
    if (ready === undefined) return;
    if ('answers' in ready) return ready.answers(over.signal);
    await new Promise<void>((resolve) => listeners.add((line) => ready.line(line) && resolve()));
  };
  const endsFirst = async () => {
    throw failure(`${exitReason(await exited)} before it was ready`);
  };
  const takesTooLong = async () => {
    await delay(readyMs, undefined, { signal: over.signal });
    throw failure(`was not ready after ${readyMs / 1000} s`);
  };
  try {
    await Promise.race([isReady(), endsFirst(), takesTooLong()]);
  } finally {
    over.abort();
    listeners.clear();
  }
}

async function end(spawned: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  spawned.kill('SIGTERM');
  const forced = setTimeout(() => killGroup(spawned), graceMs);
  const exit = await exited;
  clearTimeout(forced);
  return exit;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
