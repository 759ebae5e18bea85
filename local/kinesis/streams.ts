import type {
  AddTagsToStreamInput,
  CreateStreamInput,
  DecreaseStreamRetentionPeriodInput,
  DeleteStreamInput,
  DescribeStreamInput,
  DescribeStreamOutput,
  DescribeStreamSummaryInput,
  DescribeStreamSummaryOutput,
  ListShardsInput,
  ListShardsOutput,
  ListStreamsInput,
  ListStreamsOutput,
  ListTagsForStreamInput,
  ListTagsForStreamOutput,
  RemoveTagsFromStreamInput,
  Shard,
  StreamStatus,
} from '@aws-sdk/client-kinesis';
import { type Aws, arn, awsError, type Operation } from '../aws.ts';
import { sequenceNumber } from './sequence.ts';

/** A stream as the catalog keeps it. `folder` names its logs, so that a stream made anew under the same name starts empty. */
export interface Stream {
  name: string;
  folder: string;
  created: Date;
  retentionHours: number;
  shards: { id: string; from: string; to: string }[];
  tags: Record<string, string>;
}

const MAX_HASH = (1n << 128n) - 1n;

/** The catalog's streams. */
export const streams = (aws: Aws) => aws.journal.table<Stream>('kinesis.streams');

/** The ARN of the stream called `name`. */
export const streamArn = (aws: Aws, name: string): string => arn(aws, 'kinesis', `stream/${name}`);

/** Finds a stream by name or ARN, or throws ResourceNotFoundException. */
export function streamOf(aws: Aws, input: { StreamName?: string; StreamARN?: string }): Readonly<Stream> {
  const name = input.StreamName ?? input.StreamARN?.split('/').at(-1) ?? '';
  const stream = streams(aws).get(name);
  if (!stream) throw awsError('ResourceNotFoundException', `Stream ${name} under account ${aws.account} not found.`);
  return stream;
}

/** CREATING until the profile's settling time has passed, then ACTIVE. */
export const streamStatus = (aws: Aws, { created }: Readonly<Stream>): StreamStatus =>
  aws.now() - created.getTime() < aws.settle ? 'CREATING' : 'ACTIVE';

export const createStream: Operation<CreateStreamInput, void> = (
  { StreamName: name = '', ShardCount: count, StreamModeDetails: mode, Tags: tags = {} },
  aws,
) => {
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name))
    throw awsError('ValidationException', `StreamName '${name}' must match [a-zA-Z0-9_.-]{1,128}.`);
  if (streams(aws).has(name)) throw awsError('ResourceInUseException', `Stream ${name} under account ${aws.account} already exists.`);
  const shards = mode?.StreamMode === 'ON_DEMAND' ? 4 : (count ?? 0);
  if (!Number.isInteger(shards) || shards < 1 || shards > 200)
    throw awsError('ValidationException', `ShardCount ${shards} must be between 1 and 200.`);
  const width = (MAX_HASH + 1n) / BigInt(shards);
  const created = new Date(aws.now());
  streams(aws).set(name, {
    name,
    folder: `${name}-${created.getTime()}`,
    created,
    retentionHours: 24,
    shards: Array.from({ length: shards }, (_, i) => ({
      id: `shardId-${String(i).padStart(12, '0')}`,
      from: String(width * BigInt(i)),
      to: String(i === shards - 1 ? MAX_HASH : width * BigInt(i + 1) - 1n),
    })),
    tags,
  });
};

export const deleteStream: Operation<DeleteStreamInput, void> = async (input, aws) => {
  const stream = streamOf(aws, input);
  streams(aws).delete(stream.name);
  await aws.journal.commit();
  await aws.shards.remove(stream.folder);
};

export const describeStreamSummary: Operation<DescribeStreamSummaryInput, DescribeStreamSummaryOutput> = (input, aws) => {
  const stream = streamOf(aws, input);
  return { StreamDescriptionSummary: { ...description(aws, stream), OpenShardCount: stream.shards.length, ConsumerCount: 0 } };
};

