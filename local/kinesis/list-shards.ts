import type {
  DescribeStreamInput,
  DescribeStreamOutput,
  ListShardsInput,
  ListShardsOutput,
  Shard,
  ShardFilter,
} from '@aws-sdk/client-kinesis';
import { HOUR_MS } from '../../pipeline/time.ts';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { sequenceNumber } from './sequence.ts';
import { isOpen, type StreamShard } from './shards.ts';
import { description, keptShards, type Stream, streamOf } from './streams.ts';

const PAGE = { listed: 1000, described: 100 };

export const describeStream: Operation<DescribeStreamInput, DescribeStreamOutput> = async (
  { ExclusiveStartShardId: after = '', Limit: limit = PAGE.described, ...input },
  aws,
) => {
  const stream = streamOf(aws, input);
  const left = keptShards(aws, stream).filter(({ id }) => id > after);
  const Shards = await described(aws, stream, left.slice(0, limit));
  return { StreamDescription: { ...description(aws, stream), Shards, HasMoreShards: left.length > limit } };
};

export const listShards: Operation<ListShardsInput, ListShardsOutput> = async (
  { NextToken: token, MaxResults: limit = PAGE.listed, ExclusiveStartShardId: after = '', ShardFilter: filter, ...input },
  aws,
) => {
  if (token !== undefined && (input.StreamName ?? input.StreamARN) !== undefined)
    throw awsError('InvalidArgumentException', 'NextToken and StreamName cannot be provided together.');
  const page = token === undefined ? { name: undefined, after, filter } : readToken(token);
  const stream = streamOf(aws, page.name === undefined ? input : { StreamName: page.name });
  const passes = filterOf(aws, stream, page.filter);
  const left = keptShards(aws, stream).filter((shard) => shard.id > page.after && passes(shard));
  const shown = left.slice(0, limit);
  const next = { name: stream.name, after: shown.at(-1)?.id ?? '', filter: page.filter };
  return {
    Shards: await described(aws, stream, shown),
    ...(left.length > limit && { NextToken: Buffer.from(JSON.stringify(next)).toString('base64') }),
  };
};

interface Page {
  name: string | undefined;
  after: string;
  filter?: ShardFilter;
}

function readToken(token: string): Page {
  try {
    const page = JSON.parse(Buffer.from(token, 'base64').toString()) as Page;
    const time = page.filter?.Timestamp;
    return time ? { ...page, filter: { ...page.filter!, Timestamp: new Date(time) } } : page;
  } catch {
    throw awsError('InvalidArgumentException', 'NextToken is invalid.');
  }
}

/** Which shards a filter lets through: those open at a moment, or open then or later. */
function filterOf(aws: Aws, stream: Readonly<Stream>, filter: ShardFilter | undefined): (shard: Readonly<StreamShard>) => boolean {
  const horizon = Math.max(stream.created.getTime(), aws.now() - stream.retentionHours * HOUR_MS);
  const at = filter?.Timestamp?.getTime() ?? 0;
  const closedAfter = (time: number) => (shard: Readonly<StreamShard>) => isOpen(shard) || shard.closed!.getTime() > time;
  const openAt = (time: number) => (shard: Readonly<StreamShard>) =>
    closedAfter(time)(shard) && (shard.opened ?? stream.created).getTime() <= time;
  switch (filter?.Type) {
    case undefined:
    case 'FROM_TRIM_HORIZON':
      return () => true;
    case 'AFTER_SHARD_ID':
      return ({ id }) => id > (filter?.ShardId ?? '');
    case 'AT_LATEST':
      return isOpen;
    case 'AT_TRIM_HORIZON':
      return openAt(horizon);
    case 'AT_TIMESTAMP':
      return openAt(Math.max(at, horizon));
    case 'FROM_TIMESTAMP':
      return closedAfter(at);
    default:
      throw awsError('InvalidArgumentException', `ShardFilter of type ${filter?.Type} is not valid.`);
  }
}

const described = (aws: Aws, { folder }: Readonly<Stream>, shards: readonly Readonly<StreamShard>[]): Promise<Shard[]> =>
  Promise.all(
    shards.map(async (shard): Promise<Shard> => {
      const { id, from, to, parent, adjacent } = shard;
      const log = await aws.shards.open(folder, id);
      return {
        ShardId: id,
        ...(parent !== undefined && { ParentShardId: parent }),
        ...(adjacent !== undefined && { AdjacentParentShardId: adjacent }),
        HashKeyRange: { StartingHashKey: from, EndingHashKey: to },
        SequenceNumberRange: {
          StartingSequenceNumber: sequenceNumber(id, log.start()),
          ...(!isOpen(shard) && { EndingSequenceNumber: sequenceNumber(id, log.end()) }),
        },
      };
    }),
  );
