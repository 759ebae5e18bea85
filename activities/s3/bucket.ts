import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { ApplicationFailure } from '@temporalio/common';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { unlessBusy, unlessMissing } from '../errors.ts';
import { samePolicy } from '../iam/same-policy.ts';
import { type Found, type Resource, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { BLOCK_PUBLIC, ENCRYPTION, lifecycle, tlsOnly } from './bucket-settings.ts';
import { emptied } from './empty-bucket.ts';

/** The bucket of the lake, of Athena's results and of what could not be delivered. */
export function bucket({ s3 }: Clients): Resource {
  const which = (pipeline: Pipeline) => ({ Bucket: names(pipeline).bucket, ExpectedBucketOwner: pipeline.account });
  const tagsOf = async (pipeline: Pipeline): Promise<Found> => {
    await s3.send(new HeadBucketCommand(which(pipeline)));
    const tagging = await unlessMissing(s3.send(new GetBucketTaggingCommand(which(pipeline))), 'NoSuchTagSet');
    return { tags: tagMap(tagging?.TagSet) };
  };
  const update = async (pipeline: Pipeline): Promise<string[]> => {
    const wanted = which(pipeline);
    const changed: string[] = [];
    const access = await unlessMissing(s3.send(new GetPublicAccessBlockCommand(wanted)), 'NoSuchPublicAccessBlockConfiguration');
    if (differences(BLOCK_PUBLIC, access?.PublicAccessBlockConfiguration).length > 0) {
      await s3.send(new PutPublicAccessBlockCommand({ ...wanted, PublicAccessBlockConfiguration: BLOCK_PUBLIC }));
      changed.push('public access block');
    }
    const encryption = await unlessMissing(
      s3.send(new GetBucketEncryptionCommand(wanted)),
      'ServerSideEncryptionConfigurationNotFoundError',
    );
    if (differences(ENCRYPTION, encryption?.ServerSideEncryptionConfiguration).length > 0) {
      await s3.send(new PutBucketEncryptionCommand({ ...wanted, ServerSideEncryptionConfiguration: ENCRYPTION }));
      changed.push('encryption');
    }
    const policy = await unlessMissing(s3.send(new GetBucketPolicyCommand(wanted)), 'NoSuchBucketPolicy');
    if (!samePolicy(policy?.Policy, tlsOnly(names(pipeline).bucketArn))) {
      await s3.send(new PutBucketPolicyCommand({ ...wanted, Policy: JSON.stringify(tlsOnly(names(pipeline).bucketArn)) }));
      changed.push('policy');
    }
    const rules = await unlessMissing(s3.send(new GetBucketLifecycleConfigurationCommand(wanted)), 'NoSuchLifecycleConfiguration');
    if (differences(lifecycle(pipeline), { Rules: rules?.Rules }).length > 0) {
      await s3.send(new PutBucketLifecycleConfigurationCommand({ ...wanted, LifecycleConfiguration: lifecycle(pipeline) }));
      changed.push('lifecycle');
    }
    return changed;
  };
  return {
    label: (pipeline) => `S3 bucket ${names(pipeline).bucket}`,
    // Looked for before it is created: in us-east-1 CreateBucket answers 200 for a bucket that is there already, and resets its ACLs.
    find: async (pipeline) => {
      try {
        return await tagsOf(pipeline);
      } catch (error) {
        const { httpStatusCode: status } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
        if (status === 404) return undefined;
        if (status !== 403) throw error;
        const message = `S3 bucket ${names(pipeline).bucket} is another account's, or these credentials may not see it; choose another name for the pipeline`;
        throw ApplicationFailure.nonRetryable(message, 'ForeignResource');
      }
    },
    create: async (pipeline) => {
      const place = pipeline.region === 'us-east-1' ? {} : { LocationConstraint: pipeline.region as BucketLocationConstraint };
      const CreateBucketConfiguration = { ...place, Tags: tagList(names(pipeline).tags) };
      const creation = s3.send(new CreateBucketCommand({ Bucket: names(pipeline).bucket, CreateBucketConfiguration }));
      await unlessLost(creation, 'BucketAlreadyOwnedByYou', 'OperationAborted');
      await update(pipeline);
    },
    update,
    status: () => 'ready',
    remove: async (pipeline) => {
      if (!(await unlessMissing(emptied(s3, which(pipeline)), 'NoSuchBucket'))) return;
      const deletion = unlessMissing(s3.send(new DeleteBucketCommand(which(pipeline))), 'NoSuchBucket');
      await unlessBusy(deletion, 'BucketNotEmpty', 'OperationAborted');
    },
  };
}
