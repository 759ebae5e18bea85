import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { frame, frames } from './frame.ts';
import { createSegment, endOf, note, openSegments, segmentPath, slice } from './segments.ts';

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
  /** Removes a stream's logs, or with `<stream>/<shard>` the log of one shard. */
  remove(folder: string): Promise<void>;
  close(): Promise<void>;
}

const SEGMENT_BYTES = 16 << 20;
const SLICE_BYTES = { least: 64 << 10, most: 4 << 20, perRecord: 1 << 10 };

/** All shard logs below `dir`. */
export function shardLogs(dir: string): ShardLogs {
  const logs = new Map<string, Promise<ShardLog>>();
  const closeAll = async (prefix: string) => {
    for (const [key, log] of logs) {
      if (!key.startsWith(prefix)) continue;
      logs.delete(key);
      // One that would not open has told whoever asked for it, and there is nothing to close.
      await log.then(
        ({ close }) => close(),
        () => undefined,
      );
    }
  };
  return {
    open: (stream, shard) => {
      const key = `${stream}/${shard}/`;
      const found = logs.get(key) ?? openShard(join(dir, stream, shard));
      logs.set(key, found);
      return found;
    },
    remove: async (folder) => {
      await closeAll(`${folder}/`);
      await rm(join(dir, folder), { recursive: true, force: true });
    },
    close: () => closeAll(''),
  };
}

/** Opens one shard's folder; a torn tail is cut, as nothing in it was ever acknowledged, any other damage refused. */
export async function openShard(dir: string): Promise<ShardLog> {
  await mkdir(dir, { recursive: true });
  const segments = await openSegments(dir);
  let file = await open(segmentPath(dir, segments.at(-1)!.base), 'a');
  let end = endOf(segments.at(-1)!);

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
          last = await createSegment(dir, endOf(last));
          segments.push(last);
          file = await open(segmentPath(dir, last.base), 'a');
        }
        await file.appendFile(Buffer.concat(batch.map(({ bytes }) => bytes)));
        await file.datasync();
        for (const { bytes, arrival, done } of batch) {
          const offset = endOf(last);
          note(last, offset, arrival);
          last.size += bytes.length;
          done(offset);
        }
        end = endOf(last);
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
    let offset = from;
    const records: LogRecord[] = [];
    let bytes = 0;
    const most = Math.min(maxBytes, limit * SLICE_BYTES.perRecord, SLICE_BYTES.most);
    while (records.length < limit && bytes < maxBytes && offset < end) {
      offset = Math.max(offset, segments[0]!.base);
      const at = segments.findLastIndex(({ base }) => base <= offset);
      if (offset >= endOf(segments[at]!)) {
        offset = segments[at + 1]!.base; // what lay between was set aside
        continue;
      }
      const chunk = await slice(dir, segments[at]!, offset, Math.min(end, endOf(segments[at]!)), Math.max(most, SLICE_BYTES.least));
      const before = offset;
      for (const record of frames(chunk, offset)) {
        if (records.length >= limit || bytes >= maxBytes) break;
        bytes += record.data.length;
        offset = record.next;
        records.push(record);
      }
      if (offset === before) break;
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
      while (segments.length > 1 && segments[0]!.lastArrival < time) await rm(segmentPath(dir, segments.shift()!.base));
    },
    close: () => file.close(),
  };
}
