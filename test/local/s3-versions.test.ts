import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  type ObjectIdentifier,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { beforeEach, expect, test } from '@jest/globals';
import { dir, restart, s3 } from './s3-stage.ts';

/** One of its own for each test. */
let Bucket = 'versions-0';
let number = 0;

const versioning = (Status: 'Enabled' | 'Suspended') =>
  s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
const put = async (Key: string, Body: string) => (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId;
const text = async (Key: string, VersionId?: string) =>
  (await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }))).Body!.transformToString();
const remove = async (Key: string, VersionId?: string) => {
  const { $metadata, ...said } = await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
  return said;
};
const listing = (more: Partial<ListObjectVersionsCommandInput> = {}) => s3.send(new ListObjectVersionsCommand({ Bucket, ...more }));
/** Every version as `<key> <id>`, a delete marker with `deleted`, the newest with `latest`, in the order of two listings. */
const all = async () => {
  const { Versions = [], DeleteMarkers = [] } = await listing();
  const line = (note: string, { Key, VersionId, IsLatest }: { Key?: string; VersionId?: string; IsLatest?: boolean }) =>
    [Key, VersionId, note, IsLatest ? 'latest' : ''].filter(Boolean).join(' ');
  return [...Versions.map((version) => line('', version)), ...DeleteMarkers.map((marker) => line('deleted', marker))];
};
const keys = async () => (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key) ?? [];

