import { AGGREGATE_BYTES, type Aggregate, aggregate, userRecords } from '../../pipeline/aggregation.ts';
import type { AckTracker, Parcel } from './ack-tracker.ts';
import { type Pace, pace, type ShardLimit } from './pace.ts';

/** A record to be sent. `position` never goes down within a lane; records may share one, and the lane's caller says which it has passed. */
export interface Outgoing {
  data: Uint8Array | string;
  partitionKey: string;
  /** Decides the shard: a decimal number below 2^128. */
  hashKey: string;
  position: number;
}

/** How records are made into parcels, and in which order these may go. */
export interface Packing {
  /**
   * Gathers records of one hash key, and one lane, into records of KPL's format. `queued`: only those that wait behind another of their partition key, lest
   * one record a round trip be all that a key takes.
   */
  aggregate?: boolean | 'queued';
  aggregateBytes?: number;
  /**
   * What was refused is not overtaken by a later record of its partition key: a key has one record under way at a time; with `aggregate: true`, a hash key has one aggregate.
   * Records of one partition key have one hash key, or they have no order anyway.
   */
  ordered?: boolean;
  /** What the shard behind a hash key takes. */
  limit: ShardLimit;
}

/** What waits to be sent, by hash keys. */
export interface Routes {
  /** Takes a copy of a record of so many bytes, its key included. */
  take(lane: AckTracker, record: Outgoing, bytes: number): void;
  /** Parcels that could go now, but for their shards' pace, and their bytes. */
  ready(): { count: number; bytes: number };
  /** Whether anything waits at all. */
  isEmpty(): boolean;
  /** Takes out what may go at `now`, within what a call takes (`isCut` if more would have gone); with `isDue`, also aggregates that are not full. */
  pick(now: number, isDue: boolean, most: { records: number; bytes: number }): { parcels: Parcel[]; isCut: boolean };
  /** What became of the parcels of a call; each is settled, or waits again. */
  judge(parcels: Parcel[], now: number, isStored: (at: number) => boolean): void;
  /** Puts back what a call carried that had no outcome. */
  back(parcels: Parcel[]): void;
  drop(parcels: Parcel[]): void;
  forget(lane: AckTracker): void;
}

interface Route {
  pace: Pace;
  /** Refused, to go first. */
  again: Set<Parcel>;
  fresh: Set<Parcel>;
  /** Locks that are taken, and what waits for them. */
  locks: Map<string, Parcel[]>;
  gatherings: Map<AckTracker, Gathering>;
}

interface Gathering {
  into: Aggregate;
  parcel?: Parcel;
}

