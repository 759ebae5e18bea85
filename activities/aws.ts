import { AthenaClient } from '@aws-sdk/client-athena';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { FirehoseClient } from '@aws-sdk/client-firehose';
import { GlueClient } from '@aws-sdk/client-glue';
import { IAMClient } from '@aws-sdk/client-iam';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { KinesisAnalyticsV2Client } from '@aws-sdk/client-kinesis-analytics-v2';
import { QuickSightClient } from '@aws-sdk/client-quicksight';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { counts } from './calls.ts';
import { timed } from './clock.ts';

// The SDK's reminder that Node 20 ages says nothing about a pipeline; package.json states which Node we support.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** Where AWS is: the local AWS at an endpoint, or (both left out) the real one with the usual credential chain. */
export interface Target {
  region: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** Milliseconds after which a call counts as not answered; 20 s unless told. */
  answerWithin?: number;
  /** Which of our programs calls, as AWS's logs show it in the User-Agent; `client` unless told. */
  app?: 'client' | 'worker' | 'test';
}

const ANSWER_MS = 20_000;
const CONNECTION_MS = 5_000;

/** One client a service. */
export type Clients = ReturnType<typeof clients>;

/**
 * The only place that knows the difference between the targets. The SDK retries twice for blips, patience is Temporal's; once a service throttles, the SDK's
 * adaptive mode paces all calls to it.
 */
export function clients({ region, endpoint, credentials, answerWithin: requestTimeout = ANSWER_MS, app = 'client' }: Target) {
  // Without the last, a call that is never answered would only be logged.
  const requestHandler = { connectionTimeout: CONNECTION_MS, requestTimeout, throwOnRequestTimeout: true };
  const config = { region, endpoint, credentials, maxAttempts: 3, retryMode: 'adaptive', requestHandler, userAgentAppId: app };
  return {
    athena: watched(new AthenaClient(config)),
    firehose: watched(new FirehoseClient(config)),
    glue: watched(new GlueClient(config)),
    iam: watched(new IAMClient(config)),
    kinesis: watched(new KinesisClient(config)),
    kinesisAnalyticsV2: watched(new KinesisAnalyticsV2Client(config)),
    logs: watched(new CloudWatchLogsClient(config)),
    quicksight: watched(new QuickSightClient(config)),
    s3: watched(new S3Client({ ...config, forcePathStyle: endpoint !== undefined })),
    sts: watched(new STSClient(config)),
  };
}

type Watched = Parameters<typeof counts>[0] & Parameters<typeof timed>[0];
const watched = <Client extends Watched>(client: Client): Client => timed(counts(client));

/** The target of this process, from the environment that the AWS tools share: `AWS_ENDPOINT_URL` set means the local AWS. */
export function targetFromEnvironment(region: string, environment: NodeJS.ProcessEnv = process.env): Target {
  const { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (endpoint === undefined || accessKeyId === undefined || secretAccessKey === undefined) return { region };
  return { region, endpoint, credentials: { accessKeyId, secretAccessKey } };
}
