import { mkdtemp, open, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  ListShardsCommand,
  ListTagsForStreamCommand,
  PutRecordsCommand,
  type ShardIteratorType,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
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
    const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: type, Timestamp }));
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
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
    await expect(kinesis.send(new CreateStreamCommand({ StreamName: 'one', ShardCount: 1 }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });

    await kinesis.send(new DeleteStreamCommand({ StreamName: 'one' }));
    await expect(kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'one' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
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

  it('survive a restart', async () => {
    const before = await read('two');
    await local.close();
    await start();
    expect(await read('two')).toEqual(before);
  });
});

describe('the log of a shard', () => {
  it('keeps exactly the whole records when its tail is torn at any byte', async () => {
    const folder = join(dir, 'torn');
    const log = await openShard(folder);
    await log.append([1, 2, 3].map((n) => ({ arrival: n, partitionKey: `k${n}`, data: Buffer.from(`record ${n}`) })));
    const second = (await log.read(0, 10))[1]!;
    const end = log.end();
    await log.close();
    const [file = ''] = await readdir(folder);
    for (let size = end - 1; size >= second.next; size--) {
      await truncate(join(folder, file), size);
      const torn = await openShard(folder);
      expect((await torn.read(0, 10)).map(({ data }) => data.toString())).toEqual(['record 1', 'record 2']);
      expect(torn.end()).toBe(second.next);
      await torn.close();
    }
  });

  it('finds a flipped byte and gives nothing after it', async () => {
    const folder = join(dir, 'flipped');
    const log = await openShard(folder);
    await log.append([1, 2].map((n) => ({ arrival: n, partitionKey: 'k', data: Buffer.from(`record ${n}`) })));
    const [first] = await log.read(0, 1);
    await log.close();
    const file = await open(join(folder, (await readdir(folder))[0]!), 'r+');
    await file.write(Buffer.from([0xff]), 0, 1, first!.next + 20);
    await file.close();
    const again = await openShard(folder);
    expect((await again.read(0, 10)).map(({ data }) => data.toString())).toEqual(['record 1']);
    await again.close();
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
