import type {
  AddTagsToStreamInput,
  CreateStreamInput,
  DecreaseStreamRetentionPeriodInput,
  DeleteStreamInput,
  DescribeLimitsInput,
  DescribeLimitsOutput,
  DescribeStreamSummaryInput,
  DescribeStreamSummaryOutput,
  ListStreamsInput,
  ListStreamsOutput,
  ListTagsForStreamInput,
  ListTagsForStreamOutput,
  RemoveTagsFromStreamInput,
  StreamDescription,
  StreamMode,
  StreamStatus,
} from '@aws-sdk/client-kinesis';
import { type Aws, arn, awsError, type Operation } from '../aws.ts';
import { evenly, isExpired, isOpen, type StreamShard, shardId } from './shards.ts';

/** A stream as the catalog keeps it. `folder` names its logs, so that a stream made anew under the same name starts empty. */
export interface Stream {
  name: string;
  folder: string;
  created: Date;
  /** When it was last changed; UPDATING for a while from then. */
  updated?: Date;
  /** When its deletion was asked for; DELETING for a while from then, and gone after it. */
  deleted?: Date;
  retentionHours: number;
  /** PROVISIONED if left out. */
  mode?: StreamMode;
  /** When its mode was switched, of the last 24 hours. */
  switched?: Date[];
  /** Open and closed, by rising id. */
  shards: StreamShard[];
  /** When UpdateShardCount was called, of the last 24 hours. */
  rescaled?: Date[];
  tags: Record<string, string>;
}

/** The quota of us-east-1. */
export const SHARD_LIMIT = 20_000;
/** The default quota of on-demand streams. */
export const ON_DEMAND_LIMIT = 50;
/** How many streams of an account are made or deleted at once; AWS raises it for nobody. */
const MOVING_LIMIT = 5;
const TAGS_A_PAGE = 50;

/** The catalog's streams. */
export const streams = (aws: Aws) => aws.journal.table<Stream>('kinesis.streams');

/** The ARN of the stream called `name`. */
export const streamArn = (aws: Aws, name: string): string => arn(aws, 'kinesis', `stream/${name}`);

/** Finds a stream by name or ARN, or throws ResourceNotFoundException. */
export function streamOf(aws: Aws, input: { StreamName?: string; StreamARN?: string }): Readonly<Stream> {
  const name = input.StreamName ?? input.StreamARN?.split('/').at(-1) ?? '';
  const stream = streams(aws).get(name);
  if (stream?.deleted && aws.now() - stream.deleted.getTime() >= aws.takes('stream delete', name)) forget(aws, stream);
  else if (stream) return stream;
  throw awsError('ResourceNotFoundException', `Stream ${name} under account ${aws.account} not found.`);
}

/** CREATING, UPDATING and DELETING for as long as the profile says, otherwise ACTIVE. */
export function streamStatus(aws: Aws, { name, created, updated, deleted }: Readonly<Stream>): StreamStatus {
  const since = (date: Date) => aws.now() - date.getTime();
  if (deleted) return 'DELETING';
  if (since(created) < aws.takes('stream create', name)) return 'CREATING';
  return updated && since(updated) < aws.takes('stream update', name) ? 'UPDATING' : 'ACTIVE';
}

/** The stream, to be changed; AWS refuses while it is on its way. */
export function settledOf(aws: Aws, input: { StreamName?: string; StreamARN?: string }): Readonly<Stream> {
  const stream = streamOf(aws, input);
  const status = streamStatus(aws, stream);
  if (status !== 'ACTIVE')
    throw awsError('ResourceInUseException', `Stream ${stream.name} under account ${aws.account} not ACTIVE, instead in state ${status}`);
  return stream;
}

function forget(aws: Aws, { name, folder }: Readonly<Stream>): void {
  streams(aws).delete(name);
  void aws.shards.remove(folder).catch((error: Error) => aws.log('kinesis', `removing the log of stream ${name}: ${error.message}`));
}

const exists = (aws: Aws, StreamName: string): boolean => {
  try {
    return streamOf(aws, { StreamName }) !== undefined;
  } catch {
    return false;
  }
};

export const createStream: Operation<CreateStreamInput, void> = (
  { StreamName: name = '', ShardCount: count, StreamModeDetails: mode, Tags: tags = {} },
  aws,
) => {
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name))
    throw awsError('ValidationException', `StreamName '${name}' must match [a-zA-Z0-9_.-]{1,128}.`);
  if (exists(aws, name)) throw awsError('ResourceInUseException', `Stream ${name} under account ${aws.account} already exists.`);
  const shards = mode?.StreamMode === 'ON_DEMAND' ? 4 : (count ?? 0);
  if (!Number.isInteger(shards) || shards < 1 || shards > 200)
    throw awsError('ValidationException', `ShardCount ${shards} must be between 1 and 200.`);
  refuseBeyondLimits(aws, shards);
  const created = new Date(aws.now());
  aws.begins('stream create', name);
  streams(aws).set(name, {
    name,
    folder: `${name}-${created.getTime()}`,
    created,
    retentionHours: 24,
    mode: mode?.StreamMode,
    shards: evenly(shards).map((range, i) => ({ id: shardId(i), ...range })),
    tags,
  });
};

