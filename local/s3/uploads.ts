import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type Aws, awsError } from '../aws.ts';
import type { About } from './store.ts';
import { compareKeys } from './versions.ts';

/** An upload in parts that is neither completed nor aborted. */
export interface Upload {
  id: string;
  bucket: string;
  key: string;
  initiated: Date;
  /** The checksum that the parts come with, by member name (`ChecksumCRC32`). */
  checksum?: string;
  about: About;
}

/** One part of an upload. `file` is relative to the lake folder. */
export interface Part {
  upload: string;
  number: number;
  size: number;
  /** MD5 in hex, without quotes. */
  etag: string;
  modified: Date;
  checksums: Record<string, string>;
  file: string;
}

/** The catalog's unfinished uploads, by their id. */
export const uploads = (aws: Aws) => aws.journal.table<Upload>('s3.uploads');
/** Their parts, by the upload's id and the part's number. */
export const parts = (aws: Aws) => aws.journal.table<Part>('s3.parts');
export const partId = (upload: string, number: number): string => `${upload}/${number}`;

/** A new upload's id. Ids rise with time, as S3 lists the uploads of a key both in their order and in the order in which they began. */
export const newUploadId = (now: number): string => `${now.toString(16).padStart(12, '0')}${randomBytes(39).toString('base64url')}`;

/** A new part's file, in a folder that no key leads to. */
export const newPartFile = (bucket: string): string => join(bucket, '%uploads', randomUUID());

/** A bucket's unfinished uploads below a prefix, by key and then by age. */
export function uploadsOf(aws: Aws, bucket: string, prefix = ''): Readonly<Upload>[] {
  const found = uploads(aws)
    .values()
    .filter((upload) => upload.bucket === bucket && upload.key.startsWith(prefix));
  return found.sort((a, b) => compareKeys(a.key, b.key) || (a.id < b.id ? -1 : 1));
}

/** Finds an upload, or throws NoSuchUpload. */
export function uploadOf(
  aws: Aws,
  { Bucket: bucket, Key: key, UploadId: id = '' }: { Bucket?: string; Key?: string; UploadId?: string },
): Readonly<Upload> {
  const upload = uploads(aws).get(id);
  if (upload && upload.bucket === bucket && upload.key === key) return upload;
  throw awsError(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );
}

/** The parts of an upload, by their numbers. */
export const partsOf = (aws: Aws, upload: string): Readonly<Part>[] =>
  parts(aws)
    .values()
    .filter((part) => part.upload === upload)
    .sort((a, b) => a.number - b.number);

/** Removes an upload and its parts. */
export async function removeUpload(aws: Aws, { id }: Readonly<Upload>): Promise<void> {
  const its = partsOf(aws, id);
  for (const { number } of its) parts(aws).delete(partId(id, number));
  uploads(aws).delete(id);
  await aws.journal.commit();
  await Promise.all(its.map(({ file }) => aws.objects.files.remove(file)));
}
