import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { holderOf, identity, isRunning, tryLock, unlock } from '../setup/lock.mjs';
import { UserError } from './user-error.ts';

const runningSchema = z.object({
  pid: z.int().positive(),
  temporal: z.object({ address: z.string(), namespace: z.string(), ui: z.string().optional() }),
  /** Absent with target `aws`. */
  aws: z.object({ endpoint: z.string(), accessKeyId: z.string(), secretAccessKey: z.string(), region: z.string() }).optional(),
});

/** In the file stands, too, what tells the process from a later one of the same id. */
const writtenSchema = runningSchema.extend({ process: z.string() });

/** Where an embedded start is reached: what `npm start` leaves in its state folder for the other commands. */
export type Running = z.output<typeof runningSchema>;

/** The state folder: `DATA2DASHBOARD_STATE`, else `.data2dashboard` where the command runs. */
export const stateFolder = (): string => resolve(process.env.DATA2DASHBOARD_STATE ?? '.data2dashboard');

const file = (state: string) => join(state, 'running.json');
const lock = (state: string) => join(state, 'lock');

/** What runs on this state folder; undefined when nothing does (a file left by a killed start does not count). Fails while a start has not said where it is reached. */
export async function running(state: string): Promise<Running | undefined> {
  const written = await lastWritten(state);
  if (written && isRunning(written.process)) return written;
  const holder = holderOf(lock(state));
  if (holder === undefined) return undefined;
  throw new UserError(
    `npm start (process ${holder}) has not said in ${file(state)} where it is reached: it is still starting, or the file is damaged (then stop it and start it again).`,
  );
}

/** What ran here last, whether it still does or not: its ports are asked for again. A damaged file counts as none. */
export const lastRun = (state: string): Promise<Running | undefined> => lastWritten(state);

async function lastWritten(state: string): Promise<z.output<typeof writtenSchema> | undefined> {
  try {
    return writtenSchema.safeParse(JSON.parse(await readFile(file(state), 'utf8'))).data;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Tells the other commands where everything is. The file holds the local key pair, so it is its owner's alone. */
export async function announce(state: string, now: Running): Promise<void> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  await writeFile(`${file(state)}.new`, JSON.stringify({ ...now, process: identity(now.pid) }, undefined, 2), { mode: 0o600 });
  await rename(`${file(state)}.new`, file(state));
}

/** Takes hold of the state folder for this process; returns who else holds it, if anybody does. */
export async function takeHold(state: string): Promise<number | undefined> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  return tryLock(lock(state));
}

/** Lets go of the state folder, if this process holds it. */
export const letGo = async (state: string): Promise<void> => unlock(lock(state));
