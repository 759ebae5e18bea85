import { payloads } from '../../pipeline/aggregation.ts';
import type { Aws } from '../aws.ts';
import type { LogRecord } from '../kinesis/log.ts';
import { isOpen, parentsOf } from '../kinesis/shards.ts';
import type { Stream } from '../kinesis/streams.ts';
import type { Checkpoint, Positions } from './catalog.ts';

/** The one buffer of a delivery stream: records read but not delivered, from the checkpoint up to `to`. */
export interface Held {
  folder: string;
  to: Positions;
  /** The records as they will stand in the object, those of aggregates one by one, delimiters included. */
  parts: Buffer[];
  /** What AWS measures against SizeInMBs: the records, before compression. */
  bytes: number;
  /** Arrival of the oldest record, in milliseconds. */
  oldest?: number;
}

const MAX_RECORDS = 10_000;
const LEAST_SLICE_BYTES = 64 << 10;

/** An empty buffer that goes on at the checkpoint. */
export const holdFrom = ({ folder, positions }: Readonly<Checkpoint>): Held => ({ folder, to: { ...positions }, parts: [], bytes: 0 });

/**
 * Takes what the shards have, by turns, until nothing is left or the buffer has `maxBytes` (the last record may go over it). A shard's turn comes once those that
 * it was split off or merged from have been read to their end.
 */
export async function fill(aws: Aws, source: Readonly<Stream>, held: Held, maxBytes: number, delimiter: string): Promise<void> {
  const share = Math.max(LEAST_SLICE_BYTES, Math.ceil(maxBytes / source.shards.filter(isOpen).length));
  for (let found = true; found && held.bytes < maxBytes; ) {
    found = false;
    for (const shard of source.shards) {
      const { id } = shard;
      const { log, from, isRead } = await place(aws, held, id);
      if (isRead || held.bytes >= maxBytes) continue;
      const parents = await Promise.all(parentsOf(source.shards, shard).map((parent) => place(aws, held, parent.id)));
      if (!parents.every((parent) => parent.isRead)) continue;
      const records = await log.read(from, MAX_RECORDS, Math.min(share, maxBytes - held.bytes));
      take(held, id, records, delimiter);
      found ||= records.length > 0;
    }
  }
}

/** How far a shard has been read. */
async function place(aws: Aws, { folder, to }: Held, id: string) {
  const log = await aws.shards.open(folder, id);
  const from = to[id] ?? log.start();
  return { log, from, isRead: from >= log.end() };
}

/** Reads exactly the records from the checkpoint up to `to` again. */
export async function refill(aws: Aws, checkpoint: Readonly<Checkpoint>, to: Positions, delimiter: string): Promise<Held> {
  const held = holdFrom(checkpoint);
  for (const [id, end] of Object.entries(to)) {
    const log = await aws.shards.open(checkpoint.folder, id);
    for (let from = Math.max(held.to[id] ?? 0, log.start()); from < end; from = held.to[id]!) {
      const records = (await log.read(from, MAX_RECORDS)).filter(({ next }) => next <= end);
      if (records.length === 0) throw new Error(`shard ${id} no longer holds the records from ${from} to ${end}`);
      take(held, id, records, delimiter);
    }
  }
  return held;
}

function take(held: Held, shard: string, records: LogRecord[], delimiter: string): void {
  if (records.length === 0) return;
  const end = Buffer.from(delimiter);
  const users = records.flatMap(({ data }) => payloads(data));
  // Copied together, as a record's own bytes would keep the whole slice of the log in memory.
  held.parts.push(Buffer.concat(users.flatMap((data) => [data, end])));
  held.bytes += users.reduce((sum, data) => sum + data.length, 0);
  held.oldest = records.reduce((oldest, { arrival }) => Math.min(oldest, arrival), held.oldest ?? Number.POSITIVE_INFINITY);
  held.to[shard] = records.at(-1)!.next;
}
