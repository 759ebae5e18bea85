import * as schemas from '@aws-sdk/client-cloudwatch-logs';
import type { Service } from '../aws.ts';
import { eventLogs } from './event-logs.ts';
import * as events from './events.ts';
import * as groups from './groups.ts';
import * as streams from './streams.ts';

/** CloudWatch Logs. */
export const cloudWatchLogs: Service = {
  name: 'logs',
  protocol: 'json',
  schemas,
  operations: {
    CreateLogGroup: groups.createLogGroup,
    CreateLogStream: streams.createLogStream,
    DeleteLogGroup: groups.deleteLogGroup,
    DeleteLogStream: streams.deleteLogStream,
    DeleteRetentionPolicy: groups.deleteRetentionPolicy,
    DescribeLogGroups: groups.describeLogGroups,
    DescribeLogStreams: streams.describeLogStreams,
    FilterLogEvents: events.filterLogEvents,
    GetLogEvents: events.getLogEvents,
    ListTagsForResource: groups.listTagsForResource,
    PutLogEvents: events.putLogEvents,
    PutRetentionPolicy: groups.putRetentionPolicy,
    TagResource: groups.tagResource,
    UntagResource: groups.untagResource,
  },
  // Opened first, so that at shutdown the logs close after whoever writes to them.
  start: (aws) => void eventLogs(aws),
};
