import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeLimitsCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  ListShardsCommand,
  ListTagsForStreamCommand,
  PutRecordCommand,
  PutRecordsCommand,
  type ShardIteratorType,
  type StreamMode,
  UpdateShardCountCommand,
  UpdateStreamModeCommand,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { patiently } from '../../activities/kinesis/shards.ts';
import { openShard } from '../../local/kinesis/log.ts';
import { type Local, startLocal } from '../../local/start.ts';

let dir: string;
let local: Local;
let kinesis: KinesisClient;

const start = async () => {
  local = await startLocal({ dir });
  kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-kinesis-'));
  await start();
});

afterAll(async () => {
  await local.close();
  await rm(dir, { recursive: true });
});

const put = (StreamName: string, data: string[]) =>
  kinesis.send(
    new PutRecordsCommand({ StreamName, Records: data.map((text, i) => ({ PartitionKey: `key-${i}`, Data: Buffer.from(text) })) }),
  );

async function read(StreamName: string, type: ShardIteratorType = 'TRIM_HORIZON', Timestamp?: Date): Promise<string[]> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
  const found: string[] = [];
  for (const { ShardId } of Shards) {
    const position = { StreamName, ShardId, ShardIteratorType: type, Timestamp };
    const { ShardIterator } = await patiently(() => kinesis.send(new GetShardIteratorCommand(position)));
    const { Records = [] } = await patiently(() => kinesis.send(new GetRecordsCommand({ ShardIterator })));
    found.push(...Records.map(({ Data }) => Buffer.from(Data!).toString()));
  }
  return found.sort();
}

describe('streams', () => {
  it('are created once, described, tagged and deleted as on AWS', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'one', ShardCount: 3, Tags: { a: '1' } }));
    await kinesis.send(new AddTagsToStreamCommand({ StreamName: 'one', Tags: { b: '2' } }));
    await kinesis.send(new IncreaseStreamRetentionPeriodCommand({ StreamName: 'one', RetentionPeriodHours: 48 }));

    const { StreamDescriptionSummary: summary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'one' }));
    const { Tags } = await kinesis.send(new ListTagsForStreamCommand({ StreamName: 'one' }));
    expect(summary).toMatchObject({ StreamStatus: 'ACTIVE', OpenShardCount: 3, RetentionPeriodHours: 48 });
    expect(Tags).toEqual([
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ]);
    const page = { StreamName: 'one', Limit: 1 };
    expect(await kinesis.send(new ListTagsForStreamCommand(page))).toMatchObject({ Tags: [{ Key: 'a' }], HasMoreTags: true });
    const rest = await kinesis.send(new ListTagsForStreamCommand({ ...page, ExclusiveStartTagKey: 'a' }));
    expect(rest).toMatchObject({ Tags: [{ Key: 'b' }], HasMoreTags: false });
    await expect(kinesis.send(new CreateStreamCommand({ StreamName: 'one', ShardCount: 1 }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });

    await kinesis.send(new DeleteStreamCommand({ StreamName: 'one' }));
    await expect(kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'one' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('switch their mode twice a day, and have their shards changed by AWS alone while they are on demand', async () => {
    const StreamName = 'moody';
    await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
    const summary = async () => (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary!;
    const { StreamARN } = await summary();
    const become = (StreamMode: StreamMode) => kinesis.send(new UpdateStreamModeCommand({ StreamARN, StreamModeDetails: { StreamMode } }));
    const scale = () => kinesis.send(new UpdateShardCountCommand({ StreamName, TargetShardCount: 4, ScalingType: 'UNIFORM_SCALING' }));

    await expect(become('PROVISIONED')).rejects.toMatchObject({ name: 'InvalidArgumentException' });
    await become('ON_DEMAND');
    expect(await summary()).toMatchObject({ StreamModeDetails: { StreamMode: 'ON_DEMAND' }, OpenShardCount: 2 });
    expect(await kinesis.send(new DescribeLimitsCommand({}))).toMatchObject({ OnDemandStreamCount: 1, OnDemandStreamCountLimit: 50 });
    await expect(scale()).rejects.toMatchObject({ name: 'ValidationException' });
    await become('PROVISIONED');
    await scale();
    await expect(become('ON_DEMAND')).rejects.toMatchObject({ name: 'LimitExceededException' });
    expect(await summary()).toMatchObject({ StreamModeDetails: { StreamMode: 'PROVISIONED' }, OpenShardCount: 4 });
  });

  it('begin empty when made anew under the same name', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'again', ShardCount: 1 }));
    await put('again', ['old']);
    await kinesis.send(new DeleteStreamCommand({ StreamName: 'again' }));
    await kinesis.send(new CreateStreamCommand({ StreamName: 'again', ShardCount: 1 }));
    expect(await read('again')).toEqual([]);
  });
});

