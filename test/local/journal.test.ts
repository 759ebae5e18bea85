import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openJournal } from '../../local/journal.ts';

let dir: string;
let files = 0;
const fresh = () => join(dir, `journal-${files++}`);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-journal-'));
});
afterAll(() => rm(dir, { recursive: true }));

it('has after any commands and reopenings what a plain map has', async () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key: fc.constantFrom('a', 'b', 'c'), value: fc.jsonValue() }),
    fc.record({ kind: fc.constant('delete' as const), key: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('reopen' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
      const path = fresh();
      const model = new Map<string, unknown>();
      let journal = await openJournal(path);
      for (const command of commands) {
        if (command.kind === 'reopen') {
          await journal.close();
          journal = await openJournal(path);
        } else if (command.kind === 'set') {
          journal.table('t').set(command.key, { value: command.value });
          model.set(command.key, JSON.parse(JSON.stringify({ value: command.value })));
        } else {
          journal.table('t').delete(command.key);
          model.delete(command.key);
        }
      }
      await journal.close();
      journal = await openJournal(path);
      expect(new Map(journal.table('t').entries())).toEqual(model);
      await journal.close();
    }),
    { numRuns: 60 },
  );
});

it('keeps dates as dates, and gives up only what a tear at any byte took', async () => {
  const path = fresh();
  const journal = await openJournal(path);
  journal.table('t').set('first', { at: new Date(5) });
  await journal.commit();
  const whole = (await readFile(path)).length;
  journal.table('t').set('second', { text: 'é' });
  await journal.close();
  const bytes = await readFile(path);
  for (let size = whole; size < bytes.length; size++) {
    await writeFile(path, bytes);
    await truncate(path, size);
    const torn = await openJournal(path);
    expect(torn.table('t').entries()).toEqual([['first', { at: new Date(5) }]]);
    await torn.close();
  }
});

it('rewrites itself when it has grown long, and loses nothing', async () => {
  const path = fresh();
  const journal = await openJournal(path);
  for (let i = 0; i < 3000; i++) journal.table('t').set('same', { i, filler: 'x'.repeat(500) });
  await journal.close();
  const before = (await readFile(path)).length;
  const again = await openJournal(path);
  expect(again.table<{ i: number }>('t').get('same')?.i).toBe(2999);
  await again.close();
  expect((await readFile(path)).length).toBeLessThan(before / 100);
});
