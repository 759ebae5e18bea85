import { dirname } from 'node:path/posix';
import { type _Object, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type LedgerPage, timeOf } from '../../pipeline/ledger.ts';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';

const DIGITS = 9;

/** The ledger of the generator: a page an object, as JSON, below `ledger/` of the lake's bucket. */
export function ledger({ s3 }: Clients) {
  return {
    /** Writes down a page of a game; the same page once more is the same object. */
    'ledger.write': async (pipeline: Pipeline, number: number, page: LedgerPage): Promise<void> => {
      const { bucket, ledgerPrefix } = names(pipeline);
      const Key = `${ledgerPrefix}${page.game.run}/${String(number).padStart(DIGITS, '0')}.json`;
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(page), ContentType: 'application/json' }));
    },
  };
}

/** So many pages are fetched at once. */
const TOGETHER = 16;

/** The pages that are written down, or those that are `wanted`, in order for each game. */
export async function* pagesOf(
  s3: S3Client,
  pipeline: Pipeline,
  wanted: (page: _Object, at: number, listed: _Object[]) => boolean = () => true,
): AsyncGenerator<LedgerPage, void, undefined> {
  const { bucket: Bucket, ledgerPrefix: Prefix } = names(pipeline);
  const fetched = async ({ Key }: _Object): Promise<LedgerPage> => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return JSON.parse((await Body?.transformToString()) ?? '{}') as LedgerPage;
  };
  let ContinuationToken: string | undefined;
  do {
    const { Contents = [], NextContinuationToken } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
    const pages = Contents.filter(wanted);
    for (let i = 0; i < pages.length; i += TOGETHER) yield* await Promise.all(pages.slice(i, i + TOGETHER).map(fetched));
    ContinuationToken = NextContinuationToken;
  } while (ContinuationToken);
}

/** When the first of all events happened (milliseconds since the epoch), by the ledger; infinity when none was sent. */
export async function firstEventAt(s3: S3Client, pipeline: Pipeline): Promise<number> {
  let first = Number.POSITIVE_INFINITY;
  for await (const { ranges } of pagesOf(s3, pipeline, isFirst))
    for (const range of ranges) first = Math.min(first, timeOf([range.time], range.first));
  return first;
}

/** True for the first page that is left of each game: it has the first range of every lane, as a range is half a minute at most. */
const isFirst = ({ Key = '' }: _Object, at: number, all: _Object[]): boolean => dirname(Key) !== dirname(all[at - 1]?.Key ?? '');
