import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketLifecycleConfigurationCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from '@jest/globals';
import { DAY_MS } from '../../pipeline/time.ts';
import { clock, dir, later, restart, s3 } from './s3-stage.ts';

const Bucket = 'uploads';
const Key = 'lake/big';
/** As small as a part that is not the last may be. */
const FIRST = Buffer.alloc(5 << 20, 'first');

const begun = async (more: Partial<CreateMultipartUploadCommand['input']> = {}) =>
  (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))).UploadId!;
const put = async (UploadId: string, PartNumber: number, Body: string | Buffer): Promise<CompletedPart> => {
  const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
  return { PartNumber, ETag };
};
const complete = (UploadId: string, Parts: CompletedPart[]) =>
  s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
const abort = (UploadId: string, of = Key) => s3.send(new AbortMultipartUploadCommand({ Bucket, Key: of, UploadId }));
const unfinished = async () => (await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
const partFiles = () => readdir(join(dir, 's3', Bucket, '%uploads'));
const md5 = (bytes: string | Buffer) => createHash('md5').update(bytes).digest();

beforeAll(async () => {
  await s3.send(new CreateBucketCommand({ Bucket }));
});

test('parts that came in any order, one of them twice, make one object over a restart, and are gone then', async () => {
  const UploadId = await begun({ ContentType: 'text/plain', Metadata: { made: 'here' }, ChecksumAlgorithm: 'CRC32' });
  const last = await put(UploadId, 7, 'last');
  await put(UploadId, 2, 'other');
  const first = await put(UploadId, 2, FIRST);
  await restart();
  const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 1 }));
  expect(listed).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '2', Parts: [{ PartNumber: 2, Size: FIRST.length }] });
  const whole = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  expect(whole).toMatchObject({ IsTruncated: false, Parts: [{ ETag: first.ETag }, { PartNumber: 7, Size: 4, ETag: last.ETag }] });
  expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);

  const { ETag, ChecksumCRC32 } = await complete(UploadId, [first, last]);
  expect(ETag).toBe(`"${md5(Buffer.concat([md5(FIRST), md5('last')])).toString('hex')}-2"`);
  expect(ChecksumCRC32).toMatch(/^.+-2$/);
  const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
  expect(got).toMatchObject({ ETag, ContentType: 'text/plain', Metadata: { made: 'here' }, ChecksumType: 'COMPOSITE' });
  const body = Buffer.from(await got.Body!.transformToByteArray());
  expect(Buffer.compare(body, Buffer.concat([FIRST, Buffer.from('last')]))).toBe(0);
  expect(await unfinished()).toEqual([]);
  expect(await partFiles()).toEqual([]);
  await expect(complete(UploadId, [first, last])).rejects.toMatchObject({ name: 'NoSuchUpload', $metadata: { httpStatusCode: 404 } });
});

test('a list of parts that does not fit what is there is refused, and the upload stays', async () => {
  const UploadId = await begun();
  const [one, two] = [await put(UploadId, 1, 'one'), await put(UploadId, 2, 'two')];
  await expect(complete(UploadId, [two, one])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
  await expect(complete(UploadId, [one, { PartNumber: 3, ETag: two.ETag }])).rejects.toMatchObject({ name: 'InvalidPart' });
  await expect(complete(UploadId, [{ PartNumber: 1, ETag: two.ETag }])).rejects.toMatchObject({ name: 'InvalidPart' });
  await expect(complete(UploadId, [{ ...one, ChecksumCRC32: 'AAAAAA==' }])).rejects.toMatchObject({ name: 'InvalidPart' });
  await expect(complete(UploadId, [one, two])).rejects.toMatchObject({ name: 'EntityTooSmall' });
  await expect(complete(UploadId, [])).rejects.toMatchObject({ name: 'MalformedXML' });
  await expect(put(UploadId, 10_001, 'x')).rejects.toMatchObject({ name: 'InvalidArgument' });
  await complete(UploadId, [two]);
  expect((await s3.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength).toBe(3);
});

test('an upload that is aborted takes no part any more, and its parts are gone', async () => {
  const UploadId = await begun();
  await put(UploadId, 1, 'one');
  await expect(abort(UploadId, 'another key')).rejects.toMatchObject({ name: 'NoSuchUpload' });
  await abort(UploadId);
  expect(await partFiles()).toEqual([]);
  await expect(put(UploadId, 1, 'one')).rejects.toMatchObject({ name: 'NoSuchUpload' });
  await expect(abort(UploadId)).rejects.toMatchObject({ name: 'NoSuchUpload' });
});

test('uploads are listed by key and age, page by page even while they are aborted, and folded at a delimiter', async () => {
  const made: (string | undefined)[][] = [];
  for (const key of ['a/1', 'a/2', 'a/2', 'a/2', 'b']) {
    clock.ahead += 1;
    made.push([key, await begun({ Key: key })]);
  }
  const seen: (string | undefined)[][] = [];
  for (let from = {}; ; ) {
    const page = await s3.send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 2, ...from }));
    seen.push(...(page.Uploads ?? []).map((upload) => [upload.Key, upload.UploadId]));
    const last = page.Uploads?.at(-1);
    if (last?.Key === 'a/2') await abort(last.UploadId!, 'a/2');
    from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    if (!page.IsTruncated) break;
  }
  expect(seen).toEqual(made);
  const folded = await s3.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', MaxUploads: 1 }));
  expect(folded).toMatchObject({ CommonPrefixes: [{ Prefix: 'a/' }], IsTruncated: true, NextKeyMarker: 'a/' });
  const next = await s3.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', KeyMarker: 'a/' }));
  expect([next.Uploads?.map((upload) => upload.Key), next.CommonPrefixes]).toEqual([['b'], undefined]);
  expect((await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'a/1' }))).Uploads).toHaveLength(1);
});

test('the lifecycle aborts what is unfinished after its days, and a bucket with unfinished uploads alone may be deleted', async () => {
  const which = { Bucket: 'stale' };
  await s3.send(new CreateBucketCommand(which));
  const LifecycleConfiguration = {
    Rules: [{ Status: 'Enabled' as const, Filter: { Prefix: 'old/' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }],
  };
  await s3.send(new PutBucketLifecycleConfigurationCommand({ ...which, LifecycleConfiguration }));
  for (const key of ['old/a', 'kept/a']) await s3.send(new CreateMultipartUploadCommand({ ...which, Key: key }));
  await later(2 * DAY_MS, async (client) => {
    expect((await client.send(new ListMultipartUploadsCommand(which))).Uploads?.map((upload) => upload.Key)).toEqual(['kept/a']);
  });
  await s3.send(new DeleteBucketCommand(which));
  await s3.send(new CreateBucketCommand(which));
  expect((await s3.send(new ListMultipartUploadsCommand(which))).Uploads).toBeUndefined();
});
