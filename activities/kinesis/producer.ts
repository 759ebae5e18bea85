import { type AckTracker, ackTracker, type LaneOptions, type Parcel, type Progress } from './ack-tracker.ts';
import { jittered, SHARD_LIMIT, type ShardLimit } from './pace.ts';
import { outcomeOf, type Put } from './put-records.ts';
import { isBehind, type LookUp, type Mark } from './read-back.ts';
import { type Outgoing, type Packing, routes } from './routes.ts';

/** One run of positions, with its own account of what is acknowledged. */
export interface Lane {
  /** Takes a copy of the record. What it gives, if anything, is to be awaited before the next: the lane is full. Throws once the courier has failed. */
  send(record: Outgoing): Promise<void> | undefined;
  /** Every record below this position has been given. */
  reached(position: number): void;
  /** Resolves once all that was taken, and not dropped by an abort, is acknowledged; rejects when the courier fails. */
  end(): Promise<Progress>;
}

/** Carries the records of many lanes to one stream, in calls that they share. */
export interface Producer {
  lane(options?: LaneOptions): Lane;
}

/** How a courier works. */
export interface Carriage extends Partial<Packing> {
  put: Put;
  /** Asked before records are sent once more whose call was not answered. */
  lookUp?: LookUp;
  stream: string;
  /** Calls in flight. */
  calls?: number;
  callRecords?: number;
  callBytes?: number;
  /** How long a record may wait for others to share its call, or its aggregate, with. */
  lingerMs?: number;
  /** How long calls may fail one after the other before the courier does. */
  patienceMs?: number;
  /** What the shard behind each hash key takes, by the second. */
  limit?: ShardLimit;
}

/** What a stream takes unless it is configured otherwise, the key included. */
const MOST_RECORD_BYTES = 1 << 20;
const BACKOFF_MS = { first: 50, longest: 2000 };
const ORDERED_PAUSE_MS = 10;
const THROTTLED = 'ProvisionedThroughputExceededException';

