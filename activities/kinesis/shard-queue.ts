import { AGGREGATE_BYTES, type Aggregate } from '../../pipeline/aggregation.ts';
import type { AckTracker, OutgoingRecord } from './ack-tracker.ts';
import { type AggregatePool, aggregatePool } from './aggregate-pool.ts';
import { type Pace, pace, type ShardLimit } from './pace.ts';

/** A user record of a lane. `position` never goes down within a lane; records may share one, and the lane's caller says which it has passed. */
export interface LaneRecord {
  data: Uint8Array | string;
  partitionKey: string;
  /** Decides the shard: a decimal number below 2^128. */
  hashKey: string;
  position: number;
}

/** How user records become records of the stream, and in which order these may go. */
export interface QueueOptions {
  /**
   * Puts user records of one hash key, and one lane, into records of KPL's format. `queued`: only those that wait behind another of their partition key, lest
   * one record a round trip be all that a key takes.
   */
  aggregate?: boolean | 'queued';
  aggregateBytes?: number;
  /**
   * What was refused is not overtaken by a later record of its partition key: a key has one record in flight at a time; with `aggregate: true`, a hash key has one aggregate.
   * Records of one partition key have one hash key, or they have no order anyway.
   */
  ordered?: boolean;
  /** What the shard behind a hash key takes. */
  limit: ShardLimit;
}

/** The records of one PutRecords call, in their order. */
export type Batch = OutgoingRecord[];

/** What waits to be sent, by hash keys. */
export interface ShardQueues {
  /** Takes a copy of a record of so many bytes, its key included. */
  take(lane: AckTracker, record: LaneRecord, bytes: number): void;
  /** Records that could go now, but for their shards' pace, and their bytes. */
  ready(): { count: number; bytes: number };
  /** Whether anything waits at all. */
  isEmpty(): boolean;
  /** Takes out what may go at `now`, within what a call takes (`isCut` if more would have gone); with `isDue`, also aggregates that are not full. */
  pick(now: number, isDue: boolean, most: { records: number; bytes: number }): { batch: Batch; isCut: boolean };
  /** What became of the records of a call; each is acknowledged, or waits again. */
  settle(batch: Batch, now: number, isStored: (at: number) => boolean): void;
  /** Puts back the records of a call that had no outcome. */
  requeue(batch: Batch): void;
  drop(dropped: OutgoingRecord[]): void;
  forget(lane: AckTracker): void;
}

/** What waits for one shard. */
interface ShardQueue {
  pace: Pace;
  /** Refused, to go first. */
  again: Set<OutgoingRecord>;
  fresh: Set<OutgoingRecord>;
  /** Locks that are taken, and what waits for them. */
  locks: Map<string, OutgoingRecord[]>;
  open: Map<AckTracker, OpenAggregate>;
}

/** An aggregate that a lane's next records go into, once there is one with its record. */
interface OpenAggregate {
  into: Aggregate;
  outgoing?: OutgoingRecord;
}

/** All queues of a producer. */
interface Queues {
  aggregates: boolean | 'queued';
  aggregateBytes: number;
  ordered: boolean;
  limit: ShardLimit;
  pool: AggregatePool;
  byHashKey: Map<string, ShardQueue>;
  /** Aggregates that wait for a lock and still take records. */
  waiting: Map<OutgoingRecord, Aggregate>;
  ready: { count: number; bytes: number };
  /** Open aggregates that have a record. */
  open: number;
  turn: number;
}

/** Nothing waits yet. */
export function shardQueues({ aggregate = false, aggregateBytes = AGGREGATE_BYTES, ordered = false, limit }: QueueOptions): ShardQueues {
  const mostBytes = aggregate === true && ordered ? GROWN * aggregateBytes : aggregateBytes;
  const queues: Queues = {
    ...{ aggregates: aggregate, aggregateBytes, ordered, limit, pool: aggregatePool(mostBytes) },
    ...{ byHashKey: new Map(), waiting: new Map(), ready: { count: 0, bytes: 0 }, open: 0, turn: 0 },
  };
  return {
    take: (lane, record, bytes) => {
      const queue = queueOf(queues, record.hashKey);
      const waiting = aggregate === 'queued' && queue.locks.get(record.partitionKey);
      if (aggregate === true) addToOpen(queues, queue, lane, record, bytes);
      else if (waiting) addToWaiting(queues, waiting, lane, record, bytes);
      else enqueue(queues, queue, single(queues, lane, record, bytes));
    },
    ready: () => queues.ready,
    isEmpty: () => queues.ready.count === 0 && queues.open === 0,
    pick: (now, isDue, most) => pick(queues, now, isDue, most),
    settle: (batch, now, isStored) => settle(queues, batch, now, isStored),
    requeue: (batch) => {
      for (const outgoing of batch) requeue(queues, outgoing);
    },
    drop: (dropped) => drop(queues, dropped),
    forget: (lane) => {
      for (const queue of queues.byHashKey.values()) queue.open.delete(lane);
    },
  };
}

