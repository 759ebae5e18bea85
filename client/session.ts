import type { Client } from '@temporalio/client';
import { type Target, targetFromEnvironment } from '../activities/aws.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { serverFromEnvironment } from '../worker/connect.ts';
import { connect, inAccount } from './pipeline.ts';
import { loadSpec } from './spec-file.ts';
import { running, stateFolder } from './state.ts';

/** What a verb works with: a Temporal client and the pipeline of the spec in this folder. */
export interface Session {
  client: Client;
  pipeline: Pipeline;
  target: Target;
  temporalUi?: string;
}

/** An error whose message is all that the user needs. */
export class Plain extends Error {}

/** Connects to what `npm start` runs here, or to the server and the AWS that the environment names. */
export async function session(): Promise<Session> {
  const spec = await loadSpec();
  const here = await running(stateFolder());
  const server = (await serverFromEnvironment()) ?? here?.temporal;
  if (!server) throw new Plain('Nothing runs here. Start it with: npm start (or set TEMPORAL_ADDRESS to use a server of yours)');
  const local: Target | undefined = here?.aws && { region: here.aws.region, endpoint: here.aws.endpoint, credentials: here.aws };
  const target = spec.target === 'local' ? (local ?? targetFromEnvironment(spec.region)) : { region: spec.region };
  if (spec.target === 'local' && target.endpoint === undefined)
    throw new Plain('The local AWS does not run here. Start it with: npm start (or set AWS_ENDPOINT_URL)');
  const client = await connect(server).catch((error: Error) => {
    throw new Plain(`No Temporal server answers at ${server.address}: ${error.message}. Start it with: npm start`);
  });
  return { client, pipeline: await inAccount(spec, target), target, temporalUi: here?.temporal.ui };
}
