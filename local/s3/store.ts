import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Journal } from '../journal.ts';
import { type Files, openFiles } from './files.ts';

/** One object: what S3 knows of it. `file` is relative to the lake folder. */
export interface StoredObject {
  bucket: string;
  key: string;
  size: number;
  /** MD5 in hex, without quotes; of an upload in parts the MD5 of theirs, and how many they were. */
  etag: string;
  modified: Date;
  contentType: string;
  contentEncoding?: string;
  metadata: Record<string, string>;
  /** Checksums that came with the bytes and matched them, by member name (`ChecksumCRC32`), in base64. */
  checksums?: Record<string, string>;
  file: string;
}

/** What a writer may say of an object besides its bytes. */
export type About = Partial<Pick<StoredObject, 'contentType' | 'contentEncoding' | 'metadata' | 'checksums' | 'etag'>>;

/** The objects of all buckets: files below `root`, renamed into place, and their catalog. Other services read and write through this. */
export interface ObjectStore {
  /** The folder the files lie in; the SQL engine reads it. A key's folders keep their names (`year=2026/month=11/`). */
  root: string;
  files: Files;
  /** On disk when it resolves (the catalog entry at the next `journal.commit()`, which this awaits). */
  put(bucket: string, key: string, body: Uint8Array, about?: About): Promise<StoredObject>;
  find(bucket: string, key: string): Readonly<StoredObject> | undefined;
  read(object: Readonly<StoredObject>): Promise<Buffer>;
  /** Objects below a prefix, in key order. */
  list(bucket: string, prefix?: string): Readonly<StoredObject>[];
  remove(bucket: string, key: string): Promise<void>;
}

/** Opens the store below `root`. */
export function openObjects(root: string, journal: Journal, now: () => number): ObjectStore {
  const files = openFiles(root);
  const objects = journal.table<StoredObject>('s3.objects');
  const id = (bucket: string, key: string) => `${bucket}/${key}`;
  let sorted: Readonly<StoredObject>[] | undefined;
  const turns = new Map<string, Promise<unknown>>();
  /** Writers of one key take turns, so that a removal never takes the file of a put that came after it. */
  const inTurn = <Result>(bucket: string, key: string, write: () => Promise<Result>): Promise<Result> => {
    const turn = (turns.get(id(bucket, key)) ?? Promise.resolve()).then(write, write);
    turns.set(id(bucket, key), turn);
    const leave = () => turns.get(id(bucket, key)) === turn && turns.delete(id(bucket, key));
    turn.then(leave, leave);
    return turn;
  };
  const write = async (bucket: string, key: string, body: Uint8Array, about: About) => {
    const { contentType = 'application/octet-stream', metadata = {}, etag = md5(body), ...more } = about;
    const file = join(bucket, fileOf(key));
    await files.write(file, body);
    const object: StoredObject = { bucket, key, size: body.length, etag, modified: new Date(now()), contentType, metadata, ...more, file };
    objects.set(id(bucket, key), object);
    sorted = undefined;
    await journal.commit();
    return object;
  };
  const erase = async (bucket: string, key: string) => {
    const object = objects.get(id(bucket, key));
    if (!object) return;
    objects.delete(id(bucket, key));
    sorted = undefined;
    await journal.commit();
    await files.remove(object.file);
  };
  return {
    root,
    files,
    find: (bucket, key) => objects.get(id(bucket, key)),
    read: ({ file }) => files.read(file),
    put: (bucket, key, body, about = {}) => inTurn(bucket, key, () => write(bucket, key, body, about)),
    list: (bucket, prefix = '') => {
      sorted ??= objects.values().sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
      return sorted.filter((object) => object.bucket === bucket && object.key.startsWith(prefix));
    },
    remove: (bucket, key) => inTurn(bucket, key, () => erase(bucket, key)),
  };
}

const md5 = (body: Uint8Array) => createHash('md5').update(body).digest('hex');

/**
 * Where a key's bytes lie: its folders by their own names, as far as these are harmless, and the file's name behind an `@`,
 * so that `a` and `a/b` live side by side and nothing leads out of the bucket's folder.
 */
function fileOf(key: string): string {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  return [...parts.map((part) => harmless(part)), `@${harmless(name)}`].join('/');
}

const LONGEST = 200;

function harmless(part: string): string {
  const encoded = part.replace(/[^A-Za-z0-9._=+-]/gu, (sign) =>
    [...Buffer.from(sign)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  if (encoded === '' || encoded === '.' || encoded === '..') return `%${encoded}`;
  return encoded.length <= LONGEST ? encoded : `${encoded.slice(0, LONGEST - 65)}%${createHash('sha256').update(part).digest('hex')}`;
}
