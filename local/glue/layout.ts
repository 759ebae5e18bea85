import { createHash } from 'node:crypto';
import type { StoredObject } from '../s3/store.ts';
import { mergedSeen, type Seen } from './infer.ts';

/** A file of the lake with what a sample of it holds; undefined where it was not sampled. */
export interface CrawledFile {
  object: Readonly<StoredObject>;
  seen?: Seen;
}

/** A table that a crawl found: where it lies, how its folders divide it, and what its files hold. */
export interface FoundTable {
  name: string;
  bucket: string;
  /** The key prefix of the table's folder, with its last `/`. */
  prefix: string;
  partitionKeys: string[];
  partitions: { values: string[]; prefix: string; files: CrawledFile[] }[];
  files: CrawledFile[];
  seen: Seen;
}

interface Folder {
  prefix: string;
  folders: Map<string, Folder>;
  files: CrawledFile[];
}

/** Folders whose files hold at least this share of columns in common are one table, as Glue's crawler has it. */
const ALIKE = 0.7;

/** Groups the files below `prefix` into tables: folders `key=value`, or folders alike, are partitions of one; others are tables of their own. */
export function findTables(bucket: string, prefix: string, files: CrawledFile[]): FoundTable[] {
  const root = treeOf(prefix, files);
  const found = tablesBelow(bucket, root);
  const names = new Map<string, number>();
  for (const { name } of found) names.set(name, (names.get(name) ?? 0) + 1);
  return found.map((table) => (names.get(table.name)! > 1 ? { ...table, name: withHash(table.name, `${bucket}/${table.prefix}`) } : table));
}

/** Glue's way out when two places would give one table name. */
export const withHash = (name: string, place: string): string => `${name}_${createHash('md5').update(place).digest('hex')}`;

function treeOf(prefix: string, files: CrawledFile[]): Folder {
  const root: Folder = { prefix, folders: new Map(), files: [] };
  for (const file of files) {
    const names = file.object.key.slice(prefix.length).split('/');
    names.pop();
    let folder = root;
    for (const name of names) {
      const next = folder.folders.get(name) ?? { prefix: `${folder.prefix}${name}/`, folders: new Map(), files: [] };
      folder.folders.set(name, next);
      folder = next;
    }
    folder.files.push(file);
  }
  return root;
}

function tablesBelow(bucket: string, folder: Folder): FoundTable[] {
  const seen = seenIn(folder);
  if (!seen) return [];
  const below = [...folder.folders];
  if (below.length === 0 || folder.files.length > 0) return [tableOf(bucket, folder, 0, seen)];
  if (below.every(([name]) => /^[^=]+=/.test(name) || /^\d+$/.test(name)) || areAlike(below.map(([, child]) => seenIn(child))))
    return [tableOf(bucket, folder, shallowest(folder), seen)];
  return below.flatMap(([, child]) => tablesBelow(bucket, child));
}

function tableOf(bucket: string, folder: Folder, depth: number, seen: Seen): FoundTable {
  const leaves = foldersAt(folder, depth);
  const partitionKeys = Array.from({ length: depth }, (_, i) => {
    const keys = new Set(leaves.map(({ path }) => /^([^=]+)=/.exec(path[i]!)?.[1]?.toLowerCase()));
    const [key] = keys;
    return keys.size === 1 && key !== undefined ? key : `partition_${i}`;
  });
  const last = folder.prefix.split('/').at(-2) ?? bucket;
  return {
    name: last.toLowerCase().replace(/[^a-z0-9_]/g, '_'),
    bucket,
    prefix: folder.prefix,
    partitionKeys,
    partitions:
      depth === 0
        ? []
        : leaves.map(({ path, folder: leaf }) => ({
            values: path.map((name, i) => partitionValue(name, partitionKeys[i]!)),
            prefix: leaf.prefix,
            files: filesIn(leaf),
          })),
    files: filesIn(folder),
    seen,
  };
}

const partitionValue = (name: string, key: string) => {
  const raw = name.toLowerCase().startsWith(`${key}=`) ? name.slice(key.length + 1) : name;
  return /%[0-9a-f]{2}/i.test(raw) ? unescaped(raw) : raw;
};

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The depth of the folder nearest to the top that holds files. */
function shallowest(folder: Folder): number {
  if (folder.files.length > 0) return 0;
  return 1 + Math.min(...[...folder.folders.values()].map(shallowest));
}

function foldersAt(folder: Folder, depth: number, path: string[] = []): { path: string[]; folder: Folder }[] {
  if (depth === 0) return [{ path, folder }];
  return [...folder.folders].flatMap(([name, child]) => foldersAt(child, depth - 1, [...path, name]));
}

const filesIn = (folder: Folder): CrawledFile[] => [...folder.files, ...[...folder.folders.values()].flatMap(filesIn)];

function seenIn(folder: Folder): Seen | undefined {
  const samples = filesIn(folder).flatMap(({ seen }) => (seen ? [seen] : []));
  return samples.length === 0 ? undefined : samples.reduce(mergedSeen);
}

function areAlike(samples: (Seen | undefined)[]): boolean {
  const [first, ...others] = samples.filter((seen) => seen !== undefined).map(({ columns }) => new Set(columns.map(({ name }) => name)));
  return others.every((names) => {
    const shared = [...names].filter((name) => first!.has(name)).length;
    return shared / (names.size + first!.size - shared) >= ALIKE;
  });
}
