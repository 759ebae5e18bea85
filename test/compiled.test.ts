import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { compiledOf } from '../setup/compiled.mjs';

const [COMPILED, RECORD] = ['compiled', 'record'].map((name) => new URL(`../setup/${name}.mjs`, import.meta.url)) as [URL, URL];
const PROGRAM = `setImmediate(() => {
  console.log(require('./word.cjs'), require('node:path').basename(__filename), process.argv.slice(2).join());
  process.exit(3);
});`;

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'd2d-compiled-'));
  file = join(folder, 'program.cjs');
  await writeFile(file, PROGRAM);
  await writeFile(join(folder, 'word.cjs'), "module.exports = 'said';");
});
afterEach(() => rm(folder, { recursive: true }));

/** How the program ends, what it says, and whether V8 took what was compiled of it. */
function ran(): Promise<{ code: number | null; said: string; isTaken: boolean }> {
  const text = `import { runCompiled } from '${COMPILED}'; process.stderr.write(String(runCompiled('${file}').cachedDataRejected));`;
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--input-type=module', '-e', text], (_, said, errors) =>
      resolve({ code: child.exitCode, said, isTaken: errors === 'false' }),
    );
  });
}

it('runs a program, whether something is compiled of it, nothing, or by something else', async () => {
  const ended = { code: 3, said: 'said program.cjs \n' };
  expect(await ran()).toEqual({ ...ended, isTaken: false });
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(RECORD), file, 'to', 'record']);
  expect(stdout).toBe('said program.cjs to,record\n');
  expect(existsSync(compiledOf(file))).toBe(true);
  expect(await ran()).toEqual({ ...ended, isTaken: true });
  await writeFile(compiledOf(file), 'by another version of Node');
  expect(await ran()).toEqual({ ...ended, isTaken: false });
});
