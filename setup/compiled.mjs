import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/**
 * Where lies what this version of Node has compiled of a file. V8 itself tells only its own versions apart, not what Node changes in them.
 * @param {string} file
 */
export const compiledOf = (file) => `${file}.${process.version}-${process.arch}`;

/**
 * Runs a CommonJS file that imports nothing, by its absolute path, with what V8 compiled of it when set-up ran it (record.mjs). Without that it is compiled as ever.
 * @param {string} file
 * @returns {Script} from which what has been compiled since can be had
 */
export function runCompiled(file) {
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`, {
    filename: file,
    cachedData: kept(compiledOf(file)),
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return script;
}

/** @param {string} file */
function kept(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
    return undefined;
  }
}
