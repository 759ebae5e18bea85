import type { Rows } from './engine.ts';

/** A SELECT in DuckDB's dialect and the statements that make what it reads. */
export interface QueryRequest {
  sql: string;
  setup?: string[];
}

/** A Trino query made ready for DuckDB: its text with every table's name complete, and those tables. */
export interface Analysis {
  sql: string;
  tables: { database: string; table: string }[];
  /** For each output column written in the text: whether it has a name of its own; undefined from a `*` on. */
  named: (boolean | undefined)[];
}

/** What the parent asks of the engine's process. */
export type Question =
  | ({ kind: 'query' } & QueryRequest)
  | { kind: 'translate'; sql: string }
  | { kind: 'analyse'; sql: string; database: string }
  | { kind: 'interrupt' };

/** One message back: rows come in several, the last one says `done` or carries the error's message. */
export interface Answer {
  id: number;
  columns?: Rows['columns'];
  rows?: Rows['rows'];
  filesRead?: string[];
  sql?: string;
  analysis?: Analysis;
  done?: true;
  error?: string;
}
