import type {
  CreateLogGroupRequest,
  DeleteLogGroupRequest,
  DeleteRetentionPolicyRequest,
  DescribeLogGroupsRequest,
  DescribeLogGroupsResponse,
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  PutRetentionPolicyRequest,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-cloudwatch-logs';
import { type Aws, arn, awsError, type Operation } from '../aws.ts';
import { eventLogs } from './event-logs.ts';

/** A log group as the catalog keeps it. */
export interface LogGroup {
  name: string;
  created: Date;
  retentionDays?: number;
  tags: Record<string, string>;
}

/** A log stream as the catalog keeps it; `folder` names its log. */
export interface LogStream {
  group: string;
  name: string;
  created: Date;
  folder: string;
}

const RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/** The catalog's log groups. */
export const groups = (aws: Aws) => aws.journal.table<LogGroup>('logs.groups');
/** The catalog's log streams, by `<group>:<stream>`; neither name may hold a colon. */
export const streams = (aws: Aws) => aws.journal.table<LogStream>('logs.streams');

/** The ARN of a log group, without the `:*` that DescribeLogGroups puts behind it. */
export const groupArn = (aws: Aws, name: string): string => arn(aws, 'logs', `log-group:${name}`);

/** Finds a log group by name or by name or ARN, or throws ResourceNotFoundException. */
export function groupOf(aws: Aws, input: { logGroupName?: string; logGroupIdentifier?: string }): Readonly<LogGroup> {
  const name = input.logGroupName ?? input.logGroupIdentifier?.replace(/^arn:[^/]*?:log-group:/, '').replace(/:\*$/, '') ?? '';
  const group = groups(aws).get(name);
  if (!group) throw awsError('ResourceNotFoundException', 'The specified log group does not exist.');
  return group;
}

/** The streams of a group, by name. */
export const streamsOf = (aws: Aws, group: string): Readonly<LogStream>[] =>
  streams(aws)
    .values()
    .filter((stream) => stream.group === group)
    .sort((a, b) => (a.name < b.name ? -1 : 1));

export const createLogGroup: Operation<CreateLogGroupRequest, void> = ({ logGroupName: name = '', tags = {} }, aws) => {
  if (!/^[.\-_/#A-Za-z0-9]{1,512}$/.test(name))
    throw awsError(
      'InvalidParameterException',
      `1 validation error detected: Value '${name}' at 'logGroupName' failed to satisfy constraint: [\\.\\-_/#A-Za-z0-9]+`,
    );
  if (groups(aws).has(name)) throw awsError('ResourceAlreadyExistsException', 'The specified log group already exists');
  groups(aws).set(name, { name, created: new Date(aws.now()), tags });
};

export const describeLogGroups: Operation<DescribeLogGroupsRequest, DescribeLogGroupsResponse> = async (input, aws) => {
  const { logGroupNamePrefix: prefix = '', logGroupNamePattern: pattern = '', nextToken: after = '', limit = 50 } = input;
  const left = groups(aws)
    .values()
    .filter(({ name }) => name.startsWith(prefix) && name.toLowerCase().includes(pattern.toLowerCase()) && name > after)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = left.slice(0, limit);
  return {
    logGroups: await Promise.all(
      page.map(async ({ name, created, retentionDays }) => ({
        logGroupName: name,
        creationTime: created.getTime(),
        retentionInDays: retentionDays,
        metricFilterCount: 0,
        arn: `${groupArn(aws, name)}:*`,
        logGroupArn: groupArn(aws, name),
        logGroupClass: 'STANDARD' as const,
        storedBytes: await storedBytes(aws, name),
      })),
    ),
    nextToken: page.length < left.length ? page.at(-1)?.name : undefined,
  };
};

export const deleteLogGroup: Operation<DeleteLogGroupRequest, void> = async (input, aws) => {
  const { name } = groupOf(aws, input);
  const gone = streamsOf(aws, name);
  for (const stream of gone) streams(aws).delete(`${name}:${stream.name}`);
  groups(aws).delete(name);
  await aws.journal.commit();
  for (const { folder } of gone) await eventLogs(aws).remove(folder);
};

export const putRetentionPolicy: Operation<PutRetentionPolicyRequest, void> = ({ retentionInDays: days = 0, ...input }, aws) => {
  const group = groupOf(aws, input);
  if (!RETENTION_DAYS.includes(days))
    throw awsError('InvalidParameterException', `Invalid retention value. Valid values are: [${RETENTION_DAYS.join(', ')}]`);
  groups(aws).set(group.name, { ...group, retentionDays: days });
};

export const deleteRetentionPolicy: Operation<DeleteRetentionPolicyRequest, void> = (input, aws) => {
  const group = groupOf(aws, input);
  groups(aws).set(group.name, { ...group, retentionDays: undefined });
};

export const tagResource: Operation<TagResourceRequest, void> = ({ resourceArn, tags }, aws) => {
  const group = groupOf(aws, { logGroupIdentifier: resourceArn });
  groups(aws).set(group.name, { ...group, tags: { ...group.tags, ...tags } });
};

export const untagResource: Operation<UntagResourceRequest, void> = ({ resourceArn, tagKeys: keys = [] }, aws) => {
  const group = groupOf(aws, { logGroupIdentifier: resourceArn });
  groups(aws).set(group.name, { ...group, tags: Object.fromEntries(Object.entries(group.tags).filter(([key]) => !keys.includes(key))) });
};

export const listTagsForResource: Operation<ListTagsForResourceRequest, ListTagsForResourceResponse> = ({ resourceArn }, aws) => ({
  tags: groupOf(aws, { logGroupIdentifier: resourceArn }).tags,
});

async function storedBytes(aws: Aws, group: string): Promise<number> {
  const logs = await Promise.all(streamsOf(aws, group).map(({ folder }) => eventLogs(aws).open(folder, 'events')));
  return logs.reduce((sum, log) => sum + log.end() - log.start(), 0);
}
