import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListStreamsCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { controlOf } from '../../local/control-client.ts';
import { type Fault, faults, type Rule } from '../../local/faults.ts';
import { type Local, startLocal } from '../../local/start.ts';

let dir: string;
let local: Local;
let kinesis: KinesisClient;
let s3: S3Client;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'faults-'));
  local = await startLocal({ dir, callLog: join(dir, 'calls.jsonl'), log: () => undefined });
  kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
  s3 = new S3Client({ ...local, maxAttempts: 1, forcePathStyle: true });
});
afterEach(async () => {
  kinesis.destroy();
  s3.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

const on = (fault: Fault, rule: Partial<Rule> = {}) => local.faults.put({ rules: [{ ...rule, fault }] });
const create = (StreamName: string) => kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
const streams = async () => (await kinesis.send(new ListStreamsCommand({}))).StreamNames;

describe('a fault', () => {
  it.each([
    [{ kind: 'throttle' }, 'LimitExceededException'],
    [{ kind: 'unavailable' }, 'InternalFailure'],
    [{ kind: 'error', name: 'ResourceInUseException' }, 'ResourceInUseException'],
    [{ kind: 'role' }, 'AccessDeniedException'],
  ] as [Fault, string][])('%o refuses a call before it takes effect, by name and status', async (fault, name) => {
    on(fault, { service: 'kinesis', operation: 'CreateStream', times: 1 });
    await expect(create('s')).rejects.toMatchObject({ name });
    expect(await streams()).toEqual([]);
    await create('s');
  });

  it('cuts the connection before a call takes effect, over HTTP/2 and HTTP/1', async () => {
    on({ kind: 'cut' }, { operation: 'CreateStream', times: 1 });
    await expect(create('s')).rejects.toThrow();
    expect(await streams()).toEqual([]);
    on({ kind: 'cut' }, { operation: 'CreateBucket', times: 1 });
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'lake' }))).rejects.toThrow();
    expect((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);
  });

  it('loses the answer of a call that took effect', async () => {
    on({ kind: 'lostAnswer' }, { times: 1 });
    await expect(create('s')).rejects.toThrow();
    expect(await streams()).toEqual(['s']);
    on({ kind: 'lostAnswer' }, { times: 1 });
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'lake' }))).rejects.toThrow();
    expect((await s3.send(new ListBucketsCommand({}))).Buckets).toHaveLength(1);
  });

  it('fails a share of a batch, entry by entry; the others are stored', async () => {
    await create('s');
    on({ kind: 'partial', share: 0.4 }, { operation: 'PutRecords', times: 1 });
    const Records = Array.from({ length: 50 }, (_, i) => ({ PartitionKey: `${i}`, Data: Buffer.from(`${i}`) }));
    const answer = await kinesis.send(new PutRecordsCommand({ StreamName: 's', Records }));
    const failed = answer.Records!.filter(({ ErrorCode }) => ErrorCode === 'ProvisionedThroughputExceededException');
    expect(failed.length).toBe(answer.FailedRecordCount);
    expect(failed.length).toBeGreaterThan(5);
    expect(failed.length).toBeLessThan(40);
    expect(answer.Records!.filter(({ SequenceNumber }) => SequenceNumber)).toHaveLength(50 - failed.length);
  });

  it('strikes after some calls, some times, or a share of them, and counts', async () => {
    await create('s');
    const look = () =>
      kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 's' })).then(
        () => 'ok',
        () => 'failed',
      );
    on({ kind: 'throttle' }, { operation: 'DescribeStreamSummary', after: 1, times: 2 });
    expect(await Promise.all([look(), look(), look(), look()])).toEqual(expect.arrayContaining(['ok', 'ok', 'failed', 'failed']));
    expect(local.faults.counts()).toMatchObject([{ met: 4, struck: 2 }]);
    local.faults.put({ rules: [] });
    expect(await look()).toBe('ok');
  });

  it('is put, counted and ended from outside, by signed requests alone', async () => {
    const control = controlOf(local);
    await control.faults({ rules: [{ operation: 'CreateStream', times: 1, fault: { kind: 'throttle' } }] });
    await expect(create('s')).rejects.toMatchObject({ name: 'LimitExceededException' });
    expect(await control.counts()).toMatchObject([{ struck: 1 }]);
    expect((await control.calls()).at(-1)).toMatchObject({
      operation: 'CreateStream',
      outcome: 'LimitExceededException',
      service: 'kinesis',
    });
    await expect(control.faults({ rules: [{ fault: { kind: 'fire' } }] } as never)).rejects.toThrow(
      /rules\[0\]\.fault\.kind must be one of/,
    );
    expect((await fetch(`${local.endpoint}/faults`, { method: 'POST', body: '{"rules":[]}' })).status).toBe(403);
    expect(await control.drawn()).toEqual([]);
  });
});

it.each([
  [{}, 'rules is no list'],
  [{ rules: [{ fault: { kind: 'throttle' }, shre: 1 }] }, 'rules[0].shre is not a known field'],
  [{ rules: [{ fault: { kind: 'throttle' }, share: 2 }] }, 'rules[0].share must be from 0 to 1'],
  [{ rules: [{ fault: { kind: 'latency' } }] }, 'rules[0].fault.milliseconds must be a number'],
  [{ rules: [{ fault: { kind: 'error' } }] }, "rules[0].fault.name must be the error's name"],
])('a plan %o is refused in one line', (plan, line) => {
  expect(() => faults().put(plan)).toThrow(line);
});

it('every call is logged, in memory and on disk, data by its size', async () => {
  await create('s');
  const Records = [{ PartitionKey: 'k', Data: Buffer.from('12345') }];
  await kinesis.send(new PutRecordsCommand({ StreamName: 's', Records }));
  await create('s').catch(() => undefined);
  expect(local.calls.all()).toMatchObject([
    {
      service: 'kinesis',
      operation: 'CreateStream',
      input: { StreamName: 's', ShardCount: 1 },
      outcome: 'ok',
      caller: expect.stringContaining('aws-sdk-js'),
    },
    { operation: 'PutRecords', input: { StreamName: 's', records: 1, bytes: 5 } },
    { operation: 'CreateStream', outcome: 'ResourceInUseException' },
  ]);
  await local.calls.close();
  expect((await readFile(join(dir, 'calls.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(3);
});
