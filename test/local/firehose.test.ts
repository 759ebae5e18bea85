import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateLogGroupCommand, CreateLogStreamCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DeleteDeliveryStreamCommand,
  DescribeDeliveryStreamCommand,
  type ExtendedS3DestinationConfiguration,
  ListDeliveryStreamsCommand,
  ListTagsForDeliveryStreamCommand,
  PutRecordCommand,
  TagDeliveryStreamCommand,
  UntagDeliveryStreamCommand,
  UpdateDestinationCommand,
} from '@aws-sdk/client-firehose';
import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Local, startLocal } from '../../local/start.ts';
import { type Clients, clientsOf, creation, delivered, prepare, put, RoleARN, someIds, until } from './deliveries.ts';

let dir: string;
let local: Local;
let clients: Clients;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'firehose-'));
  local = await startLocal({ dir, log: () => undefined });
  clients = clientsOf(local);
});

afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

describe('a delivery stream', () => {
  test('is described as it was made, over a restart, and can be changed, tagged and deleted', async () => {
    await prepare(clients, 'kept');
    const DeliveryStreamName = 'kept';
    await clients.firehose.send(creation('kept'));
    await expect(clients.firehose.send(creation('kept'))).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await local.close();
    local = await startLocal({ dir, log: () => undefined });
    clients = clientsOf(local);
    const describe = async () =>
      (await clients.firehose.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName }))).DeliveryStreamDescription!;
    const before = await describe();
    expect(before).toMatchObject({
      DeliveryStreamStatus: 'ACTIVE',
      VersionId: '1',
      Source: { KinesisStreamSourceDescription: { RoleARN } },
    });
    expect(before.Destinations?.[0]?.ExtendedS3DestinationDescription).toMatchObject({
      BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 1 },
      CompressionFormat: 'GZIP',
    });

    const change = (CurrentDeliveryStreamVersionId: string) =>
      clients.firehose.send(
        new UpdateDestinationCommand({
          DeliveryStreamName,
          CurrentDeliveryStreamVersionId,
          DestinationId: before.Destinations![0]!.DestinationId,
          ExtendedS3DestinationUpdate: { BufferingHints: { SizeInMBs: 7, IntervalInSeconds: 30 } },
        }),
      );
    await change('1');
    await expect(change('1')).rejects.toMatchObject({ name: 'ConcurrentModificationException' });
    const after = await describe();
    expect(after.VersionId).toBe('2');
    expect(after.Destinations![0]!.ExtendedS3DestinationDescription).toMatchObject({
      BufferingHints: { SizeInMBs: 7 },
      CompressionFormat: 'GZIP',
    });

    await clients.firehose.send(new TagDeliveryStreamCommand({ DeliveryStreamName, Tags: [{ Key: 'b', Value: '2' }] }));
    await clients.firehose.send(new UntagDeliveryStreamCommand({ DeliveryStreamName, TagKeys: ['a'] }));
    expect((await clients.firehose.send(new ListTagsForDeliveryStreamCommand({ DeliveryStreamName }))).Tags).toEqual([
      { Key: 'b', Value: '2' },
    ]);
    expect((await clients.firehose.send(new ListDeliveryStreamsCommand({}))).DeliveryStreamNames).toEqual(['kept']);
    const record = new PutRecordCommand({ DeliveryStreamName, Record: { Data: Buffer.from('x') } });
    await expect(clients.firehose.send(record)).rejects.toMatchObject({ name: 'InvalidArgumentException' });

    await clients.firehose.send(new DeleteDeliveryStreamCommand({ DeliveryStreamName }));
    await expect(describe()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(clients.firehose.send(new DeleteDeliveryStreamCommand({ DeliveryStreamName }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('is refused where AWS would refuse it', async () => {
    const bad: [Partial<ExtendedS3DestinationConfiguration>, string, RegExp][] = [
      [{ BucketARN: 'arn:aws:s3:::none' }, 'InvalidArgumentException', /does not exist/],
      [{ RoleARN: 'arn:aws:iam::000000000000:role/none' }, 'InvalidArgumentException', /Firehose is unable to assume role/],
      [{ BufferingHints: { SizeInMBs: 129, IntervalInSeconds: 60 } }, 'ValidationException', /less than or equal to 128/],
      [{ BufferingHints: { SizeInMBs: 5 } }, 'InvalidArgumentException', /Both SizeInMBs and IntervalInSeconds/],
      [{ BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 901 } }, 'ValidationException', /less than or equal to 900/],
      [{ ErrorOutputPrefix: undefined }, 'InvalidArgumentException', /ErrorOutputPrefix cannot be null/],
      [{ ErrorOutputPrefix: 'errors/' }, 'InvalidArgumentException', /at least one instance of !{firehose:error-output-type}/],
      [{ Prefix: 'x/!{firehose:error-output-type}/' }, 'InvalidArgumentException', /Prefix should not contain/],
      [{ Prefix: 'x/!{timestamp:QQQ}/' }, 'InvalidArgumentException', /invalid timestamp pattern/],
      [{ CompressionFormat: 'Snappy' }, 'InvalidArgumentException', /does not have compression Snappy/],
      [
        { ProcessingConfiguration: { Enabled: true, Processors: [{ Type: 'Lambda' }] } },
        'InvalidArgumentException',
        /AppendDelimiterToRecord only/,
      ],
    ];
    await expect(clients.firehose.send(creation('nothing'))).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: expect.stringContaining('Stream nothing under account'),
    });
    for (const [more, name, message] of bad)
      await expect(clients.firehose.send(creation('kept', more))).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
  });
});

