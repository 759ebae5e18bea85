import type {
  GetBucketEncryptionOutput,
  GetBucketLifecycleConfigurationOutput,
  GetBucketPolicyOutput,
  GetBucketTaggingOutput,
  GetBucketVersioningOutput,
  GetPublicAccessBlockOutput,
  PutBucketEncryptionRequest,
  PutBucketLifecycleConfigurationRequest,
  PutBucketPolicyRequest,
  PutBucketTaggingRequest,
  PutBucketVersioningRequest,
  PutPublicAccessBlockRequest,
} from '@aws-sdk/client-s3';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { type Bucket, bucketOf, buckets, DEFAULT_ENCRYPTION } from './buckets.ts';

type Which = { Bucket?: string; ExpectedBucketOwner?: string };

function change(aws: Aws, input: Which, settings: Partial<Bucket>): void {
  const bucket = bucketOf(aws, input);
  buckets(aws).set(bucket.name, { ...bucket, ...settings });
}

export const putPublicAccessBlock: Operation<PutPublicAccessBlockRequest, void> = (
  { PublicAccessBlockConfiguration: wanted = {}, ...input },
  aws,
) => {
  const { BlockPublicAcls = false, IgnorePublicAcls = false, BlockPublicPolicy = false, RestrictPublicBuckets = false } = wanted;
  change(aws, input, { publicAccessBlock: { BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets } });
};
export const getPublicAccessBlock: Operation<Which, GetPublicAccessBlockOutput> = (input, aws) => {
  const { publicAccessBlock } = bucketOf(aws, input);
  if (!publicAccessBlock) throw awsError('NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found');
  return { PublicAccessBlockConfiguration: publicAccessBlock };
};
export const deletePublicAccessBlock: Operation<Which, void> = (input, aws) => change(aws, input, { publicAccessBlock: undefined });

export const putBucketEncryption: Operation<PutBucketEncryptionRequest, void> = (
  { ServerSideEncryptionConfiguration: wanted, ...input },
  aws,
) => {
  const rules = wanted?.Rules ?? [];
  if (rules.length !== 1 || rules[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm !== 'AES256')
    throw awsError('NotImplemented', 'The local AWS knows the default encryption AES256 only: it has no KMS.');
  change(aws, input, { encryption: { Rules: rules.map((rule) => ({ BucketKeyEnabled: false, ...rule })) } });
};
export const getBucketEncryption: Operation<Which, GetBucketEncryptionOutput> = (input, aws) => ({
  ServerSideEncryptionConfiguration: bucketOf(aws, input).encryption,
});
/** S3 encrypts every bucket: deleting the setting brings the default back. */
export const deleteBucketEncryption: Operation<Which, void> = (input, aws) => change(aws, input, { encryption: DEFAULT_ENCRYPTION });

/** Kept and given back. A condition on aws:SecureTransport has no effect here: the local endpoint speaks plain HTTP on the loopback. */
export const putBucketPolicy: Operation<PutBucketPolicyRequest, void> = ({ Policy: policy = '', ...input }, aws) => {
  const { name } = bucketOf(aws, input);
  let document: { Statement?: { Resource?: string | string[] } | { Resource?: string | string[] }[] };
  try {
    document = JSON.parse(policy) as typeof document;
  } catch {
    throw awsError('MalformedPolicy', "Policies must be valid JSON and the first byte must be '{'");
  }
  if (document.Statement === undefined) throw awsError('MalformedPolicy', 'Missing required field Statement');
  const own = `arn:aws:s3:::${name}`;
  const resources = [document.Statement].flat().flatMap(({ Resource: resource }) => resource ?? []);
  if (resources.length === 0) throw awsError('MalformedPolicy', 'Missing required field Resource');
  if (!resources.every((resource) => resource === own || resource.startsWith(`${own}/`)))
    throw awsError('MalformedPolicy', 'Policy has invalid resource');
  change(aws, input, { policy });
};
export const getBucketPolicy: Operation<Which, GetBucketPolicyOutput> = (input, aws) => {
  const { policy } = bucketOf(aws, input);
  if (policy === undefined) throw awsError('NoSuchBucketPolicy', 'The bucket policy does not exist');
  return { Policy: policy };
};
export const deleteBucketPolicy: Operation<Which, void> = (input, aws) => change(aws, input, { policy: undefined });

export const putBucketTagging: Operation<PutBucketTaggingRequest, void> = ({ Tagging: tagging, ...input }, aws) => {
  const tags = tagging?.TagSet ?? [];
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length)
    throw awsError('InvalidTag', 'Cannot provide multiple Tags with the same key');
  change(aws, input, { tags: tags.length > 0 ? tags : undefined });
};
export const getBucketTagging: Operation<Which, GetBucketTaggingOutput> = (input, aws) => {
  const { tags } = bucketOf(aws, input);
  if (!tags) throw awsError('NoSuchTagSet', 'The TagSet does not exist');
  return { TagSet: tags };
};
export const deleteBucketTagging: Operation<Which, void> = (input, aws) => change(aws, input, { tags: undefined });

export const putBucketLifecycleConfiguration: Operation<PutBucketLifecycleConfigurationRequest, void> = (
  { LifecycleConfiguration: wanted, ...input },
  aws,
) => {
  const rules = wanted?.Rules ?? [];
  if (rules.length === 0)
    throw awsError('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  for (const rule of rules) {
    const {
      Expiration: expiration,
      AbortIncompleteMultipartUpload: abort,
      NoncurrentVersionExpiration: noncurrent,
      Transitions: transitions,
    } = rule;
    if (!expiration && !abort && !noncurrent && !transitions?.length)
      throw awsError('InvalidRequest', 'At least one action needs to be specified in a rule');
    if (transitions?.length)
      throw awsError('NotImplemented', 'The local AWS has one storage class: lifecycle transitions are not part of it.');
    if (noncurrent || expiration?.ExpiredObjectDeleteMarker)
      throw awsError('NotImplemented', 'The local AWS expires current versions only.');
    if (rule.Filter?.Tag || rule.Filter?.And?.Tags?.length)
      throw awsError('NotImplemented', 'The local AWS does not filter lifecycle rules by tag.');
    if (expiration?.Days !== undefined && expiration.Days < 1)
      throw awsError('InvalidArgument', "'Days' for Expiration action must be a positive integer");
  }
  change(aws, input, { lifecycle: rules.map((rule, i) => ({ ...rule, ID: rule.ID ?? `rule-${i + 1}` })) });
};
export const getBucketLifecycleConfiguration: Operation<Which, GetBucketLifecycleConfigurationOutput> = (input, aws) => {
  const { lifecycle } = bucketOf(aws, input);
  if (!lifecycle) throw awsError('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist');
  return { Rules: lifecycle };
};
export const deleteBucketLifecycle: Operation<Which, void> = (input, aws) => change(aws, input, { lifecycle: undefined });

export const putBucketVersioning: Operation<PutBucketVersioningRequest, void> = ({ VersioningConfiguration: wanted, ...input }, aws) => {
  const { Status: versioning, MFADelete: mfa } = wanted ?? {};
  if (versioning !== 'Enabled' && versioning !== 'Suspended')
    throw awsError('IllegalVersioningConfigurationException', 'The Versioning element must be specified');
  if (mfa === 'Enabled') throw awsError('NotImplemented', 'The local AWS knows no MFA devices.');
  change(aws, input, { versioning });
};
export const getBucketVersioning: Operation<Which, GetBucketVersioningOutput> = (input, aws) => ({
  Status: bucketOf(aws, input).versioning,
});
