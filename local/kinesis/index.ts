import * as schemas from '@aws-sdk/client-kinesis';
import type { Service } from '../aws.ts';
import * as listing from './list-shards.ts';
import * as records from './records.ts';
import * as reshard from './reshard.ts';
import * as mode from './stream-mode.ts';
import * as streams from './streams.ts';

/** Kinesis Data Streams. */
export const kinesis: Service = {
  name: 'kinesis',
  protocol: 'json',
  schemas,
  operations: {
    AddTagsToStream: streams.addTagsToStream,
    CreateStream: streams.createStream,
    DecreaseStreamRetentionPeriod: streams.decreaseStreamRetentionPeriod,
    DeleteStream: streams.deleteStream,
    DescribeLimits: streams.describeLimits,
    DescribeStream: listing.describeStream,
    DescribeStreamSummary: streams.describeStreamSummary,
    GetRecords: records.getRecords,
    GetShardIterator: records.getShardIterator,
    IncreaseStreamRetentionPeriod: streams.increaseStreamRetentionPeriod,
    ListShards: listing.listShards,
    ListStreams: streams.listStreams,
    ListTagsForStream: streams.listTagsForStream,
    MergeShards: reshard.mergeShards,
    PutRecord: records.putRecord,
    PutRecords: records.putRecords,
    RemoveTagsFromStream: streams.removeTagsFromStream,
    SplitShard: reshard.splitShard,
    UpdateShardCount: reshard.updateShardCount,
    UpdateStreamMode: mode.updateStreamMode,
  },
};
