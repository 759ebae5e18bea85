import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncFolder } from '../journal.ts';

/** A record as it lies in a shard. `offset` is the byte position in the shard's log, `next` the position after it. */
export interface LogRecord {
  offset: number;
  next: number;
  /** Milliseconds since the epoch. */
  arrival: number;
  partitionKey: string;
  data: Buffer;
}

/** The append-only log of one shard: segments on disk, a sparse index of arrival times in memory. */
export interface ShardLog {
  /** Resolves with the records' offsets once they are on disk; appends that come during a write share the next one. */
  append(records: { arrival: number; partitionKey: string; data: Uint8Array }[]): Promise<number[]>;
  /** Records from `offset` on, at most `limit` of them and about `maxBytes`; an offset before the oldest record reads from the oldest. */
  read(offset: number, limit: number, maxBytes?: number): Promise<LogRecord[]>;
  /** The offset of the first record that arrived at `time` or later. */
  offsetAt(time: number): Promise<number>;
  /** The offset of the oldest record kept. */
  start(): number;
  /** The offset after the newest record on disk. */
  end(): number;
  /** Drops whole segments whose records all arrived before `time`. */
  trim(time: number): Promise<void>;
  close(): Promise<void>;
}

/** The logs of all shards, opened when first asked for. `stream` names the folder. */
export interface ShardLogs {
  open(stream: string, shard: string): Promise<ShardLog>;
  remove(stream: string): Promise<void>;
  close(): Promise<void>;
}

const SEGMENT_BYTES = 16 << 20;
const HEADER_BYTES = 8;
const INDEX_EVERY_BYTES = 64 << 10;

interface Segment {
  base: number;
  size: number;
  index: { offset: number; arrival: number }[];
  lastArrival: number;
}

/** All shard logs below `dir`. */
export function shardLogs(dir: string): ShardLogs {
  const logs = new Map<string, Promise<ShardLog>>();
  const closeAll = async (prefix: string) => {
    for (const [key, log] of logs) {
      if (!key.startsWith(prefix)) continue;
      logs.delete(key);
      await (await log).close();
    }
  };
  return {
    open: (stream, shard) => {
      const key = `${stream}/${shard}`;
      const found = logs.get(key) ?? openShard(join(dir, stream, shard));
      logs.set(key, found);
      return found;
    },
    remove: async (stream) => {
      await closeAll(`${stream}/`);
      await rm(join(dir, stream), { recursive: true, force: true });
    },
    close: () => closeAll(''),
  };
}

/** Opens one shard's folder; a torn or damaged tail is cut, as nothing in it was ever acknowledged. */
export async function openShard(dir: string): Promise<ShardLog> {
  await mkdir(dir, { recursive: true });
  const segments: Segment[] = [];
  for (const name of (await readdir(dir)).filter((file) => file.endsWith('.log')).sort())
    segments.push(await scan(dir, Number(name.slice(0, -4))));
  if (segments.length === 0) segments.push(await create(dir, 0));
  let file = await open(path(dir, segments.at(-1)!.base), 'a');
  let end = position(segments.at(-1)!);

  let queue: { bytes: Buffer; arrival: number; done: (offset: number) => void; failed: (error: unknown) => void }[] = [];
  let writing = false;
  let failure: unknown;
  const drain = async () => {
    if (writing) return;
    writing = true;
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      try {
        let last = segments.at(-1)!;
        if (last.size >= SEGMENT_BYTES) {
          await file.close();
          last = await create(dir, position(last));
          segments.push(last);
          file = await open(path(dir, last.base), 'a');
        }
        await file.appendFile(Buffer.concat(batch.map(({ bytes }) => bytes)));
        await file.datasync();
        for (const { bytes, arrival, done } of batch) {
          const offset = position(last);
          note(last, offset, arrival);
          last.size += bytes.length;
          done(offset);
        }
        end = position(last);
      } catch (error) {
        // After a failed write the file's tail is unknown: refuse everything until the shard is opened anew.
        failure = error;
        for (const { failed } of [...batch, ...queue]) failed(error);
        queue = [];
      }
    }
    writing = false;
  };

  const read = async (from: number, limit: number, maxBytes = 2 << 20): Promise<LogRecord[]> => {
    let offset = Math.max(from, segments[0]!.base);
    const records: LogRecord[] = [];
    let bytes = 0;
    while (records.length < limit && bytes < maxBytes && offset < end) {
      const segment = segments.findLast(({ base }) => base <= offset)!;
      const chunk = await slice(dir, segment, offset, Math.min(end, position(segment)));
      const found = [...frames(chunk, offset)].slice(0, limit - records.length);
      if (found.length === 0) break;
      for (const record of found) {
        if (bytes >= maxBytes) break;
        bytes += record.data.length;
        offset = record.next;
        records.push(record);
      }
    }
    return records;
  };

  return {
    append: (records) =>
      Promise.all(
        records.map(
          ({ arrival, partitionKey, data }) =>
            new Promise<number>((done, failed) => {
              if (failure) return failed(failure);
              queue.push({ bytes: frame(arrival, partitionKey, data), arrival, done, failed });
              if (queue.length === 1) queueMicrotask(drain);
            }),
        ),
      ),
    read,
    offsetAt: async (time) => {
      const segment = segments.find(({ lastArrival }) => lastArrival >= time);
      if (!segment) return end;
      let offset = segment.index.findLast(({ arrival }) => arrival < time)?.offset ?? segment.base;
      for (;;) {
        const records = await read(offset, 1000);
        const hit = records.find(({ arrival }) => arrival >= time);
        if (hit) return hit.offset;
        if (records.length === 0) return end;
        offset = records.at(-1)!.next;
      }
    },
    start: () => segments[0]!.base,
    end: () => end,
    trim: async (time) => {
      while (segments.length > 1 && segments[0]!.lastArrival < time) await rm(path(dir, segments.shift()!.base));
    },
    close: () => file.close(),
  };
}

