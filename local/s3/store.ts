import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Journal, syncFolder } from '../journal.ts';

/** One object: what S3 knows of it. `file` is relative to the lake folder. */
export interface StoredObject {
  bucket: string;
  key: string;
  size: number;
  /** MD5 in hex, without quotes. */
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
export type About = Partial<Pick<StoredObject, 'contentType' | 'contentEncoding' | 'metadata' | 'checksums'>>;

/** The objects of all buckets: files below `root`, renamed into place, and their catalog. Other services read and write through this. */
export interface ObjectStore {
  /** The folder the files lie in; the SQL engine reads it. A key's folders keep their names (`year=2026/month=11/`). */
  root: string;
  /** On disk when it resolves (the catalog entry at the next `journal.commit()`, which this awaits). */
  put(bucket: string, key: string, body: Uint8Array, about?: About): Promise<StoredObject>;
  find(bucket: string, key: string): Readonly<StoredObject> | undefined;
  read(object: Readonly<StoredObject>): Promise<Buffer>;
  /** Objects below a prefix, in key order. */
  list(bucket: string, prefix?: string): Readonly<StoredObject>[];
  remove(bucket: string, key: string): Promise<void>;
  /** Removes what is left on disk of a bucket that has no objects. */
  removeFolder(bucket: string): Promise<void>;
}

/** Opens the store below `root`. */
export function openObjects(root: string, journal: Journal, now: () => number): ObjectStore {
  const objects = journal.table<StoredObject>('s3.objects');
  const id = (bucket: string, key: string) => `${bucket}/${key}`;
  const made = new Set<string>();
  let sorted: Readonly<StoredObject>[] | undefined;
  // Files that a kill left half written; no bucket's name begins with a dot.
  for (const name of readdirSync(root)) if (name.startsWith('.')) rmSync(join(root, name));
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
    const { contentType = 'application/octet-stream', metadata = {}, ...more } = about;
    const file = join(bucket, fileOf(key));
    const path = join(root, file);
    if (!made.has(dirname(path))) {
      await mkdir(dirname(path), { recursive: true });
      for (let folder = dirname(path); folder.length >= root.length; folder = dirname(folder)) await syncFolder(folder);
      made.add(dirname(path));
    }
    const fresh = join(root, `.${randomUUID()}`);
    try {
      const handle = await open(fresh, 'w', 0o600);
      try {
        await handle.writeFile(body);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(fresh, path);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
    const etag = createHash('md5').update(body).digest('hex');
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
    await rm(join(root, object.file), { force: true });
  };
  return {
    root,
    find: (bucket, key) => objects.get(id(bucket, key)),
    read: ({ file }) => readFile(join(root, file)),
    put: (bucket, key, body, about = {}) => inTurn(bucket, key, () => write(bucket, key, body, about)),
    list: (bucket, prefix = '') => {
      sorted ??= objects.values().sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
      return sorted.filter((object) => object.bucket === bucket && object.key.startsWith(prefix));
    },
    remove: (bucket, key) => inTurn(bucket, key, () => erase(bucket, key)),
    removeFolder: async (bucket) => {
      made.clear();
      await rm(join(root, bucket), { recursive: true, force: true });
    },
  };
}

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
