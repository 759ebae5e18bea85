import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { type EmbeddedOptions, embedded } from '../client/embedded.ts';
import { connect } from '../client/pipeline.ts';
import { heartbeats } from '../worker/heartbeat.ts';
import { residentMegabytes } from './memory.ts';

/** The embedded Temporal server as the product runs it, and the workers on it. */
export interface Server {
  client: Client;
  /** Lets a worker of this process, with the product's workflows and those of the bench, run while `work` does. */
  working<Result>(taskQueue: string, activities: object, work: () => Promise<Result>): Promise<Result>;
  /** Starts a worker in a process of its own, for target `local`; what it would reach of AWS is refused. */
  startWorker(): Promise<void>;
  /** Resident memory. */
  megabytes(part: 'Temporal' | 'worker'): number;
}

/** Starts a server for as long as `work` takes. */
export async function onServer<Result>(
  work: (server: Server) => Promise<Result>,
  { workerProgram }: Pick<EmbeddedOptions, 'workerProgram'> = {},
): Promise<Result> {
  // A server that the environment names is somebody's: none of this belongs there.
  for (const name of Object.keys(process.env)) if (name.startsWith('TEMPORAL_')) delete process.env[name];
  beQuiet();
  const state = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  const region = 'us-east-1';
  const ignore = () => undefined;
  const local = { profile: 'instant' as const, speed: 1 };
  const parts = embedded({ state, region, local, workerProgram, tell: ignore, note: ignore });
  try {
    const server = await parts.temporal();
    const client = await connect(server);
    try {
      return await work({
        client,
        working: async (taskQueue, activities, during) => {
          const connection = await NativeConnection.connect(server);
          try {
            const worker = await Worker.create({
              connection,
              taskQueue,
              workflowBundle: await bundle(),
              activities,
              interceptors: { activity: [heartbeats] },
              maxHeartbeatThrottleInterval: '500 milliseconds',
            });
            return await worker.runUntil(during);
          } finally {
            await connection.close();
          }
        },
        startWorker: () => parts.worker(server, { endpoint: NOWHERE, accessKeyId: 'none', secretAccessKey: 'none', region }),
        megabytes: (part) => residentMegabytes(parts.pids()[part]!),
      });
    } finally {
      await client.connection.close();
    }
  } finally {
    await parts.stop();
    await rm(state, { recursive: true, force: true });
  }
}

/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:1';

let isQuiet = false;
function beQuiet(): void {
  // Signals are left to Node: they end the bench, and its children with it.
  if (!isQuiet) Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  isQuiet = true;
}

const bundle = () =>
  bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)), logger: new DefaultLogger('ERROR') });
