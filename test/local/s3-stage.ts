import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from '@jest/globals';
import { type Local, startLocal } from '../../local/start.ts';

/** The local AWS that a suite which imports this finds, its folder, and a client of its S3. */
export let local: Local;
export let dir: string;
export let s3: S3Client;
/** How far the clock of the local AWS is ahead, in milliseconds. */
export const clock = { ahead: 0 };

const clientOf = (more = {}) => new S3Client({ ...local, forcePathStyle: true, maxAttempts: 1, ...more });

async function start(): Promise<void> {
  local = await startLocal({ dir, now: () => Date.now() + clock.ahead });
  s3 = clientOf();
}

async function stop(): Promise<void> {
  s3.destroy();
  await local.close();
}

/** Starts the local AWS again, on what it has kept. */
export async function restart(): Promise<void> {
  await stop();
  await start();
}

/** Does something by a client of so many milliseconds later, when it is as late for the local AWS, too. */
export async function later(milliseconds: number, work: (client: S3Client) => Promise<unknown>): Promise<void> {
  const client = clientOf({ systemClockOffset: milliseconds });
  const { ahead } = clock;
  clock.ahead = milliseconds;
  try {
    await work(client);
  } finally {
    clock.ahead = ahead;
    client.destroy();
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 's3-'));
  await start();
});
afterAll(async () => {
  await stop();
  await rm(dir, { recursive: true });
});
