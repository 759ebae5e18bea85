import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { embedded } from '../client/embedded.ts';
import { connect } from '../client/pipeline.ts';
import type { TemporalServer } from '../worker/connect.ts';

/** A Temporal server of our own that ends with this process. */
export interface Server {
  client: Client;
  native: NativeConnection;
  close(): Promise<void>;
}

/** Starts one, whatever server the environment names: nothing here is done to a user's. */
export async function startServer(): Promise<Server> {
  delete process.env.TEMPORAL_ADDRESS;
  const state = await mkdtemp(join(tmpdir(), 'data2dashboard-temporal-'));
  const quiet = () => undefined;
  const parts = embedded({
    state,
    region: 'us-east-1',
    local: { profile: 'instant', speed: 1 },
    tell: quiet,
    note: quiet,
  });
  const server: TemporalServer = await parts.temporal();
  const [client, native] = await Promise.all([connect(server), NativeConnection.connect(server)]);
  return {
    client,
    native,
    close: async () => {
      await native.close();
      await parts.stop();
      await rm(state, { recursive: true, force: true });
      await client.connection.close(); // last: its retries would fail the process
    },
  };
}
