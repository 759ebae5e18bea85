import { join } from 'node:path';
import { analyse } from './analysis.ts';
import { type Database, openDatabase } from './database.ts';
import type { Answer, Question } from './engine-messages.ts';
import { translate } from './translator.ts';

// The SQL engine's own process: DuckDB works on libuv's threads and would starve the file I/O of the server beside it.
// Its parent holds its standard input: when that ends, so does this. There is nothing to save, and an orderly exit would wait for queries.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();

const INTERRUPT_EVERY_MS = 20;

const [spill = '', ...readable] = process.argv.slice(2);
let count = 0;
const interrupts = new Map<number, () => void>();
let spare = prepared();

process.on('message', (question: Question & { id: number }) => {
  if (question.kind === 'interrupt') return interrupts.get(question.id)?.();
  answer(question).catch((error: Error) => send({ id: question.id, error: error.message }));
});

async function answer(question: Exclude<Question, { kind: 'interrupt' }> & { id: number }): Promise<void> {
  const { id } = question;
  if (question.kind === 'translate') return send({ id, sql: await translate(question.sql), done: true });
  if (question.kind === 'analyse') return send({ id, analysis: await analyse(question.sql, question.database), done: true });
  const interrupt = new AbortController();
  interrupts.set(id, () => interrupt.abort(new Error('INTERRUPT Error: Interrupted!')));
  const opened = spare;
  spare = prepared();
  let database: Database | undefined;
  let repeat: NodeJS.Timeout | undefined;
  try {
    database = await opened;
    // DuckDB forgets an interrupt that comes between two statements.
    const again = () => {
      repeat ??= setInterval(database!.interrupt, INTERRUPT_EVERY_MS);
      database!.interrupt();
    };
    interrupt.signal.addEventListener('abort', again);
    send({ id, columns: await database.start(question.sql, question.setup ?? [], interrupt.signal) });
    for await (const rows of database.rows()) send({ id, rows });
    send({ id, filesRead: await database.filesRead(), done: true });
  } finally {
    clearInterval(repeat);
    interrupts.delete(id);
    database?.close();
  }
}

/** The next query's database, opened ahead; if that fails, the query which takes it says so. */
function prepared(): Promise<Database> {
  const database = openDatabase(readable, join(spill, String(++count)));
  database.catch(() => undefined);
  return database;
}

function send(message: Answer): void {
  process.send!(message);
}
