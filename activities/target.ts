// The SDK's reminder that Node 20 ages says nothing about a pipeline; package.json states which Node we support.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** Where AWS is: the local AWS at an endpoint, or (both left out) the real one with the usual credential chain. */
export interface Target {
  region: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** Milliseconds after which a call counts as not answered; `ANSWER_MS` unless told. */
  answerWithin?: number;
  /** Whether calls wait for their turn where AWS takes only so many a second; only of the real AWS unless told. */
  isPaced?: boolean;
  /** Which of our programs calls, as AWS's logs show it in the User-Agent; `client` unless told. */
  app?: 'client' | 'worker' | 'test';
}

/** Milliseconds in which AWS answers, or does not. */
export const ANSWER_MS = 20_000;
const CONNECTION_MS = 5_000;

/**
 * What every client of AWS is made with: the only place that knows the difference between the targets. The SDK retries twice for blips, patience is Temporal's; once
 * a service throttles, the SDK's adaptive mode paces all calls to it.
 */
export function configOf({ region, endpoint, credentials, answerWithin: requestTimeout = ANSWER_MS, app = 'client' }: Target) {
  // Without the last, a call that is never answered would only be logged.
  const requestHandler = { connectionTimeout: CONNECTION_MS, requestTimeout, throwOnRequestTimeout: true };
  return { region, endpoint, credentials, maxAttempts: 3, retryMode: 'adaptive', requestHandler, userAgentAppId: app };
}

/** The target of this process, from the environment that the AWS tools share: `AWS_ENDPOINT_URL` set means the local AWS. */
export function targetFromEnvironment(region: string, environment: NodeJS.ProcessEnv = process.env): Target {
  const { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (endpoint === undefined || accessKeyId === undefined || secretAccessKey === undefined) return { region };
  return { region, endpoint, credentials: { accessKeyId, secretAccessKey } };
}