const path = (dir: string, base: number) => join(dir, `${String(base).padStart(20, '0')}.log`);
const position = ({ base, size }: Segment) => base + size;

function note(segment: Segment, offset: number, arrival: number): void {
  const last = segment.index.at(-1);
  if (!last || offset - last.offset >= INDEX_EVERY_BYTES) segment.index.push({ offset, arrival });
  segment.lastArrival = Math.max(segment.lastArrival, arrival);
}

async function create(dir: string, base: number): Promise<Segment> {
  await (await open(path(dir, base), 'a')).close();
  await syncFolder(dir);
  return { base, size: 0, index: [], lastArrival: 0 };
}

/** Reads a segment once from disk, checks every record and cuts the file after the last good one. */
async function scan(dir: string, base: number): Promise<Segment> {
  const segment: Segment = { base, size: 0, index: [], lastArrival: 0 };
  const file = await open(path(dir, base), 'r+');
  try {
    for (const record of frames(await file.readFile(), base)) {
      note(segment, record.offset, record.arrival);
      segment.size = record.next - base;
    }
    await file.truncate(segment.size);
  } finally {
    await file.close();
  }
  return segment;
}

const READ_BYTES = 4 << 20;

async function slice(dir: string, segment: Segment, offset: number, end: number): Promise<Buffer> {
  const file = await open(path(dir, segment.base), 'r');
  try {
    const chunk = Buffer.alloc(Math.min(READ_BYTES + (11 << 20), end - offset));
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, end - offset), offset - segment.base);
    return chunk.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** length, checksum, then arrival, length of the key, key, data. */
function frame(arrival: number, partitionKey: string, data: Uint8Array): Buffer {
  const key = Buffer.from(partitionKey);
  const bytes = Buffer.alloc(HEADER_BYTES + 10 + key.length + data.length);
  bytes.writeDoubleBE(arrival, 8);
  bytes.writeUInt16BE(key.length, 16);
  key.copy(bytes, 18);
  bytes.set(data, 18 + key.length);
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(HEADER_BYTES)), 4);
  return bytes;
}

/** The whole, undamaged records at the head of `bytes`, whose first byte lies at `offset` of the log. */
function* frames(bytes: Buffer, offset: number): Generator<LogRecord> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (length < HEADER_BYTES + 10 || at + length > bytes.length) return;
    const body = bytes.subarray(at + HEADER_BYTES, at + length);
    if (crc32(body) !== bytes.readUInt32BE(at + 4)) return;
    const keyEnd = 10 + body.readUInt16BE(8);
    yield {
      offset: offset + at,
      next: offset + at + length,
      arrival: body.readDoubleBE(0),
      partitionKey: body.toString('utf8', 10, keyEnd),
      data: body.subarray(keyEnd),
    };
    at += length;
  }
}
