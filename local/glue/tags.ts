import type { GetTagsRequest, GetTagsResponse, TagResourceRequest, UntagResourceRequest } from '@aws-sdk/client-glue';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { databaseOf, glueArn, tableOf, tags } from './catalog.ts';
import { crawlerOf } from './crawlers.ts';

export const tagResource: Operation<TagResourceRequest, void> = ({ ResourceArn: resource, TagsToAdd: added }, aws) => {
  const key = checkedArn(aws, resource);
  const next = { ...tags(aws).get(key), ...added };
  if (Object.keys(next).length > 50) throw awsError('InvalidInputException', 'At most 50 tags are allowed on a resource.');
  tags(aws).set(key, next);
};

export const untagResource: Operation<UntagResourceRequest, void> = ({ ResourceArn: resource, TagsToRemove: removed = [] }, aws) => {
  const key = checkedArn(aws, resource);
  tags(aws).set(key, Object.fromEntries(Object.entries(tags(aws).get(key) ?? {}).filter(([name]) => !removed.includes(name))));
};

export const getTags: Operation<GetTagsRequest, GetTagsResponse> = ({ ResourceArn: resource }, aws) => ({
  Tags: tags(aws).get(checkedArn(aws, resource)) ?? {},
});

/** The ARN of an existing database, table or crawler; else InvalidInputException or EntityNotFoundException. */
function checkedArn(aws: Aws, resource = ''): string {
  const prefix = glueArn(aws, '');
  if (!resource.startsWith(prefix)) throw awsError('InvalidInputException', `Invalid ARN: ${resource}`);
  const [kind, name = '', table = ''] = resource.slice(prefix.length).split('/');
  if (kind === 'database') databaseOf(aws, name);
  else if (kind === 'table') tableOf(aws, name, table);
  else if (kind === 'crawler') crawlerOf(aws, resource.slice(`${prefix}crawler/`.length));
  else throw awsError('InvalidInputException', `Invalid ARN: ${resource}`);
  return resource;
}
