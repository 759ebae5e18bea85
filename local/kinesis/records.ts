import { createHash } from 'node:crypto';
import type {
  ChildShard,
  GetRecordsInput,
  GetRecordsOutput,
  GetShardIteratorInput,
  GetShardIteratorOutput,
  PutRecordInput,
  PutRecordOutput,
  PutRecordsInput,
  PutRecordsOutput,
  PutRecordsRequestEntry,
  PutRecordsResultEntry,
} from '@aws-sdk/client-kinesis';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { turnsOf } from './reshard.ts';
import { offsetOf, sequenceNumber } from './sequence.ts';
import { childrenOf, isOpen, MAX_HASH, parentsOf, type StreamShard } from './shards.ts';
import { keptShards, type Stream, streamOf, streamStatus } from './streams.ts';

const MAX_RECORDS = 500;
const MAX_RECORD_BYTES = 1 << 20;
const MAX_REQUEST_BYTES = 10 << 20;
const WRITES_PER_SECOND = { records: 1000, bytes: 1 << 20 };
const READS_PER_SECOND = 5;
const ITERATOR_MS = 5 * 60_000;

export const putRecords: Operation<PutRecordsInput, PutRecordsOutput> = async ({ Records: entries = [], ...input }, aws) => {
  const stream = writable(aws, input);
  if (entries.length === 0 || entries.length > MAX_RECORDS)
    throw awsError('ValidationException', `1 validation error detected: Value at 'records' must have length between 1 and ${MAX_RECORDS}.`);
  const size = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
  if (size > MAX_REQUEST_BYTES)
    throw awsError('InvalidArgumentException', `Records size exceeds ${MAX_REQUEST_BYTES / (1 << 20)} MB limit`);
  const results = await turnsOf(aws, stream).write(() => store(aws, writable(aws, input), entries));
  return { Records: results, FailedRecordCount: results.filter(({ ErrorCode }) => ErrorCode).length, EncryptionType: 'NONE' };
};

export const putRecord: Operation<PutRecordInput, PutRecordOutput> = async ({ Data, PartitionKey, ExplicitHashKey, ...input }, aws) => {
  const entry = { Data, PartitionKey, ExplicitHashKey };
  const [result] = await turnsOf(aws, writable(aws, input)).write(() => store(aws, writable(aws, input), [entry]));
  if (result?.ErrorCode) throw awsError(result.ErrorCode, result.ErrorMessage ?? '');
  return { ShardId: result?.ShardId, SequenceNumber: result?.SequenceNumber, EncryptionType: 'NONE' };
};

export const getShardIterator: Operation<GetShardIteratorInput, GetShardIteratorOutput> = async (input, aws) => {
  const stream = streamOf(aws, input);
  const { ShardId: shard = '', ShardIteratorType: type, StartingSequenceNumber: sequence = '', Timestamp: time } = input;
  if (!keptShards(aws, stream).some(({ id }) => id === shard))
    throw awsError('ResourceNotFoundException', `Shard ${shard} in stream ${stream.name} under account ${aws.account} does not exist`);
  const log = await aws.shards.open(stream.folder, shard);
  if (type === 'TRIM_HORIZON') return { ShardIterator: iterator(aws, stream, shard, log.start()) };
  if (type === 'LATEST') return { ShardIterator: iterator(aws, stream, shard, log.end()) };
  if (type === 'AT_TIMESTAMP') {
    if (!time) throw awsError('InvalidArgumentException', 'Must specify timestamp parameter for iterator of type AT_TIMESTAMP.');
    return { ShardIterator: iterator(aws, stream, shard, await log.offsetAt(momentOf(time, aws))) };
  }
  const offset = offsetOf(sequence);
  if (offset === undefined)
    throw awsError('InvalidArgumentException', `StartingSequenceNumber ${sequence} used in GetShardIterator on shard ${shard} is invalid.`);
  const next = type === 'AFTER_SEQUENCE_NUMBER' ? ((await log.read(offset, 1))[0]?.next ?? offset) : offset;
  return { ShardIterator: iterator(aws, stream, shard, next) };
};

