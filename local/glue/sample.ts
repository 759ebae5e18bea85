import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Aws } from '../aws.ts';
import type { StoredObject } from '../s3/store.ts';
import { inferColumns, type Seen } from './infer.ts';

const MAX_BYTES = 1 << 20;
const MAX_LINES = 1000;
const REMEMBERED = 20_000;

const seenBefore = new Map<string, Seen | undefined>();

/** What an object's first megabyte holds; undefined if it does not begin as JSON lines do. Objects looked at once are not read again. */
export async function sample(aws: Aws, object: Readonly<StoredObject>): Promise<Seen | undefined> {
  const id = `${object.bucket}/${object.key}/${object.etag}`;
  if (seenBefore.has(id)) return seenBefore.get(id);
  const lines = await head(join(aws.objects.root, object.file), object.key.endsWith('.gz'));
  const seen = lines === undefined || lines.length === 0 ? undefined : inferColumns(lines);
  if (seenBefore.size >= REMEMBERED) seenBefore.delete(seenBefore.keys().next().value!);
  seenBefore.set(id, seen);
  return seen;
}

/** Whole lines from the head of a file; undefined if it cannot be decompressed. */
async function head(path: string, isGzip: boolean): Promise<string[] | undefined> {
  const file = createReadStream(path);
  const gunzip = isGzip ? createGunzip() : undefined;
  if (gunzip) file.on('error', (error) => gunzip.destroy(error)).pipe(gunzip);
  const source: Readable = gunzip ?? file;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_BYTES) break;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) return undefined;
    throw error;
  } finally {
    file.destroy();
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const lines = text.split('\n');
  if (size >= MAX_BYTES) lines.pop();
  return lines.filter((line) => line.trim() !== '').slice(0, MAX_LINES);
}
