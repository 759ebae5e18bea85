import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';

interface Which {
  Bucket: string;
  ExpectedBucketOwner: string;
}

/** Pages of 1,000 that one call deletes; what is left waits for the next, so that no call takes longer than its time-out. */
const PAGES = 20;

/** Deletes every version of every object and every unfinished upload; false if some are left for another call. Throws what S3 refuses to delete. */
export async function emptied(s3: S3Client, which: Which): Promise<boolean> {
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand(which));
  for (const { Key, UploadId } of Uploads) await s3.send(new AbortMultipartUploadCommand({ ...which, Key, UploadId }));
  for (let page = 0; page < PAGES; page++) {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand(which));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) return true;
    const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ ...which, Delete: { Objects, Quiet: true } }));
    const [first] = Errors;
    if (first) throw new Error(`S3 did not delete ${Errors.length} objects, the first ${first.Key}: ${first.Code}: ${first.Message}`);
  }
  return false;
}

/** How many bytes the first page of a bucket's versions holds, and whether that is all of them. */
export async function sizeOf(s3: S3Client, which: Which): Promise<{ bytes: number; isAll: boolean }> {
  const { Versions = [], IsTruncated = false } = await s3.send(new ListObjectVersionsCommand(which));
  return { bytes: Versions.reduce((sum, { Size = 0 }) => sum + Size, 0), isAll: !IsTruncated };
}
