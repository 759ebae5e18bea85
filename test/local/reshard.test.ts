import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  type ListShardsCommandInput,
  MergeShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  type Shard,
  SplitShardCommand,
  UpdateShardCountCommand,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { evenly, isOpen, type StreamShard, shardId, uniformly } from '../../local/kinesis/shards.ts';
import { type Local, startLocal } from '../../local/start.ts';
import { clientsOf, creation, delivered, prepare, put, until } from './deliveries.ts';
import { endAws, startAws } from './studio-process.ts';

const fresh = (count: number): StreamShard[] => evenly(count).map((range, i) => ({ id: shardId(i), ...range }));
const HASH_KEYS = 1n << 128n;

describe('uniform scaling', () => {
  it('leaves as many open shards of equal width as asked, by splits and merges alone, whatever was scaled before', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(counts, ([first = 1, ...targets]) => {
        let shards = fresh(first);
        for (const target of targets) shards = uniformly(shards, target, new Date(0));
        const open = shards.filter(isOpen).sort((a, b) => (BigInt(a.from) < BigInt(b.from) ? -1 : 1));
        expect(open.map(({ from, to }) => ({ from, to }))).toEqual(evenly(targets.at(-1)!));
        expect(shards.map(({ id }) => id)).toEqual(shards.map((_, i) => shardId(i)));
        const byId = new Map(shards.map((shard) => [shard.id, shard]));
        const width = ({ from, to }: StreamShard) => BigInt(to) - BigInt(from) + 1n;
        for (const shard of shards) {
          const children = shards.filter(({ parent, adjacent }) => parent === shard.id || adjacent === shard.id);
          expect(children.length === 0).toBe(isOpen(shard));
          if (shard.adjacent !== undefined) expect(width(byId.get(shard.parent!)!) + width(byId.get(shard.adjacent)!)).toBe(width(shard)); // a merge
          if (children.length === 2) expect(width(children[0]!) + width(children[1]!)).toBe(width(shard)); // a split
          expect(children.length).toBeLessThanOrEqual(2);
        }
        expect(open.reduce((sum, shard) => sum + width(shard), 0n)).toBe(HASH_KEYS);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a stream', () => {
  let dir: string;
  let local: Local;
  let kinesis: KinesisClient;
  let ahead = 0;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'd2d-reshard-'));
    local = await startLocal({ dir, now: () => Date.now() + ahead });
    kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
  });
  afterAll(async () => {
    kinesis.destroy();
    await local.close();
    await rm(dir, { recursive: true });
  });

  const scale = (StreamName: string, TargetShardCount: number) =>
    kinesis.send(new UpdateShardCountCommand({ StreamName, TargetShardCount, ScalingType: 'UNIFORM_SCALING' }));
  const shardsOf = async (input: ListShardsCommandInput): Promise<Shard[]> => (await kinesis.send(new ListShardsCommand(input))).Shards!;
  const numbers = (shards: Shard[]) => shards.map(({ ShardId }) => Number(ShardId!.slice(-12)));
  const send = (StreamName: string, texts: string[]) =>
    kinesis.send(
      new PutRecordsCommand({ StreamName, Records: texts.map((text) => ({ PartitionKey: text.split(' ')[0], Data: Buffer.from(text) })) }),
    );

  it('is split and merged, shows what came from what, and refuses what AWS refuses', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'one', ShardCount: 2 }));
    expect(await scale('one', 4)).toMatchObject({ CurrentShardCount: 2, TargetShardCount: 4, StreamName: 'one' });

    const { StreamDescriptionSummary: summary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'one' }));
    expect(summary).toMatchObject({ OpenShardCount: 4, StreamStatus: 'ACTIVE' });
    const all = await shardsOf({ StreamName: 'one' });
    expect(all.map(({ ParentShardId: parent }) => parent?.slice(-1))).toEqual([undefined, undefined, '0', '0', '1', '1']);
    expect(all.map(({ SequenceNumberRange: range }) => range?.EndingSequenceNumber !== undefined)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);

    await scale('one', 2);
    expect(
      (await shardsOf({ StreamName: 'one' }))
        .slice(6)
        .map(({ ParentShardId: a, AdjacentParentShardId: b }) => [a?.slice(-1), b?.slice(-1)]),
    ).toEqual([
      ['2', '3'],
      ['4', '5'],
    ]);
    await expect(scale('one', 5)).rejects.toMatchObject({
      name: 'LimitExceededException',
      message:
        'UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 2 Target shard count: 5',
    });
    await scale('one', 3);
    await expect(scale('one', 1)).rejects.toMatchObject({ name: 'LimitExceededException', message: expect.stringContaining('below half') });
    await expect(scale('one', 3)).rejects.toMatchObject({ name: 'InvalidArgumentException' });
    await expect(scale('none', 2)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    for (const target of [4, 3, 4, 3, 4, 3, 4]) await scale('one', target);
    await expect(scale('one', 3)).rejects.toMatchObject({ name: 'LimitExceededException', message: expect.stringContaining('24 hours') });
  });

  it('is split and merged shard by shard', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'by-hand', ShardCount: 2 }));
    const split = (id: number, NewStartingHashKey: string) =>
      kinesis.send(new SplitShardCommand({ StreamName: 'by-hand', ShardToSplit: shardId(id), NewStartingHashKey }));
    const merge = (one: number, other: number) =>
      kinesis.send(new MergeShardsCommand({ StreamName: 'by-hand', ShardToMerge: shardId(one), AdjacentShardToMerge: shardId(other) }));
    await split(0, '1000');
    await expect(split(0, '1000')).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: expect.stringContaining('already been merged or split'),
    });
    await expect(split(1, '5')).rejects.toMatchObject({ name: 'InvalidArgumentException' });
    await expect(merge(1, 2)).rejects.toMatchObject({ message: expect.stringContaining('not an adjacent pair') });
    await expect(merge(1, 9)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await merge(1, 3);
    expect(numbers(await shardsOf({ StreamName: 'by-hand', ShardFilter: { Type: 'AT_LATEST' } }))).toEqual([2, 4]);
  });

  it('lists its shards by page, and those of a moment', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'listed', ShardCount: 1 }));
    const before = new Date(Date.now() + ahead);
    ahead += 60_000;
    await scale('listed', 2);
    ahead += 60_000;
    await scale('listed', 1);
    const StreamName = 'listed';
    const filtered = async (ShardFilter: ListShardsCommandInput['ShardFilter']) => numbers(await shardsOf({ StreamName, ShardFilter }));
    expect(await filtered({ Type: 'FROM_TRIM_HORIZON' })).toEqual([0, 1, 2, 3]);
    expect(await filtered({ Type: 'AT_TRIM_HORIZON' })).toEqual([0]);
    expect(await filtered({ Type: 'AT_LATEST' })).toEqual([3]);
    expect(await filtered({ Type: 'AFTER_SHARD_ID', ShardId: shardId(1) })).toEqual([2, 3]);
    const between = new Date(before.getTime() + 90_000);
    expect(await filtered({ Type: 'AT_TIMESTAMP', Timestamp: between })).toEqual([1, 2]);
    expect(await filtered({ Type: 'FROM_TIMESTAMP', Timestamp: between })).toEqual([1, 2, 3]);

    const first = await kinesis.send(new ListShardsCommand({ StreamName, MaxResults: 3 }));
    const rest = await kinesis.send(new ListShardsCommand({ NextToken: first.NextToken }));
    expect([numbers(first.Shards!), numbers(rest.Shards!), rest.NextToken]).toEqual([[0, 1, 2], [3], undefined]);
    const { StreamDescription } = await kinesis.send(
      new DescribeStreamCommand({ StreamName, Limit: 2, ExclusiveStartShardId: shardId(0) }),
    );
    expect([numbers(StreamDescription!.Shards!), StreamDescription!.HasMoreShards]).toEqual([[1, 2], true]);

    // A closed shard is gone once its last record would be.
    ahead += 25 * 3_600_000;
    kinesis.config.systemClockOffset = ahead;
    expect(numbers(await shardsOf({ StreamName }))).toEqual([3]);
    await expect(
      kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId: shardId(0), ShardIteratorType: 'TRIM_HORIZON' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await scale(StreamName, 2);
    expect(numbers(await shardsOf({ StreamName }))).toEqual([3, 4, 5]);
  });

  it('gives a reader that follows parents to their children every record once, each key in order, while it is written and scaled', async () => {
    const StreamName = 'read';
    await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
    const sent: string[] = [];
    let isScaling = true;
    const write = async (writer: number) => {
      for (let i = 0; isScaling || i < 20; i++) {
        const texts = Array.from({ length: 5 }, (_, key) => `w${writer}k${key} ${i}`);
        const { FailedRecordCount } = await send(StreamName, texts);
        expect(FailedRecordCount).toBe(0);
        sent.push(...texts);
        await new Promise((later) => setTimeout(later, 10));
      }
    };
    const writing = [0, 1, 2].map(write);
    for (const target of [4, 3, 2, 4, 5]) await scale(StreamName, target);
    isScaling = false;
    await Promise.all(writing);

    const { read, ends } = await followed(kinesis, StreamName);
    expect(read.slice().sort()).toEqual(sent.slice().sort());
    const inOrder = (texts: string[]) => {
      const perKey = new Map<string, number[]>();
      for (const [key = '', i = ''] of texts.map((text) => text.split(' '))) perKey.set(key, [...(perKey.get(key) ?? []), Number(i)]);
      return [...perKey.values()].every((seen) => seen.every((i, at) => i === at));
    };
    expect(inOrder(read)).toBe(true);
    expect(ends).toBeGreaterThan(8);
    const placed = await kinesis.send(
      new PutRecordCommand({ StreamName, PartitionKey: 'k', ExplicitHashKey: '0', Data: Buffer.from('x') }),
    );
    expect(numbers(await shardsOf({ StreamName, ShardFilter: { Type: 'AT_LATEST' } }))).toContain(Number(placed.ShardId!.slice(-12)));
  });
});

