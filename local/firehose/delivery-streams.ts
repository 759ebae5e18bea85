import type {
  CreateDeliveryStreamInput,
  CreateDeliveryStreamOutput,
  DeleteDeliveryStreamInput,
  DescribeDeliveryStreamInput,
  DescribeDeliveryStreamOutput,
  ListDeliveryStreamsInput,
  ListDeliveryStreamsOutput,
  UpdateDestinationInput,
} from '@aws-sdk/client-firehose';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { assertAssumable } from '../iam/assume.ts';
import { streams } from '../kinesis/streams.ts';
import {
  checkpoints,
  deliveryStreamArn,
  deliveryStreamOf,
  deliveryStreams,
  forgetDeliveryStream,
  saveDeliveryStream,
  statusOf,
} from './catalog.ts';
import { startDelivery, stopDelivery } from './delivery.ts';
import { destinationOf } from './destination.ts';

const DESTINATION_ID = 'destinationId-000000000001';
const MAX_TAGS = 50;

export const createDeliveryStream: Operation<CreateDeliveryStreamInput, CreateDeliveryStreamOutput> = async (input, aws) => {
  const { DeliveryStreamName: name = '', DeliveryStreamType: type, KinesisStreamSourceConfiguration: source, Tags: tags = [] } = input;
  if (!/^[a-zA-Z0-9_.-]{1,64}$/.test(name))
    throw awsError(
      'ValidationException',
      `1 validation error detected: Value '${name}' at 'deliveryStreamName' failed to satisfy constraint: [a-zA-Z0-9_.-]+`,
    );
  refuseTaken(aws, name);
  if (type !== 'KinesisStreamAsSource' || !input.ExtendedS3DestinationConfiguration)
    throw awsError(
      'InvalidArgumentException',
      'The local Firehose delivers from KinesisStreamAsSource to ExtendedS3DestinationConfiguration only.',
    );
  if (!source) throw awsError('InvalidArgumentException', 'KinesisStreamSourceConfiguration must be specified for KinesisStreamAsSource.');
  if (input.DeliveryStreamEncryptionConfigurationInput)
    throw awsError(
      'InvalidArgumentException',
      'Server-side encryption cannot be set on a delivery stream with a Kinesis stream as its source.',
    );
  if (tags.length > MAX_TAGS) throw awsError('InvalidArgumentException', `A delivery stream can have at most ${MAX_TAGS} tags.`);
  const ARN = deliveryStreamArn(aws, name);
  const { KinesisStreamARN: streamArn = '', RoleARN: roleArn = '' } = source;
  const stream = streamArn.split(':stream/')[1] ?? '';
  const found = streams(aws).get(stream);
  if (!found)
    throw awsError(
      'InvalidArgumentException',
      `Stream ${stream} under account ${aws.account} not found. Verify that the Kinesis stream ${streamArn} exists.`,
    );
  assertAssumable(aws, roleArn, 'firehose.amazonaws.com', 'InvalidArgumentException', ARN);
  const destination = destinationOf(aws, input.ExtendedS3DestinationConfiguration, ARN);
  // LATEST as of now: remembered with the stream itself, so that no restart can move it.
  const positions: Record<string, number> = {};
  for (const { id } of found.shards) positions[id] = (await aws.shards.open(found.folder, id)).end();
  refuseTaken(aws, name);
  checkpoints(aws).set(name, { folder: found.folder, positions });
  aws.begins('delivery create', name);
  saveDeliveryStream(aws, {
    name,
    created: new Date(aws.now()),
    version: 1,
    source: { stream, arn: streamArn, roleArn },
    destination,
    tags: Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value])),
  });
  startDelivery(aws, name);
  return { DeliveryStreamARN: ARN };
};

