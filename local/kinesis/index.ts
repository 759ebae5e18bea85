import * as schemas from '@aws-sdk/client-kinesis';
import type { Service } from '../aws.ts';
import * as records from './records.ts';
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
    DescribeStream: streams.describeStream,
    DescribeStreamSummary: streams.describeStreamSummary,
    GetRecords: records.getRecords,
    GetShardIterator: records.getShardIterator,
    IncreaseStreamRetentionPeriod: streams.increaseStreamRetentionPeriod,
    ListShards: streams.listShards,
    ListStreams: streams.listStreams,
    ListTagsForStream: streams.listTagsForStream,
    PutRecord: records.putRecord,
    PutRecords: records.putRecords,
    RemoveTagsFromStream: streams.removeTagsFromStream,
  },
};