describe('delivery', () => {
  test('brings every record from LATEST on to S3 once, a line each, under a dated name', async () => {
    await prepare(clients, 'lines');
    await put(clients, 'lines', someIds('before', 20));
    await clients.firehose.send(creation('lines'));
    const ids = someIds('a', 700);
    await put(clients, 'lines', ids);
    const { keys } = await until(
      () => delivered(clients, 'lines'),
      (found) => found.ids.length >= ids.length,
    );
    const { ids: found } = await delivered(clients, 'lines');
    expect(found).toEqual(ids);
    for (const key of keys)
      expect(key).toMatch(
        /^events\/year=\d{4}\/month=\d\d\/day=\d\d\/hour=\d\d\/lines-1-\d{4}(-\d\d){5}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.gz$/,
      );
  });

  test('does not wait for the interval once the size is reached', async () => {
    await prepare(clients, 'sized', 4);
    await clients.firehose.send(creation('sized', { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 900 } }));
    const ids = someIds('s', 300);
    await put(clients, 'sized', ids, 'x'.repeat(8000));
    const { ids: found } = await until(
      () => delivered(clients, 'sized'),
      ({ keys }) => keys.length === 2,
    );
    expect(new Set(found).size).toBe(found.length);
    expect(found.length * 8000).toBeGreaterThan(2_000_000);
  });

  test('holds on to its records while the bucket is away, and says so in its log', async () => {
    const log = { logGroupName: '/aws/kinesisfirehose/game', logStreamName: 'away' };
    await prepare(clients, 'away');
    await clients.logs.send(new CreateLogGroupCommand(log));
    await clients.logs.send(new CreateLogStreamCommand(log));
    const CloudWatchLoggingOptions = { Enabled: true, LogGroupName: log.logGroupName, LogStreamName: log.logStreamName };
    await clients.firehose.send(creation('away', { CloudWatchLoggingOptions }));
    await clients.s3.send(new DeleteBucketCommand({ Bucket: 'away-lake' }));
    const ids = someIds('w', 50);
    await put(clients, 'away', ids);
    const events = await until(
      async () => (await clients.logs.send(new GetLogEventsCommand(log))).events ?? [],
      ({ length }) => length > 0,
    );
    expect(events[0]?.message).toMatch(/The specified bucket does not exist/);
    await clients.s3.send(new CreateBucketCommand({ Bucket: 'away-lake' }));
    const { ids: found } = await until(
      () => delivered(clients, 'away'),
      (all) => all.ids.length >= ids.length,
    );
    expect(found).toEqual(ids);
  });
});
