import { Worker } from 'node:worker_threads';

const KEPT = 500;
const IDLE_MS = 30_000;

/** What the translating thread answers: the statements it read, or where and why it could not. */
export interface Translation {
  id: number;
  sql?: string[];
  error?: string;
  line?: number;
  column?: number;
}

const known = new Map<string, string>();
const waiting = new Map<number, (translation: Translation) => void>();
let thread: Worker | undefined;
let idle: NodeJS.Timeout | undefined;
let next = 0;

/**
 * Puts one query of Trino's dialect into DuckDB's. Rejects with `line L:C: <the parser's message>`. The parser, large in memory,
 * lives in a thread that ends when no new text came for a while; texts once translated are remembered.
 */
export async function translate(sql: string): Promise<string> {
  const before = known.get(sql);
  if (before !== undefined) return before;
  const { sql: statements = [], error, line = 1, column = 1 } = await ask(sql);
  if (error !== undefined) throw new Error(`line ${line}:${column}: ${error}`);
  if (statements.length !== 1) throw new Error(`line 1:1: Only one statement is allowed, not ${statements.length}.`);
  if (known.size >= KEPT) known.delete(known.keys().next().value!);
  known.set(sql, statements[0]!);
  return statements[0]!;
}

function ask(sql: string): Promise<Translation> {
  clearTimeout(idle);
  thread ??= start();
  const id = next++;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    thread!.postMessage({ id, sql });
  });
}

function start(): Worker {
  const worker = new Worker(new URL('./translator-thread.mjs', import.meta.url));
  const end = (why: string) => {
    if (thread === worker) thread = undefined;
    for (const [id, resolve] of waiting) resolve({ id, error: why });
    waiting.clear();
  };
  worker.on('error', (error) => end(`The translator failed: ${error.message}`)).on('exit', () => end('The translator ended.'));
  worker.on('message', (translation: Translation) => {
    waiting.get(translation.id)?.(translation);
    waiting.delete(translation.id);
    if (waiting.size === 0) idle = setTimeout(() => void worker.terminate(), IDLE_MS).unref();
  });
  return worker;
}