/** A courier to one stream. It holds nothing open while nothing is under way; after a failure a new one is needed. */
export function producer(carriage: Carriage): Producer {
  const { put, lookUp, stream, calls = 4, lingerMs = 100, patienceMs = 30_000, limit = SHARD_LIMIT, ordered } = carriage;
  /** Batches are small anyway where few records may go at a time. */
  const pause = ordered ? Math.min(lingerMs, ORDERED_PAUSE_MS) : lingerMs;
  const most = { records: carriage.callRecords ?? 500, bytes: carriage.callBytes ?? 5_000_000 };
  const waiting = routes({ ...carriage, limit });
  const lanes = new Set<Waiting>();
  /** The latest record that is acknowledged, by hash keys. */
  const marks = new Map<string, Mark>();
  let flying = 0;
  let failure: { error: unknown } | undefined;
  let failures = { count: 0, since: 0 };
  let timer: { at: number; handle: NodeJS.Timeout } | undefined;
  /** When what waits goes though it fills no call; when a full call is looked for again after the shards had no room for one; when calls may be made again. */
  const due = { partly: Number.POSITIVE_INFINITY, fully: 0, again: 0 };
  const isFull = () => waiting.ready().count >= most.records || waiting.ready().bytes >= most.bytes;

  const pump = () => {
    while (flying < calls && !failure) {
      const now = performance.now();
      const isDue = now >= due.partly;
      const at = Math.max(due.again, Math.min(due.partly, isFull() ? due.fully : Number.POSITIVE_INFINITY));
      if (now < at) return arm(at);
      const { parcels, isCut } = waiting.pick(now, isDue, most);
      if (!isCut) due.fully = now + pause;
      if (waiting.isEmpty()) due.partly = Number.POSITIVE_INFINITY;
      else if (isDue) due.partly = now + pause;
      if (parcels.length > 0) void carry(parcels);
    }
  };
  const arm = (at: number) => {
    if (at === Number.POSITIVE_INFINITY || (timer && timer.at <= at)) return;
    clearTimeout(timer?.handle);
    const ring = () => {
      timer = undefined;
      pump();
    };
    timer = { at, handle: setTimeout(ring, Math.max(0, Math.ceil(at - performance.now()))) };
  };

  const carry = async (all: Parcel[]) => {
    flying++;
    const doubtful = lookUp ? all.filter(({ isUnanswered, behind }) => isUnanswered && behind) : [];
    // Those that go for the first time do so at once: an abort meanwhile must not drop them.
    for (const parcel of all) if (!doubtful.includes(parcel)) depart(parcel);
    const stored = doubtful.length > 0 ? await storedOf(doubtful) : new Set<Parcel>();
    for (const parcel of doubtful) if (!stored.has(parcel)) depart(parcel);
    const parcels = all.filter((parcel) => !stored.has(parcel));
    const entries = parcels.map(({ record }) => record);
    if (parcels.length > 0)
      await put(stream, entries).then(
        (results) => answered(parcels, results),
        (error) => unanswered(parcels, error),
      );
    flying--;
    if (!waiting.isEmpty()) due.partly = Math.min(due.partly, performance.now() + (ordered ? 0 : pause));
    for (const lane of new Set(all.map((parcel) => parcel.lane))) lane.report();
    wake();
    pump();
  };
  const depart = (parcel: Parcel) => {
    if (!parcel.isTried) parcel.behind = marks.get(parcel.record.ExplicitHashKey);
    parcel.lane.depart(parcel);
  };
  /** Those that an earlier call has stored though nobody heard of it; they are settled. Of what cannot be looked up none: a copy loses nothing, and is told of. */
  const storedOf = async (doubtful: Parcel[]): Promise<Set<Parcel>> => {
    const sought = doubtful.map(({ record, behind }) => ({ record, behind: behind! }));
    const found = await lookUp!(stream, sought).catch(() => new Set<Parcel['record']>());
    const stored = doubtful.filter(({ record }) => found.has(record));
    waiting.judge(stored, performance.now(), () => true);
    return new Set(stored);
  };
  const answered = (parcels: Parcel[], results: Awaited<ReturnType<Put>>) => {
    failures = { count: 0, since: 0 };
    for (const [at, parcel] of parcels.entries()) parcel.isUnknown = results[at]?.ErrorCode !== THROTTLED;
    remember(parcels, results);
    waiting.judge(parcels, performance.now(), (at) => results[at]?.SequenceNumber !== undefined);
  };
  const remember = (parcels: Parcel[], results: Awaited<ReturnType<Put>>) => {
    const latest = new Map<string, Mark>();
    for (const [at, { record }] of parcels.entries()) {
      const { ShardId, SequenceNumber } = results[at] ?? {};
      if (ShardId && SequenceNumber) latest.set(record.ExplicitHashKey, { ShardId, SequenceNumber });
    }
    for (const [hashKey, mark] of latest) {
      const known = marks.get(hashKey);
      if (known?.ShardId !== mark.ShardId || isBehind(mark, known)) marks.set(hashKey, mark);
    }
  };
  const unanswered = (parcels: Parcel[], error: unknown) => {
    const now = performance.now();
    const fate = outcomeOf(error);
    for (const parcel of parcels) {
      parcel.isUnknown = fate === 'unknown';
      parcel.isUnanswered ||= parcel.isUnknown;
    }
    waiting.back(parcels);
    failures = { count: failures.count + 1, since: failures.count === 0 ? now : failures.since };
    due.again = now + jittered(BACKOFF_MS.first * 2 ** failures.count, BACKOFF_MS.longest);
    if (fate === 'hopeless' || now - failures.since > patienceMs) failure ??= { error };
  };
  /** Tells those who wait. After a failure what is in flight is heard first, as it may be acknowledged yet. */
  const wake = () => {
    for (const lane of lanes) {
      const { books, room, drained } = lane;
      if (failure && flying === 0) {
        room?.reject(failure.error);
        drained?.reject(failure.error);
      }
      if (room && !books.isFull()) {
        lane.room = undefined;
        room.resolve();
      }
      if (books.isEmpty()) drained?.resolve();
    }
  };

  const lane = (options: LaneOptions = {}): Lane => {
    const { signal } = options;
    const books = ackTracker(options);
    const state: Waiting = { books };
    lanes.add(state);
    const hurry = () => {
      due.partly = 0;
      pump();
      wake();
    };
    const cut = () => {
      waiting.drop(books.cut());
      hurry();
    };
    signal?.addEventListener('abort', cut);
    if (signal?.aborted) cut();
    return {
      send: (record) => {
        if (failure) throw failure.error;
        if (!books.admits(record.position)) return undefined;
        const bytes = lengthOf(record.data) + lengthOf(record.partitionKey);
        if (bytes > MOST_RECORD_BYTES) {
          books.oversize(record.position);
          return undefined;
        }
        waiting.take(books, record, bytes);
        if (due.partly === Number.POSITIVE_INFINITY) due.partly = performance.now() + lingerMs;
        if (isFull() || !timer) pump();
        if (!books.isFull()) return undefined;
        state.room ??= waiter();
        return state.room.promise;
      },
      reached: books.reached,
      end: async () => {
        try {
          hurry();
          if (failure && flying === 0 && !books.isEmpty()) throw failure.error;
          if (!books.isEmpty()) state.drained = waiter();
          await state.drained?.promise;
          return books.progress();
        } finally {
          signal?.removeEventListener('abort', cut);
          lanes.delete(state);
          waiting.forget(books);
        }
      },
    };
  };
  return { lane };
}

/** A lane, and who waits for room in it, or for all of it to be acknowledged. */
interface Waiting {
  books: AckTracker;
  room?: Waiter;
  drained?: Waiter;
}

interface Waiter {
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

function waiter(): Waiter {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

const lengthOf = (content: Uint8Array | string): number => (typeof content === 'string' ? Buffer.byteLength(content) : content.length);
