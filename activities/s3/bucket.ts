import {
  type BucketLifecycleConfiguration,
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketTaggingCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  type PublicAccessBlockConfiguration,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutPublicAccessBlockCommand,
  type ServerSideEncryptionConfiguration,
} from '@aws-sdk/client-s3';
import { ApplicationFailure } from '@temporalio/common';
import { foreignAdvice } from '../../pipeline/foreign.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { ofBucket } from '../../pipeline/standing-cost.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfBusy, undefinedIfMissing } from '../errors.ts';
import type { Policy } from '../iam/policies.ts';
import { samePolicy } from '../iam/same-policy.ts';
import { retryIfLost } from '../not-yet.ts';
import type { Found, Resource } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { BLOCK_PUBLIC, ENCRYPTION, lifecycle, tlsOnly } from './bucket-settings.ts';
import { emptyBucket, sizeOf } from './empty-bucket.ts';

interface Settings {
  'public access block': PublicAccessBlockConfiguration;
  encryption: ServerSideEncryptionConfiguration;
  policy: Policy;
  lifecycle: Required<Pick<BucketLifecycleConfiguration, 'Rules'>>;
}
/** The same as S3 reports it, the policy as text. */
type Reported = { [Setting in keyof Settings]?: Setting extends 'policy' ? string : Partial<Settings[Setting]> };
const SETTINGS: (keyof Settings)[] = ['public access block', 'encryption', 'policy', 'lifecycle'];

/** The bucket of the lake, of Athena's results and of what could not be delivered. */
export function bucket({ s3 }: Clients): Resource {
  const which = (pipeline: Pipeline) => ({ Bucket: names(pipeline).bucket, ExpectedBucketOwner: pipeline.account });
  const tagsOf = async (pipeline: Pipeline): Promise<Found> => {
    await s3.send(new HeadBucketCommand(which(pipeline)));
    const tagging = await undefinedIfMissing(s3.send(new GetBucketTaggingCommand(which(pipeline))), 'NoSuchTagSet');
    return { tags: tagMap(tagging?.TagSet) };
  };
  const wanted = (pipeline: Pipeline): Settings => ({
    'public access block': BLOCK_PUBLIC,
    encryption: ENCRYPTION,
    policy: tlsOnly(names(pipeline).bucketArn),
    lifecycle: lifecycle(pipeline),
  });
  const reported = async (pipeline: Pipeline): Promise<Reported> => {
    const one = which(pipeline);
    const [access, encryption, policy, rules] = await Promise.all([
      undefinedIfMissing(s3.send(new GetPublicAccessBlockCommand(one)), 'NoSuchPublicAccessBlockConfiguration'),
      undefinedIfMissing(s3.send(new GetBucketEncryptionCommand(one)), 'ServerSideEncryptionConfigurationNotFoundError'),
      undefinedIfMissing(s3.send(new GetBucketPolicyCommand(one)), 'NoSuchBucketPolicy'),
      undefinedIfMissing(s3.send(new GetBucketLifecycleConfigurationCommand(one)), 'NoSuchLifecycleConfiguration'),
    ]);
    return {
      'public access block': access?.PublicAccessBlockConfiguration,
      encryption: encryption?.ServerSideEncryptionConfiguration,
      policy: policy?.Policy,
      lifecycle: rules && { Rules: rules.Rules },
    };
  };
  const put = async (pipeline: Pipeline, setting: keyof Settings): Promise<void> => {
    const one = which(pipeline);
    const is = wanted(pipeline);
    if (setting === 'public access block')
      await s3.send(new PutPublicAccessBlockCommand({ ...one, PublicAccessBlockConfiguration: is['public access block'] }));
    else if (setting === 'encryption')
      await s3.send(new PutBucketEncryptionCommand({ ...one, ServerSideEncryptionConfiguration: is.encryption }));
    else if (setting === 'policy') await s3.send(new PutBucketPolicyCommand({ ...one, Policy: JSON.stringify(is.policy) }));
    else await s3.send(new PutBucketLifecycleConfigurationCommand({ ...one, LifecycleConfiguration: is.lifecycle }));
  };
  // This call puts all tags of a bucket, so those that it has go along.
  const putTags = async (pipeline: Pipeline, tags: Record<string, string>): Promise<void> => {
    const isNone = Object.keys(tags).length === 0;
    if (isNone) await s3.send(new DeleteBucketTaggingCommand(which(pipeline)));
    else await s3.send(new PutBucketTaggingCommand({ ...which(pipeline), Tagging: { TagSet: tagList(tags) } }));
  };
  return {
    label: (pipeline) => `S3 bucket ${names(pipeline).bucket}`,
    arn: (pipeline) => names(pipeline).bucketArn,
    // Looked for before it is created: in us-east-1 CreateBucket answers 200 for a bucket that is there already, and resets its ACLs.
    find: async (pipeline) => {
      try {
        return await tagsOf(pipeline);
      } catch (error) {
        const { httpStatusCode: status } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
        if (status === 404) return undefined;
        if (status !== 403) throw error;
        const { bucket: name, bucketArn: arn } = names(pipeline);
        throw ApplicationFailure.nonRetryable(foreignAdvice({ label: `S3 bucket ${name}`, arn, hidden: true }), 'ForeignResource');
      }
    },
    create: async (pipeline) => {
      const place = pipeline.region === 'us-east-1' ? {} : { LocationConstraint: pipeline.region as BucketLocationConstraint };
      const CreateBucketConfiguration = { ...place, Tags: tagList(names(pipeline).tags) };
      const creation = s3.send(new CreateBucketCommand({ Bucket: names(pipeline).bucket, CreateBucketConfiguration }));
      await retryIfLost(creation, 'BucketAlreadyOwnedByYou', 'OperationAborted');
      for (const setting of SETTINGS) await put(pipeline, setting);
    },
    differences: async (pipeline) => {
      const { policy: wantedPolicy, ...others } = wanted(pipeline);
      const { policy, ...found } = await reported(pipeline);
      const fields = differences(others, found);
      return samePolicy(policy, wantedPolicy) ? fields : [...fields, { field: 'policy', is: policy, wanted: wantedPolicy }];
    },
    change: async (pipeline, _found, found) => {
      for (const setting of SETTINGS) if (found.some(({ field }) => field.split('.')[0] === setting)) await put(pipeline, setting);
    },
    tag: (pipeline, found, tags) => putTags(pipeline, { ...found.tags, ...tags }),
    untag: (pipeline, found, keys) =>
      putTags(pipeline, Object.fromEntries(Object.entries(found.tags ?? {}).filter(([key]) => !keys.includes(key)))),
    status: () => 'ready',
    costs: async (_found, pipeline) => {
      const { bytes, isAll } = await sizeOf(s3, which(pipeline));
      return ofBucket(bytes, isAll);
    },
    empty: (pipeline) => undefinedIfMissing(emptyBucket(s3, which(pipeline)), 'NoSuchBucket'),
    remove: async (pipeline) => {
      const deletion = undefinedIfMissing(s3.send(new DeleteBucketCommand(which(pipeline))), 'NoSuchBucket');
      await undefinedIfBusy(deletion, 'BucketNotEmpty', 'OperationAborted');
    },
  };
}
