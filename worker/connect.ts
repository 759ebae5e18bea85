import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, type TLSConfig } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';

/** How to reach the Temporal server; the same for client and worker. */
export interface TemporalServer {
  address: string;
  namespace: string;
  tls?: TLSConfig | boolean;
  apiKey?: string;
}

/** The earliest version whose pipelines go on under the workflows of this one. */
const SINCE = '0.4';

/**
 * The task queue of the pipelines of one target, region and, on AWS, account: a worker for one never takes up the work of another, nor pipelines that began before
 * the workflows which it can replay.
 */
export const taskQueue = (of: { target: 'local'; region: string } | { target: 'aws'; region: string; account: string }): string =>
  of.target === 'aws' ? `data2dashboard-${SINCE}-aws-${of.region}-${of.account}` : `data2dashboard-${SINCE}-local-${of.region}`;

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

/** Makes sure that a server answers, has the namespace and knows our search attributes; fails with one line that says what is amiss, where, and what to do. */
export async function checkServer({ address, namespace, tls, apiKey }: TemporalServer): Promise<void> {
  const connection = await Connection.connect({ address, tls, apiKey, connectTimeout: ANSWER_WITHIN }).catch((error: Error) => {
    throw new Error(`No Temporal server answers at ${address} (${error.message}): ${CHECK}`);
  });
  try {
    await connection.workflowService.describeNamespace({ namespace }).catch((error: Refusal) => {
      throw new Error(`The Temporal server at ${address} refuses namespace ${namespace} (${error.details || error.message}): ${CHECK}`);
    });
    await knowAttributes(connection, namespace);
  } finally {
    await connection.close();
  }
}

/** What of a connection is asked about search attributes. */
export interface Asked {
  workflowService: { countWorkflowExecutions(request: { namespace: string; query: string }): Promise<unknown> };
  operatorService: { addSearchAttributes(request: { namespace: string; searchAttributes: Record<string, number> }): Promise<unknown> };
}
type Refusal = Error & { code?: number; details?: string };

/** Status codes of gRPC, and `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const INVALID_ARGUMENT = 3;
const ALREADY_EXISTS = 6;
const KEYWORD = 2;
/** A server takes up new search attributes within seconds. */
const KNOWN_WITHIN_MS = 30_000;

/** Makes our search attributes known to a namespace that does not know them; where that is not permitted (Temporal Cloud never does), says what its operator has to do. */
export async function knowAttributes(connection: Asked, namespace: string, within = KNOWN_WITHIN_MS): Promise<void> {
  if (await areKnown(connection, namespace)) return;
  for (const { name } of SEARCH_ATTRIBUTES)
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: { [name]: KEYWORD } }).catch((error: Refusal) => {
      if (error.code !== ALREADY_EXISTS) throw new Error(unregistered(namespace, error.details || error.message));
    });
  for (const until = Date.now() + within; !(await areKnown(connection, namespace)); await delay(200))
    if (Date.now() > until) throw new Error(unregistered(namespace, `added, and not known after ${within / 1000} s`));
}

/** True when the namespace takes a query by all of our search attributes: that anybody may ask who may start workflows. */
async function areKnown({ workflowService }: Asked, namespace: string): Promise<boolean> {
  const query = SEARCH_ATTRIBUTES.map(({ name }) => `${name} = 'x'`).join(' AND ');
  try {
    await workflowService.countWorkflowExecutions({ namespace, query });
    return true;
  } catch (error) {
    if ((error as Refusal).code !== INVALID_ARGUMENT) throw error;
    return false;
  }
}

function unregistered(namespace: string, why: string): string {
  const all = SEARCH_ATTRIBUTES.map(({ name }) => name);
  const own = all.map((name) => `temporal operator search-attribute create --namespace ${namespace} --name ${name} --type Keyword`);
  const cloud = all.map((name) => `--search-attribute ${name}=Keyword`).join(' ');
  return [
    `Namespace ${namespace} lacks the search attributes ${all.join(', ')}, and they could not be added (${why}). Have its operator run:`,
    ...own.map((line) => `  ${line}`),
    'or, on Temporal Cloud:',
    `  tcld namespace search-attributes add --namespace ${namespace} ${cloud}`,
  ].join('\n');
}