/** Nothing waits yet. */
export function routes({ aggregate: gathers = false, aggregateBytes = AGGREGATE_BYTES, ordered = false, limit }: Packing): Routes {
  const byHashKey = new Map<string, Route>();
  /** What waits for a lock and still takes records. */
  const open = new Map<Parcel, Aggregate>();
  const ready = { count: 0, bytes: 0 };
  let gathering = 0;
  let turn = 0;
  const memory: Buffer<ArrayBuffer>[] = [];
  const mostBytes = gathers === true && ordered ? GROWN * aggregateBytes : aggregateBytes;
  const allocate = () => memory.pop() ?? Buffer.allocUnsafeSlow(mostBytes);

  const routeOf = (hashKey: string): Route => {
    const found = byHashKey.get(hashKey);
    if (found) return found;
    const route = { pace: pace(limit), again: new Set<Parcel>(), fresh: new Set<Parcel>(), locks: new Map(), gatherings: new Map() };
    byHashKey.set(hashKey, route);
    return route;
  };
  const count = ({ record }: Parcel, sign: 1 | -1) => {
    ready.count += sign;
    ready.bytes += sign * sizeOf(record);
  };
  const enqueue = (route: Route, parcel: Parcel) => {
    const waiting = ordered && route.locks.get(parcel.lock);
    if (waiting) return waiting.push(parcel);
    if (ordered) route.locks.set(parcel.lock, []);
    route.fresh.add(parcel);
    return count(parcel, 1);
  };
  /** The next one that waits for the lock of a parcel may go. */
  const unlock = (route: Route, { lock }: Parcel) => {
    if (!ordered) return;
    const next = route.locks.get(lock)?.shift();
    if (!next) return void route.locks.delete(lock);
    const into = open.get(next);
    if (into) seal(next, into);
    open.delete(next);
    route.fresh.add(next);
    count(next, 1);
  };
  const single = (lane: AckTracker, { data, partitionKey, hashKey, position }: Outgoing, bytes: number): Parcel => {
    const record = { Data: Buffer.from(data as Uint8Array), PartitionKey: partitionKey, ExplicitHashKey: hashKey };
    const parcel = lane.begin(record, gathers === true ? '' : partitionKey, position);
    lane.include(parcel, position, bytes);
    return parcel;
  };
  const gather = (route: Route, lane: AckTracker, record: Outgoing, bytes: number) => {
    const { data, partitionKey, hashKey, position } = record;
    const found = route.gatherings.get(lane) ?? { into: aggregate(mostBytes, allocate) };
    if (!found.into.add(partitionKey, hashKey, data)) {
      if (found.parcel) close(route, found);
      if (!found.into.add(partitionKey, hashKey, data)) return enqueue(route, single(lane, record, bytes));
    }
    if (!found.parcel) {
      gathering++;
      route.gatherings.set(lane, found);
      found.parcel = lane.begin(headOf(record), '', position);
    }
    lane.include(found.parcel, position, bytes);
    if (found.into.size() >= aggregateBytes && !route.locks.has('')) close(route, found);
  };
  /** Puts a record behind others that wait for the same lock. */
  const queue = (waiting: Parcel[], lane: AckTracker, record: Outgoing, bytes: number) => {
    const { data, partitionKey, hashKey, position } = record;
    const last = waiting.at(-1);
    if (last?.lane === lane && open.get(last)?.add(partitionKey, hashKey, data)) return lane.include(last, position, bytes);
    const into = aggregate(mostBytes, allocate);
    if (!into.add(partitionKey, hashKey, data)) return void waiting.push(single(lane, record, bytes));
    const parcel = lane.begin(headOf(record), partitionKey, position);
    open.set(parcel, into);
    waiting.push(parcel);
    return lane.include(parcel, position, bytes);
  };
  const close = (route: Route, found: Gathering) => {
    const parcel = found.parcel!;
    seal(parcel, found.into);
    found.parcel = undefined;
    gathering--;
    enqueue(route, parcel);
  };
  /** Nothing more goes into a parcel. One record alone goes as it is. */
  const seal = (parcel: Parcel, into: Aggregate) => {
    const isSingle = into.count() === 1;
    const data = into.finish();
    parcel.record.Data = isSingle ? userRecords({ partitionKey: '', data })[0]!.data : data;
    parcel.free = () => void memory.push(Buffer.from(data.buffer as ArrayBuffer));
  };
  const discard = (into: Aggregate) => void memory.push(Buffer.from(into.finish().buffer as ArrayBuffer));
  const next = (route: Route, isDue: boolean): Parcel | undefined => {
    if (isDue && route.again.size + route.fresh.size === 0)
      for (const found of route.gatherings.values()) if (found.parcel && !(ordered && route.locks.has(''))) close(route, found);
    for (const parcel of route.again) return parcel;
    for (const parcel of route.fresh) return parcel;
    return undefined;
  };
  const remove = (route: Route, parcel: Parcel) => {
    if (route.again.delete(parcel) || route.fresh.delete(parcel)) count(parcel, -1);
  };
  const back = (parcel: Parcel) => {
    routeOf(parcel.record.ExplicitHashKey).again.add(parcel);
    count(parcel, 1);
  };

  return {
    take: (lane, record, bytes) => {
      const route = routeOf(record.hashKey);
      const waiting = gathers === 'queued' && route.locks.get(record.partitionKey);
      if (gathers === true) gather(route, lane, record, bytes);
      else if (waiting) queue(waiting, lane, record, bytes);
      else enqueue(route, single(lane, record, bytes));
    },
    ready: () => ready,
    isEmpty: () => ready.count === 0 && gathering === 0,
    pick: (now, isDue, most) => {
      const parcels: Parcel[] = [];
      let bytes = 0;
      const all = [...byHashKey.values()];
      turn = (turn + 1) % Math.max(1, all.length);
      for (const route of [...all.slice(turn), ...all.slice(0, turn)]) {
        while (route.pace.freeAt() <= now) {
          const parcel = next(route, isDue);
          if (!parcel) break;
          const size = sizeOf(parcel.record);
          if (parcels.length === most.records || (parcels.length > 0 && bytes + size > most.bytes)) return { parcels, isCut: true };
          remove(route, parcel);
          route.pace.spend(now, size);
          parcels.push(parcel);
          bytes += size;
        }
      }
      return { parcels, isCut: false };
    },
    judge: (parcels, now, isStored) => {
      const outcomes = new Map<Route, { stored: number; refused: number }>();
      for (const [at, parcel] of parcels.entries()) {
        const route = routeOf(parcel.record.ExplicitHashKey);
        const outcome = outcomes.get(route) ?? { stored: 0, refused: 0 };
        outcomes.set(route, outcome);
        if (isStored(at)) {
          outcome.stored++;
          unlock(route, parcel);
          parcel.lane.settle(parcel);
        } else {
          outcome.refused++;
          back(parcel);
        }
      }
      for (const [route, { stored, refused }] of outcomes) route.pace.answered(now, stored, refused);
    },
    back: (parcels) => parcels.forEach(back),
    drop: (parcels) => {
      const dropped = new Set(parcels);
      for (const route of byHashKey.values()) {
        for (const waiting of route.locks.values()) waiting.splice(0, waiting.length, ...waiting.filter((parcel) => !dropped.has(parcel)));
        for (const found of route.gatherings.values()) {
          if (!found.parcel || !dropped.has(found.parcel)) continue;
          discard(found.into);
          found.parcel = undefined;
          gathering--;
        }
      }
      for (const parcel of parcels) {
        const into = open.get(parcel);
        if (into) discard(into);
        open.delete(parcel);
        const route = routeOf(parcel.record.ExplicitHashKey);
        if (!route.fresh.has(parcel)) continue;
        remove(route, parcel);
        unlock(route, parcel);
      }
    },
    forget: (lane) => {
      for (const route of byHashKey.values()) route.gatherings.delete(lane);
    },
  };
}

/** So many times its size may an aggregate have that waits for the one before: there is one a round trip, and a shard's bytes are to fill it. */
const GROWN = 4;
const NOTHING = new Uint8Array(0);

/** An aggregate goes under the keys of its first record. */
const headOf = ({ partitionKey, hashKey }: Outgoing) => ({ Data: NOTHING, PartitionKey: partitionKey, ExplicitHashKey: hashKey });

const sizeOf = ({ Data, PartitionKey }: Parcel['record']): number => Data.length + Buffer.byteLength(PartitionKey);