/** Reads as the Kinesis Client Library does: a shard to its end, then its children, each once all its parents have ended. */
async function followed(kinesis: KinesisClient, StreamName: string): Promise<{ read: string[]; ends: number }> {
  const read: string[] = [];
  const ended = new Set<string>();
  const begun = new Set<string>();
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName, ShardFilter: { Type: 'AT_TRIM_HORIZON' } }));
  const todo = Shards.map(({ ShardId }) => ShardId!);
  for (let id = todo.shift(); id !== undefined; id = todo.shift()) {
    const position = { StreamName, ShardId: id, ShardIteratorType: 'TRIM_HORIZON' as const };
    let iterator = (await kinesis.send(new GetShardIteratorCommand(position))).ShardIterator;
    while (iterator) {
      const {
        Records = [],
        NextShardIterator,
        MillisBehindLatest,
        ChildShards = [],
      } = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
      read.push(...Records.map(({ Data }) => Buffer.from(Data!).toString()));
      if (!NextShardIterator) ended.add(id);
      for (const { ShardId: child = '', ParentShards = [] } of ChildShards) {
        if (begun.has(child) || !ParentShards.every((parent) => ended.has(parent))) continue;
        begun.add(child);
        todo.push(child);
      }
      iterator = NextShardIterator && (MillisBehindLatest! > 0 || Records.length > 0) ? NextShardIterator : undefined;
    }
  }
  return { read, ends: ended.size };
}

