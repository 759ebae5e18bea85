import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../journal.ts';
import { frames, holdsRecord, lengthAtHead } from './frame.ts';

/** A file of a shard's log, named after the offset where it begins, with a sparse index of arrival times. */
export interface Segment {
  base: number;
  size: number;
  index: { offset: number; arrival: number }[];
  lastArrival: number;
}

const INDEX_EVERY_BYTES = 64 << 10;
const NAME = /^(\d{20})\.log(\.damaged)?$/;

/** The path of the segment that begins at `base`. */
export const segmentPath = (dir: string, base: number): string => join(dir, `${String(base).padStart(20, '0')}.log`);

/** The offset after the segment's last record. */
export const endOf = ({ base, size }: Segment): number => base + size;

/** Takes a record into the segment's index. */
export function note(segment: Segment, offset: number, arrival: number): void {
  const last = segment.index.at(-1);
  if (!last || offset - last.offset >= INDEX_EVERY_BYTES) segment.index.push({ offset, arrival });
  segment.lastArrival = Math.max(segment.lastArrival, arrival);
}

/** Makes an empty segment on disk. */
export async function createSegment(dir: string, base: number): Promise<Segment> {
  await (await open(segmentPath(dir, base), 'a')).close();
  await syncFolder(dir);
  return { base, size: 0, index: [], lastArrival: 0 };
}

/**
 * Reads and checks every segment in `dir`, oldest first; at least one, to append to. A torn tail is cut, as nothing in it was ever
 * acknowledged; if records follow the damage it throws and changes nothing. Offsets of a file set aside as `.log.damaged` stay unused.
 */
export async function openSegments(dir: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  let end = 0;
  let last: { segment: Segment; isTorn: boolean } | undefined;
  for (const { base, isAside } of await listed(dir)) {
    if (last && base !== end) throw damaged(dir, last.segment);
    if (isAside) {
      end = base + (await stat(`${segmentPath(dir, base)}.damaged`)).size;
      last = undefined;
      continue;
    }
    const { segment, rest } = await scan(dir, base);
    if (holdsRecord(rest)) throw damaged(dir, segment);
    segments.push(segment);
    end = endOf(segment);
    last = { segment, isTorn: rest.length > 0 };
  }
  if (last?.isTorn) await cut(dir, last.segment);
  if (!last) segments.push(await createSegment(dir, end));
  return segments;
}

/** The bytes from `offset` of the log up to `end`: about `wanted` of them, more if the record at `offset` is longer. */
export async function slice(dir: string, segment: Segment, offset: number, end: number, wanted: number): Promise<Buffer> {
  const file = await open(segmentPath(dir, segment.base), 'r');
  const take = async (bytes: number) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, offset - segment.base);
    return buffer.subarray(0, bytesRead);
  };
  try {
    const head = await take(Math.min(wanted, end - offset));
    const length = lengthAtHead(head);
    return length > head.length && length <= end - offset ? await take(length) : head;
  } finally {
    await file.close();
  }
}

async function listed(dir: string): Promise<{ base: number; isAside: boolean }[]> {
  const names = (await readdir(dir)).sort().map((name) => NAME.exec(name));
  return names.filter((match) => match !== null).map(([, base, aside]) => ({ base: Number(base), isAside: aside !== undefined }));
}

/** Reads a segment once: what it holds, and the bytes after its last whole record. */
async function scan(dir: string, base: number): Promise<{ segment: Segment; rest: Buffer }> {
  const segment: Segment = { base, size: 0, index: [], lastArrival: 0 };
  const file = await open(segmentPath(dir, base), 'r');
  try {
    const bytes = await file.readFile();
    for (const { offset, next, arrival } of frames(bytes, base)) {
      note(segment, offset, arrival);
      segment.size = next - base;
    }
    return { segment, rest: bytes.subarray(segment.size) };
  } finally {
    await file.close();
  }
}

async function cut(dir: string, segment: Segment): Promise<void> {
  const file = await open(segmentPath(dir, segment.base), 'r+');
  try {
    await file.truncate(segment.size);
    await file.sync();
  } finally {
    await file.close();
  }
}

function damaged(dir: string, segment: Segment): Error {
  const path = segmentPath(dir, segment.base);
  return new Error(
    `${path} is damaged at byte ${segment.size}, and records follow the damage: nothing was changed. Set the file aside by renaming it to ${path}.damaged (its records are then gone) or put a copy in its place, and start again.`,
  );
}
