import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Local, type LocalOptions, startLocal } from '../local/start.ts';

/** A local AWS for tests, and its state folder. */
export interface LocalAws extends Local {
  dir: string;
}

/** Starts one that says nothing, on a folder of its own, which goes with it. */
export async function localAws(options: Partial<LocalOptions> = {}): Promise<LocalAws> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-local-'));
  const local = await startLocal({ dir, log: () => undefined, ...options });
  const close = async () => {
    await local.close();
    await rm(dir, { recursive: true });
  };
  return { ...local, dir, close };
}