export const describeDeliveryStream: Operation<DescribeDeliveryStreamInput, DescribeDeliveryStreamOutput> = (
  { DeliveryStreamName: name },
  aws,
) => {
  const stream = deliveryStreamOf(aws, name);
  const { ErrorOutputPrefix: errorPrefix, ...destination } = stream.destination;
  const { RoleARN, BucketARN, Prefix, BufferingHints, CompressionFormat, EncryptionConfiguration, CloudWatchLoggingOptions } = destination;
  const plain = { RoleARN, BucketARN, Prefix, BufferingHints, CompressionFormat, EncryptionConfiguration, CloudWatchLoggingOptions };
  return {
    DeliveryStreamDescription: {
      DeliveryStreamName: stream.name,
      DeliveryStreamARN: deliveryStreamArn(aws, stream.name),
      DeliveryStreamStatus: statusOf(aws, stream),
      DeliveryStreamType: 'KinesisStreamAsSource',
      VersionId: String(stream.version),
      CreateTimestamp: stream.created,
      LastUpdateTimestamp: stream.updated,
      Source: {
        KinesisStreamSourceDescription: {
          KinesisStreamARN: stream.source.arn,
          RoleARN: stream.source.roleArn,
          DeliveryStartTimestamp: stream.created,
        },
      },
      Destinations: [
        {
          DestinationId: DESTINATION_ID,
          S3DestinationDescription: { ...plain, ErrorOutputPrefix: errorPrefix },
          ExtendedS3DestinationDescription: stream.destination,
        },
      ],
      HasMoreDestinations: false,
    },
  };
};

export const updateDestination: Operation<UpdateDestinationInput, void> = (input, aws) => {
  const stream = deliveryStreamOf(aws, input.DeliveryStreamName);
  const { CurrentDeliveryStreamVersionId: version, DestinationId: destinationId, ExtendedS3DestinationUpdate: update } = input;
  if (statusOf(aws, stream) !== 'ACTIVE') throw awsError('ResourceInUseException', `Firehose ${stream.name} is not in ACTIVE state.`);
  if (version !== String(stream.version))
    throw awsError(
      'ConcurrentModificationException',
      `Version id ${version} is not the current version of delivery stream ${stream.name}: it is ${stream.version}.`,
    );
  if (destinationId !== DESTINATION_ID) throw awsError('InvalidArgumentException', `Destination Id ${destinationId} not found.`);
  if (!update) throw awsError('InvalidArgumentException', 'The local Firehose has ExtendedS3DestinationUpdate only.');
  const destination = destinationOf(aws, update, deliveryStreamArn(aws, stream.name), stream.destination);
  saveDeliveryStream(aws, { ...stream, destination, version: stream.version + 1, updated: new Date(aws.now()) });
};

/** What is still buffered is not delivered, as AWS warns; an object that is being written is finished first. */
export const deleteDeliveryStream: Operation<DeleteDeliveryStreamInput, void> = async ({ DeliveryStreamName: name }, aws) => {
  const stream = deliveryStreamOf(aws, name);
  const status = statusOf(aws, stream);
  if (status === 'CREATING')
    throw awsError('ResourceInUseException', `Firehose ${stream.name} is in CREATING state and cannot be deleted.`);
  if (status === 'DELETING') return;
  await stopDelivery(aws, stream.name);
  aws.begins('delivery delete', stream.name);
  if (aws.takes('delivery delete', stream.name) === 0) forgetDeliveryStream(aws, stream.name);
  else saveDeliveryStream(aws, { ...stream, deleted: new Date(aws.now()) });
};

export const listDeliveryStreams: Operation<ListDeliveryStreamsInput, ListDeliveryStreamsOutput> = (input, aws) => {
  const { ExclusiveStartDeliveryStreamName: after = '', Limit: limit = 10, DeliveryStreamType: type = 'KinesisStreamAsSource' } = input;
  const left = deliveryStreams(aws)
    .map(({ name }) => name)
    .filter((name) => name > after && type === 'KinesisStreamAsSource')
    .sort();
  return { DeliveryStreamNames: left.slice(0, limit), HasMoreDeliveryStreams: left.length > limit };
};

function refuseTaken(aws: Aws, name: string): void {
  if (deliveryStreams(aws).some((stream) => stream.name === name))
    throw awsError('ResourceInUseException', `Firehose ${name} under accountId ${aws.account} already exists`);
}
