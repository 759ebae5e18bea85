import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Aws } from '../aws.ts';
import { writeLog } from '../cloudwatch-logs/events.ts';
import { acting } from '../crash.ts';
import { assertAssumable } from '../iam/assume.ts';
import { type Permissions, permissionsOf } from '../iam/permissions.ts';
import { streams } from '../kinesis/streams.ts';
import { buckets } from '../s3/buckets.ts';
import {
  type Checkpoint,
  checkpoints,
  type DeliveryStream,
  deliveryStreamArn,
  deliveryStreamOf,
  type Intent,
  type Positions,
  statusOf,
} from './catalog.ts';
import { extensionOf, recordDelimiter } from './destination.ts';
import { fill, type Held, holdFrom, refill } from './held.ts';
import { objectPrefix, objectTime } from './prefix.ts';

const POLL_MS = 1000;
const LONGEST_BACKOFF_MS = 30_000;
const MB = 1 << 20;

interface Deliveries {
  running: Map<string, { ending: AbortController; done: Promise<void> }>;
  isClosed: boolean;
}
const perAccount = new WeakMap<Aws, Deliveries>();

/** Begins to deliver, or goes on where the checkpoint stands. Every record is delivered once, whenever the process is killed. */
export function startDelivery(aws: Aws, name: string): void {
  const { running, isClosed } = deliveriesOf(aws);
  if (running.has(name) || isClosed) return;
  const ending = new AbortController();
  running.set(name, { ending, done: deliver(aws, name, ending.signal) });
}

/** Ends a delivery; resolves once an object that was being written is complete. */
export async function stopDelivery(aws: Aws, name: string): Promise<void> {
  const { running } = deliveriesOf(aws);
  const delivery = running.get(name);
  if (!delivery) return;
  delivery.ending.abort();
  await delivery.done;
  running.delete(name);
}

function deliveriesOf(aws: Aws): Deliveries {
  const found = perAccount.get(aws);
  if (found) return found;
  const deliveries: Deliveries = { running: new Map(), isClosed: false };
  perAccount.set(aws, deliveries);
  aws.onClose(async () => {
    deliveries.isClosed = true;
    await Promise.all([...deliveries.running.keys()].map((name) => stopDelivery(aws, name)));
  });
  return deliveries;
}

async function deliver(aws: Aws, name: string, signal: AbortSignal): Promise<void> {
  let held: Held | undefined;
  for (let failures = 0; !signal.aborted; ) {
    let wait = 0;
    try {
      [held, wait] = await step(aws, name, held);
      failures = 0;
    } catch (error) {
      wait = Math.min(LONGEST_BACKOFF_MS, POLL_MS * 2 ** failures++);
      await report(aws, name, error as Error);
    }
    if (wait > 0) await aws.sleep(wait, signal);
  }
}

/**
 * One step: writes the object that is intended, or reads on and, once the buffer is due, intends the next object.
 * Gives the buffer to go on with (none: one is to be made at the checkpoint) and the milliseconds until the next step.
 */
async function step(aws: Aws, name: string, buffer: Held | undefined): Promise<[Held | undefined, number]> {
  const stream = deliveryStreamOf(aws, name);
  const checkpoint = checkpoints(aws).get(name)!;
  if (checkpoint.intent) {
    await carryOut(aws, stream, checkpoint, checkpoint.intent, buffer);
    return [undefined, 0];
  }
  if (statusOf(aws, stream) === 'CREATING') {
    await skip(aws, name, checkpoint);
    return [undefined, Math.min(POLL_MS, Math.max(1, aws.takes('delivery create', name) / 20))];
  }
  const held = buffer ?? holdFrom(checkpoint);
  const source = streams(aws).get(stream.source.stream);
  const { SizeInMBs: size = 5, IntervalInSeconds: interval = 300 } = stream.destination.BufferingHints ?? {};
  const isSame = source?.folder === held.folder;
  if (isSame) {
    const may = mayOf(aws, name, stream.source.roleArn);
    for (const action of READS) may(action, stream.source.arn);
  }
  if (isSame) await fill(aws, source, held, size * MB, recordDelimiter(stream.destination));
  if (held.oldest === undefined) {
    if (source && !isSame) checkpoints(aws).set(name, { folder: source.folder, positions: {} });
    return [source && !isSame ? undefined : held, POLL_MS];
  }
  const due = held.oldest + interval * 1000 - aws.now();
  if (isSame && held.bytes < size * MB && due > 0) return [held, Math.min(POLL_MS, due)];
  // On disk before the object is: a restart writes the same records under the same key again, whatever came after them.
  checkpoints(aws).set(name, { ...checkpoint, intent: intend(stream, checkpoint, held) });
  await aws.journal.commit();
  return [held, 0];
}

