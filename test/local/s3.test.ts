import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketPolicyCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeletePublicAccessBlockCommand,
  GetBucketAclCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DAY_MS } from '../../pipeline/time.ts';
import { dir, later, local, restart, s3 } from './s3-stage.ts';

const Bucket = 'lake';
const text = async (Key: string, more = {}) => (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body!.transformToString();
const put = (Key: string, Body: string | Uint8Array = Key) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));

beforeAll(async () => {
  await s3.send(new CreateBucketCommand({ Bucket }));
});

describe('a bucket', () => {
  test('is made once, answers 200 to its owner again, is listed, and is gone when deleted', async () => {
    for (const _ of [1, 2]) await s3.send(new CreateBucketCommand({ Bucket: 'other' }));
    await expect(s3.send(new HeadBucketCommand({ Bucket: 'other', ExpectedBucketOwner: local.account }))).resolves.toMatchObject({
      BucketRegion: 'us-east-1',
    });
    expect((await s3.send(new GetBucketLocationCommand({ Bucket: 'other' }))).LocationConstraint).toBeUndefined();
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toEqual(['lake', 'other']);
    await s3.send(new DeleteBucketCommand({ Bucket: 'other' }));
    await expect(s3.send(new HeadBucketCommand({ Bucket: 'other' }))).rejects.toMatchObject({ name: 'NotFound' });
    await expect(s3.send(new DeleteBucketCommand({ Bucket: 'other' }))).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test('refuses bad names, other owners, being deleted while full, and what is not built', async () => {
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'No_Good' }))).rejects.toMatchObject({ name: 'InvalidBucketName' });
    await expect(s3.send(new HeadBucketCommand({ Bucket, ExpectedBucketOwner: '111111111111' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
    await put('full');
    await expect(s3.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'full' }));
    await expect(s3.send(new GetBucketAclCommand({ Bucket }))).rejects.toMatchObject({ name: 'NotImplemented' });
  });

  test('can be made anew under its old name, and takes objects in the same folders', async () => {
    for (const _ of [1, 2]) {
      await s3.send(new CreateBucketCommand({ Bucket: 'again' }));
      await s3.send(new PutObjectCommand({ Bucket: 'again', Key: 'a/b/c', Body: 'x' }));
      await s3.send(new DeleteObjectCommand({ Bucket: 'again', Key: 'a/b/c' }));
      await s3.send(new DeleteBucketCommand({ Bucket: 'again' }));
    }
    expect(await readdir(join(dir, 's3'))).not.toContain('again');
  });

  test('keeps its settings over a restart, and says which were never put', async () => {
    const tls = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    };
    const block = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };
    const rules = [
      { ID: 'results', Status: 'Enabled' as const, Filter: { Prefix: 'athena-results/' }, Expiration: { Days: 1 } },
      { ID: 'uploads', Status: 'Enabled' as const, Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
    ];
    const which = { Bucket };
    await expect(s3.send(new GetBucketPolicyCommand(which))).rejects.toMatchObject({ name: 'NoSuchBucketPolicy' });
    await expect(s3.send(new GetBucketTaggingCommand(which))).rejects.toMatchObject({ name: 'NoSuchTagSet' });
    await expect(s3.send(new GetBucketLifecycleConfigurationCommand(which))).rejects.toMatchObject({
      name: 'NoSuchLifecycleConfiguration',
    });
    expect((await s3.send(new GetBucketVersioningCommand(which))).Status).toBeUndefined();

    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(tls) }));
    await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: block }));
    await s3.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      }),
    );
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'data2dashboard:pipeline', Value: 'a<b>&"c' }] } }));
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: rules } }));
    await restart();

    expect(JSON.parse((await s3.send(new GetBucketPolicyCommand(which))).Policy!)).toEqual(tls);
    expect((await s3.send(new GetPublicAccessBlockCommand(which))).PublicAccessBlockConfiguration).toEqual(block);
    expect((await s3.send(new GetBucketEncryptionCommand(which))).ServerSideEncryptionConfiguration?.Rules?.[0]).toMatchObject({
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' },
    });
    expect((await s3.send(new GetBucketTaggingCommand(which))).TagSet).toEqual([{ Key: 'data2dashboard:pipeline', Value: 'a<b>&"c' }]);
    expect((await s3.send(new GetBucketLifecycleConfigurationCommand(which))).Rules).toEqual(rules);

    for (const Delete of [
      DeleteBucketPolicyCommand,
      DeleteBucketTaggingCommand,
      DeleteBucketLifecycleCommand,
      DeletePublicAccessBlockCommand,
      DeleteBucketEncryptionCommand,
    ])
      await s3.send(new Delete(which) as DeleteBucketPolicyCommand);
    await expect(s3.send(new GetBucketPolicyCommand(which))).rejects.toMatchObject({ name: 'NoSuchBucketPolicy' });
    await expect(s3.send(new GetPublicAccessBlockCommand(which))).rejects.toMatchObject({ name: 'NoSuchPublicAccessBlockConfiguration' });
    await expect(s3.send(new PutBucketPolicyCommand({ Bucket, Policy: 'no json' }))).rejects.toMatchObject({ name: 'MalformedPolicy' });
  });
});

