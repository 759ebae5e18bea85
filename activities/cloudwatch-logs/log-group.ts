import {
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  ListTagsForResourceCommand,
  PutRetentionPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { LAKE_TABLES, type Names, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';
import { retryIfLost } from '../not-yet.ts';
import type { Difference, Found, Resource } from '../resource.ts';

interface LogGroup extends Found {
  retention?: number;
  streams: string[];
}

/** The log group of the delivery streams, one log stream for each. */
export const firehoseLogs = (clients: Clients): Resource<LogGroup> =>
  logGroup(clients, ({ firehoseLogGroup }) => ({ name: firehoseLogGroup, streams: [...LAKE_TABLES] }));

/** The log group of the Studio application. */
export const studioLogs = (clients: Clients): Resource<LogGroup> =>
  logGroup(clients, ({ studioLogGroup, studioLogStream }) => ({ name: studioLogGroup, streams: [studioLogStream] }));

function logGroup({ logs }: Clients, which: (all: Names) => { name: string; streams: string[] }): Resource<LogGroup> {
  const arnOf = (pipeline: Pipeline) => names(pipeline).logGroupArn(which(names(pipeline)).name);
  const describe = async (name: string): Promise<LogGroup | undefined> => {
    const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name }));
    const group = logGroups.find(({ logGroupName }) => logGroupName === name);
    if (!group) return undefined;
    // `arn` ends in `:*`, which stands for the streams and is no resource to ask tags of.
    const resourceArn = group.logGroupArn ?? group.arn?.replace(/:\*$/, '');
    const { tags = {} } = await logs.send(new ListTagsForResourceCommand({ resourceArn }));
    const { logStreams = [] } = await logs.send(new DescribeLogStreamsCommand({ logGroupName: name }));
    return { tags, retention: group.retentionInDays, streams: logStreams.map(({ logStreamName = '' }) => logStreamName) };
  };
  const change = async (pipeline: Pipeline, found: LogGroup): Promise<void> => {
    const { name: logGroupName, streams } = which(names(pipeline));
    const retentionInDays = pipeline.keep.logDays;
    if (found.retention !== retentionInDays) await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
    for (const logStreamName of streams.filter((stream) => !found.streams.includes(stream)))
      await retryIfLost(logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName })), 'ResourceAlreadyExistsException');
  };
  return {
    label: (pipeline) => `log group ${which(names(pipeline)).name}`,
    arn: arnOf,
    find: (pipeline) => undefinedIfMissing(describe(which(names(pipeline)).name), 'ResourceNotFoundException'),
    create: async (pipeline) => {
      const { tags } = names(pipeline);
      const creation = logs.send(new CreateLogGroupCommand({ logGroupName: which(names(pipeline)).name, tags }));
      await retryIfLost(creation, 'ResourceAlreadyExistsException');
      await change(pipeline, { streams: [] });
    },
    differences: (pipeline, { retention, streams }) => [
      ...(retention === pipeline.keep.logDays ? [] : [{ field: 'retentionInDays', is: retention, wanted: pipeline.keep.logDays }]),
      ...which(names(pipeline)).streams.flatMap((name): Difference[] =>
        streams.includes(name) ? [] : [{ field: `log stream ${name}`, is: undefined, wanted: 'there' }],
      ),
    ],
    change,
    tag: async (pipeline, _found, tags) => {
      await logs.send(new TagResourceCommand({ resourceArn: arnOf(pipeline), tags }));
    },
    untag: async (pipeline, _found, tagKeys) => {
      await logs.send(new UntagResourceCommand({ resourceArn: arnOf(pipeline), tagKeys }));
    },
    status: () => 'ready',
    remove: async (pipeline) => {
      const deletion = logs.send(new DeleteLogGroupCommand({ logGroupName: which(names(pipeline)).name }));
      await undefinedIfMissing(deletion, 'ResourceNotFoundException');
    },
  };
}
