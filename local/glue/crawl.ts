import { matchesGlob } from 'node:path';
import type { CreateCrawlerRequest, S3Target } from '@aws-sdk/client-glue';
import { type Aws, awsError } from '../aws.ts';
import { type Permissions, permissionsOf } from '../iam/permissions.ts';
import { buckets } from '../s3/buckets.ts';
import type { StoredObject } from '../s3/store.ts';
import { databases, glueArns } from './catalog.ts';
import { checkRole, crawlerRole } from './crawler-input.ts';
import { type CrawledFile, findTables } from './layout.ts';
import { sample } from './sample.ts';
import { type Change, removeLost, upsertTable } from './upsert.ts';

/** What a crawl changed, in the form of Glue's crawl history. */
export type CrawlSummary = Record<
  'TABLE' | 'PARTITION',
  Partial<Record<'ADD' | 'UPDATE' | 'DELETE', { Details: { names: string[] }; Count: number }>>
>;

const FILES_SAMPLED = 20;

/** Crawls every target once: looks at the files, and brings tables and partitions of the catalog up to what they hold. */
export async function crawl(
  aws: Aws,
  crawler: string,
  input: Omit<CreateCrawlerRequest, 'Tags'>,
  signal: AbortSignal,
): Promise<CrawlSummary> {
  checkRole(aws, input);
  const may = crawlerRights(aws, input);
  const changes: Change[] = [];
  const database = (input.DatabaseName ?? '').toLowerCase();
  if (!databases(aws).has(database)) {
    for (const arn of glueArns(aws, database)) may('glue:CreateDatabase', arn);
    databases(aws).set(database, { Name: database, CreateTime: new Date(aws.now()), CatalogId: aws.account });
  }
  const mayInCatalog = (action: string, table?: string) => {
    for (const arn of glueArns(aws, database, table)) may(action, arn);
  };
  mayInCatalog('glue:GetDatabase');
  for (const target of input.Targets?.S3Targets ?? []) {
    const { bucket, prefix } = placeOf(target.Path ?? '');
    if (!buckets(aws).has(bucket)) throw awsError('InvalidInputException', `The specified bucket does not exist: ${bucket}`);
    may('s3:ListBucket', `arn:aws:s3:::${bucket}`);
    const objects = wanted(aws.objects.list(bucket, prefix), prefix, target);
    for (const { key } of objects) may('s3:GetObject', `arn:aws:s3:::${bucket}/${key}`);
    const found = findTables(bucket, prefix, await sampled(aws, objects, prefix, target.SampleSize ?? FILES_SAMPLED, signal));
    const owner = { crawler, database, input, mayInCatalog };
    for (const table of found) changes.push(...upsertTable(aws, owner, table));
    changes.push(...removeLost(aws, owner, { bucket, prefix }, found));
    await aws.journal.commit();
  }
  return summaryOf(changes);
}

/** What the crawler's role is allowed. */
export const crawlerRights = (aws: Aws, { Role: role }: Pick<CreateCrawlerRequest, 'Role'>): Permissions =>
  permissionsOf(aws, crawlerRole(aws, role), 'AWS-Crawler', 'AccessDeniedException');

/** The bucket of `s3://bucket/path`, and its path as a folder's key prefix. */
export function placeOf(path: string): { bucket: string; prefix: string } {
  const [, bucket = '', key = ''] = /^(?:s3:\/\/)?([^/]+)\/?(.*)$/s.exec(path) ?? [];
  return { bucket, prefix: key === '' || key.endsWith('/') ? key : `${key}/` };
}

/** Athena would not read names that begin with `_` or `.`, so they make no columns either. */
function wanted(objects: Readonly<StoredObject>[], prefix: string, { Exclusions: exclusions = [] }: S3Target): Readonly<StoredObject>[] {
  return objects.filter(({ key, size }) => {
    const path = key.slice(prefix.length);
    return (
      size > 0 &&
      !key.endsWith('/') &&
      !path.split('/').some((name) => /^[_.]/.test(name)) &&
      !exclusions.some((glob) => matchesGlob(path, glob))
    );
  });
}

/** Of each folder `size` files, spread over it, are looked into; the others are only counted. */
async function sampled(
  aws: Aws,
  objects: Readonly<StoredObject>[],
  prefix: string,
  size: number,
  signal: AbortSignal,
): Promise<CrawledFile[]> {
  const folders = new Map<string, Readonly<StoredObject>[]>();
  for (const object of objects) {
    const folder = object.key.slice(prefix.length, object.key.lastIndexOf('/') + 1);
    const before = folders.get(folder);
    if (before) before.push(object);
    else folders.set(folder, [object]);
  }
  const files: CrawledFile[] = [];
  for (const members of folders.values()) {
    const step = Math.max(1, (members.length - 1) / Math.max(1, size - 1));
    const chosen = new Set(Array.from({ length: Math.min(size, members.length) }, (_, i) => Math.round(members.length - 1 - i * step)));
    for (const [i, object] of members.entries()) {
      signal.throwIfAborted();
      files.push(chosen.has(i) ? { object, seen: await sample(aws, object) } : { object });
    }
  }
  return files;
}

function summaryOf(changes: Change[]): CrawlSummary {
  const summary: CrawlSummary = { TABLE: {}, PARTITION: {} };
  for (const { what, how, name } of changes) {
    const entry = summary[what][how] ?? { Details: { names: [] }, Count: 0 };
    summary[what][how] = entry;
    entry.Count++;
    if (entry.Details.names.length < 100) entry.Details.names.push(name);
  }
  return summary;
}
