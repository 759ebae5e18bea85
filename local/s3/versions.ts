import { randomBytes } from 'node:crypto';
import type { Journal } from '../journal.ts';
import type { StoredObject } from './store.ts';

/** What is known of any version of a key. */
export interface Version {
  bucket: string;
  key: string;
  /** Absent of the version that S3 calls `null`: the one that is put while the bucket's versioning is not enabled. */
  versionId?: string;
  /** No two versions of a key have the same. */
  modified: Date;
}

/** The version that a deletion leaves. */
export interface DeleteMarker extends Version {
  isDeleteMarker: true;
}

export type Kept = Readonly<StoredObject> | Readonly<DeleteMarker>;

/** The catalog of all versions. What is set or deleted is on disk at the next `journal.commit()`. */
export interface Versions {
  /** Those of one key, newest first. */
  of(bucket: string, key: string): readonly Kept[];
  /** The same for every key below a prefix, in key order. */
  below(bucket: string, prefix: string): (readonly Kept[])[];
  /** Puts a version in place of the one that has its id, if there is one. */
  set(version: Kept): void;
  delete(version: Kept): void;
}

/** Opens the catalog. */
export function openVersions(journal: Journal): Versions {
  const nulls = journal.table<Kept>('s3.objects');
  const others = journal.table<Kept>('s3.versions');
  const byKey = new Map<string, readonly Kept[]>();
  let sorted: (readonly Kept[])[] | undefined;
  const id = (bucket: string, key: string) => `${bucket}/${key}`;
  const besides = ({ bucket, key, versionId }: Kept) => (byKey.get(id(bucket, key)) ?? []).filter((other) => other.versionId !== versionId);
  const keep = (bucket: string, key: string, versions: Kept[]) => {
    sorted = undefined;
    if (versions.length === 0) byKey.delete(id(bucket, key));
    else byKey.set(id(bucket, key), versions);
  };
  const add = (version: Kept) => {
    const all = [version, ...besides(version)];
    keep(
      version.bucket,
      version.key,
      all.sort((a, b) => b.modified.getTime() - a.modified.getTime()),
    );
  };
  for (const version of [...nulls.values(), ...others.values()]) add(version);
  return {
    of: (bucket, key) => byKey.get(id(bucket, key)) ?? [],
    below: (bucket, prefix) => {
      sorted ??= [...byKey.values()].sort(([a], [b]) => compareKeys(a!.key, b!.key));
      return sorted.filter(([newest]) => newest!.bucket === bucket && newest!.key.startsWith(prefix));
    },
    set: (version) => {
      const { bucket, key, versionId } = version;
      if (versionId === undefined) nulls.set(id(bucket, key), version);
      else others.set(`${id(bucket, key)}/${versionId}`, version);
      add(version);
    },
    delete: (version) => {
      const { bucket, key, versionId } = version;
      if (versionId === undefined) nulls.delete(id(bucket, key));
      else others.delete(`${id(bucket, key)}/${versionId}`);
      keep(bucket, key, besides(version));
    },
  };
}

/** Below 0 if one key comes before the other in S3's order, that of their UTF-8 bytes. */
export const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export const isMarker = (version: Kept): version is Readonly<DeleteMarker> => 'isDeleteMarker' in version;
export const isObject = (version: Kept): version is Readonly<StoredObject> => !isMarker(version);

/** The id by which S3 calls a version. */
export const idOf = ({ versionId = 'null' }: Kept): string => versionId;

const YOUNGEST = 2 ** 48;

/** A new version's id, 32 characters of which the first 12 tell when it was made: a listing can then go on behind a version that is gone. */
export const newVersionId = (modified: Date): string =>
  `${(YOUNGEST - modified.getTime()).toString(16).padStart(12, '0')}${randomBytes(15).toString('base64url')}`;

/** Whether S3 could have given this id. */
export const isVersionId = (id: string): boolean => id === 'null' || /^[0-9a-f]{12}[\w-]{20}$/.test(id);

/** Of a key's versions those behind the one with this id; all of them behind a `null` that is gone, as only that id does not tell when it was made. */
export function behind(versions: readonly Kept[], id: string): readonly Kept[] {
  const modified =
    id === 'null'
      ? versions.find(({ versionId }) => versionId === undefined)?.modified.getTime()
      : YOUNGEST - Number.parseInt(id.slice(0, 12), 16);
  return modified === undefined ? versions : versions.filter((version) => version.modified.getTime() < modified);
}
