import { readFile } from 'node:fs/promises';
import { Connection, type TLSConfig } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';

/** How to reach the Temporal server; the same for client and worker. */
export interface TemporalServer {
  address: string;
  namespace: string;
  tls?: TLSConfig | boolean;
  apiKey?: string;
}

/** The task queue of the pipelines of one target: a worker for one never takes up the work of another. */
export const taskQueue = (target: 'local' | 'aws', region: string): string => `data2dashboard-${target}-${region}`;

const VARIABLES = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_API_KEY',
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  'TEMPORAL_TLS_SERVER_NAME',
] as const;
type Variable = (typeof VARIABLES)[number];
const ANSWER_WITHIN = '5 seconds';
const CHECK = 'check TEMPORAL_ADDRESS and the other TEMPORAL_ variables, or unset TEMPORAL_ADDRESS to have npm start run a server.';

/**
 * The server that the environment names, by the variables of Temporal's own tools: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, and TEMPORAL_TLS,
 * TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_SERVER_NAME. Undefined when no address is set.
 */
export async function serverFromEnvironment(environment: NodeJS.ProcessEnv = process.env): Promise<TemporalServer | undefined> {
  const of = (variable: Variable) => environment[variable] || undefined;
  const address = of('TEMPORAL_ADDRESS');
  if (address === undefined) return undefined;
  const read = async (variable: Variable) => {
    const path = of(variable);
    if (path === undefined) return undefined;
    return readFile(path).catch((error: Error) => {
      throw new Error(`${variable}: ${error.message}`);
    });
  };
  const [crt, key, serverRootCACertificate] = await Promise.all([
    read('TEMPORAL_TLS_CLIENT_CERT_PATH'),
    read('TEMPORAL_TLS_CLIENT_KEY_PATH'),
    read('TEMPORAL_TLS_SERVER_CA_CERT_PATH'),
  ]);
  if ((crt === undefined) !== (key === undefined))
    throw new Error('TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH go together: set both or neither.');
  const apiKey = of('TEMPORAL_API_KEY');
  const serverNameOverride = of('TEMPORAL_TLS_SERVER_NAME');
  const clientCertPair = crt && key ? { crt, key } : undefined;
  const detailed = clientCertPair || serverRootCACertificate || serverNameOverride;
  const tls = detailed
    ? { clientCertPair, serverRootCACertificate, serverNameOverride }
    : of('TEMPORAL_TLS') === 'true' || apiKey !== undefined;
  return { address, namespace: of('TEMPORAL_NAMESPACE') ?? 'default', tls: tls || undefined, apiKey };
}

/** The variables that lead a child of ours to this server; those that only a server of the user's has (undefined: to be taken away) do not reach an embedded one. */
export function environmentFor({ address, namespace, tls, apiKey }: TemporalServer): Record<string, string | undefined> {
  const none = tls || apiKey ? {} : Object.fromEntries(VARIABLES.map((variable) => [variable, undefined]));
  return { ...none, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
}

/** Makes sure that a server answers and has the namespace; fails with one line that says what does not, where, and what to do. */
export async function checkServer({ address, namespace, tls, apiKey }: TemporalServer): Promise<void> {
  const connection = await Connection.connect({ address, tls, apiKey, connectTimeout: ANSWER_WITHIN }).catch((error: Error) => {
    throw new Error(`No Temporal server answers at ${address} (${error.message}): ${CHECK}`);
  });
  try {
    await connection.workflowService.describeNamespace({ namespace });
    await knowAttributes(connection, namespace);
  } catch (error) {
    const { details, message } = error as Error & { details?: string };
    throw new Error(`The Temporal server at ${address} refuses namespace ${namespace} (${details || message}): ${CHECK}`);
  } finally {
    await connection.close();
  }
}

/** Makes our search attributes known to a server that does not know them; where that is not permitted, says what its operator has to do. */
async function knowAttributes(connection: Connection, namespace: string): Promise<void> {
  const { customAttributes = {} } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = SEARCH_ATTRIBUTES.filter(({ name }) => !(name in customAttributes));
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map(({ name }) => [name, KEYWORD]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes }).catch((error: Error & { details?: string }) => {
    const commands = missing.map(({ name }) => `temporal operator search-attribute create --name ${name} --type Keyword`);
    throw new Error(
      `it lacks search attributes that these credentials may not add (${error.details ?? error.message}); have run: ${commands.join('; ')}`,
    );
  });
}

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;