/** So many times its size may an aggregate have that waits for the one before: there is one a round trip, and a shard's bytes are to fill it. */
const GROWN = 4;
const NOTHING = new Uint8Array(0);

function queueOf({ byHashKey, limit }: Queues, hashKey: string): ShardQueue {
  const found = byHashKey.get(hashKey);
  if (found) return found;
  const queue: ShardQueue = { pace: pace(limit), again: new Set(), fresh: new Set(), locks: new Map(), open: new Map() };
  byHashKey.set(hashKey, queue);
  return queue;
}

function count({ ready }: Queues, { entry }: OutgoingRecord, sign: 1 | -1): void {
  ready.count += sign;
  ready.bytes += sign * sizeOf(entry);
}

function enqueue(queues: Queues, queue: ShardQueue, outgoing: OutgoingRecord): void {
  const waiting = queues.ordered && queue.locks.get(outgoing.lock);
  if (waiting) return void waiting.push(outgoing);
  if (queues.ordered) queue.locks.set(outgoing.lock, []);
  queue.fresh.add(outgoing);
  count(queues, outgoing, 1);
}

/** The next one that waits for the lock of a record may go. */
function unlock(queues: Queues, queue: ShardQueue, { lock }: OutgoingRecord): void {
  if (!queues.ordered) return;
  const next = queue.locks.get(lock)?.shift();
  if (!next) return void queue.locks.delete(lock);
  const into = queues.waiting.get(next);
  if (into) queues.pool.seal(next, into);
  queues.waiting.delete(next);
  queue.fresh.add(next);
  count(queues, next, 1);
}

/** A record of the stream with one user record. */
function single({ aggregates }: Queues, lane: AckTracker, record: LaneRecord, bytes: number): OutgoingRecord {
  const { data, partitionKey, hashKey, position } = record;
  const entry = { Data: Buffer.from(data as Uint8Array), PartitionKey: partitionKey, ExplicitHashKey: hashKey };
  const outgoing = lane.begin(entry, aggregates === true ? '' : partitionKey, position);
  lane.include(outgoing, position, bytes);
  return outgoing;
}

function addToOpen(queues: Queues, queue: ShardQueue, lane: AckTracker, record: LaneRecord, bytes: number): void {
  const { data, partitionKey, hashKey, position } = record;
  const open = queue.open.get(lane) ?? { into: queues.pool.open() };
  if (!open.into.add(partitionKey, hashKey, data)) {
    if (open.outgoing) close(queues, queue, open);
    if (!open.into.add(partitionKey, hashKey, data)) return void enqueue(queues, queue, single(queues, lane, record, bytes));
  }
  if (!open.outgoing) {
    queues.open++;
    queue.open.set(lane, open);
    open.outgoing = lane.begin(headOf(record), '', position);
  }
  lane.include(open.outgoing, position, bytes);
  if (open.into.size() >= queues.aggregateBytes && !queue.locks.has('')) close(queues, queue, open);
}

/** Nothing more goes into an open aggregate: it may be sent. */
function close(queues: Queues, queue: ShardQueue, open: OpenAggregate): void {
  const outgoing = open.outgoing!;
  queues.pool.seal(outgoing, open.into);
  open.outgoing = undefined;
  queues.open--;
  enqueue(queues, queue, outgoing);
}

