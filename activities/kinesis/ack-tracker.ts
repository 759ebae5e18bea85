import type { PutEntry } from './put-records.ts';
import type { ShardPosition } from './read-back.ts';

/** Positions from the first up to, not including, the second. */
export type Positions = [number, number];

/** How far a lane has come. */
export interface Progress {
  /** Every record of a position below it is acknowledged, or was refused as oversized. */
  next: number;
  /** Records acknowledged. */
  acknowledged: number;
  /** Records sent once more after a call of which nobody knows what became: each may be in the stream once more. */
  resent: number;
  /** Records that were too large to be sent at all. */
  oversized: number;
  /** Bytes that were taken and are neither acknowledged nor dropped. */
  held: number;
}

/** What a lane may be told and who is told of it. */
export interface LaneOptions {
  /** The first position. */
  from?: number;
  /** Bytes that it holds before `send` makes its caller wait. */
  maxBytes?: number;
  /**
   * An abort drops what no call has carried yet, as far as that leaves what is acknowledged one unbroken run of positions. The lane's caller finishes the
   * position that it had begun, and ends the lane.
   */
  signal?: AbortSignal;
  report?(progress: Progress): void;
  /** Records that are about to be sent once more, though they may be stored. */
  resent?(positions: Positions[]): void;
  oversized?(position: number): void;
}

/** A record of the stream on its way: a user record that goes as it is, or an aggregate. */
export interface OutgoingRecord {
  lane: AckTracker;
  entry: PutEntry;
  /** What must reach the stream in order has the same lock. */
  lock: string;
  /** The first position in it. */
  from: number;
  /** All positions in it. */
  spans: Positions[];
  count: number;
  /** Bytes of the records in it, as they were taken. */
  held: number;
  /** What to do with its memory once it is settled. */
  free?: () => void;
  /** A call has carried it. */
  isTried: boolean;
  /** It may be stored, nobody knows. */
  isUnknown: boolean;
  /** A call that carried it was not answered: it may be in the stream behind what its shard was known to have when it first went. */
  isUnanswered: boolean;
  after?: ShardPosition;
  isSettled: boolean;
}

/** What one lane holds, and how far everything is acknowledged. */
export interface AckTracker {
  progress(): Progress;
  /** False for a record that comes after an abort. */
  admits(position: number): boolean;
  begin(entry: PutEntry, lock: string, position: number): OutgoingRecord;
  /** A further user record goes into a record of the stream. */
  include(outgoing: OutgoingRecord, position: number, bytes: number): void;
  /** A record is acknowledged. */
  settle(outgoing: OutgoingRecord): void;
  /** A record goes into a call. */
  noteTried(outgoing: OutgoingRecord): void;
  oversize(position: number): void;
  reached(position: number): void;
  /** Takes out what an abort drops. */
  cut(): OutgoingRecord[];
  isEmpty(): boolean;
  /** True while its caller should wait. */
  isFull(): boolean;
  report(): void;
}

const MOST_BYTES = 4 << 20;
/** A record that is refused for long keeps all later ones here. */
const MOST_RECORDS = 20_000;
const COMPACT_AT = 1024;
const NOTHING = new Uint8Array(0);

/** The tracker of a lane that begins at a position. */
export function ackTracker({ from = 0, maxBytes = MOST_BYTES, report, resent, oversized }: LaneOptions): AckTracker {
  /** Records that are not acknowledged, by rising first position; from `head` on, as settled ones before it are forgotten. */
  let records: OutgoingRecord[] = [];
  let head = 0;
  let reached = from;
  /** The position after the last one of which anything was carried or refused. */
  let tried = from;
  /** After an abort: the last position that is still taken. */
  let last = Number.POSITIVE_INFINITY;
  const counts = { acknowledged: 0, resent: 0, oversized: 0, held: 0 };

  const advance = () => {
    while (records[head]?.isSettled) head++;
    if (head < COMPACT_AT && head < records.length) return;
    records = records.slice(head);
    head = 0;
  };
  const reach = (position: number) => {
    reached = Math.max(reached, Math.min(position, last + 1));
  };
  const self: AckTracker = {
    progress: () => ({ next: records[head]?.from ?? reached, ...counts }),
    admits: (position) => position <= last,
    begin: (entry, lock, position) => {
      const states = { isTried: false, isUnknown: false, isUnanswered: false, isSettled: false };
      const outgoing: OutgoingRecord = {
        lane: self,
        entry,
        lock,
        from: position,
        spans: [[position, position]],
        count: 0,
        held: 0,
        ...states,
      };
      records.push(outgoing);
      return outgoing;
    },
    include: (outgoing, position, bytes) => {
      const span = outgoing.spans.at(-1)!;
      if (position <= span[1]) span[1] = position + 1;
      else outgoing.spans.push([position, position + 1]);
      outgoing.count++;
      outgoing.held += bytes;
      counts.held += bytes;
      if (position > reached) reached = position;
    },
    settle: (outgoing) => {
      outgoing.isSettled = true;
      outgoing.entry.Data = NOTHING;
      outgoing.free?.();
      counts.acknowledged += outgoing.count;
      counts.held -= outgoing.held;
      advance();
    },
    noteTried: (outgoing) => {
      const { spans, count, isUnknown } = outgoing;
      outgoing.isTried = true;
      outgoing.isUnknown = false;
      tried = Math.max(tried, spans.at(-1)![1]);
      if (!isUnknown) return;
      counts.resent += count;
      resent?.(spans.map(([first, end]) => [first, end]));
    },
    oversize: (position) => {
      counts.oversized++;
      tried = Math.max(tried, position + 1);
      reach(position);
      oversized?.(position);
    },
    reached: reach,
    cut: () => {
      last = tried - 1;
      const dropped: OutgoingRecord[] = [];
      const kept: OutgoingRecord[] = [];
      for (const outgoing of records.slice(head)) {
        const isBeyond = !outgoing.isTried && outgoing.from > last;
        (isBeyond ? dropped : kept).push(outgoing);
        // What lies between positions that were tried must go too, and may itself reach beyond them.
        if (!isBeyond) last = Math.max(last, outgoing.spans.at(-1)![1] - 1);
      }
      records = kept;
      head = 0;
      advance();
      for (const outgoing of dropped) {
        counts.held -= outgoing.held;
        outgoing.free?.();
      }
      reached = Math.min(reached, dropped[0]?.from ?? reached);
      last = Math.max(last, reached - 1);
      return dropped;
    },
    isEmpty: () => records.length === head,
    isFull: () => counts.held >= maxBytes || records.length - head >= MOST_RECORDS,
    report: () => report?.(self.progress()),
  };
  return self;
}
