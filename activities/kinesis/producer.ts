import { type AckTracker, ackTracker, type LaneOptions, type OutgoingRecord, type Progress } from './ack-tracker.ts';
import { jittered, SHARD_LIMIT, type ShardLimit } from './pace.ts';
import { outcomeOf, type Put } from './put-records.ts';
import type { LookUp } from './read-back.ts';
import { type Batch, type LaneRecord, type QueueOptions, type ShardQueues, shardQueues } from './shard-queue.ts';
import { storedPositions } from './stored-positions.ts';
import { alarm, type Waiter, waiter } from './waiter.ts';

/** One run of positions, with its own account of what is acknowledged. */
export interface Lane {
  /** Takes a copy of the record. What it gives, if anything, is to be awaited before the next: the lane is full. Throws once the producer has failed. */
  send(record: LaneRecord): Promise<void> | undefined;
  /** Every record below this position has been given. */
  reached(position: number): void;
  /** How far all is acknowledged by now. */
  progress(): Progress;
  /** Resolves once all that was taken, and not dropped by an abort, is acknowledged; rejects when the producer fails. */
  end(): Promise<Progress>;
}

/** Sends the records of many lanes to one stream, in calls that they share. */
export interface Producer {
  lane(options?: LaneOptions): Lane;
}

/** How a producer works. */
export interface ProducerOptions extends Partial<QueueOptions> {
  put: Put;
  /** Asked before records are sent once more whose call was not answered. */
  lookUp?: LookUp;
  /** Told why records are sent once more without that. */
  warn?(message: string): void;
  stream: string;
  /** Calls in flight. */
  calls?: number;
  callRecords?: number;
  callBytes?: number;
  /** How long a record may wait for others to share its call, or its aggregate, with. */
  lingerMs?: number;
  /** How long calls may fail one after the other before the producer does. */
  patienceMs?: number;
  /** What the shard behind each hash key takes, by the second. */
  limit?: ShardLimit;
}

/** What a stream takes unless it is configured otherwise, the key included. */
const MOST_RECORD_BYTES = 1 << 20;
const BACKOFF_MS = { first: 50, longest: 2000 };
const ORDERED_PAUSE_MS = 10;
const THROTTLED = 'ProvisionedThroughputExceededException';

/** A producer for one stream. It holds nothing open while nothing is under way; after a failure a new one is needed. */
export function producer(options: ProducerOptions): Producer {
  const lanes = new Set<OpenLane>();
  const calls = callsOf(options, (failure) => {
    for (const lane of lanes) wake(lane, failure);
  });
  return { lane: (of = {}) => openLane(lanes, calls, of) };
}

/** A lane, and who waits for room in it, or for all of it to be acknowledged. */
interface OpenLane {
  acks: AckTracker;
  room?: Waiter;
  drained?: Waiter;
}

/** What sends the records of all lanes. */
interface Calls {
  queues: ShardQueues;
  /** A record was taken: it goes in time, a full call at once. */
  taken(): void;
  /** What waits goes now, though it fills no call. */
  hurry(): void;
  /** Why nothing is sent any more. */
  failure(): Failure | undefined;
}

/** `isOver`: no call is in flight that may be answered yet. */
interface Failure {
  error: unknown;
  isOver: boolean;
}

/** Makes the calls; `tell` is told after each. */
function callsOf(options: ProducerOptions, tell: (failure?: Failure) => void): Calls {
  const { calls = 4, lingerMs = 100, limit = SHARD_LIMIT, ordered } = options;
  /** Batches are small anyway where few records may go at a time. */
  const pause = ordered ? Math.min(lingerMs, ORDERED_PAUSE_MS) : lingerMs;
  const most = { records: options.callRecords ?? 500, bytes: options.callBytes ?? 5_000_000 };
  const queues = shardQueues({ ...options, limit });
  const sender = batchSender(options, queues);
  let inFlight = 0;
  /** When what waits goes though it fills no call, and when a full call is looked for again after the shards had no room for one. */
  const due = { partly: Number.POSITIVE_INFINITY, fully: 0 };
  const isFull = () => queues.ready().count >= most.records || queues.ready().bytes >= most.bytes;
  const failure = (): Failure | undefined => sender.failure() && { error: sender.failure()!.error, isOver: inFlight === 0 };

  const pump = () => {
    while (inFlight < calls && !sender.failure()) {
      const now = performance.now();
      const isDue = now >= due.partly;
      const at = Math.max(sender.retryAt(), Math.min(due.partly, isFull() ? due.fully : Number.POSITIVE_INFINITY));
      if (now < at) return timer.set(at);
      const { batch, isCut } = queues.pick(now, isDue, most);
      if (!isCut) due.fully = now + pause;
      if (queues.isEmpty()) due.partly = Number.POSITIVE_INFINITY;
      else if (isDue) due.partly = now + pause;
      if (batch.length > 0) void send(batch);
    }
  };
  const timer = alarm(pump);
  const send = async (batch: Batch) => {
    inFlight++;
    await sender.send(batch);
    inFlight--;
    if (!queues.isEmpty()) due.partly = Math.min(due.partly, performance.now() + (ordered ? 0 : pause));
    for (const lane of new Set(batch.map((outgoing) => outgoing.lane))) lane.report();
    tell(failure());
    pump();
  };
  return {
    queues,
    taken: () => {
      if (due.partly === Number.POSITIVE_INFINITY) due.partly = performance.now() + lingerMs;
      if (isFull() || !timer.isSet()) pump();
    },
    hurry: () => {
      due.partly = 0;
      pump();
      tell(failure());
    },
    failure,
  };
}

