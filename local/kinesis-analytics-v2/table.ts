import type { ResultPage } from './gateway.ts';
import type { ParagraphResults } from './note.ts';

type Messages = ParagraphResults['msg'];

/** The rows of a statement as they stand after the changes so far: at most the newest 1,000, as in Zeppelin. */
export interface ChangelogTable {
  columns: string[];
  rows: unknown[][];
  isQuery: boolean;
}

const MOST_ROWS = 1000;

/** A table without rows. */
export const emptyTable = (): ChangelogTable => ({ columns: [], rows: [], isQuery: false });

/** The table after one page of changes. */
export function afterPage(table: ChangelogTable, page: ResultPage): ChangelogTable {
  const rows = [...table.rows];
  for (const { kind, fields } of page.rows) {
    if (kind === 'INSERT' || kind === 'UPDATE_AFTER') rows.push(fields);
    else remove(rows, fields);
  }
  return { columns: page.columns, rows: rows.slice(-MOST_ROWS), isQuery: table.isQuery || page.isQuery };
}

/** What a paragraph shows for a statement's rows: a table for data, text for a plan or an acknowledgement. */
export function resultMessages(statement: string, table: ChangelogTable): Messages {
  const isText = table.columns.length === 1 && table.columns[0] === 'result';
  if (!isText) return [{ type: 'TABLE', data: [table.columns, ...table.rows].map((row) => `${row.map(cell).join('\t')}\n`).join('') }];
  const text = table.rows.map(([value]) => String(value)).join('\n');
  return [{ type: 'TEXT', data: text === 'OK' ? acknowledgement(statement) : `${text}\n` }];
}

function acknowledgement(statement: string): string {
  const [, verb = '', kind = ''] = /^(\w+)\s+(?:TEMPORARY\s+)?(?:SYSTEM\s+)?(\w+)/i.exec(statement) ?? [];
  const done = { CREATE: 'created', DROP: 'dropped', ALTER: 'modified' }[verb.toUpperCase()];
  return done ? `${kind.charAt(0).toUpperCase()}${kind.slice(1).toLowerCase()} has been ${done}.\n` : 'OK\n';
}

function remove(rows: unknown[][], fields: unknown[]): void {
  const wanted = JSON.stringify(fields);
  const index = rows.findLastIndex((row) => JSON.stringify(row) === wanted);
  if (index >= 0) rows.splice(index, 1);
}

/** A field in one line of tab-separated text. */
const cell = (value: unknown): string =>
  value === null ? 'null' : (typeof value === 'object' ? JSON.stringify(value) : String(value)).replace(/[\t\r\n]+/g, ' ');
