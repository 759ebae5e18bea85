import type { LifecycleRule } from '@aws-sdk/client-s3';
import { DAY_MS } from '../../pipeline/time.ts';
import type { Aws } from '../aws.ts';
import type { StoredObject } from './store.ts';
import { removeUpload, uploadsOf } from './uploads.ts';

/** Whether a lifecycle rule has expired the object by `now`; days run, as in S3, until the midnight (UTC) after they have passed. */
export function hasExpired(rules: readonly LifecycleRule[], object: Readonly<StoredObject>, now: number): boolean {
  return rules.some((rule) => {
    if (rule.Status !== 'Enabled' || !applies(rule, object)) return false;
    const { Days: days, Date: date } = rule.Expiration ?? {};
    if (date !== undefined) return now >= date.getTime();
    return days !== undefined && now >= dueAt(object.modified, days);
  });
}

/** Removes what the bucket's lifecycle has expired. It is asked for whenever someone looks, so that nothing needs a timer. */
export async function removeExpired(aws: Aws, bucket: { name: string; lifecycle?: LifecycleRule[] }): Promise<void> {
  const rules = bucket.lifecycle ?? [];
  if (!rules.some(({ Expiration: expiration }) => expiration)) return;
  const expired = aws.objects.list(bucket.name).filter((object) => hasExpired(rules, object, aws.now()));
  await Promise.all(expired.map(({ key }) => aws.objects.remove(bucket.name, key)));
}

/** Aborts the uploads that the bucket's lifecycle has given up on; asked for as the above. */
export async function abortStale(aws: Aws, bucket: { name: string; lifecycle?: LifecycleRule[] }): Promise<void> {
  const rules = (bucket.lifecycle ?? []).filter((rule) => rule.Status === 'Enabled' && rule.AbortIncompleteMultipartUpload);
  if (rules.length === 0) return;
  const stale = uploadsOf(aws, bucket.name).filter(({ key, initiated }) =>
    rules.some((rule) => {
      const { DaysAfterInitiation: days = 0 } = rule.AbortIncompleteMultipartUpload!;
      return key.startsWith(prefixOf(rule)) && aws.now() >= dueAt(initiated, days);
    }),
  );
  await Promise.all(stale.map((upload) => removeUpload(aws, upload)));
}

const dueAt = (from: Date, days: number) => Math.ceil((from.getTime() + days * DAY_MS) / DAY_MS) * DAY_MS;

const prefixOf = ({ Filter: filter, Prefix: prefix = '' }: LifecycleRule) => (filter?.And ?? filter)?.Prefix ?? prefix;

function applies(rule: LifecycleRule, { key, size }: Readonly<StoredObject>): boolean {
  const and = rule.Filter?.And ?? rule.Filter ?? {};
  const { ObjectSizeGreaterThan: above = -1, ObjectSizeLessThan: below = Number.POSITIVE_INFINITY } = and;
  return key.startsWith(prefixOf(rule)) && size > above && size < below;
}
