import type {
  DeleteObjectOutput,
  DeleteObjectRequest,
  DeleteObjectsOutput,
  DeleteObjectsRequest,
  GetObjectOutput,
  GetObjectRequest,
  HeadObjectOutput,
  HeadObjectRequest,
  PutObjectOutput,
  PutObjectRequest,
} from '@aws-sdk/client-s3';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { bucketOf, buckets } from './buckets.ts';
import { verifiedChecksums } from './checksums.ts';
import { hasExpired } from './lifecycle.ts';
import type { About, StoredObject } from './store.ts';
import { idOf, isMarker, isVersionId, type Kept } from './versions.ts';

/** The wire's form of PutObject and GetObject: the body is bytes, not a stream. */
type Put = Omit<PutObjectRequest, 'Body'> & { Body?: Buffer };
type Got = Omit<GetObjectOutput, 'Body'> & { Body?: Uint8Array };

const MAX_KEY_BYTES = 1024;

export const putObject: Operation<Put, PutObjectOutput> = async (input, aws) => {
  const { Key: key = '', Body: body = Buffer.alloc(0) } = input;
  const { name } = bucketOf(aws, input);
  const about = aboutOf(input);
  const checksums = verifiedChecksums(input, body);
  const { etag, versionId } = await aws.objects.put(name, key, body, { ...about, checksums });
  return {
    ETag: `"${etag}"`,
    VersionId: versionId,
    ServerSideEncryption: 'AES256',
    ...checksums,
    ChecksumType: Object.keys(checksums).length > 0 ? 'FULL_OBJECT' : undefined,
  };
};

type Said = Pick<PutObjectRequest, 'Key' | 'ContentType' | 'ContentEncoding' | 'Metadata' | (typeof NOT_BUILT)[number]>;
const NOT_BUILT = ['IfMatch', 'IfNoneMatch', 'Tagging', 'SSECustomerAlgorithm', 'ObjectLockMode'] as const;

/** What a request says of the object that it makes; throws KeyTooLongError or NotImplemented if it asks for what cannot be. */
export function aboutOf(input: Said): About {
  if (Buffer.byteLength(input.Key ?? '') > MAX_KEY_BYTES) throw awsError('KeyTooLongError', 'Your key is too long');
  if (NOT_BUILT.some((name) => input[name] !== undefined))
    throw awsError('NotImplemented', 'A header you provided implies functionality that is not implemented.');
  const contentEncoding =
    input.ContentEncoding?.split(',')
      .filter((coding) => coding.trim() !== 'aws-chunked')
      .join(',') || undefined;
  return { contentType: input.ContentType, contentEncoding, metadata: input.Metadata };
}

export const headObject: Operation<HeadObjectRequest, HeadObjectOutput> = (input, aws) => {
  const object = objectOf(aws, input);
  const range = rangeOf(input.Range, object.size);
  return { ...about(aws, object, input), ...(range ? partial(range, object.size) : { ContentLength: object.size }) };
};

export const getObject: Operation<GetObjectRequest, Got> = async (input, aws) => {
  const object = objectOf(aws, input);
  const body = await aws.objects.read(object);
  const range = rangeOf(input.Range, body.length);
  if (!range) return { ...about(aws, object, input), ContentLength: body.length, Body: body };
  return {
    ...about(aws, object, { ...input, ChecksumMode: undefined }),
    ...partial(range, body.length),
    Body: body.subarray(range[0], range[1] + 1),
  };
};

export const deleteObject: Operation<DeleteObjectRequest, DeleteObjectOutput> = async (input, aws) => {
  const { name } = bucketOf(aws, input);
  checkVersionId(input.VersionId);
  const { DeleteMarker, DeleteMarkerVersionId } = markerOf(await aws.objects.remove(name, input.Key ?? '', input.VersionId));
  return { VersionId: input.VersionId ?? DeleteMarkerVersionId, DeleteMarker };
};

