import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Analysis, Answer, QueryRequest, Question } from './engine-messages.ts';

/**
 * Rows as the SQL engine gives them: JSON values, and DuckDB's name of each column's type (`BIGINT`, `STRUCT(a INTEGER)`).
 * Integers beyond 2^53 and decimals are strings, timestamps `YYYY-MM-DD HH:MM:SS.mmm` (with ` UTC` behind where they carry a zone),
 * dates `YYYY-MM-DD`, blobs hex, structs and maps objects; doubles that JSON lacks are the strings `NaN`, `Infinity`, `-Infinity`.
 */
export interface Rows {
  columns: { name: string; type: string }[];
  rows: (string | number | boolean | null | unknown[] | object)[][];
}

/** The SQL engine: DuckDB in a child process without network, which sees the lake and the SPICE folder and writes neither. What its memory cannot hold goes onto the disk. */
export interface SqlEngine {
  /**
   * Runs one SELECT in DuckDB's dialect, in a database of its own, after `setup` (CREATE SCHEMA, VIEW and MACRO, ours alone); the
   * SELECT sees nothing but what `setup` made. `signal` interrupts it. Rejects with DuckDB's own message. `filesRead` are absolute paths.
   */
  query(request: QueryRequest & { signal?: AbortSignal }): Promise<Rows & { filesRead: string[] }>;
  /** Puts Trino's dialect into DuckDB's; rejects with the parser's message. */
  translate(sql: string): Promise<string>;
  /** Translates one query of Trino's dialect, checks that it only reads, and names its tables; `database` completes unqualified names. */
  analyse(sql: string, database: string): Promise<Analysis>;
  close(): Promise<void>;
}

/** The folders that the engine may read below, the one that is its own for what does not fit into its memory, and who hears of its process. */
export interface EngineOptions {
  readable: string[];
  spill: string;
  log: (part: string, message: string) => void;
  /** Hears the id of each process that is started. */
  started?: (pid: number) => void;
}

const AT_ONCE = 2;

/** Starts the engine's process. When the process dies, the queries under way fail and the next starts it anew. */
export async function startSqlEngine({ readable, spill, log, started = () => undefined }: EngineOptions): Promise<SqlEngine> {
  let running: Running | undefined;
  let closed = false;
  const engine = () => {
    if (closed) throw new Error('The SQL engine is closed.');
    if (!running || running.ended) running = startProcess(readable, spill, log, started);
    return running;
  };
  engine();

  const turns = limit(AT_ONCE);
  return {
    query: ({ sql, setup, signal }) =>
      turns(async () => {
        signal?.throwIfAborted();
        const answer = await engine().ask({ kind: 'query', sql, setup }, signal);
        return { columns: answer.columns ?? [], rows: answer.rows, filesRead: answer.filesRead ?? [] };
      }),
    translate: async (sql) => (await engine().ask({ kind: 'translate', sql })).sql!,
    analyse: async (sql, database) => (await engine().ask({ kind: 'analyse', sql, database })).analysis!,
    close: async () => {
      closed = true;
      await running?.end();
      await rm(spill, { recursive: true, force: true });
    },
  };
}

interface Running {
  readonly ended: boolean;
  ask(question: Question, signal?: AbortSignal): Promise<Gathered>;
  end(): Promise<void>;
}

type Gathered = Omit<Answer, 'id' | 'rows'> & { rows: Rows['rows'] };

function startProcess(readable: string[], spill: string, log: EngineOptions['log'], started: (pid: number) => void): Running {
  // What a process that was killed has left there.
  rmSync(spill, { recursive: true, force: true });
  mkdirSync(spill, { recursive: true });
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('./engine-process.ts', import.meta.url)), spill, ...readable],
    {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { PATH: process.env.PATH, TZ: 'UTC', MALLOC_ARENA_MAX: '2' },
      stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
    },
  );
  if (child.pid !== undefined) started(child.pid);
  const waiting = new Map<number, { gathered: Gathered; done: (all: Gathered) => void; failed: (error: Error) => void }>();
  let next = 0;
  let ended = false;
  const gone = endOf(child, (how) => {
    ended = true;
    for (const { failed } of waiting.values()) failed(new Error(`The SQL engine ended (${how}) while the query ran.`));
    waiting.clear();
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => log('sql', text.trimEnd()));
  child.on('message', ({ id, rows, ...rest }: Answer) => {
    const call = waiting.get(id);
    if (!call) return;
    if (rows) for (const row of rows) call.gathered.rows.push(row);
    Object.assign(call.gathered, rest);
    if (!rest.done && rest.error === undefined) return;
    waiting.delete(id);
    if (rest.error === undefined) call.done(call.gathered);
    else call.failed(new Error(rest.error));
  });
  return {
    get ended() {
      return ended;
    },
    ask: (question, signal) =>
      new Promise((done, failed) => {
        const id = next++;
        const abort = () => void child.send({ id, kind: 'interrupt' }, () => undefined);
        const settle =
          <T>(how: (value: T) => void) =>
          (value: T) => {
            signal?.removeEventListener('abort', abort);
            how(value);
          };
        waiting.set(id, { gathered: { rows: [] }, done: settle(done), failed: settle(failed) });
        signal?.addEventListener('abort', abort);
        child.send({ id, ...question }, (error) => {
          if (error && waiting.delete(id)) failed(error);
        });
      }),
    end: async () => {
      child.stdin!.end();
      await gone;
    },
  };
}

/** Resolves once the process has ended; `heard` learns how. */
const endOf = (child: ChildProcess, heard: (how: string) => void): Promise<void> =>
  new Promise((resolve) => {
    const end = (how: string) => {
      heard(how);
      resolve();
    };
    child.once('error', (error) => end(error.message)).once('exit', (code, signal) => end(signal ?? `code ${code}`));
  });

/** Lets `width` pieces of work run at once; the others wait their turn. */
function limit(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = width;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((turn) => queue.push(turn));
    try {
      return await work();
    } finally {
      const following = queue.shift();
      if (following) following();
      else free++;
    }
  };
}
