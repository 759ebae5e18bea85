import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/**
 * Where lies what V8 has compiled of a file.
 * @param {string} file
 */
export const compiledOf = (file) => `${file}.compiled`;

/**
 * Runs a CommonJS file in ASCII that imports nothing, by its absolute path, with what V8 compiled of it when set-up ran it (record.mjs). Another version of Node takes none of that, and compiles.
 * @param {string} file
 * @returns {Script} from which what has been compiled since can be had
 */
export function runCompiled(file) {
  const compiled = compiledOf(file);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'latin1')}\n})`, {
    filename: file,
    ...(existsSync(compiled) && { cachedData: readFileSync(compiled) }),
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return script;
}
