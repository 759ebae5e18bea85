import {
  CreateDeliveryStreamCommand,
  DeleteDeliveryStreamCommand,
  type DeliveryStreamDescription,
  type DeliveryStreamStatus,
  DescribeDeliveryStreamCommand,
  type ExtendedS3DestinationConfiguration,
  ListTagsForDeliveryStreamCommand,
  TagDeliveryStreamCommand,
  UntagDeliveryStreamCommand,
  UpdateDestinationCommand,
} from '@aws-sdk/client-firehose';
import { type LakeTable, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfBusy, undefinedIfMissing } from '../errors.ts';
import { notYet, retryIfLost } from '../not-yet.ts';
import { pages } from '../pages.ts';
import type { Found, Resource, Status } from '../resource.ts';
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
export function deliveryStream(clients: Clients, table: LakeTable): Resource<DeliveryStream> {
  const { firehose } = clients;
  const streamName = (pipeline: Pipeline) => names(pipeline).deliveries[table];
  const descriptionOf = async (DeliveryStreamName: string): Promise<DeliveryStream> =>
    (await firehose.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName }))).DeliveryStreamDescription!;
  const describe = async (DeliveryStreamName: string): Promise<DeliveryStream> => {
    const [description, tags] = await Promise.all([descriptionOf(DeliveryStreamName), deliveryStreamTags(clients, DeliveryStreamName)]);
    return { ...description, tags };
  };
  const remove = async (pipeline: Pipeline, status?: DeliveryStreamStatus): Promise<void> => {
    const DeliveryStreamName = streamName(pipeline);
    // A deletion fails over a key's grant that cannot be given back, and would fail so again.
    const force = status === 'DELETING_FAILED' && { AllowForceDelete: true };
    const deletion = firehose.send(new DeleteDeliveryStreamCommand({ DeliveryStreamName, ...force }));
    await undefinedIfBusy(undefinedIfMissing(deletion, 'ResourceNotFoundException'), 'ResourceInUseException');
  };
  return {
    label: (pipeline) => `delivery stream ${streamName(pipeline)}`,
    arn: (pipeline) => names(pipeline).deliveryArn(table),
    role: 'firehose',
    find: (pipeline) => undefinedIfMissing(describe(streamName(pipeline)), 'ResourceNotFoundException'),
    look: (pipeline) => undefinedIfMissing(descriptionOf(streamName(pipeline)), 'ResourceNotFoundException'),
    create: async (pipeline) => {
      const { tags } = names(pipeline);
      const creation = firehose.send(
        new CreateDeliveryStreamCommand({
          DeliveryStreamName: streamName(pipeline),
          DeliveryStreamType: 'KinesisStreamAsSource',
          KinesisStreamSourceConfiguration: source(pipeline, table),
          ExtendedS3DestinationConfiguration: destination(pipeline, table),
          Tags: tagList(tags),
        }),
      );
      await retryIfLost(creation, 'ResourceInUseException');
    },
    differences: (pipeline, { DeliveryStreamStatus: status, DeliveryStreamType: type, Source: from, Destinations: [current] = [] }) => {
      if (STATUS[status!] === 'broken') return [{ field: 'DeliveryStreamStatus', is: status, wanted: 'ACTIVE', anew: true }];
      const origin = { DeliveryStreamType: 'KinesisStreamAsSource', Source: { KinesisStreamSourceDescription: source(pipeline, table) } };
      return [
        // Firehose never changes where it reads from.
        ...differences(origin, { DeliveryStreamType: type, Source: from }).map((each) => ({ ...each, replace: true as const })),
        ...differences(destination(pipeline, table), current?.ExtendedS3DestinationDescription),
      ];
    },
    change: async (pipeline, { DeliveryStreamStatus: status, VersionId, Destinations: [current] = [] }) => {
      if (STATUS[status!] === 'broken') {
        // A creation that failed never becomes better: it is made anew.
        await remove(pipeline, status);
        throw notYet(`delivery stream ${streamName(pipeline)} failed and is made anew`);
      }
      await firehose.send(
        new UpdateDestinationCommand({
          DeliveryStreamName: streamName(pipeline),
          CurrentDeliveryStreamVersionId: VersionId,
          DestinationId: current?.DestinationId,
          ExtendedS3DestinationUpdate: destination(pipeline, table),
        }),
      );
    },
    tag: async (pipeline, _found, tags) => {
      await firehose.send(new TagDeliveryStreamCommand({ DeliveryStreamName: streamName(pipeline), Tags: tagList(tags) }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await firehose.send(new UntagDeliveryStreamCommand({ DeliveryStreamName: streamName(pipeline), TagKeys }));
    },
    status: ({ DeliveryStreamStatus }) => STATUS[DeliveryStreamStatus!],
    reason: ({ FailureDescription }) => FailureDescription && `${FailureDescription.Type}: ${FailureDescription.Details}`,
    remove: async (pipeline, { DeliveryStreamStatus }) => {
      // Firehose refuses to delete what it is still creating.
      if (DeliveryStreamStatus !== 'CREATING') await remove(pipeline, DeliveryStreamStatus);
    },
  };
}

/** All tags of a delivery stream. */
export async function deliveryStreamTags(
  { firehose }: Pick<Clients, 'firehose'>,
  DeliveryStreamName: string,
): Promise<Record<string, string>> {
  const tags = await pages(
    (ExclusiveStartTagKey) => firehose.send(new ListTagsForDeliveryStreamCommand({ DeliveryStreamName, ExclusiveStartTagKey, Limit: 50 })),
    ({ Tags = [] }) => Tags,
    ({ HasMoreTags, Tags = [] }) => (HasMoreTags ? Tags.at(-1)?.Key : undefined),
  );
  return tagMap(tags);
}

const source = (pipeline: Pipeline, table: LakeTable) => ({
  KinesisStreamARN: names(pipeline).streamArn(table),
  RoleARN: names(pipeline).roleArns.firehose,
});

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
