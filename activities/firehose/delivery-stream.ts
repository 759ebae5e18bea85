import {
  CreateDeliveryStreamCommand,
  DeleteDeliveryStreamCommand,
  type DeliveryStreamDescription,
  type DeliveryStreamStatus,
  DescribeDeliveryStreamCommand,
  type ExtendedS3DestinationConfiguration,
  ListTagsForDeliveryStreamCommand,
  UpdateDestinationCommand,
} from '@aws-sdk/client-firehose';
import { type LakeTable, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { unlessBusy, unlessMissing } from '../errors.ts';
import { type Found, notYet, type Resource, type Status, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';

type DeliveryStream = Found & DeliveryStreamDescription;

const STATUS = {
  CREATING: 'pending',
  CREATING_FAILED: 'broken',
  ACTIVE: 'ready',
  DELETING: 'leaving',
  DELETING_FAILED: 'broken',
} satisfies Record<DeliveryStreamStatus, Status>;

/** The delivery stream that brings one Kinesis stream into the lake. It reads from LATEST, so it must be ACTIVE before the first record comes. */
export function deliveryStream({ firehose }: Clients, table: LakeTable): Resource<DeliveryStream> {
  const streamName = (pipeline: Pipeline) => names(pipeline).deliveries[table];
  const describe = async (DeliveryStreamName: string): Promise<DeliveryStream> => {
    const { DeliveryStreamDescription: description } = await firehose.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName }));
    const { Tags } = await firehose.send(new ListTagsForDeliveryStreamCommand({ DeliveryStreamName }));
    return { ...description!, tags: tagMap(Tags) };
  };
  const remove = async (pipeline: Pipeline): Promise<void> => {
    const deletion = firehose.send(new DeleteDeliveryStreamCommand({ DeliveryStreamName: streamName(pipeline) }));
    await unlessBusy(unlessMissing(deletion, 'ResourceNotFoundException'), 'ResourceInUseException');
  };
  return {
    label: (pipeline) => `delivery stream ${streamName(pipeline)}`,
    find: (pipeline) => unlessMissing(describe(streamName(pipeline)), 'ResourceNotFoundException'),
    create: async (pipeline) => {
      const { streamArn, roleArns, tags } = names(pipeline);
      const creation = firehose.send(
        new CreateDeliveryStreamCommand({
          DeliveryStreamName: streamName(pipeline),
          DeliveryStreamType: 'KinesisStreamAsSource',
          KinesisStreamSourceConfiguration: { KinesisStreamARN: streamArn(table), RoleARN: roleArns.firehose },
          ExtendedS3DestinationConfiguration: destination(pipeline, table),
          Tags: tagList(tags),
        }),
      );
      await unlessLost(creation, 'ResourceInUseException');
    },
    update: async (pipeline, { DeliveryStreamStatus, VersionId, Destinations: [current] = [] }) => {
      if (DeliveryStreamStatus !== 'ACTIVE') {
        // A creation that failed never becomes better: it is made anew.
        await remove(pipeline);
        throw notYet(`delivery stream ${streamName(pipeline)} failed and is made anew`);
      }
      const wanted = destination(pipeline, table);
      const changed = differences(wanted, current?.ExtendedS3DestinationDescription);
      if (changed.length > 0)
        await firehose.send(
          new UpdateDestinationCommand({
            DeliveryStreamName: streamName(pipeline),
            CurrentDeliveryStreamVersionId: VersionId,
            DestinationId: current?.DestinationId,
            ExtendedS3DestinationUpdate: wanted,
          }),
        );
      return changed;
    },
    status: ({ DeliveryStreamStatus }) => STATUS[DeliveryStreamStatus!],
    reason: ({ FailureDescription }) => FailureDescription && `${FailureDescription.Type}: ${FailureDescription.Details}`,
    remove: async (pipeline, { DeliveryStreamStatus }) => {
      // Firehose refuses to delete what it is still creating.
      if (DeliveryStreamStatus !== 'CREATING') await remove(pipeline);
    },
  };
}

function destination(pipeline: Pipeline, table: LakeTable): ExtendedS3DestinationConfiguration {
  const { roleArns, bucketArn, datedPrefix, errorPrefix, firehoseLogGroup } = names(pipeline);
  return {
    RoleARN: roleArns.firehose,
    BucketARN: bucketArn,
    Prefix: datedPrefix(table),
    ErrorOutputPrefix: errorPrefix(table),
    BufferingHints: { SizeInMBs: pipeline.delivery.megabytes, IntervalInSeconds: pipeline.delivery.seconds },
    CompressionFormat: 'GZIP',
    CloudWatchLoggingOptions: { Enabled: true, LogGroupName: firehoseLogGroup, LogStreamName: table },
    // Without it records are joined with nothing between them, and Athena reads one row an object. The newline is given as two characters.
    ProcessingConfiguration: {
      Enabled: true,
      Processors: [{ Type: 'AppendDelimiterToRecord', Parameters: [{ ParameterName: 'Delimiter', ParameterValue: '\\n' }] }],
    },
  };
}
