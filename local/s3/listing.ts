import type {
  ListMultipartUploadsOutput,
  ListMultipartUploadsRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
  ListObjectVersionsOutput,
  ListObjectVersionsRequest,
} from '@aws-sdk/client-s3';
import { awsError, type Operation } from '../aws.ts';
import { bucketOf } from './buckets.ts';
import { abortStale, removeExpired } from './lifecycle.ts';
import type { StoredObject } from './store.ts';
import { uploadsOf } from './uploads.ts';
import { behind, compareKeys, idOf, isMarker, isObject, isVersionId, type Kept } from './versions.ts';

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
  const bucket = bucketOf(aws, input);
  await removeExpired(aws, bucket);
  const from = token === undefined ? (after ?? '') : fromToken(token);
  const left = aws.objects.list(bucket.name, input.Prefix).filter(({ key }) => compareKeys(key, from) > 0);
  const { items, prefixes, last, more } = page(left, input, from);
  const encode = encoder(encoding);
  return {
    ...asked(input, encode),
    EncodingType: encoding,
    StartAfter: after === undefined ? undefined : encode(after),
    ContinuationToken: token,
    KeyCount: items.length + prefixes.length,
    IsTruncated: more,
    NextContinuationToken: more ? toToken(last.key) : undefined,
    Contents: items.map((object) => ({
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

/** A page holds versions and delete markers in one order: by key, the newest first. */
export const listObjectVersions: Operation<ListObjectVersionsRequest, ListObjectVersionsOutput> = async (input, aws) => {
  const { KeyMarker: after = '', VersionIdMarker: afterId, EncodingType: encoding } = input;
  const bucket = bucketOf(aws, input);
  if (afterId !== undefined && after === '')
    throw awsError('InvalidArgument', 'A version-id marker cannot be specified without a key marker.');
  if (afterId !== undefined && !isVersionId(afterId)) throw awsError('InvalidArgument', 'Invalid version id specified');
  await removeExpired(aws, bucket);
  const left = aws.objects.versions(bucket.name, input.Prefix).flatMap((versions) => {
    const order = compareKeys(versions[0]!.key, after);
    if (order === 0) return afterId === undefined ? [] : behind(versions, afterId);
    return order > 0 ? versions : [];
  });
  const { items, prefixes, last, more } = page(left, input, after);
  const encode = encoder(encoding);
  const about = (version: Kept) => ({
    Key: encode(version.key),
    VersionId: idOf(version),
    IsLatest: version === aws.objects.version(bucket.name, version.key),
    Owner: { ID: aws.account },
  });
  return {
    ...asked(input, encode),
    EncodingType: encoding,
    KeyMarker: encode(after),
    VersionIdMarker: afterId ?? '',
    IsTruncated: more,
    NextKeyMarker: more ? encode(last.key) : undefined,
    NextVersionIdMarker: more && last.item ? idOf(last.item) : undefined,
    Versions: items.filter(isObject).map((object) => ({ ...about(object), ...entry(object) })),
    DeleteMarkers: items.filter(isMarker).map((marker) => ({ ...about(marker), LastModified: marker.modified })),
    CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  };
};

export const listMultipartUploads: Operation<ListMultipartUploadsRequest, ListMultipartUploadsOutput> = async (input, aws) => {
  const { KeyMarker: after = '', UploadIdMarker: afterId, MaxUploads: max = MAX_KEYS, EncodingType: encoding } = input;
  const bucket = bucketOf(aws, input);
  await abortStale(aws, bucket);
  const left = uploadsOf(aws, bucket.name, input.Prefix).filter(({ key, id }) => {
    const order = compareKeys(key, after);
    return order > 0 || (order === 0 && afterId !== undefined && id > afterId);
  });
  const { items, prefixes, last, more } = page(left, { ...input, MaxKeys: max }, after);
  const encode = encoder(encoding);
  return {
    Bucket: bucket.name,
    Prefix: input.Prefix === undefined ? undefined : encode(input.Prefix),
    Delimiter: input.Delimiter === undefined ? undefined : encode(input.Delimiter),
    EncodingType: encoding,
    KeyMarker: encode(after),
    UploadIdMarker: afterId ?? '',
    MaxUploads: max,
    IsTruncated: more,
    NextKeyMarker: more ? encode(last.key) : undefined,
    NextUploadIdMarker: more ? last.item?.id : undefined,
    Uploads: items.map(({ key, id, initiated }) => ({
      Key: encode(key),
      UploadId: id,
      Initiated: initiated,
      StorageClass: 'STANDARD',
      Owner: { ID: aws.account },
      Initiator: { ID: aws.account },
    })),
    CommonPrefixes: prefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  };
};

/**
 * The first of `left` and their common prefixes, at most MaxKeys of both together; the group that the page before ended with, `after`, is not named again. `last` is
 * what the next page begins after: the key of an item, or a common prefix.
 */
function page<Item extends { key: string }>(left: readonly Item[], input: Query, after: string) {
  const { Prefix: prefix = '', Delimiter: delimiter = '', MaxKeys: max = MAX_KEYS } = input;
  if (max < 0) throw awsError('InvalidArgument', 'Argument maxKeys must be an integer between 0 and 2147483647');
  const items: Item[] = [];
  const prefixes: string[] = [];
  let last: { key: string; item?: Item } = { key: after };
  for (const item of left) {
    const end = delimiter === '' ? -1 : item.key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : item.key.slice(0, end + delimiter.length);
    if (group !== undefined && group === last.key) continue;
    if (items.length + prefixes.length >= Math.min(max, MAX_KEYS)) return { items, prefixes, last, more: max > 0 };
    if (group === undefined) items.push(item);
    else prefixes.push(group);
    last = group === undefined ? { key: item.key, item } : { key: group };
  }
  return { items, prefixes, last, more: false };
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
