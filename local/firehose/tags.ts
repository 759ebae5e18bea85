import type {
  ListTagsForDeliveryStreamInput,
  ListTagsForDeliveryStreamOutput,
  TagDeliveryStreamInput,
  UntagDeliveryStreamInput,
} from '@aws-sdk/client-firehose';
import type { Operation } from '../aws.ts';
import { deliveryStreamOf, saveDeliveryStream } from './catalog.ts';

/** What a page holds unless told. */
const PAGE_TAGS = 10;

export const tagDeliveryStream: Operation<TagDeliveryStreamInput, void> = ({ DeliveryStreamName: name, Tags: tags = [] }, aws) => {
  const stream = deliveryStreamOf(aws, name);
  saveDeliveryStream(aws, {
    ...stream,
    tags: { ...stream.tags, ...Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value])) },
  });
};

export const untagDeliveryStream: Operation<UntagDeliveryStreamInput, void> = ({ DeliveryStreamName: name, TagKeys: keys = [] }, aws) => {
  const stream = deliveryStreamOf(aws, name);
  saveDeliveryStream(aws, { ...stream, tags: Object.fromEntries(Object.entries(stream.tags).filter(([key]) => !keys.includes(key))) });
};

export const listTagsForDeliveryStream: Operation<ListTagsForDeliveryStreamInput, ListTagsForDeliveryStreamOutput> = (input, aws) => {
  const { DeliveryStreamName: name, ExclusiveStartTagKey: after = '', Limit: limit = PAGE_TAGS } = input;
  const left = Object.entries(deliveryStreamOf(aws, name).tags)
    .filter(([key]) => key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }));
  return { Tags: left.slice(0, limit), HasMoreTags: left.length > limit };
};