it('is UPDATING for its time after it was scaled, and refuses to be scaled again meanwhile', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-updating-'));
  let ahead = 0;
  const local = await startLocal({ dir, now: () => Date.now() + ahead, durations: { 'stream update': 30_000 } });
  const kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
  try {
    const scale = (TargetShardCount: number) =>
      kinesis.send(new UpdateShardCountCommand({ StreamName: 's', TargetShardCount, ScalingType: 'UNIFORM_SCALING' }));
    const status = async () =>
      (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 's' }))).StreamDescriptionSummary?.StreamStatus;
    await kinesis.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 2 }));
    await scale(4);
    expect(await status()).toBe('UPDATING');
    await expect(scale(2)).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await kinesis.send(new PutRecordCommand({ StreamName: 's', PartitionKey: 'k', Data: Buffer.from('still taken') }));
    ahead += 30_000;
    expect(await status()).toBe('ACTIVE');
    await scale(2);
  } finally {
    kinesis.destroy();
    await local.close();
    await rm(dir, { recursive: true });
  }
});

it('Firehose delivers every record once over scaling and kills', async () => {
  const state = await mkdtemp(join(tmpdir(), 'd2d-reshard-kill-'));
  let aws = await startAws(state);
  try {
    let own = clientsOf(aws.config);
    await prepare(own, 'scaled');
    await own.firehose.send(creation('scaled', { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 0 } }));
    const acknowledged: string[] = [];
    for (const [round, target] of [4, 3, 2].entries()) {
      const some = (part: string) => Array.from({ length: 200 }, (_, i) => `r${round}${part}-${String(i).padStart(3, '0')}`);
      await put(own, 'scaled', some('a'), 'x'.repeat(500));
      await own.kinesis.send(
        new UpdateShardCountCommand({ StreamName: 'scaled', TargetShardCount: target, ScalingType: 'UNIFORM_SCALING' }),
      );
      await put(own, 'scaled', some('b'), 'x'.repeat(500));
      acknowledged.push(...some('a'), ...some('b'));
      await endAws(aws, 'SIGKILL');
      for (const client of Object.values(own)) client.destroy();
      aws = await startAws(state);
      own = clientsOf(aws.config);
    }
    const { ids } = await until(
      () => delivered(own, 'scaled'),
      (found) => found.ids.length >= acknowledged.length,
    );
    expect(ids).toEqual(acknowledged.sort());
    for (const client of Object.values(own)) client.destroy();
  } finally {
    await endAws(aws, 'SIGKILL');
    await rm(state, { recursive: true });
  }
});
