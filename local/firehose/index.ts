import type { PutRecordInput } from '@aws-sdk/client-firehose';
import * as schemas from '@aws-sdk/client-firehose';
import { awsError, type Operation, type Service } from '../aws.ts';
import { deliveryStreamOf, deliveryStreams, forgetGone } from './catalog.ts';
import { startDelivery } from './delivery.ts';
import * as streams from './delivery-streams.ts';
import * as tags from './tags.ts';

/** Every delivery stream here reads from Kinesis, and such a one takes no records directly. */
const refuseRecord: Operation<Pick<PutRecordInput, 'DeliveryStreamName'>, never> = ({ DeliveryStreamName: name }, aws) => {
  deliveryStreamOf(aws, name);
  throw awsError('InvalidArgumentException', 'This operation is not permitted on KinesisStreamAsSource delivery stream type.');
};

/** Firehose, from Kinesis to S3. */
export const firehose: Service = {
  name: 'firehose',
  protocol: 'json',
  schemas,
  operations: {
    CreateDeliveryStream: streams.createDeliveryStream,
    DeleteDeliveryStream: streams.deleteDeliveryStream,
    DescribeDeliveryStream: streams.describeDeliveryStream,
    ListDeliveryStreams: streams.listDeliveryStreams,
    ListTagsForDeliveryStream: tags.listTagsForDeliveryStream,
    PutRecord: refuseRecord,
    PutRecordBatch: refuseRecord,
    TagDeliveryStream: tags.tagDeliveryStream,
    UntagDeliveryStream: tags.untagDeliveryStream,
    UpdateDestination: streams.updateDestination,
  },
  start: (aws) => {
    forgetGone(aws);
    for (const { name, deleted } of deliveryStreams(aws)) if (!deleted) startDelivery(aws, name);
  },
};
