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
import { fenced } from './attempt.ts';
import { keepToRates } from './call-rates.ts';
import { watchCalls } from './calls.ts';
import { timed } from './clock.ts';
import { configOf, type Target } from './target.ts';

export type { Target } from './target.ts';

/** One client a service. */
export type Clients = ReturnType<typeof clients>;

/** A client of every service; of them all, loading these takes a program the longest. */
export function clients(target: Target) {
  const config = configOf(target);
  const equip = equipped(target);
  return {
    athena: equip(new AthenaClient(config)),
    firehose: equip(new FirehoseClient(config)),
    glue: equip(new GlueClient(config)),
    iam: equip(new IAMClient(config)),
    kinesis: equip(new KinesisClient(config)),
    kinesisAnalyticsV2: equip(new KinesisAnalyticsV2Client(config)),
    logs: equip(new CloudWatchLogsClient(config)),
    quicksight: equip(new QuickSightClient(config)),
    s3: equip(new S3Client({ ...config, forcePathStyle: target.endpoint !== undefined })),
    sts: equip(new STSClient(config)),
  };
}

/** A client of QuickSight in another region of the same target; for its user to destroy. */
export const quicksightIn =
  (target: Target) =>
  (region: string): QuickSightClient =>
    equipped(target)(new QuickSightClient(configOf({ ...target, region })));

type Equippable = Parameters<typeof watchCalls>[0] &
  Parameters<typeof keepToRates>[0] &
  Parameters<typeof fenced>[0] &
  Parameters<typeof timed>[0];

/** A client whose calls are counted, wait for their turn, change nothing for an attempt that was given up, and tell AWS's time. The local AWS takes calls at any rate. */
const equipped =
  ({ endpoint, isPaced = endpoint === undefined }: Target) =>
  <Client extends Equippable>(client: Client): Client =>
    timed(watchCalls(fenced(isPaced ? keepToRates(client) : client)));
