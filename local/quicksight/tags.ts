import type {
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-quicksight';
import { type Aws, awsError, type Operation } from '../aws.ts';
import type { Table } from '../journal.ts';
import { type Asset, analyses, arnPrefix, dashboards, dataSets, dataSources, found, type Kind } from './assets.ts';

const MAX_TAGS = 200;

export const tagResource: Operation<TagResourceRequest, object> = ({ ResourceArn: resource = '', Tags: added = [] }, aws) => {
  const kept = tagsOf(aws, resource).filter(({ Key: key }) => !added.some((tag) => tag.Key === key));
  if (kept.length + added.length > MAX_TAGS)
    throw awsError('LimitExceededException', `At most ${MAX_TAGS} tags are allowed on a resource.`);
  setTags(aws, resource, [...kept, ...added]);
  return {};
};

export const untagResource: Operation<UntagResourceRequest, object> = ({ ResourceArn: resource = '', TagKeys: keys = [] }, aws) => {
  setTags(
    aws,
    resource,
    tagsOf(aws, resource).filter(({ Key: key }) => !keys.includes(key!)),
  );
  return {};
};

export const listTagsForResource: Operation<ListTagsForResourceRequest, ListTagsForResourceResponse> = (
  { ResourceArn: resource = '' },
  aws,
) => ({
  Tags: tagsOf(aws, resource),
});

function tagsOf(aws: Aws, resource: string): Tag[] {
  return onAsset(aws, resource, (table, kind, id) => found(aws, kind, table, id).tags);
}

function setTags(aws: Aws, resource: string, tags: Tag[]): void {
  onAsset(aws, resource, (table, kind, id) => table.set(id, { ...found(aws, kind, table, id), tags }));
}

/** Works on the asset an ARN names, of whichever kind. */
function onAsset<Result>(aws: Aws, resource: string, work: <A extends Asset>(table: Table<A>, kind: Kind, id: string) => Result): Result {
  const [kind, id = ''] = resource.startsWith(arnPrefix(aws)) ? resource.slice(arnPrefix(aws).length).split('/') : [];
  if (kind === 'datasource') return work(dataSources(aws), kind, id);
  if (kind === 'dataset') return work(dataSets(aws), kind, id);
  if (kind === 'analysis') return work(analyses(aws), kind, id);
  if (kind === 'dashboard') return work(dashboards(aws), kind, id);
  throw awsError('InvalidParameterValueException', `Invalid ARN: ${resource}`);
}
