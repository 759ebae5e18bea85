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

const COMPACT_AT_START_ABOVE = { bytes: 1 << 20, timesLive: 2 };
const COMPACT_RUNNING_ABOVE = { bytes: 4 << 20, timesLive: 8 };

/** A value, and the bytes that its latest line takes. */
interface Entry {
  value: unknown;
  bytes: number;
}

/**
 * Opens the journal at `path`, cutting a torn tail; refuses one that is damaged before its tail, and then changes nothing.
 * It is rewritten when most of it is history: at once, or later by the commit that finds it so.
 */
export async function openJournal(path: string): Promise<Journal> {
  const tables = new Map<string, Map<string, Entry>>();
  const contents = (name: string) => tables.get(name) ?? tables.set(name, new Map()).get(name)!;
  let live = 0;
  const apply = (map: Map<string, Entry>, key: string, entry: Entry | undefined) => {
    live += (entry?.bytes ?? 0) - (map.get(key)?.bytes ?? 0);
    if (entry) map.set(key, entry);
    else map.delete(key);
  };
  let size = replay(path, (name, key, value, bytes) => apply(contents(name), key, value === undefined ? undefined : { value, bytes }));

  let file = await open(path, 'a');
  await file.truncate(size);
  await syncFolder(dirname(path));

  let pending = '';
  let writing: Promise<void> | undefined;
  let failure: Error | undefined;
  const isMostlyHistory = ({ bytes, timesLive }: typeof COMPACT_RUNNING_ABOVE) => size > bytes && size > timesLive * live;
  /** Puts a file of what is live now, the pending changes among it, in place of the journal. */
  const compact = async () => {
    const lines = [...tables].flatMap(([name, map]) => [...map].map(([key, { value }]) => line(name, key, value)));
    pending = '';
    const old = file;
    file = await replaced(path, lines.join(''));
    size = (await file.stat()).size;
    await old.close();
  };
  const append = async () => {
    const batch = Buffer.from(pending);
    pending = '';
    await file.appendFile(batch);
    await file.datasync();
    size += batch.length;
  };
  const flush = async () => {
    // After a failed write the file's tail is unknown: a later line must not come to stand behind a half one.
    if (pending === '' || failure) return;
    try {
      await (isMostlyHistory(COMPACT_RUNNING_ABOVE) ? compact() : append());
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
  if (isMostlyHistory(COMPACT_AT_START_ABOVE)) await compact();
  return {
    table: <Value>(name: string): Table<Value> => {
      const map = contents(name);
      const held = (entry: Entry) => entry.value as Value;
      const change = (key: string, value?: Value) => {
        const text = line(name, key, value);
        apply(map, key, value === undefined ? undefined : { value, bytes: Buffer.byteLength(text) });
        pending += text;
      };
      return {
        get: (key) => map.get(key)?.value as Value | undefined,
        has: (key) => map.has(key),
        set: change,
        delete: (key) => {
          if (map.has(key)) change(key);
        },
        keys: () => [...map.keys()],
        values: () => [...map.values()].map(held),
        entries: () => [...map].map(([key, entry]) => [key, held(entry)]),
      };
    },
    commit,
    close: async () => {
      try {
        await commit();
      } finally {
        await file.close();
      }
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

/** Feeds every line to `apply` and returns how many bytes the whole ones take; throws if a whole line follows a damaged one. */
function replay(path: string, apply: (table: string, key: string, value: unknown, bytes: number) => void): number {
  const bytes = readIfPresent(path);
  let start = 0;
  for (let end = lineEnd(bytes, start); end > 0; end = lineEnd(bytes, start)) {
    const [table, key, value] = JSON.parse(bytes.toString('utf8', start + 9, end - 1), revive) as [string, string, unknown];
    apply(table, key, value ?? undefined, end - start);
    start = end;
  }
  // Found by how a line's JSON begins, not by line breaks: the damage may have taken one or made one.
  for (let at = bytes.indexOf(' ["', start); at >= 0; at = bytes.indexOf(' ["', at + 1)) {
    if (lineEnd(bytes, at - 8) === 0) continue;
    throw new Error(
      `${path} is damaged at byte ${start}, and whole changes follow the damage: nothing was changed. Set the file aside (what it lists is then gone) or put a copy in its place, and start again.`,
    );
  }
  return start;
}

/** The end of the line that begins at `start`, its line break included; 0 if it is torn or damaged. */
function lineEnd(bytes: Buffer, start: number): number {
  const checksum = bytes.toString('latin1', start, start + 8);
  if (!/^[0-9a-f]{8}$/.test(checksum)) return 0;
  const end = bytes.indexOf(10, start + 9);
  return end > 0 && crc32(bytes.subarray(start + 9, end)) === Number.parseInt(checksum, 16) ? end + 1 : 0;
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

/** Writes `text` beside `path`, then puts it in its place; the old file stands until the new one is on disk whole. */
async function replaced(path: string, text: string): Promise<FileHandle> {
  const fresh = await open(`${path}.new`, 'w');
  try {
    await fresh.writeFile(text);
    await fresh.sync();
    await rename(`${path}.new`, path);
    await syncFolder(dirname(path));
    return fresh;
  } catch (error) {
    await fresh.close();
    throw error;
  }
}
