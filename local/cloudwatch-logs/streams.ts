import { randomUUID } from 'node:crypto';
import type {
  CreateLogStreamRequest,
  DeleteLogStreamRequest,
  DescribeLogStreamsRequest,
  DescribeLogStreamsResponse,
} from '@aws-sdk/client-cloudwatch-logs';
import { arn, awsError, type Operation } from '../aws.ts';
import { eventLogs } from './event-logs.ts';
import { allEvents, streamOf } from './events.ts';
import { groupOf, streams, streamsOf } from './groups.ts';

export const createLogStream: Operation<CreateLogStreamRequest, void> = ({ logStreamName: name = '', ...input }, aws) => {
  const group = groupOf(aws, input).name;
  if (!/^[^:*]{1,512}$/.test(name))
    throw awsError(
      'InvalidParameterException',
      `1 validation error detected: Value '${name}' at 'logStreamName' failed to satisfy constraint: [^:*]*`,
    );
  if (streams(aws).has(`${group}:${name}`)) throw awsError('ResourceAlreadyExistsException', 'The specified log stream already exists');
  streams(aws).set(`${group}:${name}`, { group, name, created: new Date(aws.now()), folder: randomUUID() });
};

export const describeLogStreams: Operation<DescribeLogStreamsRequest, DescribeLogStreamsResponse> = async (input, aws) => {
  const { logStreamNamePrefix: prefix = '', nextToken: token = '0', limit = 50, orderBy = 'LogStreamName', descending = false } = input;
  const { name: group } = groupOf(aws, input);
  if (orderBy === 'LastEventTime' && prefix !== '')
    throw awsError('InvalidParameterException', 'Cannot order by LastEventTime with a logStreamNamePrefix.');
  const found = await Promise.all(
    streamsOf(aws, group)
      .filter(({ name }) => name.startsWith(prefix))
      .map(async (stream) => {
        const events = await allEvents(aws, stream);
        const log = await eventLogs(aws).open(stream.folder, 'events');
        return {
          logStreamName: stream.name,
          creationTime: stream.created.getTime(),
          firstEventTimestamp: events[0]?.timestamp,
          lastEventTimestamp: events.at(-1)?.timestamp,
          lastIngestionTime: events.length > 0 ? Math.max(...events.map(({ ingestionTime }) => ingestionTime)) : undefined,
          arn: arn(aws, 'logs', `log-group:${group}:log-stream:${stream.name}`),
          storedBytes: log.end() - log.start(),
        };
      }),
  );
  if (orderBy === 'LastEventTime') found.sort((a, b) => (a.lastEventTimestamp ?? 0) - (b.lastEventTimestamp ?? 0));
  if (descending) found.reverse();
  const from = Number(token);
  return { logStreams: found.slice(from, from + limit), nextToken: from + limit < found.length ? String(from + limit) : undefined };
};

export const deleteLogStream: Operation<DeleteLogStreamRequest, void> = async (input, aws) => {
  const stream = streamOf(aws, input);
  streams(aws).delete(`${stream.group}:${stream.name}`);
  await aws.journal.commit();
  await eventLogs(aws).remove(stream.folder);
};
