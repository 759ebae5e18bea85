import {
  CreateDeliveryStreamCommand,
  DeleteDeliveryStreamCommand,
  DescribeDeliveryStreamCommand,
  FirehoseClient,
} from '@aws-sdk/client-firehose';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import { checkPrefixes, objectPrefix } from '../../local/firehose/prefix.ts';
import { localAws } from '../local-aws.ts';

const values = { time: new Date(Date.UTC(2026, 0, 5, 7, 8, 9)), random: 'abc' };

test.each([
  ['', '2026/01/05/07/'],
  ['raw/', 'raw/2026/01/05/07/'],
  ['raw/!{timestamp:yyyy-MM}/', 'raw/2026-01/'],
  ["!{timestamp:'year='yyyy'/it''s='dd}/", "year=2026/it's=05/"],
  ['!{firehose:random-string}/', 'abc/2026/01/05/07/'],
  ['!{timestamp:yy.M.d.H.mm.ss}', '26.1.5.7.08.09'],
])('the prefix %j makes %j', (prefix, made) => expect(objectPrefix(prefix, values)).toBe(made));

test.each(['!{timestamp:week}/', "!{timestamp:'open}/", '!{partitionKeyFromQuery:game}/', '!{other}/'])(
  'the prefix %j is refused',
  (prefix) => expect(() => checkPrefixes(prefix, '!{firehose:error-output-type}/')).toThrow(/invalid/),
);

test('with settling times a role spreads, and a delivery stream goes through its states', async () => {
  let ahead = 0;
  const local = await localAws({ settle: 60_000, now: () => Date.now() + ahead });
  const options = { ...local, maxAttempts: 1 };
  const [firehose, iam, kinesis, s3] = [
    new FirehoseClient(options),
    new IAMClient(options),
    new KinesisClient(options),
    new S3Client({ ...options, forcePathStyle: true }),
  ];
  const DeliveryStreamName = 'slow';
  const RoleARN = 'arn:aws:iam::000000000000:role/slow';
  const create = () =>
    firehose.send(
      new CreateDeliveryStreamCommand({
        DeliveryStreamName,
        DeliveryStreamType: 'KinesisStreamAsSource',
        KinesisStreamSourceConfiguration: { KinesisStreamARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/slow', RoleARN },
        ExtendedS3DestinationConfiguration: { RoleARN, BucketARN: 'arn:aws:s3:::slow' },
      }),
    );
  const status = async () =>
    (await firehose.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName }))).DeliveryStreamDescription?.DeliveryStreamStatus;
  const remove = () => firehose.send(new DeleteDeliveryStreamCommand({ DeliveryStreamName }));
  try {
    await s3.send(new CreateBucketCommand({ Bucket: 'slow' }));
    await kinesis.send(new CreateStreamCommand({ StreamName: 'slow', ShardCount: 1 }));
    const Statement = [{ Effect: 'Allow', Principal: { Service: 'firehose.amazonaws.com' }, Action: 'sts:AssumeRole' }];
    await iam.send(new CreateRoleCommand({ RoleName: 'slow', AssumeRolePolicyDocument: JSON.stringify({ Statement }) }));
    await expect(create()).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: expect.stringContaining('Firehose is unable to assume role'),
    });
    ahead += 60_000;
    await create();
    expect(await status()).toBe('CREATING');
    await expect(remove()).rejects.toMatchObject({ name: 'ResourceInUseException' });
    ahead += 60_000;
    expect(await status()).toBe('ACTIVE');
    await remove();
    expect(await status()).toBe('DELETING');
    await expect(create()).rejects.toMatchObject({ name: 'ResourceInUseException' });
    ahead += 60_000;
    await expect(status()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await create();
    expect(await status()).toBe('CREATING');
  } finally {
    for (const client of [firehose, iam, kinesis, s3]) client.destroy();
    await local.close();
  }
});
