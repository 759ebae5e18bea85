import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Rows } from './engine.ts';

type Json = Rows['rows'][number][number];

/** A DuckDB value as JSON, in the forms that `Rows` promises. */
export function jsonOf(value: DuckDBValue): Json {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value === null || value === undefined || typeof value !== 'object') return value ?? null;
  if (value instanceof DuckDBTimestampTZValue) return `${instant(value.micros / 1000n)} UTC`;
  if (value instanceof DuckDBTimestampValue) return instant(value.micros / 1000n);
  if (value instanceof DuckDBTimestampMillisecondsValue) return instant(value.millis);
  if (value instanceof DuckDBTimestampNanosecondsValue) return instant(value.nanos / 1_000_000n);
  if (value instanceof DuckDBTimestampSecondsValue) return instant(value.seconds * 1000n);
  if (value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(jsonOf);
  if (value instanceof DuckDBStructValue)
    return Object.fromEntries(Object.entries(value.entries).map(([key, item]) => [key, jsonOf(item)]));
  if (value instanceof DuckDBMapValue)
    return Object.fromEntries(value.entries.map(({ key, value: item }) => [String(jsonOf(key)), jsonOf(item)]));
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex');
  return value.toString();
}

/** `YYYY-MM-DD HH:MM:SS.mmm`; beyond the years a Date can hold, DuckDB's own `infinity`. */
function instant(millis: bigint): string {
  const date = new Date(Number(millis));
  if (Number.isNaN(date.getTime())) return millis > 0n ? 'infinity' : '-infinity';
  return date.toISOString().replace('T', ' ').replace('Z', '');
}
