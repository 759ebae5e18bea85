import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { type Target, targetFromEnvironment } from '../activities/target.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { serverFromEnvironment } from '../worker/connect.ts';
import { connect, inAccount } from './pipeline.ts';
import { loadSpec } from './spec-file.ts';
import { type Running, running, stateFolder } from './state.ts';
import { UserError } from './user-error.ts';

/** What a verb works with: a Temporal client and the pipeline of the spec in this folder. */
export interface Session {
  client: Client;
  pipeline: Pipeline;
  target: Target;
  temporalUi?: string;
}

/** Connects to what `npm start` runs here, or to the server and the AWS that the environment names. */
export async function session(): Promise<Session> {
  const spec = await loadSpec();
  const here = await running(stateFolder());
  const given = await serverFromEnvironment();
  const server = given ?? here?.temporal;
  if (!server) throw new UserError('Nothing runs here. Start it with: npm start (or set TEMPORAL_ADDRESS to use a server of yours)');
  const target = await targetOf(spec, here);
  const connecting = connect(server).catch((error: Error) => {
    const next = given ? 'Check TEMPORAL_ADDRESS and the other TEMPORAL_ variables.' : 'Start it with: npm start';
    throw new UserError(`No Temporal server answers at ${server.address}: ${error.message}. ${next}`);
  });
  const asking = inAccount(spec, target).catch((error: Error) => {
    const where = target.endpoint ? `The local AWS at ${target.endpoint}` : `AWS in ${target.region}`;
    throw new UserError(`${where} does not say whose credentials these are: ${error.message || error.name}`);
  });
  // Both at once, for the sake of the time; where neither answers, it is the server that is told of, whenever AWS fails.
  asking.catch(() => undefined);
  return { client: await connecting, pipeline: await asking, target, temporalUi: here?.temporal.ui };
}

/** The AWS of a spec: for target `local` what runs here, or the endpoint of the environment, whose key pair may also lie in the state folder. */
export async function targetOf({ target, region }: Pick<Spec, 'target' | 'region'>, here: Running | undefined): Promise<Target> {
  if (target === 'aws') return { region };
  if (here?.aws) return { region: here.aws.region, endpoint: here.aws.endpoint, credentials: here.aws };
  const endpoint = process.env.AWS_ENDPOINT_URL;
  if (!endpoint) throw new UserError('The local AWS does not run here. Start it with: npm start (or set AWS_ENDPOINT_URL)');
  const named = targetFromEnvironment(region);
  return named.credentials ? named : { region, endpoint, credentials: await keptKeys() };
}

async function keptKeys(): Promise<Target['credentials']> {
  const file = join(stateFolder(), 'aws', 'credentials.json');
  try {
    const { accessKeyId, secretAccessKey } = JSON.parse(await readFile(file, 'utf8'));
    return { accessKeyId, secretAccessKey };
  } catch (error) {
    throw new UserError(
      `AWS_ENDPOINT_URL is set without a key pair, and there is none in the state folder (${(error as Error).message}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
    );
  }
}
