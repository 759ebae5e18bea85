import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Table } from './journal.ts';

/** One call to the local AWS, as it came and as it ended. */
export interface Call {
  id: string;
  /** Milliseconds since the epoch, and how many it took. */
  at: number;
  took: number;
  service: string;
  operation: string;
  /** Whose key signed it: `user/local`, or `role/<name>` of a service that works in a role. */
  caller: string;
  /** Which program, where its User-Agent says so: `worker`, `client`. */
  app?: string;
  /** In the SDK's own shape; of the data plane only sizes. */
  input: unknown;
  /** 'ok', or the error's name. Where the connection broke: 'cut' (no effect) or 'lost' (it took effect), by the fault plan or as the process was killed. */
  outcome: string;
}

/** A call that has not ended yet. */
export type OpenCall = Omit<Call, 'took' | 'outcome'>;

/** The calls to one local AWS: the last ones in memory, all of them in a file if there is one. */
export interface CallLog {
  /**
   * Notes that a call took effect, in the catalog and so on disk together with the effect: if the process is killed before it has logged the call, the next one
   * does, as 'lost'.
   */
  tookEffect(call: OpenCall): void;
  /** Logs a call that ended; in the file before anybody hears its answer. */
  add(call: Call): void;
  /** The last calls, oldest first. */
  all(): Call[];
  clear(): void;
  close(): void;
}

const KEPT = 20_000;
/** Operations whose input is data rather than a wish: logged by their size unless told otherwise. */
export const DATA: readonly string[] = ['PutRecords', 'PutRecord', 'GetRecords', 'PutObject', 'UploadPart', 'PutLogEvents'];
const READS = /^(Get|List|Describe|Head|BatchGet|Filter)/;

/** A call log; `file` (JSON lines) is appended to, `open` keeps what took effect and is not in it yet. With `whole` even data is kept. */
export function callLog(file?: string, whole = false, open?: Table<OpenCall>): CallLog {
  let calls: Call[] = [];
  let out = file === undefined ? undefined : openSync(file, 'a');
  const sized = <Logged extends OpenCall>(call: Logged): Logged =>
    isData(call.operation) && !whole ? { ...call, input: sizes(call.input) } : call;
  const write = (call: Call) => {
    if (out !== undefined) writeSync(out, `${JSON.stringify(call, asBuffer)}\n`);
    open?.delete(call.id);
  };
  for (const call of open ? left(file, open) : []) write({ ...call, took: 0, outcome: 'lost' });
  return {
    tookEffect: (call) => {
      if (out !== undefined && !READS.test(call.operation) && !isData(call.operation)) open?.set(call.id, call);
    },
    add: (call) => {
      const kept = sized(call);
      calls.push(kept);
      if (calls.length > 2 * KEPT) calls = calls.slice(-KEPT);
      write(kept);
    },
    all: () => calls.slice(-KEPT),
    clear: () => {
      calls = [];
    },
    close: () => {
      if (out !== undefined) closeSync(out);
      out = undefined;
    },
  };
}

/** Bytes of any kind in the form that a Buffer has in JSON. */
const asBuffer = (_key: string, value: unknown) => (value instanceof Uint8Array ? { type: 'Buffer', data: [...value] } : value);

const isData = (operation: string) => DATA.includes(operation);

/** Calls of an earlier process that took effect without being logged; those that it logged, or that there is no file for any more, are forgotten. */
function left(file: string | undefined, open: Table<OpenCall>): Readonly<OpenCall>[] {
  const calls = open.values();
  if (calls.length === 0) return [];
  const logged = file === undefined ? undefined : readFileSync(file, 'utf8');
  for (const { id } of calls) if (logged?.includes(`"id":"${id}"`) ?? true) open.delete(id);
  return open.values();
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
