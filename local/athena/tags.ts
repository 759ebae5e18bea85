import type { ListTagsForResourceInput, ListTagsForResourceOutput, TagResourceInput, UntagResourceInput } from '@aws-sdk/client-athena';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { workGroupArn, workGroupOf } from './work-groups.ts';

/** Tags of work groups, by ARN. */
export const tags = (aws: Aws) => aws.journal.table<Record<string, string>>('athena.tags');

export const tagResource: Operation<TagResourceInput, void> = ({ ResourceARN: resource, Tags: added = [] }, aws) => {
  const key = checkedArn(aws, resource);
  tags(aws).set(key, { ...tags(aws).get(key), ...Object.fromEntries(added.map(({ Key: name = '', Value: value = '' }) => [name, value])) });
};

export const untagResource: Operation<UntagResourceInput, void> = ({ ResourceARN: resource, TagKeys: removed = [] }, aws) => {
  const key = checkedArn(aws, resource);
  tags(aws).set(key, Object.fromEntries(Object.entries(tags(aws).get(key) ?? {}).filter(([name]) => !removed.includes(name))));
};

export const listTagsForResource: Operation<ListTagsForResourceInput, ListTagsForResourceOutput> = ({ ResourceARN: resource }, aws) => ({
  Tags: Object.entries(tags(aws).get(checkedArn(aws, resource)) ?? {}).map(([Key, Value]) => ({ Key, Value })),
});

function checkedArn(aws: Aws, resource = ''): string {
  const prefix = workGroupArn(aws, '');
  if (!resource.startsWith(prefix)) throw awsError('InvalidRequestException', `Invalid ARN: ${resource}`);
  try {
    workGroupOf(aws, resource.slice(prefix.length));
  } catch {
    throw awsError('ResourceNotFoundException', `Resource ${resource} is not found`);
  }
  return resource;
}