/** A delivery stream reads from LATEST as of becoming ACTIVE: what comes before is not for it. */
async function skip(aws: Aws, name: string, checkpoint: Readonly<Checkpoint>): Promise<void> {
  const positions: Positions = {};
  const source = streams(aws).get(deliveryStreamOf(aws, name).source.stream);
  const ids = source?.folder === checkpoint.folder ? source.shards.map(({ id }) => id) : Object.keys(checkpoint.positions);
  for (const id of ids) positions[id] = (await aws.shards.open(checkpoint.folder, id)).end();
  checkpoints(aws).set(name, { ...checkpoint, positions });
}

async function carryOut(
  aws: Aws,
  stream: Readonly<DeliveryStream>,
  checkpoint: Readonly<Checkpoint>,
  intent: Intent,
  buffer: Held | undefined,
) {
  const { name } = stream;
  if (!aws.objects.find(intent.bucket, intent.key)) {
    mayOf(aws, name, stream.destination.RoleARN)('s3:PutObject', `arn:aws:s3:::${intent.bucket}/${intent.key}`);
    if (!buffer && streams(aws).get(stream.source.stream)?.folder !== checkpoint.folder) {
      checkpoints(aws).set(name, { folder: checkpoint.folder, positions: checkpoint.positions });
      throw new Error(`the Kinesis stream ${stream.source.stream} was deleted with records that had not been delivered`);
    }
    const held = buffer ?? (await refill(aws, checkpoint, intent.to, intent.delimiter));
    if (!buckets(aws).has(intent.bucket)) {
      const moved = intend(stream, checkpoint, held);
      if (!buckets(aws).has(moved.bucket))
        throw new Error('The specified bucket does not exist. Create the bucket or use a different bucket that does exist.');
      checkpoints(aws).set(name, { ...checkpoint, intent: moved });
      await aws.journal.commit();
      return carryOut(aws, stream, checkpoint, moved, held);
    }
    const body = Buffer.concat(held.parts);
    const bytes = intent.compression === 'GZIP' ? await promisify(gzip)(body, { level: 6 }) : body;
    await acting(aws, 'firehose', 'Deliver', () => aws.objects.put(intent.bucket, intent.key, bytes));
  }
  checkpoints(aws).set(name, { folder: checkpoint.folder, positions: intent.to });
  await aws.journal.commit();
}

const READS = ['kinesis:DescribeStream', 'kinesis:ListShards', 'kinesis:GetShardIterator', 'kinesis:GetRecords'];

/** What Firehose may do in the role that it was given, which it has to be able to assume each time. */
function mayOf(aws: Aws, name: string, role = ''): Permissions {
  assertAssumable(aws, role, 'firehose.amazonaws.com', 'InvalidArgumentException', deliveryStreamArn(aws, name));
  return permissionsOf(aws, role, 'FirehoseDelivery', 'AccessDeniedException');
}

/** The object for what is held. Its id comes from the records' places, so that the same records always make the same name. */
function intend(stream: Readonly<DeliveryStream>, checkpoint: Readonly<Checkpoint>, held: Held): Intent {
  const { destination } = stream;
  const ranges = Object.entries(held.to).sort(([a], [b]) => (a < b ? -1 : 1));
  const places = ranges.map(([shard, to]) => `${shard} ${checkpoint.positions[shard] ?? ''} ${to}`);
  const hash = createHash('sha256')
    .update([stream.name, stream.created.getTime(), checkpoint.folder, ...places].join('\n'))
    .digest('hex');
  const id = hash.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const time = new Date(held.oldest ?? 0);
  const prefix = objectPrefix(destination.Prefix ?? '', { time, random: hash.slice(32, 43) });
  return {
    bucket: destination.BucketARN!.split(':::')[1]!,
    key: `${prefix}${stream.name}-${stream.version}-${objectTime(time)}-${id}${extensionOf(destination)}`,
    to: { ...held.to },
    delimiter: recordDelimiter(destination),
    compression: destination.CompressionFormat === 'GZIP' ? 'GZIP' : 'UNCOMPRESSED',
  };
}

/** Says what went wrong where AWS says it: in the log stream that the destination names, if it is enabled. */
async function report(aws: Aws, name: string, error: Error): Promise<void> {
  aws.log('firehose', `delivery stream ${name}: ${error.message}`);
  try {
    const { version, destination } = deliveryStreamOf(aws, name);
    const { Enabled: enabled, LogGroupName: group = '', LogStreamName: stream = '' } = destination.CloudWatchLoggingOptions ?? {};
    const about = { deliveryStreamARN: deliveryStreamArn(aws, name), destination: destination.BucketARN, deliveryStreamVersionId: version };
    const stem = `arn:aws:logs:${aws.region}:${aws.account}:log-group:${group}:log-stream:${stream}`;
    if (enabled) mayOf(aws, name, destination.RoleARN)('logs:PutLogEvents', stem);
    if (enabled) await writeLog(aws, group, stream, JSON.stringify({ ...about, message: error.message, errorCode: 'S3.DeliveryFailed' }));
  } catch (failure) {
    aws.log('firehose', `writing the log of delivery stream ${name}: ${(failure as Error).message}`);
  }
}
