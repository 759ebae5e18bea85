import {
  CreateDeliveryStreamCommand,
  DeleteDeliveryStreamCommand,
  type DeliveryStreamDescription,
  DescribeDeliveryStreamCommand,
  type ExtendedS3DestinationConfiguration,
  type ExtendedS3DestinationUpdate,
  UpdateDestinationCommand,
} from '@aws-sdk/client-firehose';
import type { LakeTable } from '../../pipeline/names.ts';
import type { Stage } from '../../pipeline/stages.ts';
import { ground, n, other, type Pretence, type Row, row } from './ground.ts';

const DELIVERIES: [Stage, LakeTable][] = [
  ['eventsDelivery', 'events'],
  ['playerDelivery', 'player_metrics'],
  ['teamDelivery', 'team_metrics'],
  ['leaderboardDelivery', 'leaderboards'],
  ['serverDelivery', 'server_metrics'],
  ['lateDelivery', 'late_events'],
];
const described = async (table: LakeTable): Promise<DeliveryStreamDescription> => {
  const command = new DescribeDeliveryStreamCommand({ DeliveryStreamName: n.deliveries[table] });
  return (await ground.aws.firehose.send(command)).DeliveryStreamDescription!;
};
const destination = async (table: LakeTable, ExtendedS3DestinationUpdate: ExtendedS3DestinationUpdate) => {
  const { VersionId, Destinations: [current] = [] } = await described(table);
  await ground.aws.firehose.send(
    new UpdateDestinationCommand({
      DeliveryStreamName: n.deliveries[table],
      CurrentDeliveryStreamVersionId: VersionId,
      DestinationId: current!.DestinationId,
      ExtendedS3DestinationUpdate,
    }),
  );
};
/** Firehose never changes where it reads from: somebody made the stream anew. */
const remade = async (table: LakeTable, source: { KinesisStreamARN?: string; RoleARN?: string }) => {
  const DeliveryStreamName = n.deliveries[table];
  const { Destinations: [current] = [] } = await described(table);
  await ground.aws.firehose.send(new DeleteDeliveryStreamCommand({ DeliveryStreamName }));
  await ground.aws.firehose.send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName,
      DeliveryStreamType: 'KinesisStreamAsSource',
      KinesisStreamSourceConfiguration: { KinesisStreamARN: n.streamArn(table), RoleARN: n.roleArns.firehose, ...source },
      ExtendedS3DestinationConfiguration: current!.ExtendedS3DestinationDescription as ExtendedS3DestinationConfiguration,
      Tags: Object.entries(n.tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
};
const elsewhere = (table: LakeTable) => n.streamArn(table === 'events' ? 'team_metrics' : 'events');
const SOURCE = 'Source.KinesisStreamSourceDescription';
const LOGGING = 'CloudWatchLoggingOptions';

export const rows: Row[] = DELIVERIES.flatMap(([stage, table]) => {
  const change = (fields: string[], update: ExtendedS3DestinationUpdate) => row(stage, fields, () => destination(table, update));
  return [
    change(['RoleARN'], { RoleARN: other.roleArn }),
    change(['BucketARN'], { BucketARN: `arn:aws:s3:::${other.bucket}` }),
    change(['Prefix'], { Prefix: 'elsewhere/!{timestamp:yyyy}/', ErrorOutputPrefix: n.errorPrefix(table) }),
    change(['ErrorOutputPrefix'], { ErrorOutputPrefix: 'wrong/!{firehose:error-output-type}/' }),
    change(['BufferingHints.SizeInMBs', 'BufferingHints.IntervalInSeconds'], {
      BufferingHints: { SizeInMBs: 9, IntervalInSeconds: 99 },
    }),
    change(['CompressionFormat'], { CompressionFormat: 'UNCOMPRESSED' }),
    change([`${LOGGING}.Enabled`, `${LOGGING}.LogGroupName`, `${LOGGING}.LogStreamName`], {
      CloudWatchLoggingOptions: { Enabled: false },
    }),
    change(['ProcessingConfiguration.Enabled', 'ProcessingConfiguration.Processors'], {
      ProcessingConfiguration: { Enabled: false, Processors: [] },
    }),
    row(stage, [`${SOURCE}.KinesisStreamARN`], () => remade(table, { KinesisStreamARN: elsewhere(table) }), true),
    row(stage, [`${SOURCE}.RoleARN`], () => remade(table, { RoleARN: other.roleArn }), true),
  ];
});

/** The local Firehose reads from Kinesis alone. */
export const pretences: Pretence[] = DELIVERIES.map(([stage]) => ({
  stage,
  fields: ['DeliveryStreamType'],
  command: 'DescribeDeliveryStream',
  alter: (answer) => {
    const { DeliveryStreamDescription } = answer as { DeliveryStreamDescription: object };
    return { ...answer, DeliveryStreamDescription: { ...DeliveryStreamDescription, DeliveryStreamType: 'DirectPut' } };
  },
}));
