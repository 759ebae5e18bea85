import { matchesGlob } from 'node:path';
import type { CreateCrawlerRequest, S3Target } from '@aws-sdk/client-glue';
import { type Aws, AwsError, awsError } from '../aws.ts';
import { type Permissions, permissionsOf } from '../iam/permissions.ts';
import { buckets } from '../s3/buckets.ts';
import type { StoredObject } from '../s3/store.ts';
import { databases, glueArns } from './catalog.ts';
import { checkRole, crawlerRole, outputOf } from './crawler-input.ts';
import { type CrawledFile, findTables } from './layout.ts';
import { sample } from './sample.ts';
import { type Change, type CrawlOwner, removeLost, upsertTable } from './upsert.ts';

/** What a crawl changed, in the form of Glue's crawl history. */
export type CrawlSummary = Record<
  'TABLE' | 'PARTITION',
  Partial<Record<'ADD' | 'UPDATE' | 'DELETE', { Details: { names: string[] }; Count: number }>>
>;

/** What a crawl did, and what it says in its log as an ERROR although it goes on. */
export interface Crawl {
  summary: CrawlSummary;
  errors: string[];
}

/** Crawls every target once: looks at the files, and brings tables and partitions of the catalog up to what they hold. */
export async function crawl(aws: Aws, crawler: string, input: Omit<CreateCrawlerRequest, 'Tags'>, signal: AbortSignal): Promise<Crawl> {
  checkRole(aws, input);
  const may = crawlerRights(aws, input);
  const changes: Change[] = [];
  const errors: string[] = [];
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
    const found = findTables(bucket, prefix, await looked(aws, objects, prefix, target.SampleSize, signal));
    const owner = { crawler, database, input, mayInCatalog };
    for (const table of found) {
      changes.push(...upsertTable(aws, owner, table));
      if (table.partitionKeys.length > 0 && outputOf(input).indexes) errors.push(...indexErrors(aws, owner, table.name));
    }
    changes.push(...removeLost(aws, owner, { bucket, prefix }, found));
    await aws.journal.commit();
  }
  return { summary: summaryOf(changes), errors };
}

/** A crawler that may not index a table's partitions says so and goes on. The local AWS keeps no indexes, so one that may makes none either. */
function indexErrors(aws: Aws, { crawler, mayInCatalog }: CrawlOwner, table: string): string[] {
  try {
    mayInCatalog('glue:GetPartitionIndexes', table);
    mayInCatalog('glue:CreatePartitionIndex', table);
    aws.log('glue', `crawler ${crawler}: the local AWS keeps no partition indexes, so ${table} gets none`);
    return [];
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return [`Failed to create a partition index for table ${table}: ${error.message}`];
  }
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

/** Looks into all files; with a sample size, into so many of each folder, spread over it from the newest on, and only counts the others. */
async function looked(
  aws: Aws,
  objects: Readonly<StoredObject>[],
  prefix: string,
  size: number | undefined,
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
    const chosen = new Set(spread(members.length, Math.min(size ?? members.length, members.length)));
    for (const [i, object] of members.entries()) {
      signal.throwIfAborted();
      files.push(chosen.has(i) ? { object, seen: await sample(aws, object) } : { object });
    }
  }
  return files;
}

/** `size` places of `length`, from the last on, as evenly as they go. */
function spread(length: number, size: number): number[] {
  const step = Math.max(1, (length - 1) / Math.max(1, size - 1));
  return Array.from({ length: size }, (_, i) => Math.round(length - 1 - i * step));
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