describe('records', () => {
  it('come back whole from every shard, by position and by time', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'two', ShardCount: 2 }));
    await put('two', ['a', 'b', 'c']);
    const between = new Date(Date.now() + 1);
    while (Date.now() <= between.getTime()) await new Promise(setImmediate);
    await put('two', ['d', 'e']);
    expect(await read('two')).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await read('two', 'AT_TIMESTAMP', between)).toEqual(['d', 'e']);
    expect(await read('two', 'LATEST')).toEqual([]);
  });

  it('beyond a shard’s 1,000 a second are refused one by one, the others stored', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'busy', ShardCount: 1 }));
    const batch = Array.from({ length: 500 }, (_, i) => String(i));
    const answers = await Promise.all([put('busy', batch), put('busy', batch), put('busy', batch), put('busy', batch), put('busy', batch)]);
    const outcomes = answers.flatMap(({ Records = [] }) => Records.map(({ ErrorCode }) => ErrorCode));
    const refused = outcomes.filter((code) => code === 'ProvisionedThroughputExceededException').length;
    expect(refused).toBeGreaterThanOrEqual(500);
    expect(refused).toBe(answers.reduce((sum, { FailedRecordCount = 0 }) => sum + FailedRecordCount, 0));
    expect(await read('busy')).toHaveLength(2500 - refused);
  });

  it('go where an explicit hash key says; a bad one is refused', async () => {
    const sent = (ExplicitHashKey: string) =>
      kinesis.send(new PutRecordCommand({ StreamName: 'two', PartitionKey: 'k', ExplicitHashKey, Data: Buffer.from('f') }));
    expect((await sent('0')).ShardId).toBe('shardId-000000000000');
    expect((await sent(String(2n ** 128n - 1n))).ShardId).toBe('shardId-000000000001');
    for (const bad of ['abc', '', '-1', '0x10', '1.5', ' 1', '01', String(2n ** 128n), '9'.repeat(40)])
      await expect(sent(bad)).rejects.toMatchObject({ name: 'InvalidArgumentException', $metadata: { httpStatusCode: 400 } });
  });

  it('of a damaged shard are refused in one plain line, and the rest of the local AWS goes on', async () => {
    await kinesis.send(new CreateStreamCommand({ StreamName: 'hurt', ShardCount: 1 }));
    await put('hurt', ['a', 'b', 'c']);
    await local.close();
    const path = (await readdir(join(dir, 'kinesis'), { recursive: true })).find((name) => /hurt.*\.log$/.test(name))!;
    const file = join(dir, 'kinesis', path);
    const bytes = await readFile(file);
    bytes[bytes.indexOf('key-0')]! ^= 1;
    await writeFile(file, bytes);
    local = await startLocal({ dir, log: () => {} });
    kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
    await expect(read('hurt')).rejects.toThrow(`${file} is damaged at byte 0, and records follow the damage`);
    await expect(put('hurt', ['d'])).rejects.toMatchObject({ name: 'InternalFailure' });
    expect(await read('two')).toContain('a');
    await kinesis.send(new DeleteStreamCommand({ StreamName: 'hurt' }));
  });

  it('survive a restart', async () => {
    const before = await read('two');
    await local.close();
    await start();
    expect(await read('two')).toEqual(before);
  });
});

/** A shard's log with `count` records in its one file. */
async function written(name: string, count: number) {
  const folder = join(dir, name);
  const log = await openShard(folder);
  await log.append(
    Array.from({ length: count }, (_, i) => ({ arrival: i + 1, partitionKey: `k${i + 1}`, data: Buffer.from(`record ${i + 1}`) })),
  );
  const records = await log.read(0, count);
  await log.close();
  const [file = ''] = await readdir(folder);
  return { folder, file: join(folder, file), records };
}

