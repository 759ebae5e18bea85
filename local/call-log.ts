import { createWriteStream, type WriteStream } from 'node:fs';

/** One call to the local AWS, as it came and as it ended. */
export interface Call {
  /** Milliseconds since the epoch, and how many it took. */
  at: number;
  took: number;
  service: string;
  operation: string;
  /** The first product of the caller's User-Agent, as `aws-sdk-js/3.1169.0`. */
  caller: string;
  /** In the SDK's own shape; of the data plane only sizes. */
  input: unknown;
  /** 'ok', or the error's name; where the fault plan broke the connection 'cut' (no effect) or 'lost' (it took effect). */
  outcome: string;
}

/** The calls to one local AWS: the last ones in memory, all of them in a file if there is one. */
export interface CallLog {
  add(call: Call): void;
  /** The last calls, oldest first. */
  all(): Call[];
  clear(): void;
  close(): Promise<void>;
}

const KEPT = 20_000;
/** Operations whose input is data rather than a wish: logged by their size. */
const DATA = ['PutRecords', 'PutRecord', 'GetRecords', 'PutObject', 'PutLogEvents'];

/** A call log; `file` (JSON lines) is appended to. With `whole` even data is kept. */
export function callLog(file?: string, whole = false): CallLog {
  let calls: Call[] = [];
  const out: WriteStream | undefined = file === undefined ? undefined : createWriteStream(file, { flags: 'a' });
  return {
    add: (call) => {
      const kept = DATA.includes(call.operation) && !whole ? { ...call, input: sizes(call.input) } : call;
      calls.push(kept);
      if (calls.length > 2 * KEPT) calls = calls.slice(-KEPT);
      out?.write(`${JSON.stringify(kept)}\n`);
    },
    all: () => calls.slice(-KEPT),
    clear: () => {
      calls = [];
    },
    close: () => new Promise((resolve) => (out ? out.end(() => resolve()) : resolve())),
  };
}

function sizes(input: unknown): object {
  const { StreamName, StreamARN, Bucket, Key, Records, Data, Body } = (input ?? {}) as Record<string, unknown>;
  const bytes = [Records, Data, Body].flat().reduce((sum: number, each) => sum + lengthOf(each), 0);
  return { StreamName, StreamARN, Bucket, Key, records: Array.isArray(Records) ? Records.length : undefined, bytes };
}

function lengthOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  return value instanceof Object && 'Data' in value ? lengthOf(value.Data) : 0;
}
