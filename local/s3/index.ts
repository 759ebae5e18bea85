import * as schemas from '@aws-sdk/client-s3';
import type { Service } from '../aws.ts';
import * as settings from './bucket-settings.ts';
import * as buckets from './buckets.ts';
import * as listing from './listing.ts';
import * as multipart from './multipart.ts';
import * as objects from './objects.ts';

/** S3, path style. */
export const s3: Service = {
  name: 's3',
  protocol: 'rest-xml',
  schemas,
  operations: {
    AbortMultipartUpload: multipart.abortMultipartUpload,
    CompleteMultipartUpload: multipart.completeMultipartUpload,
    CreateBucket: buckets.createBucket,
    CreateMultipartUpload: multipart.createMultipartUpload,
    DeleteBucket: buckets.deleteBucket,
    DeleteBucketEncryption: settings.deleteBucketEncryption,
    DeleteBucketLifecycle: settings.deleteBucketLifecycle,
    DeleteBucketPolicy: settings.deleteBucketPolicy,
    DeleteBucketTagging: settings.deleteBucketTagging,
    DeleteObject: objects.deleteObject,
    DeleteObjects: objects.deleteObjects,
    DeletePublicAccessBlock: settings.deletePublicAccessBlock,
    GetBucketEncryption: settings.getBucketEncryption,
    GetBucketLifecycleConfiguration: settings.getBucketLifecycleConfiguration,
    GetBucketLocation: buckets.getBucketLocation,
    GetBucketPolicy: settings.getBucketPolicy,
    GetBucketTagging: settings.getBucketTagging,
    GetBucketVersioning: settings.getBucketVersioning,
    GetObject: objects.getObject,
    GetPublicAccessBlock: settings.getPublicAccessBlock,
    HeadBucket: buckets.headBucket,
    HeadObject: objects.headObject,
    ListBuckets: buckets.listBuckets,
    ListMultipartUploads: listing.listMultipartUploads,
    ListObjectVersions: listing.listObjectVersions,
    ListObjectsV2: listing.listObjectsV2,
    ListParts: multipart.listParts,
    PutBucketEncryption: settings.putBucketEncryption,
    PutBucketLifecycleConfiguration: settings.putBucketLifecycleConfiguration,
    PutBucketPolicy: settings.putBucketPolicy,
    PutBucketTagging: settings.putBucketTagging,
    PutBucketVersioning: settings.putBucketVersioning,
    PutObject: objects.putObject,
    PutPublicAccessBlock: settings.putPublicAccessBlock,
    UploadPart: multipart.uploadPart,
  },
};
