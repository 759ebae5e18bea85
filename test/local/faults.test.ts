import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AthenaClient, BatchGetNamedQueryCommand } from '@aws-sdk/client-athena';
import { FirehoseClient, ListDeliveryStreamsCommand } from '@aws-sdk/client-firehose';
import { BatchDeleteTableCommand, CreateDatabaseCommand, CreateTableCommand, GlueClient } from '@aws-sdk/client-glue';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { ListDashboardsCommand, QuickSightClient } from '@aws-sdk/client-quicksight';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { controlOf } from '../../local/control-client.ts';
import { type Fault, type FaultPlan, faults, type Rule } from '../../local/faults.ts';
import { type Local, startLocal } from '../../local/start.ts';

let dir: string;
let local: Local;
let kinesis: KinesisClient;
let s3: S3Client;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'faults-'));
  local = await startLocal({ dir, log: () => undefined });
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
    [{ kind: 'unavailable' }, 'InternalFailureException'],
    [{ kind: 'error', name: 'ResourceInUseException' }, 'ResourceInUseException'],
    [{ kind: 'role' }, 'AccessDeniedException'],
  ] as [Fault, string][])('%o refuses a call before it takes effect, by name and status', async (fault, name) => {
    on(fault, { service: 'kinesis', operation: 'CreateStream', times: 1 });
    await expect(create('s')).rejects.toMatchObject({ name });
    expect(await streams()).toEqual([]);
    await create('s');
  });

  it('befalls the calls of some apps alone, and of a caller', async () => {
    const named = new KinesisClient({ ...local, maxAttempts: 1, userAgentAppId: 'worker' });
    for (const rule of [{ apps: ['client', 'worker'] }, { apps: ['worker'], caller: 'user/local' }]) {
      on({ kind: 'throttle' }, { operation: 'ListStreams', ...rule });
      await streams();
      await expect(named.send(new ListStreamsCommand({}))).rejects.toMatchObject({ name: 'LimitExceededException' });
    }
    on({ kind: 'throttle' }, { caller: 'role/of-somebody' });
    await streams();
    await named.send(new ListStreamsCommand({}));
    expect(() => local.faults.put({ rules: [{ apps: 'worker', fault: { kind: 'cut' } }] })).toThrow(
      "rules[0].apps must be a list of apps, as ['worker']",
    );
    named.destroy();
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

  it('fails a share of the other batches that our code sends: what fails stays undone and is named', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
    const Objects = ['a', 'b', 'c', 'd', 'e', 'f'].map((Key) => ({ Key }));
    for (const { Key } of Objects) await s3.send(new PutObjectCommand({ Bucket: 'lake', Key, Body: 'x' }));
    on({ kind: 'partial', share: 0.5 }, { operation: 'DeleteObjects', times: 1 });
    const remove = () => s3.send(new DeleteObjectsCommand({ Bucket: 'lake', Delete: { Objects } }));
    const { Errors = [], Deleted = [] } = await remove();
    const left = (await s3.send(new ListObjectsV2Command({ Bucket: 'lake' }))).Contents!.map(({ Key }) => Key);
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(6);
    expect(Errors).toEqual(left.map((Key) => ({ Key, Code: 'InternalError', Message: 'by the fault plan' })));
    expect(Deleted).toHaveLength(6 - left.length);
    expect((await remove()).Errors ?? []).toEqual([]);

    const glue = new GlueClient({ ...local, maxAttempts: 1 });
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'game' } }));
    await glue.send(new CreateTableCommand({ DatabaseName: 'game', TableInput: { Name: 'kills' } }));
    on({ kind: 'partial', share: 1 }, { operation: 'BatchDeleteTable', times: 1 });
    const drop = () => glue.send(new BatchDeleteTableCommand({ DatabaseName: 'game', TablesToDelete: ['kills'] }));
    expect((await drop()).Errors).toMatchObject([{ TableName: 'kills', ErrorDetail: { ErrorCode: 'InternalServiceException' } }]);
    expect((await drop()).Errors).toEqual([]);
    glue.destroy();

    const athena = new AthenaClient({ ...local, maxAttempts: 1 });
    on({ kind: 'partial', share: 1 }, { service: 'athena', operation: 'BatchGetNamedQuery' });
    const id = '0'.repeat(8);
    expect((await athena.send(new BatchGetNamedQueryCommand({ NamedQueryIds: [id] }))).UnprocessedNamedQueryIds).toMatchObject([
      { NamedQueryId: id, ErrorCode: 'INTERNAL_FAILURE' },
    ]);
    athena.destroy();
  });

  it.each([
    ['drop', ['{"event_id":"r-0-6","n":1}']],
    ['double', ['{"event_id":"r-0-5","n":9}', '{"event_id":"r-0-6","n":1}', '{"event_id":"r-0-5","n":9}']],
    ['alter', ['{"event_id":"r-0-5","n":8}', '{"event_id":"r-0-6","n":1}']],
  ] as const)('makes a stream %s the record that has a text in it, and nobody hears of it', async (kind, kept) => {
    await create('s');
    on({ kind, record: '-0-5"' }, { operation: 'PutRecords', times: 1 });
    const recordOf = (text: string) => ({ PartitionKey: 'k', Data: Buffer.from(text) });
    const put = (...texts: string[]) => kinesis.send(new PutRecordsCommand({ StreamName: 's', Records: texts.map(recordOf) }));
    await put('{"event_id":"r-0-4","n":1}');
    const answer = await put('{"event_id":"r-0-5","n":9}', '{"event_id":"r-0-6","n":1}');
    expect(answer).toMatchObject({ FailedRecordCount: 0, Records: [1, 2].map(() => ({ SequenceNumber: expect.any(String) })) });
    const { ShardIterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName: 's', ShardId: answer.Records![0]!.ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    expect(Records.map(({ Data }) => Buffer.from(Data!).toString())).toEqual(['{"event_id":"r-0-4","n":1}', ...kept]);
    expect(local.faults.counts()).toMatchObject([{ met: 1, struck: 1 }]);
  });

  it('that drops the only record of a batch has it acknowledged', async () => {
    await create('s');
    on({ kind: 'drop', record: 'x' }, { operation: 'PutRecords' });
    const Records = [{ PartitionKey: 'k', Data: Buffer.from('x') }];
    expect(await kinesis.send(new PutRecordsCommand({ StreamName: 's', Records }))).toMatchObject({
      FailedRecordCount: 0,
      Records: [{ ShardId: 'shardId-000000000000' }],
    });
  });

  it("throttles Kinesis' data plane by the shard, its control plane by the account", async () => {
    await create('s');
    on({ kind: 'throttle' });
    const at = { StreamName: 's', PartitionKey: 'k', Data: Buffer.from('x') };
    const calls = [
      () => kinesis.send(new PutRecordCommand(at)),
      () => kinesis.send(new PutRecordsCommand({ StreamName: 's', Records: [at] })),
      () => kinesis.send(new GetShardIteratorCommand({ StreamName: 's', ShardId: 'shardId-000000000000', ShardIteratorType: 'LATEST' })),
      () => kinesis.send(new GetRecordsCommand({ ShardIterator: 'x' })),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ name: 'ProvisionedThroughputExceededException' });
    await expect(create('t')).rejects.toMatchObject({ name: 'LimitExceededException' });
  });

  it.each([
    ['firehose', [503, 500, 503], ['ServiceUnavailableException', 'InternalFailure', 'ServiceUnavailable']],
    ['kinesis', [500, 500, 503], ['InternalFailureException', 'InternalFailure', 'ServiceUnavailable']],
    ['s3', [500, 503, 500], ['InternalError', 'ServiceUnavailable', 'InternalError']],
    ['iam', [500, 500, 503], ['ServiceFailureException', 'InternalFailure', 'ServiceUnavailable']],
    ['quicksight', [500, 500, 503], ['InternalFailureException', 'InternalServerException', 'ResourceUnavailableException']],
  ])('%s is unavailable in the ways that its schemas know, then in those of every service', async (service, statuses, names) => {
    on({ kind: 'unavailable' }, { service });
    const clients = { firehose: FirehoseClient, iam: IAMClient, kinesis: KinesisClient, quicksight: QuickSightClient, s3: S3Client };
    const client = new clients[service as keyof typeof clients]({ ...local, maxAttempts: 1, forcePathStyle: true } as never);
    const list = {
      firehose: new ListDeliveryStreamsCommand({}),
      iam: new ListRolesCommand({}),
      kinesis: new ListStreamsCommand({}),
      quicksight: new ListDashboardsCommand({ AwsAccountId: '000000000000' }),
      s3: new ListBucketsCommand({}),
    }[service];
    const send = (command: unknown) => (client as { send(command: unknown): Promise<unknown> }).send(command);
    const refusals = [];
    for (let i = 0; i < 3; i++) refusals.push(await send(list).catch((error: unknown) => error));
    expect(refusals).toMatchObject(names.map((name, i) => ({ name, $metadata: { httpStatusCode: statuses[i] } })));
    client.destroy();
  });

  it('delays the answer of a call, which takes effect all the same', async () => {
    on({ kind: 'latency', milliseconds: 300 }, { operation: 'CreateStream', times: 1 });
    const began = performance.now();
    await create('s');
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
    expect(local.calls.all().at(-1)!.took).toBeGreaterThanOrEqual(295);
    expect(await streams()).toEqual(['s']);
    expect(local.faults.counts()).toMatchObject([{ struck: 1 }]);
  });

  it('outlives the process with its counts, until another plan is put or given', async () => {
    const rule: Rule = { operation: 'CreateStream', times: 2, fault: { kind: 'throttle' } };
    const restarted = async (given?: FaultPlan) => {
      await local.close();
      local = await startLocal({ dir, faults: given, log: () => undefined });
      kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
      return local.faults.counts();
    };
    local.faults.put({ rules: [rule], roleWording: 'unseen' });
    await expect(create('s')).rejects.toMatchObject({ name: 'LimitExceededException' });
    expect(await restarted()).toEqual([{ rule, met: 1, struck: 1 }]);
    expect(local.faults.roleWording()).toBe('unseen');
    await expect(create('s')).rejects.toMatchObject({ name: 'LimitExceededException' });
    await create('s');
    const given = { rules: [{ ...rule, times: 1 }] };
    expect(await restarted(given)).toEqual([{ rule: given.rules[0], met: 0, struck: 0 }]);
    await expect(create('t')).rejects.toMatchObject({ name: 'LimitExceededException' });
    expect(await restarted(given)).toMatchObject([{ struck: 1 }]);
    await create('t');
    expect(await restarted()).toEqual([]); // a start without a plan is one without faults
    local.faults.put({ rules: [rule] });
    local.faults.put({ rules: [] });
    expect(await restarted()).toEqual([]);
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
  [
    { rules: [{ operation: 'CreateStream', fault: { kind: 'partial', share: 1 } }] },
    /^rules\[0\]\.operation must be one of PutRecords, DeleteObjects, BatchDeleteTable, .* where a part is to fail, not CreateStream$/,
  ],
  [{ rules: [{ fault: { kind: 'partial', share: 1 } }] }, /where a part is to fail, not \*$/],
  [{ rules: [{ fault: { kind: 'crash' } }] }, "rules[0].fault.when must be 'before' or 'after'"],
  [{ rules: [{ fault: { kind: 'crash', when: 'after' } }] }, 'a plan with a crash is for a local AWS in a process of its own'],
  [{ rules: [{ operation: 'PutRecords', fault: { kind: 'drop' } }] }, 'rules[0].fault.record must be a text that the record has in it'],
  [{ rules: [{ fault: { kind: 'alter', record: 'x' } }] }, 'rules[0].operation must be PutRecords where a record is to suffer, not *'],
  [{ rules: [], roleWording: 'rude' }, "roleWording must be 'known' or 'unseen'"],
  [{ rules: [], rule: 1 }, 'rule is not a known field of a fault plan'],
])('a plan %o is refused in one line', (plan, line) => {
  expect(() => faults().put(plan)).toThrow(line);
});
