import { readFile } from 'node:fs/promises';
import type { TLSConfig } from '@temporalio/client';

/** How to reach the Temporal server; the same for client and worker. */
export interface TemporalServer {
  address: string;
  namespace: string;
  tls?: TLSConfig | boolean;
  apiKey?: string;
}

/** The task queue of a pipeline's work. */
export const TASK_QUEUE = 'data2dashboard';

/**
 * The server that the environment names, by the variables of Temporal's own tools: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, and TEMPORAL_TLS,
 * TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_SERVER_NAME. Undefined when no address is set.
 */
export async function serverFromEnvironment(environment: NodeJS.ProcessEnv = process.env): Promise<TemporalServer | undefined> {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace = 'default', TEMPORAL_API_KEY: apiKey, TEMPORAL_TLS } = environment;
  if (address === undefined || address === '') return undefined;
  const read = async (variable: string) => (environment[variable] ? readFile(environment[variable]) : undefined);
  const [crt, key, serverRootCACertificate] = await Promise.all([
    read('TEMPORAL_TLS_CLIENT_CERT_PATH'),
    read('TEMPORAL_TLS_CLIENT_KEY_PATH'),
    read('TEMPORAL_TLS_SERVER_CA_CERT_PATH'),
  ]);
  const serverNameOverride = environment.TEMPORAL_TLS_SERVER_NAME;
  const clientCertPair = crt && key ? { crt, key } : undefined;
  const detailed = clientCertPair || serverRootCACertificate || serverNameOverride;
  const tls = detailed ? { clientCertPair, serverRootCACertificate, serverNameOverride } : TEMPORAL_TLS === 'true' || apiKey !== undefined;
  return { address, namespace, tls: tls || undefined, apiKey };
}
