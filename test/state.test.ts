import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { announce, lastRun, letGo, running, takeHold } from '../client/state.ts';

const LOCK = new URL('../setup/lock.mjs', import.meta.url).href;
/** Tells its result as one line, and lives until its stdin ends. */
const STARTER = `import { tryLock } from '${LOCK}'; console.log(String(tryLock(process.argv[1]))); process.stdin.resume();`;
/** Fails if another is inside while it holds the lock. */
const WAITER = `import { rmSync, writeFileSync } from 'node:fs';
  import { takeLock } from '${LOCK}';
  const inside = process.argv[1] + '.inside';
  const release = await takeLock(process.argv[1], () => {});
  writeFileSync(inside, '', { flag: 'wx' });
  await new Promise((done) => setTimeout(done, 20));
  rmSync(inside);
  release();`;

const here = { temporal: { address: '127.0.0.1:7233', namespace: 'default' } };
let state: string;
let lock: string;
let started: ChildProcess[];

beforeEach(() => {
  state = join(mkdtempSync(join(tmpdir(), 'state-')), 'kept');
  lock = join(state, 'lock');
  mkdirSync(state);
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map(gone));
  rmSync(join(state, '..'), { recursive: true, force: true });
});

const program = (text: string): ChildProcess => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', text, lock], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  started.push(child);
  return child;
};
const starter = async (): Promise<{ pid: number; met: string }> => {
  const child = program(STARTER);
  const [met] = await once(createInterface(child.stdout!), 'line');
  return { pid: child.pid!, met };
};
const gone = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
};

describe('the hold on a state folder', () => {
  it('is one process’s at a time, and says whose', async () => {
    const other = await starter();
    expect(other.met).toBe('undefined');
    expect(await takeHold(state)).toBe(other.pid);

    await letGo(state);
    expect(await takeHold(state)).toBe(other.pid);

    await gone(started[0]!);
    expect(await takeHold(state)).toBeUndefined();
    expect(await takeHold(state)).toBe(process.pid);
    await letGo(state);
    expect(readdirSync(state)).toEqual([]);
  });

  it('is not kept from us by a stranger who was given the id of a dead holder, nor by an unreadable lock', async () => {
    for (const stale of [
      `${process.pid} 1`,
      `${process.ppid} 1`,
      String(process.ppid),
      '',
      'not a lock/at all\n',
      '0 gone',
      '999999999 gone',
    ]) {
      writeFileSync(lock, stale);
      expect({ stale, holder: await takeHold(state) }).toEqual({ stale, holder: undefined });
      await letGo(state);
    }
    expect(readdirSync(state)).toEqual([]);
  });

  it('is taken over from the dead even when one who was about to do that died too', async () => {
    const stale = '999999999 gone';
    writeFileSync(lock, stale);
    writeFileSync(`${lock}.${encodeURIComponent(stale)}`, '999999998 gone');

    expect(await takeHold(state)).toBeUndefined();
    await letGo(state);
    expect(readdirSync(state)).toEqual([]);
  });

  it('goes to exactly one of many who find the same stale lock', async () => {
    for (let round = 0; round < 3; round++) {
      writeFileSync(lock, '999999999 gone');
      const all = await Promise.all(Array.from({ length: 6 }, starter));

      const winners = all.filter(({ met }) => met === 'undefined');
      expect(winners).toHaveLength(1);
      expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${winners[0]!.pid} `));
      await Promise.all(started.map(gone));
    }
  });

  it('lets those who wait in one after the other', async () => {
    writeFileSync(lock, '999999999 gone');
    const codes = await Promise.all(Array.from({ length: 4 }, async () => (await once(program(WAITER), 'exit'))[0]));

    expect(codes).toEqual([0, 0, 0, 0]);
    expect(existsSync(lock)).toBe(false);
  });
});

describe('what runs on a state folder', () => {
  it('is what a living process has announced, for its owner’s eyes only', async () => {
    expect(await running(state)).toBeUndefined();
    await announce(state, { ...here, pid: process.pid });

    expect(await running(state)).toMatchObject({ ...here, pid: process.pid });
    expect(statSync(join(state, 'running.json')).mode & 0o777).toBe(0o600);
  });

  it('is nothing when the process is gone or its id is another’s now; where it was is still known', async () => {
    await announce(state, { ...here, pid: process.pid });
    const file = join(state, 'running.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), process: `${process.pid} 1` }));
    expect(await running(state)).toBeUndefined();
    expect(await lastRun(state)).toMatchObject(here);

    await announce(state, { ...here, pid: 999_999_999 });
    expect(await running(state)).toBeUndefined();
  });

  it.each(['', '{"pid":', 'null', '{}', '{"pid":1,"temporal":{}}'])(
    'is nothing with a damaged file (%s), unless somebody holds the folder',
    async (text) => {
      writeFileSync(join(state, 'running.json'), text);
      expect(await lastRun(state)).toBeUndefined();
      expect(await running(state)).toBeUndefined();

      await takeHold(state);
      await expect(running(state)).rejects.toThrow(
        new RegExp(`^npm start \\(process ${process.pid}\\) has not said in .*running\\.json where it is reached: .*damaged.*$`),
      );
    },
  );
});