/** Flink's connector (SDK v1 without CBOR) writes the moment in milliseconds where the protocol wants seconds: it comes out in the far future. */
const momentOf = (time: Date, aws: Aws): number => (time.getTime() > 100 * aws.now() ? time.getTime() / 1000 : time.getTime());

export const getRecords: Operation<GetRecordsInput, GetRecordsOutput> = async (
  { ShardIterator: token = '', Limit: limit = 10_000 },
  aws,
) => {
  const { stream, shard, offset } = parsed(aws, token);
  if (!spend(`read/${stream.folder}/${shard}`, aws.now(), { calls: 1 }, { calls: READS_PER_SECOND }))
    throw awsError(
      'ProvisionedThroughputExceededException',
      `Rate exceeded for shard ${shard} in stream ${stream.name} under account ${aws.account}.`,
    );
  const log = await aws.shards.open(stream.folder, shard);
  const oldest = aws.now() - stream.retentionHours * 3_600_000;
  await log.trim(oldest);
  const records = await log.read(offset, limit, 10 << 20);
  const next = records.at(-1)?.next ?? Math.max(offset, log.start());
  const behind = next < log.end() ? Math.max(0, aws.now() - ((await log.read(next, 1))[0]?.arrival ?? aws.now())) : 0;
  return {
    Records: records
      .filter(({ arrival }) => arrival >= oldest)
      .map((record) => ({
        SequenceNumber: sequenceNumber(shard, record.offset),
        ApproximateArrivalTimestamp: new Date(record.arrival),
        Data: record.data,
        PartitionKey: record.partitionKey,
        EncryptionType: 'NONE' as const,
      })),
    ...(isAtItsEnd(stream, shard, next, log.end())
      ? { ChildShards: childrenOf(stream.shards, shard).map((child) => childShard(stream, child)) }
      : { NextShardIterator: iterator(aws, stream, shard, next) }),
    MillisBehindLatest: behind,
  };
};

/** True once a closed shard has been read to its last record: then there is no next iterator. */
const isAtItsEnd = ({ shards }: Readonly<Stream>, shard: string, next: number, end: number): boolean =>
  next >= end && !shards.some((candidate) => candidate.id === shard && isOpen(candidate));

const childShard = ({ shards }: Readonly<Stream>, child: Readonly<StreamShard>): ChildShard => ({
  ShardId: child.id,
  ParentShards: parentsOf(shards, child).map(({ id }) => id),
  HashKeyRange: { StartingHashKey: child.from, EndingHashKey: child.to },
});

function writable(aws: Aws, input: { StreamName?: string; StreamARN?: string }): Readonly<Stream> {
  const stream = streamOf(aws, input);
  if (streamStatus(aws, stream) === 'CREATING')
    throw awsError('ResourceNotFoundException', `Stream ${stream.name} under account ${aws.account} not found.`);
  return stream;
}

