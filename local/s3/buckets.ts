import type {
  BucketLocationConstraint,
  CreateBucketOutput,
  CreateBucketRequest,
  DeleteBucketRequest,
  GetBucketLocationOutput,
  GetBucketLocationRequest,
  HeadBucketOutput,
  HeadBucketRequest,
  LifecycleRule,
  ListBucketsOutput,
  ListBucketsRequest,
  PublicAccessBlockConfiguration,
  ServerSideEncryptionConfiguration,
  Tag,
} from '@aws-sdk/client-s3';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { removeExpired } from './lifecycle.ts';
import { removeUpload, uploadsOf } from './uploads.ts';

/** A bucket as the catalog keeps it: its settings are what was put, absent ones were never put or were deleted. */
export interface Bucket {
  name: string;
  created: Date;
  encryption: ServerSideEncryptionConfiguration;
  publicAccessBlock?: PublicAccessBlockConfiguration;
  policy?: string;
  tags?: Tag[];
  lifecycle?: LifecycleRule[];
  /** Absent until it is put; then there are versions for good. */
  versioning?: 'Enabled' | 'Suspended';
}

/** What S3 gives every bucket since 2023. */
export const DEFAULT_ENCRYPTION: ServerSideEncryptionConfiguration = {
  Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }],
};
const DEFAULT_ACCESS_BLOCK = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };

/** The catalog's buckets. */
export const buckets = (aws: Pick<Aws, 'journal'>) => aws.journal.table<Bucket>('s3.buckets');

/** Finds a bucket, or throws NoSuchBucket, or AccessDenied where another owner was expected. */
export function bucketOf(
  aws: Aws,
  { Bucket: name = '', ExpectedBucketOwner: owner }: { Bucket?: string; ExpectedBucketOwner?: string },
): Readonly<Bucket> {
  const bucket = buckets(aws).get(name);
  if (!bucket) throw awsError('NoSuchBucket', 'The specified bucket does not exist');
  if (owner !== undefined && owner !== aws.account) throw awsError('AccessDenied', 'Access Denied');
  return bucket;
}

export const createBucket: Operation<CreateBucketRequest, CreateBucketOutput> = (
  { Bucket: name = '', CreateBucketConfiguration: wanted },
  aws,
) => {
  const isName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+\.\d+\.\d+\.\d+$/.test(name);
  if (!isName) throw awsError('InvalidBucketName', 'The specified bucket is not valid.');
  const isHome = aws.region === 'us-east-1';
  if (isHome && wanted?.LocationConstraint) throw awsError('InvalidLocationConstraint', 'The specified location-constraint is not valid');
  if (!isHome && wanted?.LocationConstraint !== aws.region)
    throw awsError(
      'IllegalLocationConstraintException',
      `The ${wanted?.LocationConstraint ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    );
  const output = { Location: `/${name}`, BucketArn: `arn:aws:s3:::${name}` };
  if (buckets(aws).has(name)) {
    // Only us-east-1 answers 200 for a bucket that is yours already.
    if (isHome) return output;
    throw awsError('BucketAlreadyOwnedByYou', 'Your previous request to create the named bucket succeeded and you already own it.');
  }
  const tags = wanted?.Tags?.length ? { tags: wanted.Tags } : {};
  buckets(aws).set(name, {
    name,
    created: new Date(aws.now()),
    encryption: DEFAULT_ENCRYPTION,
    publicAccessBlock: DEFAULT_ACCESS_BLOCK,
    ...tags,
  });
  return output;
};

export const headBucket: Operation<HeadBucketRequest, HeadBucketOutput> = (input, aws) => {
  const { name } = bucketOf(aws, input);
  return { BucketArn: `arn:aws:s3:::${name}`, BucketRegion: aws.region, AccessPointAlias: false };
};

/** S3 refuses a bucket only for its versions and delete markers; unfinished uploads hinder in directory buckets alone (so the model of DeleteBucket says), and go with this one. */
export const deleteBucket: Operation<DeleteBucketRequest, void> = async (input, aws) => {
  const bucket = bucketOf(aws, input);
  await removeExpired(aws, bucket);
  if (aws.objects.versions(bucket.name).length > 0)
    throw awsError(
      'BucketNotEmpty',
      `The bucket you tried to delete is not empty${bucket.versioning ? '. You must delete all versions in the bucket.' : ''}`,
    );
  buckets(aws).delete(bucket.name);
  await Promise.all(uploadsOf(aws, bucket.name).map((upload) => removeUpload(aws, upload)));
  await aws.journal.commit();
  await aws.objects.files.removeFolder(bucket.name);
};

export const getBucketLocation: Operation<GetBucketLocationRequest, GetBucketLocationOutput> = (input, aws) => {
  bucketOf(aws, input);
  return aws.region === 'us-east-1' ? {} : { LocationConstraint: aws.region as BucketLocationConstraint };
};

export const listBuckets: Operation<ListBucketsRequest, ListBucketsOutput> = (input, aws) => {
  const { Prefix: prefix, ContinuationToken: after = '', MaxBuckets: max = 10_000 } = input;
  const left = buckets(aws)
    .values()
    .filter(({ name }) => name.startsWith(prefix ?? '') && name > after)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = left.slice(0, max);
  return {
    Buckets: page.map(({ name, created }) => ({
      Name: name,
      CreationDate: created,
      BucketRegion: aws.region,
      BucketArn: `arn:aws:s3:::${name}`,
    })),
    Owner: { ID: aws.account },
    Prefix: prefix,
    ContinuationToken: page.length < left.length ? page.at(-1)?.name : undefined,
  };
};
