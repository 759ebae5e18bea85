import { DeleteLogStreamCommand, PutRetentionPolicyCommand } from '@aws-sdk/client-cloudwatch-logs';
import { IncreaseStreamRetentionPeriodCommand, UpdateShardCountCommand } from '@aws-sdk/client-kinesis';
import {
  DeleteBucketPolicyCommand,
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { LAKE_TABLES } from '../../pipeline/names.ts';
import { ground, n, type Pretence, type Row, row } from './ground.ts';

const FLAGS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const;
const lifecycle = async (change: (rules: object[]) => object[]) => {
  const Bucket = n.bucket;
  const { Rules = [] } = await ground.aws.s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  const LifecycleConfiguration = { Rules: change(Rules) as never };
  await ground.aws.s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
};

const bucket: Row[] = [
  row('bucket', ['policy'], () => ground.aws.s3.send(new DeleteBucketPolicyCommand({ Bucket: n.bucket }))),
  row('bucket', ['lifecycle.Rules'], () => lifecycle((rules) => rules.slice(1))),
  row('bucket', ['lifecycle.Rules[1].Expiration.Days'], () =>
    lifecycle((rules) => rules.map((rule, i) => (i === 1 ? { ...rule, Expiration: { Days: 999 } } : rule))),
  ),
  ...FLAGS.map((flag) => {
    const all = Object.fromEntries(FLAGS.map((each) => [each, each !== flag]));
    const put = new PutPublicAccessBlockCommand({ Bucket: n.bucket, PublicAccessBlockConfiguration: all });
    return row('bucket', [`public access block.${flag}`], () => ground.aws.s3.send(put));
  }),
];

const retention = (logGroupName: string) => () =>
  ground.aws.logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 90 }));
const without = (logGroupName: string, logStreamName: string) => () =>
  ground.aws.logs.send(new DeleteLogStreamCommand({ logGroupName, logStreamName }));

const logs: Row[] = [
  row('firehoseLogs', ['retentionInDays'], retention(n.firehoseLogGroup)),
  ...LAKE_TABLES.map((table) => row('firehoseLogs', [`log stream ${table}`], without(n.firehoseLogGroup, table))),
  row('studioLogs', ['retentionInDays'], retention(n.studioLogGroup)),
  row('studioLogs', ['log stream studio'], without(n.studioLogGroup, n.studioLogStream)),
];

const STREAMS = [
  ['events', n.streams.events, 4],
  ['playerMetrics', n.streams.player_metrics, 2],
  ['teamMetrics', n.streams.team_metrics, 2],
  ['leaderboards', n.streams.leaderboards, 2],
  ['serverMetrics', n.streams.server_metrics, 2],
  ['lateEvents', n.streams.late_events, 2],
] as const;

const streams: Row[] = STREAMS.flatMap(([stage, StreamName, TargetShardCount]) => [
  row(stage, ['RetentionPeriodHours'], () =>
    ground.aws.kinesis.send(new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 48 })),
  ),
  row(stage, ['ShardCount'], () =>
    ground.aws.kinesis.send(new UpdateShardCountCommand({ StreamName, TargetShardCount, ScalingType: 'UNIFORM_SCALING' })),
  ),
]);

export const rows: Row[] = [...bucket, ...logs, ...streams];

/** The local AWS has no keys to encrypt with. */
export const pretences: Pretence[] = [
  {
    stage: 'bucket',
    fields: ['encryption.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm'],
    command: 'GetBucketEncryption',
    alter: () => ({
      ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }] },
    }),
    mends: 'PutBucketEncryption',
  },
];