/** Sends one batch to its outcome: each record is acknowledged then, or waits again. */
interface BatchSender {
  send(batch: Batch): Promise<void>;
  /** When calls may be made again. */
  retryAt(): number;
  failure(): { error: unknown } | undefined;
}

function batchSender(
  { put, lookUp, warn = () => undefined, stream, patienceMs = 30_000 }: ProducerOptions,
  queues: ShardQueues,
): BatchSender {
  const positions = storedPositions();
  let failure: { error: unknown } | undefined;
  let failures = { count: 0, since: 0 };
  let retryAt = 0;

  const noteTried = (outgoing: OutgoingRecord) => {
    if (!outgoing.isTried) outgoing.after = positions.of(outgoing.entry.ExplicitHashKey);
    outgoing.lane.noteTried(outgoing);
  };
  /** Those that an earlier call has stored though nobody heard of it; they are settled. Of what cannot be looked up none: a copy loses nothing, and is told of. */
  const storedOf = async (unconfirmed: Batch): Promise<Set<OutgoingRecord>> => {
    const sought = unconfirmed.map(({ entry, after }) => ({ entry, after: after! }));
    const found = await lookUp!(stream, sought).catch((error: Error) => {
      warn(`records that may be stored are sent again (${sought.length}): ${error.message}`);
      return new Set<OutgoingRecord['entry']>();
    });
    const stored = unconfirmed.filter(({ entry }) => found.has(entry));
    queues.settle(stored, performance.now(), () => true);
    return new Set(stored);
  };
  const answered = (batch: Batch, results: Awaited<ReturnType<Put>>) => {
    failures = { count: 0, since: 0 };
    for (const [at, outgoing] of batch.entries()) outgoing.isUnknown = results[at]?.ErrorCode !== THROTTLED;
    positions.note(batch, results);
    queues.settle(batch, performance.now(), (at) => results[at]?.SequenceNumber !== undefined);
  };
  const unanswered = (batch: Batch, error: unknown) => {
    const now = performance.now();
    const outcome = outcomeOf(error);
    for (const outgoing of batch) {
      outgoing.isUnknown = outcome === 'unknown';
      outgoing.isUnanswered ||= outgoing.isUnknown;
    }
    queues.requeue(batch);
    failures = { count: failures.count + 1, since: failures.count === 0 ? now : failures.since };
    retryAt = now + jittered(BACKOFF_MS.first * 2 ** failures.count, BACKOFF_MS.longest);
    if (outcome === 'fatal' || now - failures.since > patienceMs) failure ??= { error };
  };
  return {
    send: async (batch) => {
      const unconfirmed = lookUp ? batch.filter(({ isUnanswered, after }) => isUnanswered && after) : [];
      // Those that go for the first time do so at once: an abort meanwhile must not drop them.
      for (const outgoing of batch) if (!unconfirmed.includes(outgoing)) noteTried(outgoing);
      const stored = unconfirmed.length > 0 ? await storedOf(unconfirmed) : new Set<OutgoingRecord>();
      for (const outgoing of unconfirmed) if (!stored.has(outgoing)) noteTried(outgoing);
      const wanted = batch.filter((outgoing) => !stored.has(outgoing));
      const entries = wanted.map(({ entry }) => entry);
      if (wanted.length === 0) return;
      await put(stream, entries).then(
        (results) => answered(wanted, results),
        (error) => unanswered(wanted, error),
      );
    },
    retryAt: () => retryAt,
    failure: () => failure,
  };
}

/** Tells those who wait at a lane. After a failure what is in flight is heard first, as it may be acknowledged yet. */
function wake(lane: OpenLane, failure?: Failure): void {
  const { acks, room, drained } = lane;
  if (failure?.isOver) {
    room?.reject(failure.error);
    drained?.reject(failure.error);
  }
  if (room && !acks.isFull()) {
    lane.room = undefined;
    room.resolve();
  }
  if (acks.isEmpty()) drained?.resolve();
}

function openLane(lanes: Set<OpenLane>, { queues, taken, hurry, failure }: Calls, options: LaneOptions): Lane {
  const { signal } = options;
  const acks = ackTracker(options);
  const lane: OpenLane = { acks };
  lanes.add(lane);
  const cut = () => {
    queues.drop(acks.cut());
    hurry();
  };
  signal?.addEventListener('abort', cut);
  if (signal?.aborted) cut();
  return {
    send: (record) => {
      const failed = failure();
      if (failed) throw failed.error;
      if (!acks.admits(record.position)) return undefined;
      const bytes = lengthOf(record.data) + lengthOf(record.partitionKey);
      if (bytes > MOST_RECORD_BYTES) {
        acks.oversize(record.position);
        return undefined;
      }
      queues.take(acks, record, bytes);
      taken();
      if (!acks.isFull()) return undefined;
      lane.room ??= waiter();
      return lane.room.promise;
    },
    reached: acks.reached,
    progress: acks.progress,
    end: async () => {
      try {
        hurry();
        const failed = failure();
        if (failed?.isOver && !acks.isEmpty()) throw failed.error;
        if (!acks.isEmpty()) lane.drained = waiter();
        await lane.drained?.promise;
        return acks.progress();
      } finally {
        signal?.removeEventListener('abort', cut);
        lanes.delete(lane);
        queues.forget(acks);
      }
    },
  };
}

const lengthOf = (content: Uint8Array | string): number => (typeof content === 'string' ? Buffer.byteLength(content) : content.length);
