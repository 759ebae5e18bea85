import type { DeliveryStreamStatus } from '@aws-sdk/client-firehose';
import { type Aws, arn, awsError } from '../aws.ts';
import type { Destination } from './destination.ts';

/** A delivery stream as the catalog keeps it. */
export interface DeliveryStream {
  name: string;
  created: Date;
  updated?: Date;
  /** Set once DeleteDeliveryStream was called; the stream is gone when the settling time has passed. */
  deleted?: Date;
  version: number;
  source: { stream: string; arn: string; roleArn: string };
  destination: Destination;
  tags: Record<string, string>;
}

/** Positions in the shards of a stream, by shard id: the offset of the next record. */
export type Positions = Record<string, number>;

/** How far a delivery stream has delivered. `folder` names the Kinesis stream's logs, so that one made anew under its name is another. */
export interface Checkpoint {
  folder: string;
  positions: Positions;
  /** The object that is to be written next, or was being written when the process ended: the records from `positions` up to `to`. */
  intent?: Intent;
}

/** All that is needed to make one object again, byte for byte the same records. */
export interface Intent {
  bucket: string;
  key: string;
  to: Positions;
  delimiter: string;
  compression: 'GZIP' | 'UNCOMPRESSED';
}

const table = (aws: Aws) => aws.journal.table<DeliveryStream>('firehose.deliveryStreams');

/** The catalog's checkpoints, by the name of the delivery stream. */
export const checkpoints = (aws: Aws) => aws.journal.table<Checkpoint>('firehose.checkpoints');

/** The ARN of the delivery stream called `name`. */
export const deliveryStreamArn = (aws: Aws, name: string): string => arn(aws, 'firehose', `deliverystream/${name}`);

/** Every delivery stream there still is. */
export const deliveryStreams = (aws: Aws): Readonly<DeliveryStream>[] =>
  table(aws)
    .values()
    .filter((stream) => !isGone(aws, stream));

/** Finds a delivery stream, or throws ResourceNotFoundException. */
export function deliveryStreamOf(aws: Aws, name = ''): Readonly<DeliveryStream> {
  const stream = table(aws).get(name);
  if (!stream || isGone(aws, stream))
    throw awsError('ResourceNotFoundException', `Firehose ${name} under account ${aws.account} not found.`);
  return stream;
}

/** CREATING until the profile's settling time has passed, then ACTIVE; DELETING from its deletion on. */
export function statusOf(aws: Aws, { name, created, deleted }: Readonly<DeliveryStream>): DeliveryStreamStatus {
  if (deleted) return 'DELETING';
  return aws.now() - created.getTime() < aws.takes('delivery create', name) ? 'CREATING' : 'ACTIVE';
}

/** Keeps a new or changed delivery stream. */
export const saveDeliveryStream = (aws: Aws, stream: DeliveryStream): void => table(aws).set(stream.name, stream);

/** Removes a delivery stream and its checkpoint. */
export function forgetDeliveryStream(aws: Aws, name: string): void {
  table(aws).delete(name);
  checkpoints(aws).delete(name);
}

/** Removes the delivery streams whose deletion has settled. */
export function forgetGone(aws: Aws): void {
  for (const stream of table(aws).values()) if (isGone(aws, stream)) forgetDeliveryStream(aws, stream.name);
}

const isGone = (aws: Aws, { name, deleted }: Readonly<DeliveryStream>) =>
  deleted !== undefined && aws.now() - deleted.getTime() >= aws.takes('delivery delete', name);
