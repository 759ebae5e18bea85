import { hash } from 'node:crypto';

/** A record as its producer knows it. `hashKey`: the explicit one, a decimal number below 2^128, if it was given one. */
export interface UserRecord {
  partitionKey: string;
  hashKey?: string;
  data: Uint8Array;
}

/** Gathers records into one record of KPL's aggregation format, up to a limit of bytes. */
export interface Aggregate {
  /** Records in it. */
  count(): number;
  /** Bytes it would take if finished now; 0 while it is empty. */
  size(): number;
  /** Copies a record in. False, and nothing changed, when it would no longer fit. */
  add(partitionKey: string, hashKey: string | undefined, data: Uint8Array | string): boolean;
  /** The finished record; the aggregate begins anew, in other memory. */
  finish(): Buffer;
}

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const DIGEST_BYTES = 16;
const FRAME_BYTES = MAGIC.length + DIGEST_BYTES;

// message AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2; repeated Record records = 3; }
// message Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2; required bytes data = 3; repeated Tag tags = 4; }
const PARTITION_KEY = 0x0a;
const HASH_KEY = 0x12;
const RECORD = 0x1a;
const KEY_INDEX = 0x08;
const HASH_KEY_INDEX = 0x10;
const DATA = 0x1a;

/** What the KPL fills a record to unless told otherwise. */
export const AGGREGATE_BYTES = 51_200;

/**
 * An empty aggregate; `allocate` gives the memory of each record. A key is written where it is first used: protobuf lets the entries of its fields follow each
 * other in any order.
 */
export function aggregate(limit = AGGREGATE_BYTES, allocate = () => Buffer.allocUnsafeSlow(limit)): Aggregate {
  const most = limit - DIGEST_BYTES;
  let bytes = Buffer.alloc(0);
  let at = 0;
  let count = 0;
  const keys = keyTable();
  const hashKeys = keyTable();

  const varint = (value: number) => {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
  };
  const field = (tag: number, content: Uint8Array | string, length: number) => {
    bytes[at++] = tag;
    varint(length);
    if (typeof content !== 'string') bytes.set(content, at);
    else bytes.write(content, at, length, content.length === length ? 'latin1' : 'utf8');
    at += length;
  };

  const add: Aggregate['add'] = (partitionKey, hashKey, data) => {
    const length = lengthOf(data);
    const key = keys.look(partitionKey);
    const hasKey = hashKey !== undefined;
    const index = hasKey ? hashKeys.look(hashKey) : 0;
    const body = 1 + varintBytes(key) + (hasKey ? 1 + varintBytes(index) : 0) + fieldBytes(length);
    const more = keys.bytes(key, partitionKey) + (hasKey ? hashKeys.bytes(index, hashKey) : 0) + fieldBytes(body);
    if ((count === 0 ? MAGIC.length : at) + more > most) return false;
    if (count === 0) begin();
    if (keys.enter(key, partitionKey)) field(PARTITION_KEY, partitionKey, lengthOf(partitionKey));
    if (hasKey && hashKeys.enter(index, hashKey)) field(HASH_KEY, hashKey, lengthOf(hashKey));
    bytes[at++] = RECORD;
    varint(body);
    bytes[at++] = KEY_INDEX;
    varint(key);
    if (hasKey) {
      bytes[at++] = HASH_KEY_INDEX;
      varint(index);
    }
    field(DATA, data, length);
    count++;
    return true;
  };
  const begin = () => {
    bytes = allocate();
    at = MAGIC.copy(bytes);
  };

  return {
    count: () => count,
    size: () => (count === 0 ? 0 : at + DIGEST_BYTES),
    add,
    finish: () => {
      const record = bytes.subarray(0, at + digest(bytes.subarray(MAGIC.length, at)).copy(bytes, at));
      keys.clear();
      hashKeys.clear();
      count = 0;
      return record;
    },
  };
}

/** Strings and the numbers they have in a record's table. The last one asked for is known without a look. */
function keyTable() {
  const indexes = new Map<string, number>();
  let last: string | undefined;
  let lastIndex = 0;
  return {
    /** The number of a key: the next free one if it is new. */
    look: (key: string): number => (key === last ? lastIndex : (indexes.get(key) ?? indexes.size)),
    /** Bytes that a key of that number adds to the record: none if it is there. */
    bytes: (index: number, key: string): number => (index < indexes.size ? 0 : fieldBytes(lengthOf(key))),
    /** True if the key was not there. */
    enter: (index: number, key: string): boolean => {
      last = key;
      lastIndex = index;
      const isNew = index === indexes.size;
      if (isNew) indexes.set(key, index);
      return isNew;
    },
    clear: () => {
      indexes.clear();
      last = undefined;
    },
  };
}

