import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Emptied } from '../resource.ts';

interface Which {
  Bucket: string;
  ExpectedBucketOwner: string;
}

/** Half of what one attempt of an activity may take. */
const A_WHILE_MS = 60_000;
/** S3 takes 3,500 deletions a second below a prefix; with the listings between them, three pages at once stay under that. */
const AT_ONCE = 3;
const PAGE = 1_000;

/**
 * Deletes every version of every object and every unfinished upload, for a while; what is left is for another call. Throws what S3 refuses to delete once nothing else
 * goes any more.
 */
export async function emptyBucket(s3: S3Client, which: Which, { forMs = A_WHILE_MS, page = PAGE } = {}): Promise<Emptied> {
  const until = Date.now() + forMs;
  let deleted = 0;
  let fault: unknown;
  const remove = async (Objects: ObjectIdentifier[]): Promise<void> => {
    const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ ...which, Delete: { Objects, Quiet: true } }));
    deleted += Objects.length - Errors.length;
    const [first] = Errors;
    if (first) throw new Error(`S3 did not delete ${Errors.length} objects, the first ${first.Key}: ${first.Code}: ${first.Message}`);
  };
  await endUploads(s3, which, page);
  for await (const pages of severalAtOnce(pagesOf(s3, which, page))) {
    const before = deleted;
    const ends = await Promise.allSettled(pages.map(remove));
    fault ??= ends.find((end) => end.status === 'rejected')?.reason;
    if (fault && deleted === before) break;
    if (Date.now() >= until) return { deleted, isAll: false };
  }
  if (fault && deleted === 0) throw fault;
  return { deleted, isAll: fault === undefined };
}

async function endUploads(s3: S3Client, which: Which, MaxUploads: number): Promise<void> {
  for (let from: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}; from; ) {
    const { Uploads = [], ...page } = await s3.send(new ListMultipartUploadsCommand({ ...which, ...from, MaxUploads }));
    for (const { Key, UploadId } of Uploads) await s3.send(new AbortMultipartUploadCommand({ ...which, Key, UploadId }));
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
}

/** All versions and delete markers, page by page. */
async function* pagesOf(s3: S3Client, which: Which, MaxKeys: number): AsyncGenerator<ObjectIdentifier[]> {
  for (let from: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}; from; ) {
    const listed = await listing(s3, which, MaxKeys, from);
    if (listed.objects.length > 0) yield listed.objects;
    from = listed.next;
  }
}

async function listing(s3: S3Client, which: Which, MaxKeys: number, from: { KeyMarker?: string; VersionIdMarker?: string }) {
  const { Versions = [], DeleteMarkers = [], ...page } = await s3.send(new ListObjectVersionsCommand({ ...which, ...from, MaxKeys }));
  const objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
  const next = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined;
  return { objects, next };
}

async function* severalAtOnce<Page>(pages: AsyncIterable<Page>): AsyncGenerator<Page[]> {
  let several: Page[] = [];
  for await (const page of pages) {
    several.push(page);
    if (several.length < AT_ONCE) continue;
    yield several;
    several = [];
  }
  if (several.length > 0) yield several;
}

/** How many bytes the first page of a bucket's versions holds, and whether that is all of them. */
export async function sizeOf(s3: S3Client, which: Which): Promise<{ bytes: number; isAll: boolean }> {
  const { Versions = [], IsTruncated = false } = await s3.send(new ListObjectVersionsCommand(which));
  return { bytes: Versions.reduce((sum, { Size = 0 }) => sum + Size, 0), isAll: !IsTruncated };
}