export const describeStream: Operation<DescribeStreamInput, DescribeStreamOutput> = async (input, aws) => {
  const stream = streamOf(aws, input);
  return { StreamDescription: { ...description(aws, stream), Shards: await shardsOf(aws, stream), HasMoreShards: false } };
};

export const listShards: Operation<ListShardsInput, ListShardsOutput> = async ({ ExclusiveStartShardId: after = '', ...input }, aws) => {
  if (input.NextToken !== undefined) throw awsError('InvalidArgumentException', 'NextToken is not valid: every shard fits one page here.');
  return { Shards: (await shardsOf(aws, streamOf(aws, input))).filter(({ ShardId: id = '' }) => id > after) };
};

export const listStreams: Operation<ListStreamsInput, ListStreamsOutput> = (
  { ExclusiveStartStreamName: after = '', Limit: limit = 100 },
  aws,
) => {
  const all = streams(aws)
    .values()
    .filter(({ name }) => name > after)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = all.slice(0, limit);
  return {
    StreamNames: page.map(({ name }) => name),
    HasMoreStreams: page.length < all.length,
    StreamSummaries: page.map((stream) => ({
      StreamName: stream.name,
      StreamARN: streamArn(aws, stream.name),
      StreamStatus: streamStatus(aws, stream),
      StreamCreationTimestamp: stream.created,
    })),
  };
};

export const increaseStreamRetentionPeriod: Operation<DecreaseStreamRetentionPeriodInput, void> = (input, aws) =>
  setRetention(input, aws, 'more');
export const decreaseStreamRetentionPeriod: Operation<DecreaseStreamRetentionPeriodInput, void> = (input, aws) =>
  setRetention(input, aws, 'less');

function setRetention(
  { RetentionPeriodHours: hours = 0, ...input }: DecreaseStreamRetentionPeriodInput,
  aws: Aws,
  way: 'more' | 'less',
): void {
  const stream = streamOf(aws, input);
  if (hours < 24 || hours > 8760) throw awsError('InvalidArgumentException', `Retention of ${hours} hours must be between 24 and 8760.`);
  if (way === 'more' ? hours < stream.retentionHours : hours > stream.retentionHours)
    throw awsError(
      'InvalidArgumentException',
      `Requested retention of ${hours} hours is not ${way} than the current ${stream.retentionHours}.`,
    );
  streams(aws).set(stream.name, { ...stream, retentionHours: hours });
}

export const addTagsToStream: Operation<AddTagsToStreamInput, void> = ({ Tags: tags, ...input }, aws) => {
  const stream = streamOf(aws, input);
  streams(aws).set(stream.name, { ...stream, tags: { ...stream.tags, ...tags } });
};

export const removeTagsFromStream: Operation<RemoveTagsFromStreamInput, void> = ({ TagKeys: keys = [], ...input }, aws) => {
  const stream = streamOf(aws, input);
  streams(aws).set(stream.name, {
    ...stream,
    tags: Object.fromEntries(Object.entries(stream.tags).filter(([key]) => !keys.includes(key))),
  });
};

export const listTagsForStream: Operation<ListTagsForStreamInput, ListTagsForStreamOutput> = (input, aws) => ({
  Tags: Object.entries(streamOf(aws, input).tags).map(([Key, Value]) => ({ Key, Value })),
  HasMoreTags: false,
});

function description(aws: Aws, stream: Readonly<Stream>) {
  return {
    StreamName: stream.name,
    StreamARN: streamArn(aws, stream.name),
    StreamStatus: streamStatus(aws, stream),
    StreamModeDetails: { StreamMode: 'PROVISIONED' as const },
    RetentionPeriodHours: stream.retentionHours,
    StreamCreationTimestamp: stream.created,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE' as const,
  };
}

async function shardsOf(aws: Aws, stream: Readonly<Stream>): Promise<Shard[]> {
  return Promise.all(
    stream.shards.map(async ({ id, from, to }) => ({
      ShardId: id,
      HashKeyRange: { StartingHashKey: from, EndingHashKey: to },
      SequenceNumberRange: { StartingSequenceNumber: sequenceNumber(id, (await aws.shards.open(stream.folder, id)).start()) },
    })),
  );
}
