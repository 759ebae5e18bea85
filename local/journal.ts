import { readFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';

/** A durable map: reads are from memory, writes are on disk once `journal.commit()` resolves. Values are never changed in place. */
export interface Table<Value> {
  get(key: string): Readonly<Value> | undefined;
  has(key: string): boolean;
  set(key: string, value: Value): void;
  delete(key: string): void;
  keys(): string[];
  values(): Readonly<Value>[];
  entries(): [string, Readonly<Value>][];
}

/** The catalog of the local AWS: every resource of every service, one line of checksum and JSON per change. */
export interface Journal {
  table<Value>(name: string): Table<Value>;
  /** Resolves when everything written so far is on disk. Callers that come while a write runs share the next one. */
  commit(): Promise<void>;
  close(): Promise<void>;
}

const COMPACT_ABOVE_BYTES = 1 << 20;

/** Opens the journal at `path`, cutting a torn last line, and rewrites it when most of it is history. */
export async function openJournal(path: string): Promise<Journal> {
  const tables = new Map<string, Map<string, unknown>>();
  const contents = (name: string) => tables.get(name) ?? tables.set(name, new Map()).get(name)!;
  const good = replay(path, (name, key, value) => (value === undefined ? contents(name).delete(key) : contents(name).set(key, value)));

  let file = await open(path, 'a+');
  await file.truncate(good);
  if (good > COMPACT_ABOVE_BYTES) file = await compacted(path, file, tables);
  await syncFolder(dirname(path));

  let pending = '';
  let writing: Promise<void> | undefined;
  let failure: Error | undefined;
  const flush = async () => {
    const batch = pending;
    pending = '';
    if (batch === '') return;
    try {
      await file.appendFile(batch);
      await file.datasync();
    } catch (error) {
      failure = error as Error;
    }
  };
  const commit = async () => {
    while (pending !== '' || writing) {
      writing ??= flush().finally(() => {
        writing = undefined;
      });
      await writing;
      if (failure) throw failure;
    }
  };
  return {
    table: <Value>(name: string): Table<Value> => {
      const map = contents(name) as Map<string, Value>;
      const record = (key: string, value?: Value) => {
        pending += line(name, key, value);
      };
      return {
        get: (key) => map.get(key),
        has: (key) => map.has(key),
        set: (key, value) => {
          map.set(key, value);
          record(key, value);
        },
        delete: (key) => {
          if (map.delete(key)) record(key);
        },
        keys: () => [...map.keys()],
        values: () => [...map.values()],
        entries: () => [...map.entries()],
      };
    },
    commit,
    close: async () => {
      await commit();
      await file.close();
    },
  };
}

/** Makes a rename or a new file in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function line(table: string, key: string, value: unknown): string {
  const json = JSON.stringify([table, key, value], replacer);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/** Feeds every whole, untouched line to `apply` and returns how many bytes they take; all after the first damaged line is dropped. */
function replay(path: string, apply: (table: string, key: string, value: unknown) => void): number {
  const bytes = readIfPresent(path);
  let start = 0;
  for (let end = bytes.indexOf(10, start); end >= 0; end = bytes.indexOf(10, start)) {
    const json = bytes.toString('utf8', start + 9, end);
    if (bytes.toString('latin1', start, start + 8) !== crc32(json).toString(16).padStart(8, '0')) break;
    const [table, key, value] = JSON.parse(json, revive) as [string, string, unknown];
    apply(table, key, value ?? undefined);
    start = end + 1;
  }
  return start;
}

function readIfPresent(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** JSON that brings dates back as dates. */
function replacer(this: Record<string, unknown>, key: string, value: unknown): unknown {
  return this[key] instanceof Date ? { $date: this[key].getTime() } : value;
}
const revive = (_key: string, value: unknown) => (isDate(value) ? new Date(value.$date) : value);
const isDate = (value: unknown): value is { $date: number } => typeof value === 'object' && value !== null && '$date' in value;

async function compacted(path: string, old: FileHandle, tables: Map<string, Map<string, unknown>>): Promise<FileHandle> {
  const fresh = await open(`${path}.new`, 'w');
  for (const [name, map] of tables) for (const [key, value] of map) await fresh.appendFile(line(name, key, value));
  await fresh.sync();
  await fresh.close();
  await rename(`${path}.new`, path);
  await old.close();
  return open(path, 'a+');
}