export const deleteObjects: Operation<DeleteObjectsRequest, DeleteObjectsOutput> = async (input, aws) => {
  const { name } = bucketOf(aws, input);
  const { Objects: wanted = [], Quiet: quiet = false } = input.Delete ?? {};
  if (wanted.length === 0 || wanted.length > 1000)
    throw awsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  const isVersion = ({ VersionId: id }: { VersionId?: string }) => id === undefined || isVersionId(id);
  const errors = wanted
    .filter((item) => !isVersion(item))
    .map(({ Key, VersionId }) => ({ Key, VersionId, Code: 'NoSuchVersion', Message: 'The specified version does not exist.' }));
  const removals = wanted.filter(isVersion).map(async ({ Key, VersionId }) => {
    const done = await aws.objects.remove(name, Key ?? '', VersionId);
    return { Key, VersionId, ...markerOf(done) };
  });
  const deleted = await Promise.all(removals);
  return { Deleted: quiet ? undefined : deleted, Errors: errors };
};

/** What S3 says of a delete marker that a deletion put or removed. */
const markerOf = (done: Kept | undefined) => (done && isMarker(done) ? { DeleteMarker: true, DeleteMarkerVersionId: idOf(done) } : {});

/** Finds the object that a read means, or throws NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed, PreconditionFailed or NotModified. */
function objectOf(aws: Aws, input: GetObjectRequest): Readonly<StoredObject> {
  const bucket = bucketOf(aws, input);
  const { Key: key = '', VersionId: id } = input;
  checkVersionId(id);
  const object = aws.objects.version(bucket.name, key, id);
  if (id !== undefined && !object) throw awsError('NoSuchVersion', 'The specified version does not exist.');
  if (id !== undefined && object && isMarker(object))
    throw awsError('MethodNotAllowed', 'The specified method is not allowed against this resource.');
  if (!object || isMarker(object) || (id === undefined && hasExpired(bucket.lifecycle ?? [], object, aws.now())))
    throw awsError('NoSuchKey', 'The specified key does not exist.');
  const matches = (tags: string) => tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replaceAll('"', '') === object.etag);
  if (input.IfMatch !== undefined && !matches(input.IfMatch))
    throw awsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  if (input.IfNoneMatch !== undefined && matches(input.IfNoneMatch)) throw awsError('NotModified', 'Not Modified');
  return object;
}

function checkVersionId(id: string | undefined): void {
  if (id !== undefined && !isVersionId(id)) throw awsError('InvalidArgument', 'Invalid version id specified');
}

function about(
  aws: Aws,
  object: Readonly<StoredObject>,
  { ChecksumMode: mode }: { ChecksumMode?: string },
): Omit<HeadObjectOutput, 'ContentLength'> {
  return {
    AcceptRanges: 'bytes',
    ContentType: object.contentType,
    ContentEncoding: object.contentEncoding,
    ETag: `"${object.etag}"`,
    LastModified: new Date(Math.floor(object.modified.getTime() / 1000) * 1000),
    Metadata: object.metadata,
    ServerSideEncryption: 'AES256',
    VersionId: buckets(aws).get(object.bucket)?.versioning && idOf(object),
    ...(mode === 'ENABLED' ? checksumsOf(object) : {}),
  };
}

function checksumsOf({ checksums = {} }: Readonly<StoredObject>) {
  const [first] = Object.values(checksums);
  if (first === undefined) return {};
  return { ...checksums, ChecksumType: first.includes('-') ? ('COMPOSITE' as const) : ('FULL_OBJECT' as const) };
}

const partial = ([from, to]: [number, number], size: number) => ({
  ContentLength: to - from + 1,
  ContentRange: `bytes ${from}-${to}/${size}`,
});

/** First and last byte that a Range header means, undefined if it means none (and then all is sent), InvalidRange outside the object. */
function rangeOf(header: string | undefined, size: number): [number, number] | undefined {
  const parts = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!parts || (parts[1] === '' && parts[2] === '')) return undefined;
  const from = parts[1] === '' ? Math.max(0, size - Number(parts[2])) : Number(parts[1]);
  const to = parts[1] === '' || parts[2] === '' ? size - 1 : Math.min(Number(parts[2]), size - 1);
  if (parts[1] !== '' && parts[2] !== '' && Number(parts[2]) < from) return undefined;
  if (from >= size) throw awsError('InvalidRange', 'The requested range is not satisfiable');
  return [from, to];
}