/** Appends what the shards' quotas admit; answers in the order asked, each record with its own outcome. */
async function store(aws: Aws, stream: Readonly<Stream>, entries: PutRecordsRequestEntry[]): Promise<PutRecordsResultEntry[]> {
  const now = aws.now();
  const placed = entries.map((entry) => shardFor(stream, entry));
  for (const [at, entry] of entries.entries())
    if (bytesOf(entry) > MAX_RECORD_BYTES + 256)
      throw awsError('ValidationException', `Record ${at} is larger than the stream's maximum of 1 MiB.`);
  const results: PutRecordsResultEntry[] = [];
  const perShard = new Map<string, { at: number; record: { arrival: number; partitionKey: string; data: Uint8Array } }[]>();
  for (const [at, entry] of entries.entries()) {
    const shard = placed[at]!;
    if (!spend(`write/${stream.folder}/${shard}`, now, { records: 1, bytes: bytesOf(entry) }, WRITES_PER_SECOND)) {
      const message = `Rate exceeded for shard ${shard} in stream ${stream.name} under account ${aws.account}.`;
      results[at] = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: message };
      continue;
    }
    const batch = perShard.get(shard) ?? [];
    perShard.set(shard, batch);
    batch.push({ at, record: { arrival: now, partitionKey: entry.PartitionKey ?? '', data: entry.Data ?? new Uint8Array() } });
  }
  await Promise.all(
    [...perShard].map(async ([shard, batch]) => {
      const log = await aws.shards.open(stream.folder, shard);
      const offsets = await log.append(batch.map(({ record }) => record));
      for (const [i, { at }] of batch.entries()) results[at] = { ShardId: shard, SequenceNumber: sequenceNumber(shard, offsets[i]!) };
    }),
  );
  return results;
}

function shardFor({ shards }: Readonly<Stream>, { PartitionKey: key = '', ExplicitHashKey: explicit }: PutRecordsRequestEntry): string {
  if (key.length < 1 || key.length > 256)
    throw awsError('ValidationException', `PartitionKey must have length between 1 and 256, not ${key.length}.`);
  const hash = explicit === undefined ? BigInt(`0x${createHash('md5').update(key).digest('hex')}`) : explicitHash(explicit);
  return shards.find((shard) => isOpen(shard) && BigInt(shard.from) <= hash && hash <= BigInt(shard.to))!.id;
}

function explicitHash(key: string): bigint {
  if (/^(0|[1-9]\d{0,38})$/.test(key) && BigInt(key) <= MAX_HASH) return BigInt(key);
  throw awsError(
    'InvalidArgumentException',
    `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${key}`,
  );
}

const bytesOf = ({ Data, PartitionKey }: PutRecordsRequestEntry) => (Data?.length ?? 0) + (PartitionKey?.length ?? 0);

type Spent = { second: number; used: Record<string, number> };
const spent = new Map<string, Spent>();

/** Takes from a per-second quota; false when it is used up. */
function spend(key: string, now: number, wanted: Record<string, number>, quota: Record<string, number>): boolean {
  const second = Math.floor(now / 1000);
  const before = spent.get(key);
  const account: Spent = before?.second === second ? before : { second, used: {} };
  spent.set(key, account);
  for (const [unit, amount] of Object.entries(wanted)) if ((account.used[unit] ?? 0) + amount > (quota[unit] ?? 0)) return false;
  for (const [unit, amount] of Object.entries(wanted)) account.used[unit] = (account.used[unit] ?? 0) + amount;
  return true;
}

const iterator = (aws: Aws, stream: Readonly<Stream>, shard: string, offset: number): string =>
  Buffer.from(JSON.stringify([stream.name, stream.folder, shard, offset, aws.now()])).toString('base64');

type Place = [stream: string, folder: string, shard: string, offset: number, issued: number];

function placeOf(token: string): Place {
  try {
    return JSON.parse(Buffer.from(token, 'base64').toString()) as Place;
  } catch {
    throw awsError('InvalidArgumentException', 'Invalid ShardIterator.');
  }
}

/** The name of the stream that an iterator goes through, or InvalidArgumentException. */
export const iteratorStream = (token: string): string => placeOf(token)[0];

function parsed(aws: Aws, token: string): { stream: Readonly<Stream>; shard: string; offset: number } {
  const [name, folder, shard, offset, issued] = placeOf(token);
  const stream = streamOf(aws, { StreamName: name });
  if (stream.folder !== folder) throw awsError('ResourceNotFoundException', `Stream ${name} under account ${aws.account} not found.`);
  if (aws.now() - issued > ITERATOR_MS)
    throw awsError('ExpiredIteratorException', 'Iterator expired. The iterator was created more than 5 minutes ago.');
  return { stream, shard, offset };
}
