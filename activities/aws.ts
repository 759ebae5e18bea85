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
import { watchCalls } from './calls.ts';
import { timed } from './clock.ts';
import { configOf, type Target } from './target.ts';

export type { Target } from './target.ts';

/** One client a service. */
export type Clients = ReturnType<typeof clients>;

/** A client of every service; of them all, loading these takes a program the longest. */
export function clients(target: Target) {
  const config = configOf(target);
  return {
    athena: watched(new AthenaClient(config)),
    firehose: watched(new FirehoseClient(config)),
    glue: watched(new GlueClient(config)),
    iam: watched(new IAMClient(config)),
    kinesis: watched(new KinesisClient(config)),
    kinesisAnalyticsV2: watched(new KinesisAnalyticsV2Client(config)),
    logs: watched(new CloudWatchLogsClient(config)),
    quicksight: watched(new QuickSightClient(config)),
    s3: watched(new S3Client({ ...config, forcePathStyle: target.endpoint !== undefined })),
    sts: watched(new STSClient(config)),
  };
}

/** A client of QuickSight in another region of the same target; for its user to destroy. */
export const quicksightIn =
  (target: Target) =>
  (region: string): QuickSightClient =>
    watched(new QuickSightClient(configOf({ ...target, region })));

type Watched = Parameters<typeof watchCalls>[0] & Parameters<typeof timed>[0];
const watched = <Client extends Watched>(client: Client): Client => timed(watchCalls(client));
