import { crc32 } from 'node:zlib';
import type { LogRecord } from './log.ts';

const HEADER_BYTES = 8;
const KEY_AT = HEADER_BYTES + 10;
const MAX_KEY_BYTES = 4 * 256;
const MAX_BYTES = (10 << 20) + KEY_AT + MAX_KEY_BYTES;

/** A record as it lies on disk: length, checksum, then arrival, length of the key, key, data. */
export function frame(arrival: number, partitionKey: string, data: Uint8Array): Buffer {
  const key = Buffer.from(partitionKey);
  const bytes = Buffer.alloc(KEY_AT + key.length + data.length);
  bytes.writeDoubleBE(arrival, 8);
  bytes.writeUInt16BE(key.length, 16);
  key.copy(bytes, KEY_AT);
  bytes.set(data, KEY_AT + key.length);
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(HEADER_BYTES)), 4);
  return bytes;
}

/** The whole, undamaged records at the head of `bytes`, whose first byte lies at `offset` of the log. */
export function* frames(bytes: Buffer, offset: number): Generator<LogRecord> {
  for (let at = 0; isWhole(bytes, at); ) {
    const next = at + bytes.readUInt32BE(at);
    const keyEnd = KEY_AT + bytes.readUInt16BE(at + 16);
    yield {
      offset: offset + at,
      next: offset + next,
      arrival: bytes.readDoubleBE(at + 8),
      partitionKey: bytes.toString('utf8', at + KEY_AT, at + keyEnd),
      data: bytes.subarray(at + keyEnd, next),
    };
    at = next;
  }
}

/** How many bytes the record at the head of `bytes` says it takes, data that is not in `bytes` included; 0 if not even that is there. */
export const lengthAtHead = (bytes: Buffer): number => (bytes.length < 4 ? 0 : bytes.readUInt32BE(0));

/** Whether a whole record begins anywhere in `bytes`. Only places that could be the head of one have their checksum taken. */
export function holdsRecord(bytes: Buffer): boolean {
  for (let at = 0; at + KEY_AT <= bytes.length; at++) {
    if (bytes[at] !== 0 || bytes.readUInt32BE(at) > MAX_BYTES) continue;
    const arrival = bytes.readDoubleBE(at + 8);
    const isPlausible = arrival > 0 && Number.isSafeInteger(arrival) && bytes.readUInt16BE(at + 16) <= MAX_KEY_BYTES;
    if (isPlausible && isWhole(bytes, at)) return true;
  }
  return false;
}

function isWhole(bytes: Buffer, at: number): boolean {
  if (at + KEY_AT > bytes.length) return false;
  const length = bytes.readUInt32BE(at);
  if (length < KEY_AT || at + length > bytes.length) return false;
  return crc32(bytes.subarray(at + HEADER_BYTES, at + length)) === bytes.readUInt32BE(at + 4);
}