function refuseBeyondLimits(aws: Aws, further: number): void {
  const standing = streams(aws)
    .values()
    .filter(({ name }) => exists(aws, name));
  const moving = standing.filter((stream) => ['CREATING', 'DELETING'].includes(streamStatus(aws, stream)));
  if (moving.length >= MOVING_LIMIT)
    throw awsError(
      'LimitExceededException',
      `This request would have exceed the limit on the number of streams that can simultaneously be in CREATING or DELETING for the account ${aws.account}. Limit: ${MOVING_LIMIT}.`,
    );
  const open = openShardsOf(aws);
  if (open + further > SHARD_LIMIT)
    throw awsError(
      'LimitExceededException',
      `This request would exceed the shard limit for the account ${aws.account} in ${aws.region}. Current shard count for the account: ${open}. Limit: ${SHARD_LIMIT}. Number of additional shards that would have resulted from this request: ${further}.`,
    );
}

export const deleteStream: Operation<DeleteStreamInput, void> = async (input, aws) => {
  const stream = streamOf(aws, input);
  if (stream.deleted) throw awsError('ResourceInUseException', `Stream ${stream.name} under account ${aws.account} is being deleted.`);
  aws.begins('stream delete', stream.name);
  if (aws.takes('stream delete', stream.name) > 0) {
    streams(aws).set(stream.name, { ...stream, deleted: new Date(aws.now()) });
    return;
  }
  streams(aws).delete(stream.name);
  await aws.journal.commit();
  await aws.shards.remove(stream.folder);
};

export const describeStreamSummary: Operation<DescribeStreamSummaryInput, DescribeStreamSummaryOutput> = (input, aws) => {
  const stream = streamOf(aws, input);
  return {
    StreamDescriptionSummary: { ...description(aws, stream), OpenShardCount: stream.shards.filter(isOpen).length, ConsumerCount: 0 },
  };
};

/** The shards of a stream that take records, or may still hold some. */
export const keptShards = (aws: Aws, { shards, retentionHours }: Readonly<Stream>): Readonly<StreamShard>[] =>
  shards.filter((shard) => !isExpired(shard, retentionHours, aws.now()));

/** Open shards of all streams of the account. */
export const openShardsOf = (aws: Aws): number =>
  streams(aws)
    .values()
    .reduce((sum, { shards }) => sum + shards.filter(isOpen).length, 0);

/** True for a stream whose shards are AWS's business. */
export const isOnDemand = ({ mode }: Readonly<Stream>): boolean => mode === 'ON_DEMAND';

/** How many on-demand streams there are. */
export const onDemandStreams = (aws: Aws): number => streams(aws).values().filter(isOnDemand).length;

export const describeLimits: Operation<DescribeLimitsInput, DescribeLimitsOutput> = (_input, aws) => ({
  ShardLimit: SHARD_LIMIT,
  OpenShardCount: openShardsOf(aws),
  OnDemandStreamCount: onDemandStreams(aws),
  OnDemandStreamCountLimit: ON_DEMAND_LIMIT,
});

export const listStreams: Operation<ListStreamsInput, ListStreamsOutput> = (
  { ExclusiveStartStreamName: after = '', Limit: limit = 100 },
  aws,
) => {
  const all = streams(aws)
    .values()
    .filter(({ name }) => name > after && exists(aws, name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = all.slice(0, limit);
  return {
    StreamNames: page.map(({ name }) => name),
    HasMoreStreams: page.length < all.length,
    StreamSummaries: page.map((stream) => ({
      StreamName: stream.name,
      StreamARN: streamArn(aws, stream.name),
      StreamStatus: streamStatus(aws, stream),
      StreamModeDetails: modeOf(stream),
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
  const stream = settledOf(aws, input);
  if (hours < 24 || hours > 8760) throw awsError('InvalidArgumentException', `Retention of ${hours} hours must be between 24 and 8760.`);
  if (way === 'more' ? hours < stream.retentionHours : hours > stream.retentionHours)
    throw awsError(
      'InvalidArgumentException',
      `Requested retention of ${hours} hours is not ${way} than the current ${stream.retentionHours}.`,
    );
  aws.begins('stream update', stream.name);
  streams(aws).set(stream.name, { ...stream, retentionHours: hours, updated: new Date(aws.now()) });
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

export const listTagsForStream: Operation<ListTagsForStreamInput, ListTagsForStreamOutput> = (
  { ExclusiveStartTagKey: after = '', Limit: limit = TAGS_A_PAGE, ...input },
  aws,
) => {
  if (limit < 1 || limit > TAGS_A_PAGE) throw awsError('ValidationException', `Limit ${limit} must be between 1 and ${TAGS_A_PAGE}.`);
  const left = Object.entries(streamOf(aws, input).tags)
    .filter(([key]) => key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { Tags: left.slice(0, limit).map(([Key, Value]) => ({ Key, Value })), HasMoreTags: left.length > limit };
};

const modeOf = ({ mode = 'PROVISIONED' }: Readonly<Stream>) => ({ StreamMode: mode });

/** What both descriptions of a stream say. */
export function description(aws: Aws, stream: Readonly<Stream>): Omit<StreamDescription, 'Shards' | 'HasMoreShards'> {
  return {
    StreamName: stream.name,
    StreamARN: streamArn(aws, stream.name),
    StreamStatus: streamStatus(aws, stream),
    StreamModeDetails: modeOf(stream),
    RetentionPeriodHours: stream.retentionHours,
    StreamCreationTimestamp: stream.created,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
  };
}
