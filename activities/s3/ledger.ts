import { dirname } from 'node:path/posix';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type LedgerPage, timeOf } from '../../pipeline/ledger.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { eachPage } from '../pages.ts';

const DIGITS = 9;

/** The ledger of the generator: a page an object, as JSON, at `ledger/<yyyy-mm-dd>/<run>/<number>.json` of the lake's bucket; the day (UTC) is that of its last entry. */
export function ledger({ s3 }: Clients) {
  return {
    /** Writes down a page of a game; the same page once more is the same object. */
    'ledger.write': async (pipeline: Pipeline, number: number, page: LedgerPage): Promise<void> => {
      const { bucket, ledgerPrefix } = names(pipeline);
      const day = dayOf(Math.max(...page.ranges.map(({ at }) => at)));
      const Key = `${ledgerPrefix}${day}/${page.game.run}/${String(number).padStart(DIGITS, '0')}.json`;
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(page), ContentType: 'application/json' }));
    },
  };
}

const dayOf = (time: number): string => new Date(Math.max(0, time)).toISOString().slice(0, 10);

/** So many pages are fetched at once. */
const TOGETHER = 16;

/** The pages that were written down at `since` or later (milliseconds since the epoch), in order for each game: what was acknowledged since is in them. */
export async function* ledgerPages(s3: S3Client, pipeline: Pipeline, since = 0): AsyncGenerator<LedgerPage, void, undefined> {
  for await (const keys of listed(s3, pipeline, since))
    for (let i = 0; i < keys.length; i += TOGETHER)
      yield* await Promise.all(keys.slice(i, i + TOGETHER).map((key) => fetched(s3, pipeline, key)));
}

/** The keys of the same; pages of days before are not even listed. */
async function* listed(s3: S3Client, pipeline: Pipeline, since: number): AsyncGenerator<string[], void, undefined> {
  const { bucket: Bucket, ledgerPrefix: Prefix } = names(pipeline);
  const StartAfter = `${Prefix}${dayOf(since)}`;
  const listings = eachPage(
    (ContinuationToken) => s3.send(new ListObjectsV2Command({ Bucket, Prefix, StartAfter, ContinuationToken })),
    ({ NextContinuationToken }) => NextContinuationToken,
  );
  for await (const { Contents = [] } of listings)
    yield Contents.filter(({ LastModified }) => Number(LastModified) >= since).map(({ Key = '' }) => Key);
}

async function fetched(s3: S3Client, pipeline: Pipeline, Key: string): Promise<LedgerPage> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: names(pipeline).bucket, Key }));
  return JSON.parse((await Body?.transformToString()) ?? '{}') as LedgerPage;
}

/** When the first of all events happened (milliseconds since the epoch), by the ledger; infinity when none was sent. */
export async function firstEventAt(s3: S3Client, pipeline: Pipeline): Promise<number> {
  const first = await firstPages(s3, pipeline);
  const ranges = (await Promise.all(first.map((key) => fetched(s3, pipeline, key)))).flatMap((page) => page.ranges);
  return Math.min(...ranges.map((range) => timeOf([range.time], range.first)));
}

/** Of the first day that has any, the first page of each game: it has the first range of every lane, as a range is half a minute at most. */
async function firstPages(s3: S3Client, pipeline: Pipeline): Promise<string[]> {
  const first = new Map<string, string>();
  for await (const keys of listed(s3, pipeline, 0))
    for (const key of keys) {
      const game = key.slice(0, key.lastIndexOf('/'));
      const [known = game] = first.keys();
      if (dirname(game) !== dirname(known)) return [...first.values()];
      if (!first.has(game)) first.set(game, key);
    }
  return [...first.values()];
}
