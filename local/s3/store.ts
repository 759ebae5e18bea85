import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Journal } from '../journal.ts';
import { buckets } from './buckets.ts';
import { type Files, openFiles } from './files.ts';
import { type DeleteMarker, idOf, isObject, type Kept, newVersionId, openVersions, type Version } from './versions.ts';

/** One object: what S3 knows of it. `file` is relative to the lake folder. */
export interface StoredObject extends Version {
  size: number;
  /** MD5 in hex, without quotes; of an upload in parts the MD5 of theirs, and how many they were. */
  etag: string;
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
  /** The object that a key stands for now: its newest version, unless that is a delete marker. */
  find(bucket: string, key: string): Readonly<StoredObject> | undefined;
  /** The version of this id (`null` is one), or the newest. */
  version(bucket: string, key: string, id?: string): Kept | undefined;
  read(object: Readonly<StoredObject>): Promise<Buffer>;
  /** Objects below a prefix, in key order. */
  list(bucket: string, prefix?: string): Readonly<StoredObject>[];
  /** All versions of each key below a prefix, newest first, the keys in order. */
  versions(bucket: string, prefix?: string): (readonly Kept[])[];
  /** Removes a version for good; without an id it does so where the bucket never had versioning, else it puts a delete marker. Gives the marker or what was removed. */
  remove(bucket: string, key: string, id?: string): Promise<Kept | undefined>;
}

/** Opens the store below `root`. */
export function openObjects(root: string, journal: Journal, now: () => number): ObjectStore {
  const files = openFiles(root);
  const versions = openVersions(journal);
  const id = (bucket: string, key: string) => `${bucket}/${key}`;
  const turns = new Map<string, Promise<unknown>>();
  /** Writers of one key take turns, so that a removal never takes the file of a put that came after it. */
  const inTurn = <Result>(bucket: string, key: string, write: () => Promise<Result>): Promise<Result> => {
    const turn = (turns.get(id(bucket, key)) ?? Promise.resolve()).then(write, write);
    turns.set(id(bucket, key), turn);
    const leave = () => turns.get(id(bucket, key)) === turn && turns.delete(id(bucket, key));
    turn.then(leave, leave);
    return turn;
  };
  const versioning = (bucket: string) => buckets({ journal }).get(bucket)?.versioning;
  /** What a new version of a key begins with; it is younger than all that stay. */
  const fresh = (bucket: string, key: string): Version => {
    const isEnabled = versioning(bucket) === 'Enabled';
    const [newest] = versions.of(bucket, key).filter(({ versionId }) => isEnabled || versionId !== undefined);
    const modified = new Date(Math.max(now(), (newest?.modified.getTime() ?? 0) + 1));
    return { bucket, key, modified, versionId: isEnabled ? newVersionId(modified) : undefined };
  };
  const version = (bucket: string, key: string, id?: string) =>
    versions.of(bucket, key).find((each) => id === undefined || idOf(each) === id);
  const write = async (bucket: string, key: string, body: Uint8Array, about: About) => {
    const { contentType = 'application/octet-stream', metadata = {}, etag = md5(body), ...more } = about;
    const made = fresh(bucket, key);
    const file = join(bucket, fileOf(key, made.versionId));
    await files.write(file, body);
    const object: StoredObject = { ...made, size: body.length, etag, contentType, metadata, ...more, file };
    versions.set(object);
    await journal.commit();
    return object;
  };
  const mark = async (bucket: string, key: string): Promise<Kept> => {
    const marker: DeleteMarker = { ...fresh(bucket, key), isDeleteMarker: true };
    const before = version(bucket, key, idOf(marker));
    versions.set(marker);
    await journal.commit();
    if (before && isObject(before)) await files.remove(before.file);
    return marker;
  };
  const erase = async (bucket: string, key: string, id: string): Promise<Kept | undefined> => {
    const erased = version(bucket, key, id);
    if (!erased) return undefined;
    versions.delete(erased);
    await journal.commit();
    if (isObject(erased)) await files.remove(erased.file);
    return erased;
  };
  return {
    root,
    files,
    version,
    find: (bucket, key) => {
      const newest = version(bucket, key);
      return newest && isObject(newest) ? newest : undefined;
    },
    read: ({ file }) => files.read(file),
    put: (bucket, key, body, about = {}) => inTurn(bucket, key, () => write(bucket, key, body, about)),
    list: (bucket, prefix = '') => versions.below(bucket, prefix).flatMap(([newest]) => (isObject(newest!) ? newest : [])),
    versions: (bucket, prefix = '') => versions.below(bucket, prefix),
    remove: (bucket, key, id) =>
      inTurn(bucket, key, () =>
        id === undefined && versioning(bucket) !== undefined ? mark(bucket, key) : erase(bucket, key, id ?? 'null'),
      ),
  };
}

/** The MD5 of bytes, in hex. */
export const md5 = (body: Uint8Array): string => createHash('md5').update(body).digest('hex');

/**
 * Where a key's bytes lie: its folders by their own names, as far as these are harmless, and the file's name behind an `@`,
 * so that `a` and `a/b` live side by side and nothing leads out of the bucket's folder. A version's id stands behind `@%v`, as no name begins.
 */
function fileOf(key: string, versionId?: string): string {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  return [...parts.map((part) => harmless(part)), `@${versionId === undefined ? '' : `%v${versionId}`}${harmless(name)}`].join('/');
}

const LONGEST = 200;

function harmless(part: string): string {
  const encoded = part.replace(/[^A-Za-z0-9._=+-]/gu, (sign) =>
    [...Buffer.from(sign)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  if (encoded === '' || encoded === '.' || encoded === '..') return `%${encoded}`;
  return encoded.length <= LONGEST ? encoded : `${encoded.slice(0, LONGEST - 65)}%${createHash('sha256').update(part).digest('hex')}`;
}
