import { DeleteLogStreamCommand, PutRetentionPolicyCommand } from '@aws-sdk/client-cloudwatch-logs';
import { IncreaseStreamRetentionPeriodCommand, UpdateShardCountCommand, UpdateStreamModeCommand } from '@aws-sdk/client-kinesis';
import {
  DeleteBucketPolicyCommand,
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { LAKE_TABLES, type LakeTable } from '../../pipeline/names.ts';
import type { Stage } from '../../pipeline/stages.ts';
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

const STREAMS: [Stage, LakeTable, number][] = [
  ['events', 'events', 4],
  ['playerMetrics', 'player_metrics', 2],
  ['teamMetrics', 'team_metrics', 2],
  ['leaderboards', 'leaderboards', 2],
  ['serverMetrics', 'server_metrics', 2],
  ['lateEvents', 'late_events', 2],
];
const MODE = 'StreamModeDetails.StreamMode';

const rescaled = (table: LakeTable, TargetShardCount: number) =>
  ground.aws.kinesis.send(new UpdateShardCountCommand({ StreamName: n.streams[table], TargetShardCount, ScalingType: 'UNIFORM_SCALING' }));
const kept = (table: LakeTable) =>
  ground.aws.kinesis.send(new IncreaseStreamRetentionPeriodCommand({ StreamName: n.streams[table], RetentionPeriodHours: 48 }));
const onDemand = (table: LakeTable) =>
  ground.aws.kinesis.send(new UpdateStreamModeCommand({ StreamARN: n.streamArn(table), StreamModeDetails: { StreamMode: 'ON_DEMAND' } }));

/** A mode may be switched twice a day: by its row, and when that is healed. */
const streams: Row[] = STREAMS.flatMap(([stage, table, shards]) => [
  row(stage, ['RetentionPeriodHours'], () => kept(table)),
  row(stage, ['ShardCount'], () => rescaled(table, shards)),
  table === 'events'
    ? row(stage, [MODE, 'RetentionPeriodHours', 'ShardCount'], async () => {
        await rescaled(table, shards);
        await kept(table);
        await onDemand(table);
      })
    : row(stage, [MODE], () => onDemand(table)),
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
