import type { MergeShardsInput, SplitShardInput, UpdateShardCountInput, UpdateShardCountOutput } from '@aws-sdk/client-kinesis';
import { DAY_MS } from '../../pipeline/time.ts';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { isExpired, isOpen, type Reshaping, reshaping, type StreamShard, uniformly } from './shards.ts';
import { isOnDemand, openShardsOf, SHARD_LIMIT, type Stream, settledOf, streamArn, streams } from './streams.ts';
import { type Turns, turns } from './turns.ts';

const RESCALED_A_DAY = 10;
const MAX_TARGET = 10_000;

const perStream = new WeakMap<Aws, Map<string, Turns>>();

/** The turns that writes to a stream and the reshaping of its shards take. */
export function turnsOf(aws: Aws, { folder }: Pick<Stream, 'folder'>): Turns {
  const all = perStream.get(aws) ?? new Map<string, Turns>();
  perStream.set(aws, all);
  const found = all.get(folder) ?? turns();
  all.set(folder, found);
  return found;
}

export const updateShardCount: Operation<UpdateShardCountInput, UpdateShardCountOutput> = async (
  { TargetShardCount: target = 0, ScalingType: scaling, ...input },
  aws,
) => {
  const before = await reshape(aws, input, (stream) => {
    const open = stream.shards.filter(isOpen).length;
    const now = aws.now();
    const rescaled = (stream.rescaled ?? []).filter((date) => now - date.getTime() < DAY_MS);
    if (scaling !== 'UNIFORM_SCALING' || !Number.isInteger(target) || target < 1 || target > MAX_TARGET)
      throw awsError(
        'ValidationException',
        `TargetShardCount ${target} must be between 1 and ${MAX_TARGET}, and ScalingType UNIFORM_SCALING.`,
      );
    refuseCount(aws, open, target);
    if (target === open)
      throw awsError(
        'InvalidArgumentException',
        `The stream ${stream.name} already has ${open} open shards: TargetShardCount must differ.`,
      );
    if (rescaled.length >= RESCALED_A_DAY)
      throw awsError(
        'LimitExceededException',
        `Stream ${stream.name} was scaled ${RESCALED_A_DAY} times within 24 hours, which is the most.`,
      );
    return { shards: uniformly(stream.shards, target, new Date(now)), rescaled: [...rescaled, new Date(now)] };
  });
  const { name } = before;
  const CurrentShardCount = before.shards.filter(isOpen).length;
  return { StreamName: name, StreamARN: streamArn(aws, name), CurrentShardCount, TargetShardCount: target };
};

function refuseCount(aws: Aws, open: number, target: number): void {
  const counts = `Current open shard count: ${open} Target shard count: ${target}`;
  if (target > open * 2)
    throw awsError('LimitExceededException', `UpdateShardCount cannot scale up over double your current open shard count. ${counts}`);
  if (target < open / 2)
    throw awsError('LimitExceededException', `UpdateShardCount cannot scale down below half your current open shard count. ${counts}`);
  if (openShardsOf(aws) - open + target > SHARD_LIMIT)
    throw awsError(
      'LimitExceededException',
      `Target shard count or number of open shards cannot be greater than ${SHARD_LIMIT}. ${counts}`,
    );
}

export const splitShard: Operation<SplitShardInput, void> = async (
  { ShardToSplit: id = '', NewStartingHashKey: key = '', ...input },
  aws,
) => {
  await reshape(aws, input, (stream) => {
    const shard = eligible(aws, stream, id);
    const at = /^\d{1,39}$/.test(key) ? BigInt(key) : -1n;
    if (at <= BigInt(shard.from) || at > BigInt(shard.to))
      throw awsError(
        'InvalidArgumentException',
        `NewStartingHashKey ${key} used in SplitShard() on shard ${id} in stream ${stream.name} under account ${aws.account} is not both greater than one plus the shard's StartingHashKey ${shard.from} and less than the shard's EndingHashKey ${shard.to}.`,
      );
    return changed(aws, stream, ({ split }) => split(id, at));
  });
};

export const mergeShards: Operation<MergeShardsInput, void> = async (
  { ShardToMerge: one = '', AdjacentShardToMerge: other = '', ...input },
  aws,
) => {
  await reshape(aws, input, (stream) => {
    const pair = [eligible(aws, stream, one), eligible(aws, stream, other)].sort((a, b) => (BigInt(a.from) < BigInt(b.from) ? -1 : 1));
    const [left, right] = pair as [StreamShard, StreamShard];
    if (BigInt(left.to) + 1n !== BigInt(right.from))
      throw awsError(
        'InvalidArgumentException',
        `Shards ${one} and ${other} in stream ${stream.name} under account ${aws.account} are not an adjacent pair of shards eligible for merging`,
      );
    return changed(aws, stream, ({ merge }) => merge(left.id, right.id));
  });
};

const changed = (aws: Aws, { shards }: Readonly<Stream>, work: (reshaping: Reshaping) => void): Pick<Stream, 'shards'> => {
  const under = reshaping(shards, new Date(aws.now()));
  work(under);
  return { shards: under.shards };
};

function eligible(aws: Aws, { name, shards }: Readonly<Stream>, id: string): Readonly<StreamShard> {
  const shard = shards.find((candidate) => candidate.id === id);
  if (!shard) throw awsError('ResourceNotFoundException', `Could not find shard ${id} in stream ${name} under account ${aws.account}.`);
  if (!isOpen(shard))
    throw awsError(
      'InvalidArgumentException',
      `Shard ${id} in stream ${name} under account ${aws.account} has already been merged or split, and thus is not eligible for merging or splitting.`,
    );
  return shard;
}

/**
 * Changes the shards of a stream while nothing is written to it, so that a closed shard has its last record and a new one begins after it; the stream is UPDATING
 * for a while from then. Gives the stream as it was before.
 */
async function reshape(
  aws: Aws,
  input: { StreamName?: string; StreamARN?: string },
  work: (stream: Readonly<Stream>) => Partial<Stream>,
): Promise<Readonly<Stream>> {
  const { name, folder } = settledOf(aws, input);
  return turnsOf(aws, { folder }).reshape(async () => {
    const before = settledOf(aws, { StreamName: name });
    if (isOnDemand(before))
      throw awsError('ValidationException', `Stream ${name} is in mode ON_DEMAND, in which AWS alone changes its shards.`);
    const now = aws.now();
    const after = { ...before, ...work(before), updated: new Date(now) };
    aws.begins('stream update', name);
    const gone = after.shards.filter((shard) => isExpired(shard, before.retentionHours, now));
    streams(aws).set(name, { ...after, shards: after.shards.filter((shard) => !gone.includes(shard)) });
    // On disk before any record goes to a new shard: else a kill would forget the shard, and the record with it.
    await aws.journal.commit();
    for (const { id } of gone) await aws.shards.remove(`${folder}/${id}`);
    return before;
  });
}
