import type {
  ListMultipartUploadsOutput,
  ListMultipartUploadsRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
  ListObjectVersionsOutput,
  ListObjectVersionsRequest,
} from '@aws-sdk/client-s3';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { bucketOf } from './buckets.ts';
import { removeExpired } from './lifecycle.ts';
import type { StoredObject } from './store.ts';

const MAX_KEYS = 1000;

interface Query {
  Bucket?: string;
  ExpectedBucketOwner?: string;
  Prefix?: string;
  Delimiter?: string;
  MaxKeys?: number;
  EncodingType?: string;
}

export const listObjectsV2: Operation<ListObjectsV2Request, ListObjectsV2Output> = async (input, aws) => {
  const { ContinuationToken: token, StartAfter: after, EncodingType: encoding } = input;
  const { objects, prefixes, last, more } = await page(aws, input, token === undefined ? (after ?? '') : fromToken(token));
  const encode = encoder(encoding);
  return {
    ...asked(input, encode),
    EncodingType: encoding,
    StartAfter: after === undefined ? undefined : encode(after),
    ContinuationToken: token,
    KeyCount: objects.length + prefixes.length,
    IsTruncated: more,
    NextContinuationToken: more ? toToken(last) : undefined,
    Contents: objects.map((object) => ({
      Key: encode(object.key),
      ...entry(object),
      Owner: input.FetchOwner ? { ID: aws.account } : undefined,
    })),
    CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  };
};

/** What a listing repeats of its question. */
const asked = ({ Bucket, Prefix = '', Delimiter, MaxKeys = MAX_KEYS }: Query, encode: (text: string) => string) => ({
  Name: Bucket,
  Prefix: encode(Prefix),
  Delimiter: Delimiter === undefined ? undefined : encode(Delimiter),
  MaxKeys,
});

/** No versions are kept here, so every object has the one version that S3 calls `null`. */
export const listObjectVersions: Operation<ListObjectVersionsRequest, ListObjectVersionsOutput> = async (input, aws) => {
  const { KeyMarker: after = '', EncodingType: encoding } = input;
  const { objects, prefixes, last, more } = await page(aws, input, after);
  const encode = encoder(encoding);
  return {
    ...asked(input, encode),
    EncodingType: encoding,
    KeyMarker: encode(after),
    VersionIdMarker: input.VersionIdMarker ?? '',
    IsTruncated: more,
    NextKeyMarker: more ? encode(last) : undefined,
    NextVersionIdMarker: more ? 'null' : undefined,
    Versions: objects.map((object) => ({
      Key: encode(object.key),
      VersionId: 'null',
      IsLatest: true,
      ...entry(object),
      Owner: { ID: aws.account },
    })),
    CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  };
};

/** CreateMultipartUpload is not part of the local AWS, so there never is one to list. */
export const listMultipartUploads: Operation<ListMultipartUploadsRequest, ListMultipartUploadsOutput> = (input, aws) => ({
  Bucket: bucketOf(aws, input).name,
  Prefix: input.Prefix,
  Delimiter: input.Delimiter,
  KeyMarker: input.KeyMarker ?? '',
  UploadIdMarker: input.UploadIdMarker ?? '',
  MaxUploads: input.MaxUploads ?? MAX_KEYS,
  IsTruncated: false,
});

/** The objects and common prefixes after `after`, at most MaxKeys of both together, in the byte order of keys. */
async function page(aws: Aws, input: Query, after: string) {
  const { Prefix: prefix = '', Delimiter: delimiter = '', MaxKeys: max = MAX_KEYS } = input;
  const bucket = bucketOf(aws, input);
  if (max < 0) throw awsError('InvalidArgument', 'Argument maxKeys must be an integer between 0 and 2147483647');
  await removeExpired(aws, bucket);
  const objects: Readonly<StoredObject>[] = [];
  const prefixes: string[] = [];
  let last = after;
  for (const object of aws.objects.list(bucket.name, prefix)) {
    if (Buffer.compare(Buffer.from(object.key), Buffer.from(last)) <= 0) continue;
    const end = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : object.key.slice(0, end + delimiter.length);
    if (group !== undefined && group === last) continue;
    if (objects.length + prefixes.length >= Math.min(max, MAX_KEYS)) return { objects, prefixes, last, more: max > 0 };
    if (group === undefined) objects.push(object);
    else prefixes.push(group);
    last = group ?? object.key;
  }
  return { objects, prefixes, last, more: false };
}

const entry = ({ modified, etag, size }: Readonly<StoredObject>) => ({
  LastModified: modified,
  ETag: `"${etag}"`,
  Size: size,
  StorageClass: 'STANDARD' as const,
});

const toToken = (key: string) => Buffer.from(key).toString('base64');

function fromToken(token: string): string {
  const key = Buffer.from(token, 'base64').toString();
  if (toToken(key) !== token) throw awsError('InvalidArgument', 'The continuation token provided is incorrect');
  return key;
}

/** With encoding-type=url keys come percent-encoded, as XML cannot carry every character that a key may have. */
function encoder(encoding: string | undefined): (text: string) => string {
  if (encoding === undefined) return (text) => text;
  if (encoding !== 'url') throw awsError('InvalidArgument', 'Invalid Encoding Method specified in Request');
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+');
}