describe('an object', () => {
  test('comes back as it was put, whole and in part, over a restart', async () => {
    const { ETag } = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'one', Body: '0123456789', ContentType: 'text/plain', Metadata: { made: 'here' } }),
    );
    expect(ETag).toBe(`"${createHash('md5').update('0123456789').digest('hex')}"`);
    await restart();
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key: 'one' }))).resolves.toMatchObject({
      ContentLength: 10,
      ContentType: 'text/plain',
      ETag,
      Metadata: { made: 'here' },
    });
    expect(await text('one')).toBe('0123456789');
    expect(await text('one', { Range: 'bytes=2-4' })).toBe('234');
    expect(await text('one', { Range: 'bytes=-3' })).toBe('789');
    const partial = await s3.send(new GetObjectCommand({ Bucket, Key: 'one', Range: 'bytes=8-99' }));
    expect(partial).toMatchObject({ ContentRange: 'bytes 8-9/10', ContentLength: 2, $metadata: { httpStatusCode: 206 } });
    expect(await partial.Body!.transformToString()).toBe('89');
    await expect(text('one', { Range: 'bytes=10-' })).rejects.toMatchObject({ name: 'InvalidRange' });
    await expect(text('one', { IfMatch: '"0"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(text('two')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key: 'two' }))).rejects.toMatchObject({ name: 'NotFound' });
    await expect(s3.send(new GetObjectCommand({ Bucket: 'none', Key: 'two' }))).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test('may be streamed in with its checksum behind it; a wrong checksum is refused', async () => {
    const body = Buffer.alloc(200_000, 'stream');
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'streamed',
        Body: Readable.from([body.subarray(0, 70_000), body.subarray(70_000)]),
        ContentLength: body.length,
      }),
    );
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'streamed' }));
    expect(got.ContentEncoding).toBeUndefined();
    expect(got.ChecksumCRC32).toBeDefined();
    expect(Buffer.compare(await got.Body!.transformToByteArray(), body)).toBe(0);
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'bad', Body: 'x', ChecksumCRC32: 'AAAAAA==' }))).rejects.toMatchObject({
      name: 'BadDigest',
    });
    await expect(text('bad')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('that is put and removed at once is either there whole or gone', async () => {
    for (let i = 0; i < 20; i++) {
      await Promise.all([
        s3.send(new DeleteObjectCommand({ Bucket, Key: 'raced' })),
        put('raced', `${i}`),
        s3.send(new DeleteObjectCommand({ Bucket, Key: 'raced' })),
      ]);
      const found = await text('raced').catch(({ name }: Error) => name);
      expect(['NoSuchKey', `${i}`]).toContain(found);
    }
  });

  test('is expired by the lifecycle at the midnight after its days', async () => {
    await s3.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: { Rules: [{ Status: 'Enabled', Filter: { Prefix: 'old/' }, Expiration: { Days: 1 } }] },
      }),
    );
    await put('old/a');
    await put('kept/a');
    expect(await text('old/a')).toBe('old/a');
    await later(2 * DAY_MS, async (client) => {
      await expect(client.send(new HeadObjectCommand({ Bucket, Key: 'old/a' }))).rejects.toMatchObject({ name: 'NotFound' });
      expect((await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'old/' }))).KeyCount).toBe(0);
      expect((await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'kept/' }))).KeyCount).toBe(1);
      await client.send(new DeleteBucketLifecycleCommand({ Bucket }));
    });
    await expect(text('old/a')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});

describe('a listing', () => {
  const keys = ['l/a', 'l/a/1', 'l/a/2', 'l/b', 'l/c/1', 'l/d<&>', 'l/z é'];

  test('pages through all keys in order, and folds them at a delimiter', async () => {
    await Promise.all([...keys].reverse().map((key) => put(key)));
    const seen: string[] = [];
    for (let ContinuationToken: string | undefined; ; ) {
      const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/', MaxKeys: 2, ContinuationToken }));
      seen.push(...(page.Contents ?? []).map(({ Key }) => Key!));
      ContinuationToken = page.NextContinuationToken;
      if (!page.IsTruncated) break;
    }
    expect(seen).toEqual(keys);
    const folded: string[] = [];
    for (let ContinuationToken: string | undefined; ; ) {
      const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/', Delimiter: '/', MaxKeys: 1, ContinuationToken }));
      folded.push(...(page.Contents ?? []).map(({ Key }) => Key!), ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!));
      ContinuationToken = page.NextContinuationToken;
      if (!page.IsTruncated) break;
    }
    expect(folded).toEqual(['l/a', 'l/a/', 'l/b', 'l/c/', 'l/d<&>', 'l/z é']);
    await expect(s3.send(new ListObjectsV2Command({ Bucket: 'none' }))).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test('gives the null versions that DeleteObjects takes, and no uploads', async () => {
    const {
      Versions = [],
      IsTruncated,
      NextKeyMarker,
    } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'l/', MaxKeys: 6 }));
    expect([Versions.map(({ Key, VersionId }) => [Key, VersionId]), IsTruncated, NextKeyMarker]).toEqual([
      keys.slice(0, 6).map((key) => [key, 'null']),
      true,
      'l/d<&>',
    ]);
    const Objects = Versions.map(({ Key, VersionId }) => ({ Key: Key!, VersionId }));
    const said = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...Objects, { Key: 'x', VersionId: 'v7' }] } }));
    expect(said.Deleted).toHaveLength(6);
    expect(said.Errors).toMatchObject([{ Key: 'x', Code: 'NoSuchVersion' }]);
    const quiet = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'l/z é' }], Quiet: true } }));
    expect([quiet.Deleted, quiet.Errors]).toEqual([undefined, undefined]);
    expect((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/' }))).Contents).toBeUndefined();
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toBeUndefined();
  });
});
