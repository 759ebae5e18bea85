import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type Audit, auditRow } from '../../pipeline/audit.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { undefinedIfMissing } from '../errors.ts';

/** Where the dashboard finds the last audit. */
export function lastAudit({ s3 }: Clients) {
  return {
    /** Writes down an audit in the place of the one before. */
    'audit.publish': async (pipeline: Pipeline, report: Audit): Promise<void> => {
      const { bucket: Bucket, lastAudit } = names(pipeline);
      // What is no column of its table, Athena does not see.
      const Body = `${JSON.stringify({ ...auditRow(report), agreedAt: report.agreedAt })}\n`;
      await s3.send(new PutObjectCommand({ Bucket, Key: lastAudit.key, Body, ContentType: 'application/json' }));
    },
  };
}

/** Up to when everything agreed (milliseconds since the epoch), by the last audit that found no fault; undefined when there was none. */
export async function agreedAt(s3: S3Client, pipeline: Pipeline): Promise<number | undefined> {
  const { bucket: Bucket, lastAudit } = names(pipeline);
  const found = await undefinedIfMissing(s3.send(new GetObjectCommand({ Bucket, Key: lastAudit.key })), 'NoSuchKey');
  if (found === undefined) return undefined;
  return (JSON.parse((await found.Body?.transformToString()) ?? '{}') as { agreedAt?: number }).agreedAt;
}