describe('the log of a shard', () => {
  it('keeps exactly the whole records when its tail is torn at any byte', async () => {
    const { folder, file, records } = await written('torn', 3);
    const second = records[1]!;
    const end = records[2]!.next;
    for (let size = end - 1; size >= second.next; size--) {
      await truncate(file, size);
      const torn = await openShard(folder);
      expect((await torn.read(0, 10)).map(({ data }) => data.toString())).toEqual(['record 1', 'record 2']);
      expect(torn.end()).toBe(second.next);
      await torn.close();
    }
  });

  it('refuses to open after any flipped byte that a whole record follows, names the byte, and changes nothing', async () => {
    const { folder, file, records } = await written('flipped', 3);
    const bytes = await readFile(file);
    const starts = records.map(({ offset }) => offset);
    for (let at = 0; at < starts[2]!; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      await writeFile(file, flipped);
      await expect(openShard(folder)).rejects.toThrow(`${file} is damaged at byte ${at < starts[1]! ? 0 : starts[1]}, and records follow`);
      expect(await readFile(file)).toEqual(flipped);
    }
    // In the last record it cannot be told from a tear.
    bytes[starts[2]! + 20]! ^= 1;
    await writeFile(file, bytes);
    const again = await openShard(folder);
    expect((await again.read(0, 10)).map(({ data }) => data.toString())).toEqual(['record 1', 'record 2']);
    await again.close();
  });

  it('takes no tear for damage before a later segment, and goes on around a file that was set aside', async () => {
    const big = Buffer.alloc(1 << 20, 1);
    const folder = join(dir, 'segments');
    const log = await openShard(folder);
    for (let i = 0; i < 36; i++) await log.append([{ arrival: i + 1, partitionKey: 'k', data: big }]);
    const records = await log.read(0, 100, 100 << 20);
    await log.close();
    const names = (await readdir(folder)).sort();
    expect(names).toHaveLength(3);
    const [, second = '', third = ''] = names.map((name) => join(folder, name));

    const whole = await readFile(second);
    await truncate(second, whole.length - 1); // the shape of a tear, but the next segment was begun after it
    await expect(openShard(folder)).rejects.toThrow(`${second} is damaged at byte ${whole.length - records[0]!.next}, and records follow`);
    await truncate(second, whole.length - records[0]!.next); // nor is a record that is missing whole
    await expect(openShard(folder)).rejects.toThrow(`${second} is damaged at byte ${whole.length - records[0]!.next}, and records follow`);

    await rename(second, `${second}.damaged`);
    const around = await openShard(folder);
    const inSecond = records.filter(({ offset }) => offset >= Number(names[1]!.slice(0, -4)) && offset < Number(names[2]!.slice(0, -4)));
    const left = records.filter((record) => !inSecond.includes(record)).map(({ offset }) => offset);
    expect((await around.read(0, 100, 100 << 20)).map(({ offset }) => offset)).toEqual(left);
    expect((await around.read(inSecond[3]!.offset, 1)).map(({ offset }) => offset)).toEqual([Number(names[2]!.slice(0, -4))]);
    await around.close();

    const end = records.at(-1)!.next;
    await rename(third, `${third}.damaged`);
    const after = await openShard(folder);
    expect(after.end()).toBe(end); // no offset is given twice
    expect(await after.append([{ arrival: 99, partitionKey: 'k', data: Buffer.from('next') }])).toEqual([end]);
    expect((await after.read(inSecond[0]!.offset, 9)).map(({ data }) => data.toString())).toEqual(['next']);
    await after.close();
  });

  it('reads one record among large ones without reading its neighbours', async () => {
    const folder = join(dir, 'large');
    const log = await openShard(folder);
    const sizes = [10, 1 << 20, 65_000, 65_536, 70_000, 1];
    const offsets = await log.append(sizes.map((size, i) => ({ arrival: 1, partitionKey: 'k', data: Buffer.alloc(size, i) })));
    for (const [i, offset] of offsets.entries()) {
      const [record, ...others] = await log.read(offset, 1);
      expect(others).toEqual([]);
      expect(record!.data.equals(Buffer.alloc(sizes[i]!, i))).toBe(true);
      expect(record!.data.buffer.byteLength).toBeLessThanOrEqual(Math.max(64 << 10, record!.next - offset));
    }
    expect((await log.read(0, 100)).map(({ data }) => data.length)).toEqual(sizes);
    await log.close();
  });

  it('gives back any bytes and keys, in order, over restarts', async () => {
    const record = fc.record({
      arrival: fc.nat(),
      partitionKey: fc.string({ minLength: 1, maxLength: 40 }),
      data: fc.uint8Array({ maxLength: 300 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(record, { maxLength: 8 }), { maxLength: 5 }), async (batches) => {
        const folder = join(dir, `any-${run++}`);
        for (const batch of batches) {
          const log = await openShard(folder);
          await log.append(batch);
          await log.close();
        }
        const log = await openShard(folder);
        const found = await log.read(0, 1000);
        await log.close();
        expect(found.map(({ arrival, partitionKey, data }) => ({ arrival, partitionKey, data: new Uint8Array(data) }))).toEqual(
          batches.flat(),
        );
      }),
      { numRuns: 25 },
    );
  });
});
