import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Aws } from '../../local/aws.ts';
import { realClock } from '../../local/clock.ts';
import { faults } from '../../local/faults.ts';
import { checkpoints } from '../../local/firehose/catalog.ts';
import { startDelivery } from '../../local/firehose/delivery.ts';
import { createDeliveryStream } from '../../local/firehose/delivery-streams.ts';
import { putRolePolicy } from '../../local/iam/role-policies.ts';
import { createRole } from '../../local/iam/roles.ts';
import { openJournal } from '../../local/journal.ts';
import { shardLogs } from '../../local/kinesis/log.ts';
import { putRecords } from '../../local/kinesis/records.ts';
import { createStream, streamOf } from '../../local/kinesis/streams.ts';
import { createBucket } from '../../local/s3/buckets.ts';
import { openObjects } from '../../local/s3/store.ts';
import { aggregate, payloads } from '../../pipeline/aggregation.ts';

const name = 'game';
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'firehose-crash-'));
});
afterAll(() => rm(root, { recursive: true }));

/** As much of the local AWS as a delivery needs, on the state in `dir`. */
async function open(dir: string): Promise<{ aws: Aws; close(): Promise<void> }> {
  await mkdir(join(dir, 's3'), { recursive: true });
  const journal = await openJournal(join(dir, 'catalog.log'));
  const shards = shardLogs(join(dir, 'kinesis'));
  const closers: (() => void | Promise<void>)[] = [() => journal.close(), () => shards.close()];
  const aws = {
    account: '000000000000',
    region: 'us-east-1',
    dir,
    now: Date.now,
    sleep: realClock().sleep,
    begins: () => undefined,
    takes: () => 0,
    journal,
    shards,
    objects: openObjects(join(dir, 's3'), journal, Date.now),
    faults: faults(),
    log: () => undefined,
    onClose: (close: () => void | Promise<void>) => void closers.push(close),
  } as unknown as Aws;
  return {
    aws,
    close: async () => {
      for (const close of closers.reverse()) await close();
    },
  };
}

/** Puts ids, most of them together in aggregates. */
async function put(aws: Aws, ids: string[]): Promise<void> {
  const Records: { PartitionKey: string; Data: Uint8Array }[] = ids.slice(0, 10).map((id) => ({ PartitionKey: id, Data: Buffer.from(id) }));
  for (let i = 10; i < ids.length; i += 15) {
    const into = aggregate();
    for (const id of ids.slice(i, i + 15)) into.add(id, undefined, id);
    Records.push({ PartitionKey: ids[i]!, Data: into.finish() });
  }
  const { FailedRecordCount } = await putRecords({ StreamName: name, Records }, aws);
  expect(FailedRecordCount).toBe(0);
}

/** The ids in all files of the lake, whether or not the catalog knows them: an orphan would be counted by whoever globs the folder. */
async function onDisk(dir: string): Promise<string[]> {
  const files = (await readdir(join(dir, 's3'), { recursive: true })).filter((file) => file.endsWith('.gz'));
  const bodies = await Promise.all(files.map((file) => readFile(join(dir, 's3', file))));
  return bodies.flatMap((body) => gunzipSync(body).toString().split('\n').slice(0, -1)).sort();
}

const isDone = async (aws: Aws): Promise<boolean> => {
  const { folder, shards } = streamOf(aws, { StreamName: name });
  const { positions, intent } = checkpoints(aws).get(name)!;
  const ends = await Promise.all(shards.map(async ({ id }) => (await aws.shards.open(folder, id)).end() === positions[id]));
  return intent === undefined && ends.every(Boolean);
};

async function untilDone(aws: Aws): Promise<void> {
  for (const end = Date.now() + 15_000; !(await isDone(aws)); ) {
    if (Date.now() > end) throw new Error(`not delivered: ${JSON.stringify(checkpoints(aws).get(name))}`);
    await new Promise((later) => setTimeout(later, 20));
  }
}

test('whatever is on disk when the process dies, each record is delivered once', async () => {
  const dir = join(root, 'live');
  const { aws, close } = await open(dir);
  const RoleARN = 'arn:aws:iam::000000000000:role/r';
  const trust = { Statement: [{ Effect: 'Allow', Principal: { Service: 'firehose.amazonaws.com' }, Action: 'sts:AssumeRole' }] };
  await createRole({ RoleName: 'r', AssumeRolePolicyDocument: JSON.stringify(trust) }, aws);
  const allowed = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['kinesis:*', 's3:*'], Resource: '*' }] };
  await putRolePolicy({ RoleName: 'r', PolicyName: 'all', PolicyDocument: JSON.stringify(allowed) }, aws);
  await createStream({ StreamName: name, ShardCount: 3 }, aws);
  await createBucket({ Bucket: 'lake' }, aws);
  // Every place at which the process could die: before and after each write to the catalog and to the lake.
  const moments: string[] = [];
  const acknowledged: string[] = [];
  let isWatching = false;
  const die = async (where: string) => {
    if (!isWatching) return;
    const copy = join(root, `${moments.length} ${where}`);
    moments.push(copy);
    await cp(dir, copy, { recursive: true });
  };
  const { commit } = aws.journal;
  aws.journal.commit = async () => {
    await die('before commit');
    await commit();
    await die('after commit');
  };
  const { put: putObject } = aws.objects;
  aws.objects.put = async (...object) => {
    await die('before put');
    const stored = await putObject(...object);
    await die('after put');
    return stored;
  };
  await createDeliveryStream(
    {
      DeliveryStreamName: name,
      DeliveryStreamType: 'KinesisStreamAsSource',
      KinesisStreamSourceConfiguration: { KinesisStreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`, RoleARN },
      ExtendedS3DestinationConfiguration: {
        RoleARN,
        BucketARN: 'arn:aws:s3:::lake',
        BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 0 },
        CompressionFormat: 'GZIP',
        ProcessingConfiguration: { Enabled: true, Processors: [{ Type: 'AppendDelimiterToRecord' }] },
      },
    },
    aws,
  );
  await commit();
  isWatching = true;
  for (const round of ['a', 'b']) {
    const ids = Array.from({ length: 100 }, (_, i) => `${round}${i}`);
    await put(aws, ids);
    acknowledged.push(...ids);
    await untilDone(aws);
  }
  isWatching = false;
  await close();
  expect(await onDisk(dir)).toEqual([...acknowledged].sort());
  expect(moments.length).toBeGreaterThanOrEqual(14);

  for (const copy of moments) {
    const again = await open(copy);
    await put(again.aws, ['after the crash']);
    const { folder, shards } = streamOf(again.aws, { StreamName: name });
    const records = await Promise.all(shards.map(async ({ id }) => (await again.aws.shards.open(folder, id)).read(0, 1000)));
    const inStream = records.flatMap((shard) => shard.flatMap(({ data }) => payloads(data).map((id) => Buffer.from(id).toString())));
    startDelivery(again.aws, name);
    await untilDone(again.aws);
    await again.close();
    expect({ copy, found: await onDisk(copy) }).toEqual({ copy, found: inStream.sort() });
  }
});