/** Puts a record behind others that wait for the same lock. */
function addToWaiting(queues: Queues, waiting: OutgoingRecord[], lane: AckTracker, record: LaneRecord, bytes: number): void {
  const { data, partitionKey, hashKey, position } = record;
  const last = waiting.at(-1);
  if (last?.lane === lane && queues.waiting.get(last)?.add(partitionKey, hashKey, data)) return void lane.include(last, position, bytes);
  const into = queues.pool.open();
  if (!into.add(partitionKey, hashKey, data)) return void waiting.push(single(queues, lane, record, bytes));
  const outgoing = lane.begin(headOf(record), partitionKey, position);
  queues.waiting.set(outgoing, into);
  waiting.push(outgoing);
  lane.include(outgoing, position, bytes);
}

function next(queues: Queues, queue: ShardQueue, isDue: boolean): OutgoingRecord | undefined {
  if (isDue && queue.again.size + queue.fresh.size === 0)
    for (const open of queue.open.values()) if (open.outgoing && !(queues.ordered && queue.locks.has(''))) close(queues, queue, open);
  for (const outgoing of queue.again) return outgoing;
  for (const outgoing of queue.fresh) return outgoing;
  return undefined;
}

function remove(queues: Queues, queue: ShardQueue, outgoing: OutgoingRecord): void {
  if (queue.again.delete(outgoing) || queue.fresh.delete(outgoing)) count(queues, outgoing, -1);
}

function requeue(queues: Queues, outgoing: OutgoingRecord): void {
  queueOf(queues, outgoing.entry.ExplicitHashKey).again.add(outgoing);
  count(queues, outgoing, 1);
}

/** Each call begins with another shard, so that none comes last for ever. */
function pick(queues: Queues, now: number, isDue: boolean, most: { records: number; bytes: number }): { batch: Batch; isCut: boolean } {
  const batch: Batch = [];
  let bytes = 0;
  const all = [...queues.byHashKey.values()];
  queues.turn = (queues.turn + 1) % Math.max(1, all.length);
  for (const queue of [...all.slice(queues.turn), ...all.slice(0, queues.turn)]) {
    while (queue.pace.freeAt() <= now) {
      const outgoing = next(queues, queue, isDue);
      if (!outgoing) break;
      const size = sizeOf(outgoing.entry);
      if (batch.length === most.records || (batch.length > 0 && bytes + size > most.bytes)) return { batch, isCut: true };
      remove(queues, queue, outgoing);
      queue.pace.spend(now, size);
      batch.push(outgoing);
      bytes += size;
    }
  }
  return { batch, isCut: false };
}

function settle(queues: Queues, batch: Batch, now: number, isStored: (at: number) => boolean): void {
  const outcomes = new Map<ShardQueue, { stored: number; refused: number }>();
  for (const [at, outgoing] of batch.entries()) {
    const queue = queueOf(queues, outgoing.entry.ExplicitHashKey);
    const outcome = outcomes.get(queue) ?? { stored: 0, refused: 0 };
    outcomes.set(queue, outcome);
    if (isStored(at)) {
      outcome.stored++;
      unlock(queues, queue, outgoing);
      outgoing.lane.settle(outgoing);
    } else {
      outcome.refused++;
      requeue(queues, outgoing);
    }
  }
  for (const [queue, { stored, refused }] of outcomes) queue.pace.answered(now, stored, refused);
}

function drop(queues: Queues, records: OutgoingRecord[]): void {
  const dropped = new Set(records);
  for (const queue of queues.byHashKey.values()) {
    for (const waiting of queue.locks.values()) waiting.splice(0, waiting.length, ...waiting.filter((outgoing) => !dropped.has(outgoing)));
    for (const open of queue.open.values()) {
      if (!open.outgoing || !dropped.has(open.outgoing)) continue;
      queues.pool.discard(open.into);
      open.outgoing = undefined;
      queues.open--;
    }
  }
  for (const outgoing of records) {
    const into = queues.waiting.get(outgoing);
    if (into) queues.pool.discard(into);
    queues.waiting.delete(outgoing);
    const queue = queueOf(queues, outgoing.entry.ExplicitHashKey);
    if (!queue.fresh.has(outgoing)) continue;
    remove(queues, queue, outgoing);
    unlock(queues, queue, outgoing);
  }
}

/** An aggregate goes under the keys of its first record. */
const headOf = ({ partitionKey, hashKey }: LaneRecord) => ({ Data: NOTHING, PartitionKey: partitionKey, ExplicitHashKey: hashKey });

const sizeOf = ({ Data, PartitionKey }: OutgoingRecord['entry']): number => Data.length + Buffer.byteLength(PartitionKey);
