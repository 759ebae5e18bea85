import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePort } from '../client/free-port.ts';
import { type Child, type ChildOptions, exitReason, startChild } from '../processes/children.ts';
import { keepAlive, type PartEvent } from '../processes/keep-alive.ts';

const CHILDREN = new URL('../processes/children.ts', import.meta.url).href;
const IGNORES_TERM = 'trap "" TERM; echo pid $$; while :; do sleep 0.1; done';

let folder: string;
let started: Child[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'children-'));
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((child) => child.stop()));
  rmSync(folder, { recursive: true, force: true });
});

const start = (options: Partial<ChildOptions>): Child => {
  const child = startChild({ name: 'part', command: 'sh', logFile: join(folder, 'logs', 'part.log'), ...options });
  started.push(child);
  return child;
};

/** A program in a Node of its own, which may import TypeScript. */
const node = (program: string): Pick<ChildOptions, 'command' | 'args'> => ({
  command: process.execPath,
  args: ['--import', 'tsx', '--input-type=module', '--eval', program],
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const until = async (what: string, holds: () => boolean, withinMs = 60_000): Promise<void> => {
  for (const end = Date.now() + withinMs; !holds(); await delay(20))
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
};

describe('a child', () => {
  test('does not outlive a parent that is killed: neither our own, nor a program under the guard, nor one that ignores TERM', async () => {
    const ours = `import { exitWithParent } from '${CHILDREN}'; exitWithParent(() => console.log('left')); console.log('pid', process.pid); setInterval(() => {}, 1000);`;
    const parts = [
      { name: 'ours', ...node(ours) },
      { name: 'foreign', command: 'sh', args: ['-c', 'echo pid $$; exec sleep 1000'] },
      { name: 'deaf', command: 'sh', args: ['-c', IGNORES_TERM] },
    ].map((part) => ({ ...part, graceMs: 1000, logFile: join(folder, `${part.name}.log`) }));
    const said: string[] = [];
    const parent = start({
      name: 'parent',
      log: (line) => said.push(line),
      ...node(`import { startChild } from '${CHILDREN}';
        const ready = { line: (line) => line.startsWith('pid ') };
        const children = ${JSON.stringify(parts)}.map((part) => startChild({ ...part, ready, log: (line) => console.log(line) }));
        await Promise.all(children.map((child) => child.ready));
        console.log('guards', children.map((child) => child.pid).join(' '));
        console.log('all ready');`),
      ready: { line: (line) => line === 'all ready' },
    });
    await parent.ready;
    const pids = [...said.join(' ').matchAll(/\d+/g)].map(([pid]) => Number(pid));
    expect(pids).toHaveLength(6);
    expect(pids.filter(isAlive)).toEqual(pids);

    process.kill(parent.pid ?? 0, 'SIGKILL');

    expect(await parent.exited).toEqual({ signal: 'SIGKILL' });
    await until('all are gone', () => !pids.some(isAlive));
  });

  test('stops on TERM, with time to say its last words', async () => {
    const child = start({
      args: ['-c', 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done'],
      ready: { line: (line) => line === 'up' },
    });
    await child.ready;

    expect(await child.stop()).toEqual({ code: 3 });
    expect(await child.stop()).toEqual({ code: 3 });
    expect(readFileSync(join(folder, 'logs', 'part.log'), 'utf8')).toBe('up\nbye\n');
  });

  test('that ignores TERM is killed after the grace, and what it started too', async () => {
    const pids: number[] = [];
    const child = start({
      args: ['-c', `(${IGNORES_TERM}) & ${IGNORES_TERM}; sleep 100; echo never`],
      graceMs: 300,
      log: (line) => line.startsWith('pid') && pids.push(Number(line.slice(4))),
    });
    await until('both are up', () => pids.length === 2);

    const asked = performance.now();
    await child.stop();

    expect(performance.now() - asked).toBeGreaterThan(290);
    await until('both are gone', () => !pids.some(isAlive));
  });

  test('is ready when a line says so, or when it has answered', async () => {
    const heard: string[] = [];
    const says = start({
      args: ['-c', 'echo one >&2; echo two; exec sleep 100'],
      ready: { line: (line) => line === 'two' },
      log: (line) => heard.push(line),
    });
    const answers = start({
      args: ['-c', `: > ${folder}/answer; exec sleep 100`],
      ready: { answers: () => until('file', () => existsSync(join(folder, 'answer'))) },
    });

    await Promise.all([says.ready, answers.ready]);

    expect(heard).toContain('two');
  });

  test('that ends before it is ready says why, with its last lines; so does one that takes too long', async () => {
    const fails = start({ args: ['-c', 'echo port taken; exit 7'], ready: { line: () => false } });
    const hangs = start({ args: ['-c', 'exec sleep 100'], ready: { line: () => false }, readyMs: 100 });
    const missing = start({ command: 'no-such-program', ready: { line: () => false } });

    await expect(fails.ready).rejects.toThrow('part exited with code 7 before it was ready\n  port taken');
    await expect(hangs.ready).rejects.toThrow('part was not ready after 0.1 s');
    await expect(missing.ready).rejects.toThrow(/part exited with code 127 .*\n.*no-such-program.*not found/);
  });

  test('that cannot be started at all rejects, and has ended', async () => {
    const child = start({ ...node(''), cwd: join(folder, 'nowhere'), ready: { line: () => false } });

    await expect(child.ready).rejects.toThrow('part could not be started before it was ready');
    expect(exitReason(await child.exited)).toBe('could not be started');
  });

  test('appends to its log, and sets aside one over 10 MB', async () => {
    const logFile = join(folder, 'long.log');
    writeFileSync(logFile, 'x'.repeat(10 * 1024 * 1024 + 1));

    await start({ logFile, args: ['-c', 'echo first'] }).exited;
    await start({ logFile, args: ['-c', 'echo second'] }).exited;

    expect(readFileSync(logFile, 'utf8')).toBe('first\nsecond\n');
    expect(readFileSync(`${logFile}.1`, 'utf8')).toHaveLength(10 * 1024 * 1024 + 1);
  });

  test('of our own may end by itself while its parent lives, and runs on when started by hand', async () => {
    const program = `import { exitWithParent } from '${CHILDREN}'; exitWithParent(() => console.log('left')); setTimeout(() => console.log('done'), 300);`;
    const child = start(node(program));
    const byHand = start({
      name: 'by hand',
      logFile: join(folder, 'hand.log'),
      command: 'sh',
      args: ['-c', `exec "$0" "$@" </dev/null`, process.execPath, ...(node(program).args ?? [])],
    });

    expect(await child.exited).toEqual({ code: 0 });
    expect(await byHand.exited).toEqual({ code: 0 });
    for (const name of ['logs/part.log', 'hand.log']) expect(readFileSync(join(folder, name), 'utf8')).toBe('done\n');
  });
});

describe('a part kept alive', () => {
  const quick = { firstMs: 20, longestMs: 80, healthyMs: 60_000 };

  test('is started again with growing waits and its reason, until it is stopped', async () => {
    const events: PartEvent[] = [];
    const script = 'echo up; exit 5';
    const kept = keepAlive(
      'flink',
      () => start({ args: ['-c', script], ready: { line: (line) => line === 'up' } }),
      (event) => events.push(event),
      quick,
    );
    await kept.ready;
    const downs = () => events.filter((event) => event.state === 'down');
    await until('five restarts', () => downs().length >= 5);
    await kept.stop();
    const count = started.length;

    expect(
      downs()
        .slice(0, 5)
        .map((event) => event.retryMs),
    ).toEqual([20, 40, 80, 80, 80]);
    expect(downs()[0]).toEqual({ name: 'flink', state: 'down', reason: 'flink exited with code 5', retryMs: 20, restarts: 1 });
    expect(events[1]).toMatchObject({ name: 'flink', state: 'up', restarts: 1 });
    await delay(120);
    expect(started).toHaveLength(count);
  });

  test('that has run well for a while waits as little as the first time', async () => {
    const events: PartEvent[] = [];
    const begin = () => start({ args: ['-c', 'echo up; sleep 1'], ready: { line: (line) => line === 'up' } });
    const kept = keepAlive('worker', begin, (event) => events.push(event), { ...quick, healthyMs: 100 });
    await until('three restarts', () => events.filter((event) => event.state === 'down').length >= 3);
    await kept.stop();

    expect(events.flatMap((event) => (event.state === 'down' ? [event.retryMs] : []))).toEqual([20, 20, 20]);
  });

  test('that is killed comes back, and that was never ready is not tried again', async () => {
    const events: PartEvent[] = [];
    const kept = keepAlive(
      'temporal',
      () => start({ args: ['-c', 'echo up; exec sleep 100'], ready: { line: (line) => line === 'up' } }),
      (event) => events.push(event),
      quick,
    );
    await kept.ready;
    const first = kept.current()?.pid ?? 0;
    process.kill(-first, 'SIGKILL');
    await until('it is back', () => events.at(-1)?.state === 'up');

    expect(events[0]).toMatchObject({ reason: 'temporal was ended by SIGKILL', restarts: 1 });
    expect(kept.current()?.pid).not.toBe(first);
    await kept.stop();
    expect(kept.current()).toBeUndefined();

    started = [];
    const never = keepAlive(
      'local AWS',
      () => start({ args: ['-c', 'exit 9'], ready: { line: () => false } }),
      (event) => events.push(event),
      quick,
    );
    await expect(never.ready).rejects.toThrow('exited with code 9');
    expect(started).toHaveLength(1);
  });
});

describe('freePort', () => {
  test('is the preferred one, or another when that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const taken = typeof address === 'object' ? (address?.port ?? 0) : 0;

    const other = await freePort(taken);
    await new Promise((resolve) => server.close(resolve));

    expect(other).not.toBe(taken);
    expect(other).toBeGreaterThan(0);
    expect(await freePort(taken)).toBe(taken);
  });
});
