import type {
  BucketLifecycleConfiguration,
  LifecycleRule,
  PublicAccessBlockConfiguration,
  ServerSideEncryptionConfiguration,
} from '@aws-sdk/client-s3';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Policy } from '../iam/policies.ts';

/** Nothing in the bucket is ever public. */
export const BLOCK_PUBLIC: PublicAccessBlockConfiguration = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

/** SSE-S3. */
export const ENCRYPTION: ServerSideEncryptionConfiguration = {
  Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
};

/** Nobody reads or writes the bucket but over TLS. */
export const tlsOnly = (bucketArn: string): Policy => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: [bucketArn, `${bucketArn}/*`],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  ],
});

/** By then S3 has taken away what was to expire. */
const EXPIRING_DAYS = 7;

/** How long the lake, undeliverable records and Athena's results stay, by the spec, and the ledger with the lake; uploads left unfinished go after a week. */
export function lifecycle({ keep, ...pipeline }: Pipeline): Required<Pick<BucketLifecycleConfiguration, 'Rules'>> {
  const expire = (ID: string, Prefix: string, Days: number): LifecycleRule => ({
    ID,
    Status: 'Enabled',
    Filter: { Prefix },
    Expiration: { Days },
  });
  return {
    Rules: [
      { ID: 'abort-uploads', Status: 'Enabled', Filter: {}, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
      expire('athena-results', names(pipeline).resultsPrefix, keep.resultDays),
      expire('errors', 'errors/', keep.lakeDays),
      expire('lake', 'lake/', keep.lakeDays),
      expire('ledger', names(pipeline).ledgerPrefix, keep.lakeDays + EXPIRING_DAYS),
    ],
  };
}
