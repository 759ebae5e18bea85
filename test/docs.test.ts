import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import * as messages from '../workflows/messages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];
const sorted = (all: Iterable<string>) => [...new Set(all)].sort();
/** Every word of a text that a pattern's group takes. */
const taken = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, word]) => word!);

const d2d = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [join(ROOT, 'client/d2d.mjs'), ...args, '--help'])).stdout;

it('tell of every signal, update and query of the workflows, and of no other', () => {
  const table = /\| to \| signals \| updates \| query \|\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(read('docs/architecture.md'))![1]!;
  const named = table
    .trim()
    .split('\n')
    .flatMap((row) => taken(row.split('|').slice(2).join(), /`(\w+)`/g));
  const defined = Object.values(messages).flatMap((message) => (typeof message === 'object' && 'name' in message ? [message.name] : []));
  expect(defined.length).toBeGreaterThan(10);
  expect(sorted(named)).toEqual(sorted(defined));
});

it('tell of every verb of d2d, and of no flag that it does not have', async () => {
  const verbs = taken(await d2d(), /^ {2}([a-z][\w-]*)/gm).filter((verb) => verb !== 'help');
  const rows = taken(read('README.md'), /^(\| `npx d2d .*)$/gm);
  const told = rows.flatMap((row) => [...taken(row, /^\| `npx d2d ([\w-]+)/g), ...taken(row, /^\| `[^`]*`, `(\w+)`/g)]);
  expect(verbs.length).toBeGreaterThan(8);
  expect(sorted(told)).toEqual(sorted(verbs));
  for (const row of rows) {
    const [verb] = taken(row, /^\| `npx d2d ([\w-]+)/g);
    const help = await d2d(verb!);
    for (const flag of taken(row, /(--[\w-]+)/g)) expect([verb, help]).toEqual([verb, expect.stringContaining(flag)]);
  }
});

it.each(PAGES)('%s names only scripts, files and decisions that there are', (page) => {
  const text = read(page);
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const script of taken(text, /\bnpm run (\w+)/g)) expect(Object.keys(scripts)).toContain(script);
  const paths = taken(
    text,
    /`((?:pipeline|sql|workflows|activities|worker|client|local|processes|test|chaos|bench|setup|docs)\/[\w./-]*)`/g,
  );
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  const decisions = taken(read('docs/decisions.md'), /^### ([A-Z]+-\d+)\. /gm);
  expect(taken(text, /\b((?:PROV|OPS|GEN|SQL|ACC|LOC|TOOL|LIMIT)-\d+)\b/g).filter((id) => !decisions.includes(id))).toEqual([]);
  const anchors = taken(read('docs/decisions.md'), /^##+ (.*)$/gm).map((title) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  expect(taken(text, /decisions\.md#([\w-]+)/g).filter((anchor) => !anchors.includes(anchor))).toEqual([]);
});
