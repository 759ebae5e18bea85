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
import { bucketOf } from './buckets.ts';
import { verifiedChecksums } from './checksums.ts';
import { hasExpired } from './lifecycle.ts';
import type { About, StoredObject } from './store.ts';

/** The wire's form of PutObject and GetObject: the body is bytes, not a stream. */
type Put = Omit<PutObjectRequest, 'Body'> & { Body?: Buffer };
type Got = Omit<GetObjectOutput, 'Body'> & { Body?: Uint8Array };

const MAX_KEY_BYTES = 1024;

export const putObject: Operation<Put, PutObjectOutput> = async (input, aws) => {
  const { Key: key = '', Body: body = Buffer.alloc(0) } = input;
  const { name } = bucketOf(aws, input);
  const about = aboutOf(input);
  const checksums = verifiedChecksums(input, body);
  const { etag } = await aws.objects.put(name, key, body, { ...about, checksums });
  return {
    ETag: `"${etag}"`,
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
  return { ...about(object, input), ...(range ? partial(range, object.size) : { ContentLength: object.size }) };
};

export const getObject: Operation<GetObjectRequest, Got> = async (input, aws) => {
  const object = objectOf(aws, input);
  const body = await aws.objects.read(object);
  const range = rangeOf(input.Range, body.length);
  if (!range) return { ...about(object, input), ContentLength: body.length, Body: body };
  return {
    ...about(object, { ...input, ChecksumMode: undefined }),
    ...partial(range, body.length),
    Body: body.subarray(range[0], range[1] + 1),
  };
};

export const deleteObject: Operation<DeleteObjectRequest, DeleteObjectOutput> = async (input, aws) => {
  const { name } = bucketOf(aws, input);
  checkVersion(input.VersionId);
  await aws.objects.remove(name, input.Key ?? '');
  return { VersionId: input.VersionId };
};

export const deleteObjects: Operation<DeleteObjectsRequest, DeleteObjectsOutput> = async (input, aws) => {
  const { name } = bucketOf(aws, input);
  const { Objects: wanted = [], Quiet: quiet = false } = input.Delete ?? {};
  if (wanted.length === 0 || wanted.length > 1000)
    throw awsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  const isVersion = ({ VersionId: version }: { VersionId?: string }) => version === undefined || version === 'null';
  const errors = wanted
    .filter((item) => !isVersion(item))
    .map(({ Key, VersionId }) => ({ Key, VersionId, Code: 'NoSuchVersion', Message: 'The specified version does not exist.' }));
  const removed = wanted.filter(isVersion);
  await Promise.all(removed.map(({ Key: key = '' }) => aws.objects.remove(name, key)));
  return { Deleted: quiet ? undefined : removed.map(({ Key, VersionId }) => ({ Key, VersionId })), Errors: errors };
};

/** Finds the object that a read means, or throws NoSuchBucket, NoSuchKey, NoSuchVersion, PreconditionFailed or NotModified. */
function objectOf(aws: Aws, input: GetObjectRequest): Readonly<StoredObject> {
  const bucket = bucketOf(aws, input);
  checkVersion(input.VersionId);
  const object = aws.objects.find(bucket.name, input.Key ?? '');
  if (!object || hasExpired(bucket.lifecycle ?? [], object, aws.now())) throw awsError('NoSuchKey', 'The specified key does not exist.');
  const matches = (tags: string) => tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replaceAll('"', '') === object.etag);
  if (input.IfMatch !== undefined && !matches(input.IfMatch))
    throw awsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  if (input.IfNoneMatch !== undefined && matches(input.IfNoneMatch)) throw awsError('NotModified', 'Not Modified');
  return object;
}

function checkVersion(version: string | undefined): void {
  if (version !== undefined && version !== 'null') throw awsError('NoSuchVersion', 'The specified version does not exist.');
}

function about(object: Readonly<StoredObject>, { ChecksumMode: mode }: { ChecksumMode?: string }): Omit<HeadObjectOutput, 'ContentLength'> {
  return {
    AcceptRanges: 'bytes',
    ContentType: object.contentType,
    ContentEncoding: object.contentEncoding,
    ETag: `"${object.etag}"`,
    LastModified: new Date(Math.floor(object.modified.getTime() / 1000) * 1000),
    Metadata: object.metadata,
    ServerSideEncryption: 'AES256',
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
