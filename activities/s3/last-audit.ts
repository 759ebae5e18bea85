import { PutObjectCommand } from '@aws-sdk/client-s3';
import { type Audit, auditRow } from '../../pipeline/audit.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';

/** Where the dashboard finds the last audit. */
export function lastAudit({ s3 }: Clients) {
  return {
    /** Writes down an audit in the place of the one before. */
    'audit.publish': async (pipeline: Pipeline, report: Audit): Promise<void> => {
      const { bucket: Bucket, lastAudit } = names(pipeline);
      const Body = `${JSON.stringify(auditRow(report))}\n`;
      await s3.send(new PutObjectCommand({ Bucket, Key: lastAudit.key, Body, ContentType: 'application/json' }));
    },
  };
}
