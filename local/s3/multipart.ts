import type {
  AbortMultipartUploadRequest,
  CompletedPart,
  CompleteMultipartUploadOutput,
  CompleteMultipartUploadRequest,
  CreateMultipartUploadOutput,
  CreateMultipartUploadRequest,
  ListPartsOutput,
  ListPartsRequest,
  UploadPartOutput,
  UploadPartRequest,
} from '@aws-sdk/client-s3';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { bucketOf } from './buckets.ts';
import { checksumName, compositeChecksum, verifiedChecksums } from './checksums.ts';
import { abortStale } from './lifecycle.ts';
import { aboutOf } from './objects.ts';
import { md5 } from './store.ts';
import { newPartFile, newUploadId, type Part, partId, parts, partsOf, removeUpload, type Upload, uploadOf, uploads } from './uploads.ts';

/** The wire's form of UploadPart: the body is bytes, not a stream. */
type PutPart = Omit<UploadPartRequest, 'Body'> & { Body?: Buffer };
type Which = { Bucket?: string; Key?: string; UploadId?: string; ExpectedBucketOwner?: string };

const MAX_PARTS = 1000;
const MAX_PART_NUMBER = 10_000;
/** Of every part but the last. */
const MIN_PART_BYTES = 5 << 20;

export const createMultipartUpload: Operation<CreateMultipartUploadRequest, CreateMultipartUploadOutput> = (input, aws) => {
  const { Key: key = '', ChecksumAlgorithm: algorithm, ChecksumType: type } = input;
  const { name: bucket } = bucketOf(aws, input);
  const about = aboutOf(input);
  if (type === 'FULL_OBJECT') throw awsError('NotImplemented', 'The local AWS computes composite checksums only of an upload in parts.');
  const checksum = algorithm === undefined ? undefined : checksumName(algorithm);
  const id = newUploadId(aws.now());
  uploads(aws).set(id, { id, bucket, key, initiated: new Date(aws.now()), checksum, about });
  const checksums = algorithm === undefined ? {} : { ChecksumAlgorithm: algorithm, ChecksumType: 'COMPOSITE' as const };
  return { Bucket: bucket, Key: key, UploadId: id, ServerSideEncryption: 'AES256', ...checksums };
};

export const uploadPart: Operation<PutPart, UploadPartOutput> = async (input, aws) => {
  const { PartNumber: number = 0, Body: body = Buffer.alloc(0) } = input;
  const { id, bucket } = await found(aws, input);
  if (number < 1 || number > MAX_PART_NUMBER)
    throw awsError('InvalidArgument', `Part number must be an integer between 1 and ${MAX_PART_NUMBER}, inclusive`);
  const checksums = verifiedChecksums(input, body);
  const file = newPartFile(bucket);
  await aws.objects.files.write(file, body);
  // It may have been aborted meanwhile.
  if (!uploads(aws).has(id)) await aws.objects.files.remove(file);
  uploadOf(aws, input);
  const before = parts(aws).get(partId(id, number));
  const etag = md5(body);
  parts(aws).set(partId(id, number), { upload: id, number, size: body.length, etag, modified: new Date(aws.now()), checksums, file });
  await aws.journal.commit();
  if (before) await aws.objects.files.remove(before.file);
  return { ETag: `"${etag}"`, ServerSideEncryption: 'AES256', ...checksums };
};

export const completeMultipartUpload: Operation<CompleteMultipartUploadRequest, CompleteMultipartUploadOutput> = async (input, aws) => {
  const upload = await found(aws, input);
  if (input.IfMatch ?? input.IfNoneMatch ?? Object.entries(input).some(([name, value]) => /^Checksum/.test(name) && value !== undefined))
    throw awsError('NotImplemented', 'A header you provided implies functionality that is not implemented.');
  const { bucket, key, checksum, about } = upload;
  const chosen = chosenParts(aws, upload, input.MultipartUpload?.Parts ?? []);
  const bytes = await Promise.all(chosen.map(({ file }) => aws.objects.files.read(file)));
  const digests = Buffer.concat(chosen.map(({ etag }) => Buffer.from(etag, 'hex')));
  const etag = `${md5(digests)}-${chosen.length}`;
  const checksums = checksum === undefined ? {} : compositeChecksum(checksum, chosen);
  const { versionId } = await aws.objects.put(bucket, key, Buffer.concat(bytes), { ...about, etag, checksums });
  await removeUpload(aws, upload);
  const Location = `${aws.endpoint}/${bucket}/${encodeURIComponent(key)}`;
  return { Location, Bucket: bucket, Key: key, ETag: `"${etag}"`, VersionId: versionId, ServerSideEncryption: 'AES256', ...checksums };
};

export const abortMultipartUpload: Operation<AbortMultipartUploadRequest, void> = async (input, aws) =>
  removeUpload(aws, await found(aws, input));

export const listParts: Operation<ListPartsRequest, ListPartsOutput> = async (input, aws) => {
  const { id, bucket, key } = await found(aws, input);
  const { MaxParts: max = MAX_PARTS, PartNumberMarker: after = '0' } = input;
  const left = partsOf(aws, id).filter(({ number }) => number > Number(after));
  const page = left.slice(0, Math.min(max, MAX_PARTS));
  return {
    Bucket: bucket,
    Key: key,
    UploadId: id,
    PartNumberMarker: after,
    NextPartNumberMarker: String(page.at(-1)?.number ?? 0),
    MaxParts: max,
    IsTruncated: page.length < left.length,
    Parts: page.map(({ number, modified, etag, size, checksums }) => ({
      PartNumber: number,
      LastModified: modified,
      ETag: `"${etag}"`,
      Size: size,
      ...checksums,
    })),
    Owner: { ID: aws.account },
    StorageClass: 'STANDARD',
  };
};

/** Finds the upload that a call means, or throws NoSuchBucket or NoSuchUpload. */
async function found(aws: Aws, input: Which): Promise<Readonly<Upload>> {
  await abortStale(aws, bucketOf(aws, input));
  return uploadOf(aws, input);
}

/** The parts that an upload is completed of, or throws what S3 has against their list. */
function chosenParts(aws: Aws, { id }: Readonly<Upload>, wanted: CompletedPart[]): Readonly<Part>[] {
  if (wanted.length === 0)
    throw awsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  const numbers = wanted.map(({ PartNumber: number = 0 }) => number);
  if (numbers.some((number, i) => i > 0 && number <= numbers[i - 1]!))
    throw awsError(
      'InvalidPartOrder',
      'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
    );
  const chosen = wanted.map(({ PartNumber: number = 0, ETag: etag = '', ...checksums }) => {
    const part = parts(aws).get(partId(id, number));
    const matches = Object.entries(checksums).every(([name, value]) => value === undefined || part?.checksums[name] === value);
    if (part && part.etag === etag.replaceAll('"', '') && matches) return part;
    throw awsError(
      'InvalidPart',
      "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    );
  });
  if (chosen.slice(0, -1).some(({ size }) => size < MIN_PART_BYTES))
    throw awsError('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
  return chosen;
}
