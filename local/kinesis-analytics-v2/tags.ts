import type {
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  Tag,
  TagResourceRequest,
  TagResourceResponse,
  UntagResourceRequest,
  UntagResourceResponse,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { type Application, applicationArn, applicationOf, applications } from './application.ts';

const MOST_TAGS = 50;

/** Tags as the catalog keeps them; throws TooManyTagsException beyond AWS's limit. */
export function tagMap(tags: Tag[] = [], before: Record<string, string> = {}): Record<string, string> {
  const all = { ...before, ...Object.fromEntries(tags.map(({ Key: key = '', Value: value = '' }) => [key, value])) };
  if (Object.keys(all).length > MOST_TAGS) throw awsError('TooManyTagsException', `An application can have at most ${MOST_TAGS} tags.`);
  return all;
}

export const tagResource: Operation<TagResourceRequest, TagResourceResponse> = ({ ResourceARN: arn, Tags: tags }, aws) => {
  const application = tagged(aws, arn);
  applications(aws).set(application.name, { ...application, tags: tagMap(tags, application.tags) });
  return {};
};

export const untagResource: Operation<UntagResourceRequest, UntagResourceResponse> = ({ ResourceARN: arn, TagKeys: keys = [] }, aws) => {
  const application = tagged(aws, arn);
  const tags = Object.fromEntries(Object.entries(application.tags).filter(([key]) => !keys.includes(key)));
  applications(aws).set(application.name, { ...application, tags });
  return {};
};

export const listTagsForResource: Operation<ListTagsForResourceRequest, ListTagsForResourceResponse> = ({ ResourceARN: arn }, aws) => ({
  Tags: Object.entries(tagged(aws, arn).tags).map(([Key, Value]) => ({ Key, Value })),
});

function tagged(aws: Aws, arn = ''): Readonly<Application> {
  const application = applicationOf(aws, arn.split('/').at(-1));
  if (applicationArn(aws, application.name) !== arn) throw awsError('ResourceNotFoundException', `Resource ${arn} not found.`);
  return application;
}
