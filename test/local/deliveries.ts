import { gunzipSync } from 'node:zlib';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { CreateDeliveryStreamCommand, type ExtendedS3DestinationConfiguration, FirehoseClient } from '@aws-sdk/client-firehose';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { Local } from '../../local/start.ts';

/** The clients of one local AWS. */
export type Clients = ReturnType<typeof clientsOf>;

type Target = Pick<Local, 'endpoint' | 'region' | 'credentials'>;
/** The role that every delivery stream of the tests takes. */
export const RoleARN = 'arn:aws:iam::000000000000:role/deliverer';
const DATED = 'year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/';
/** Clients that never try twice. */
export function clientsOf(target: Target) {
  const options = { endpoint: target.endpoint, region: target.region, credentials: target.credentials, maxAttempts: 1 };
  return {
    firehose: new FirehoseClient(options),
    iam: new IAMClient(options),
    kinesis: new KinesisClient(options),
    logs: new CloudWatchLogsClient(options),
    s3: new S3Client({ ...options, forcePathStyle: true }),
  };
}

/** Asks again until the answer satisfies; fails with the last answer. */
export async function until<Answer>(ask: () => Promise<Answer>, isEnough: (answer: Answer) => boolean, seconds = 15): Promise<Answer> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isEnough(answer)) return answer;
    if (Date.now() > end) throw new Error(`still not: ${JSON.stringify(answer).slice(0, 500)}`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

/** A stream, its lake and the role. */
export async function prepare({ iam, kinesis, s3 }: Clients, name: string, ShardCount = 2): Promise<void> {
  await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount }));
  await s3.send(new CreateBucketCommand({ Bucket: `${name}-lake` }));
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'firehose.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  await iam
    .send(new CreateRoleCommand({ RoleName: 'deliverer', AssumeRolePolicyDocument: JSON.stringify(trust) }))
    .catch((error: Error) => {
      if (error.name !== 'EntityAlreadyExistsException') throw error;
    });
  const allowed = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['kinesis:*', 's3:*', 'logs:*'], Resource: '*' }] };
  await iam.send(new PutRolePolicyCommand({ RoleName: 'deliverer', PolicyName: 'all', PolicyDocument: JSON.stringify(allowed) }));
}

/** A delivery stream of the stream's own name that delivers every second. */
export const creation = (name: string, more: Partial<ExtendedS3DestinationConfiguration> = {}) =>
  new CreateDeliveryStreamCommand({
    DeliveryStreamName: name,
    DeliveryStreamType: 'KinesisStreamAsSource',
    KinesisStreamSourceConfiguration: { KinesisStreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`, RoleARN },
    ExtendedS3DestinationConfiguration: {
      RoleARN,
      BucketARN: `arn:aws:s3:::${name}-lake`,
      Prefix: `events/${DATED}`,
      ErrorOutputPrefix: 'errors/!{firehose:error-output-type}/',
      BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 1 },
      CompressionFormat: 'GZIP',
      ProcessingConfiguration: {
        Enabled: true,
        Processors: [{ Type: 'AppendDelimiterToRecord', Parameters: [{ ParameterName: 'Delimiter', ParameterValue: '\\n' }] }],
      },
      ...more,
    },
    Tags: [{ Key: 'a', Value: '1' }],
  });

/** Puts one record for each id, resending those that a shard's quota turned away. */
export async function put({ kinesis }: Clients, StreamName: string, ids: string[], pad = ''): Promise<void> {
  for (let left = ids; left.length > 0; ) {
    const batch = left.slice(0, 400);
    const Records = batch.map((id) => ({ PartitionKey: id, Data: Buffer.from(JSON.stringify({ id, pad })) }));
    const { Records: results = [] } = await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
    left = [...batch.filter((_id, i) => results[i]?.ErrorCode), ...left.slice(400)];
    if (results.some(({ ErrorCode }) => ErrorCode)) await new Promise((later) => setTimeout(later, 200));
  }
}

/** The keys in the lake, and the ids in all its objects, sorted. */
export async function delivered({ s3 }: Clients, name: string): Promise<{ keys: string[]; ids: string[] }> {
  const Bucket = `${name}-lake`;
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
  const keys = Contents.map(({ Key }) => Key!);
  const bodies = await Promise.all(
    keys.map(async (Key) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToByteArray()),
  );
  const lines = bodies.flatMap((body) => gunzipSync(body).toString().split('\n').slice(0, -1));
  return { keys, ids: lines.map((line) => (JSON.parse(line) as { id: string }).id).sort() };
}

/** Ids that sort as they count. */
export const someIds = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(5, '0')}`);