const digest = (bytes: Uint8Array): Buffer => hash('md5', bytes, 'buffer');
const lengthOf = (content: Uint8Array | string): number => (typeof content === 'string' ? Buffer.byteLength(content) : content.length);
const varintBytes = (value: number): number => (value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5);
const fieldBytes = (length: number): number => 1 + varintBytes(length) + length;

/** The user records that a record of a stream holds: those of an aggregate, or the record itself. Their data is not copied. */
export function userRecords(record: UserRecord): UserRecord[] {
  const parsed = parse(record.data);
  if (!parsed) return [record];
  const { keys, hashKeys, entries } = parsed;
  return entries.map(({ key, hashKey, data }) => ({
    partitionKey: keys[key]!,
    ...(hashKey !== undefined && { hashKey: hashKeys[hashKey]! }),
    data,
  }));
}

/** The data of the user records that a record of a stream holds. */
export const payloads = (data: Uint8Array): Uint8Array[] => parse(data)?.entries.map((entry) => entry.data) ?? [data];

interface Parsed {
  keys: string[];
  hashKeys: string[];
  entries: { key: number; hashKey: number | undefined; data: Uint8Array }[];
}

/** Reads an aggregate; undefined for what is none: no magic, a wrong digest, no such message, or a key that its table does not have. */
function parse(data: Uint8Array): Parsed | undefined {
  const end = data.length - DIGEST_BYTES;
  if (data.length <= FRAME_BYTES || MAGIC.some((byte, i) => data[i] !== byte)) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, end);
  if (!digest(bytes.subarray(MAGIC.length)).equals(data.subarray(end))) return undefined;
  const parsed: Parsed = { keys: [], hashKeys: [], entries: [] };
  const isWhole = eachField(bytes, MAGIC.length, end, (tag, from, to) => {
    if (tag === PARTITION_KEY) parsed.keys.push(bytes.toString('utf8', from, to));
    else if (tag === HASH_KEY) parsed.hashKeys.push(bytes.toString('utf8', from, to));
    else if (tag === RECORD) return enter(parsed, bytes, from, to);
    return true;
  });
  const { keys, hashKeys, entries } = parsed;
  const isSound = entries.every(({ key, hashKey }) => key < keys.length && (hashKey === undefined || hashKey < hashKeys.length));
  return isWhole && isSound && entries.length > 0 ? parsed : undefined;
}

function enter({ entries }: Parsed, bytes: Buffer, from: number, to: number): boolean {
  let key = -1;
  let hashKey: number | undefined;
  let data: Uint8Array | undefined;
  const isWhole = eachField(bytes, from, to, (tag, value, end) => {
    if (tag === KEY_INDEX) key = value;
    else if (tag === HASH_KEY_INDEX) hashKey = value;
    else if (tag === DATA) data = bytes.subarray(value, end);
    return true;
  });
  if (!isWhole || key < 0 || data === undefined) return false;
  entries.push({ key, hashKey, data });
  return true;
}

/**
 * Reads the fields of a protobuf message that lies in `bytes`: a number by its value, a string of bytes by where it begins and ends; others are passed over.
 * False when it is no message, or `take` says so.
 */
function eachField(bytes: Buffer, from: number, to: number, take: (tag: number, value: number, end: number) => boolean): boolean {
  let at = from;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < to && scale < 2 ** 70; scale *= 128) {
      const byte = bytes[at++]!;
      if (byte < 0x80) return value + byte * scale;
      value += (byte & 0x7f) * scale;
    }
    return Number.NaN;
  };
  while (at < to) {
    const tag = varint();
    const kind = tag & 7;
    const value = kind === 0 || kind === 2 ? varint() : kind === 1 ? 8 : kind === 5 ? 4 : Number.NaN;
    const end = kind === 0 ? at : at + value;
    if (!(value >= 0 && end <= to)) return false;
    if ((kind === 0 && !take(tag, value, at)) || (kind === 2 && !take(tag, at, end))) return false;
    at = end;
  }
  return true;
}
