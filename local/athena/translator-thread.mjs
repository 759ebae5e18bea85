import { parentPort } from 'node:worker_threads';
import { Dialect, transpile } from '@polyglot-sql/sdk';

// Plain JavaScript: Node 20 runs a thread's first file without the loader that the process was started with.
parentPort?.on('message', (/** @type {{ id: number, sql: string }} */ { id, sql }) => {
  const { success, sql: statements, error, errorLine: line, errorColumn: column } = transpile(sql, Dialect.Trino, Dialect.DuckDB);
  parentPort?.postMessage(success ? { id, sql: statements ?? [] } : { id, error: error ?? 'not understood', line, column });
});