beforeEach(async () => {
  Bucket = `versions-${++number}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
});

test('a bucket with versioning keeps every version, and the one from before it, over a restart', async () => {
  expect(await put('a', 'null')).toBeUndefined();
  await versioning('Enabled');
  const [one, two] = [await put('a', 'one'), await put('a', 'two')];
  await restart();
  expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
  expect(await all()).toEqual([`a ${two} latest`, `a ${one}`, 'a null']);
  expect([await text('a'), await text('a', two), await text('a', one), await text('a', 'null')]).toEqual(['two', 'two', 'one', 'null']);
  expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'a' }))).VersionId).toBe(two);

  expect(await remove('a', two)).toEqual({ VersionId: two });
  expect([await text('a'), await keys()]).toEqual(['one', ['a']]);
  await expect(text('a', two)).rejects.toMatchObject({ name: 'NoSuchVersion' });
  await expect(text('a', 'v7')).rejects.toMatchObject({ name: 'InvalidArgument' });
  expect(await remove('a', two)).toEqual({ VersionId: two });
});

test('a deletion leaves a marker that hides the object until it is deleted itself', async () => {
  await versioning('Enabled');
  const one = await put('a', 'one');
  const { VersionId: marker, ...said } = await remove('a');
  expect(said).toEqual({ DeleteMarker: true });
  expect(await all()).toEqual([`a ${one}`, `a ${marker} deleted latest`]);
  expect(await keys()).toEqual([]);
  await expect(text('a')).rejects.toMatchObject({ name: 'NoSuchKey' });
  await expect(text('a', marker)).rejects.toMatchObject({ name: 'MethodNotAllowed', $metadata: { httpStatusCode: 405 } });
  expect(await text('a', one)).toBe('one');
  expect(await remove('a', marker)).toEqual({ VersionId: marker, DeleteMarker: true });
  expect([await text('a'), await keys()]).toEqual(['one', ['a']]);
});

test('while versioning is suspended there is one null version, object or marker, beside those that were kept', async () => {
  await versioning('Enabled');
  const one = await put('a', 'one');
  await versioning('Suspended');
  expect([await put('a', 'null'), await put('a', 'null anew')]).toEqual([undefined, undefined]);
  expect(await all()).toEqual(['a null latest', `a ${one}`]);
  expect([await text('a'), await text('a', 'null'), await text('a', one)]).toEqual(['null anew', 'null anew', 'one']);
  expect(await remove('a')).toEqual({ VersionId: 'null', DeleteMarker: true });
  expect(await all()).toEqual([`a ${one}`, 'a null deleted latest']);
  expect(await readdir(join(dir, 's3', Bucket))).toHaveLength(1);
  expect(await remove('a', 'null')).toEqual({ VersionId: 'null', DeleteMarker: true });
  expect(await text('a')).toBe('one');
});

test('an upload in parts makes a version, and the lifecycle leaves a marker', async () => {
  await versioning('Enabled');
  const which = { Bucket, Key: 'old/a' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(which));
  const { ETag } = await s3.send(new UploadPartCommand({ ...which, UploadId, PartNumber: 1, Body: 'one' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  const { VersionId } = await s3.send(new CompleteMultipartUploadCommand({ ...which, UploadId, MultipartUpload }));
  expect(await text('old/a', VersionId)).toBe('one');
  const rule = { Status: 'Enabled' as const, Filter: { Prefix: 'old/' } };
  const rules = (more: object) =>
    s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [{ ...rule, ...more }] } }));
  await rules({ Expiration: { Date: new Date('2026-01-01T00:00:00Z') } });
  expect(await all()).toEqual([`old/a ${VersionId}`, expect.stringMatching(/^old\/a .{32} deleted latest$/)]);
  await expect(rules({ NoncurrentVersionExpiration: { NoncurrentDays: 1 } })).rejects.toMatchObject({ name: 'NotImplemented' });
});

test('versions and markers are listed page by page, each once, even while they are deleted', async () => {
  await put('a', 'null');
  await put('b/1', 'null');
  await versioning('Enabled');
  for (const body of ['one', 'two', 'three']) await put('a', body);
  await remove('a');
  await remove('c');
  const seen: ObjectIdentifier[] = [];
  for (let from: Partial<ListObjectVersionsCommandInput> = {}; ; ) {
    const { Versions = [], DeleteMarkers = [], ...page } = await listing({ MaxKeys: 2, ...from });
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    seen.push(...Objects);
    await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    from = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    if (!page.IsTruncated) break;
  }
  expect(seen.map(({ Key }) => Key)).toEqual(['a', 'a', 'a', 'a', 'a', 'b/1', 'c']);
  expect(new Set(seen.map(({ Key, VersionId }) => `${Key} ${VersionId}`)).size).toBe(7);
  expect(await all()).toEqual([]);
  await expect(listing({ VersionIdMarker: 'null' })).rejects.toMatchObject({ name: 'InvalidArgument' });
});

test('a listing goes on behind a null version, folds at a delimiter, and a key alone as marker leaves out all its versions', async () => {
  await versioning('Enabled');
  const one = await put('a', 'one');
  await versioning('Suspended');
  await put('a', 'null');
  await versioning('Enabled');
  const two = await put('a', 'two');
  await put('b/1', 'x');
  const ids = async (more: Partial<ListObjectVersionsCommandInput>) => (await listing(more)).Versions?.map(({ VersionId }) => VersionId);
  expect(await ids({ Prefix: 'a', KeyMarker: 'a', VersionIdMarker: 'null' })).toEqual([one]);
  await remove('a', 'null');
  expect(await ids({ Prefix: 'a', KeyMarker: 'a', VersionIdMarker: 'null' })).toEqual([two, one]);
  expect(await ids({ KeyMarker: 'a' })).toHaveLength(1);
  expect((await listing({ Delimiter: '/' })).CommonPrefixes).toEqual([{ Prefix: 'b/' }]);
});

test('a call that deletes several says what it did of each, and a bucket goes only with its last version', async () => {
  await versioning('Enabled');
  const one = await put('a', 'one');
  const objects = async (Objects: ObjectIdentifier[]) => s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  const { Deleted = [] } = await objects([{ Key: 'a' }]);
  const marker = Deleted[0]?.DeleteMarkerVersionId;
  expect(Deleted).toEqual([{ Key: 'a', DeleteMarker: true, DeleteMarkerVersionId: expect.any(String) }]);
  await objects([{ Key: 'a', VersionId: one }]);
  await expect(s3.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'BucketNotEmpty' });
  const { Deleted: last, Errors } = await objects([
    { Key: 'a', VersionId: marker },
    { Key: 'a', VersionId: 'v7' },
  ]);
  expect(last).toEqual([{ Key: 'a', VersionId: marker, DeleteMarker: true, DeleteMarkerVersionId: marker }]);
  expect(Errors).toMatchObject([{ Key: 'a', VersionId: 'v7', Code: 'NoSuchVersion' }]);
  await s3.send(new DeleteBucketCommand({ Bucket }));
});
