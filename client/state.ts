import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Where an embedded start is reached: what `npm start` leaves in its state folder for the other commands. */
export interface Running {
  pid: number;
  temporal: { address: string; namespace: string; ui?: string };
  /** Absent with target `aws`. */
  aws?: { endpoint: string; accessKeyId: string; secretAccessKey: string; region: string };
}

/** The state folder: `DATA2DASHBOARD_STATE`, else `.data2dashboard` where the command runs. */
export const stateFolder = (): string => resolve(process.env.DATA2DASHBOARD_STATE ?? '.data2dashboard');

const file = (state: string) => join(state, 'running.json');

/** What runs on this state folder; undefined when nothing does (a file left by a killed start does not count). */
export async function running(state: string): Promise<Running | undefined> {
  const written = await lastRun(state);
  return written && isAlive(written.pid) ? written : undefined;
}

/** What ran here last, whether it still does or not: its ports are asked for again. */
export async function lastRun(state: string): Promise<Running | undefined> {
  try {
    return JSON.parse(await readFile(file(state), 'utf8')) as Running;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Tells the other commands where everything is. The file holds the local key pair, so it is its owner's alone. */
export async function announce(state: string, now: Running): Promise<void> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  await writeFile(`${file(state)}.new`, JSON.stringify(now, undefined, 2), { mode: 0o600 });
  await rename(`${file(state)}.new`, file(state));
}

/** Takes hold of the state folder for this process; returns who else holds it, if anybody does. */
export async function takeHold(state: string): Promise<number | undefined> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const lock = join(state, 'lock');
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (holder > 0 && isAlive(holder)) return holder;
    await rm(lock, { force: true });
  }
}

/** Lets go of the state folder. */
export const letGo = (state: string): Promise<void> => rm(join(state, 'lock'), { force: true });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
