import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * The SHA-256 of texts or bytes, in hex.
 * @param {...(string | Buffer)} parts
 */
export function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/**
 * The SHA-256 of every file directly in a folder, by name.
 * @param {string} folder
 * @returns {Promise<Map<string, string>>}
 */
export async function sumsOf(folder) {
  /** @type {Map<string, string>} */
  const sums = new Map();
  for (const name of await readdir(folder)) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), hash);
    sums.set(name, hash.digest('hex'));
  }
  return sums;
}

/**
 * What is wrong with the files of a folder, a plain line each; none when they are exactly those of a `sha256sum` listing.
 * @param {string} listing lines of `<hex>  <name>`
 * @param {Map<string, string>} sums
 * @returns {string[]}
 */
export function faultsAgainst(listing, sums) {
  const wanted = new Map(
    listing
      .split('\n')
      .filter(Boolean)
      .map((line) => /** @type {const} */ ([line.slice(66), line.slice(0, 64)])),
  );
  return [
    ...[...wanted].filter(([name]) => !sums.has(name)).map(([name]) => `${name} is missing`),
    ...[...sums].filter(([name]) => !wanted.has(name)).map(([name]) => `${name} is not expected`),
    ...[...sums]
      .filter(([name, sum]) => wanted.has(name) && wanted.get(name) !== sum)
      .map(([name, sum]) => `${name} has checksum ${sum}, not ${wanted.get(name)}`),
  ];
}

/**
 * Whether the stamp file holds exactly this text.
 * @param {string} path
 * @param {string} text
 */
export const isStamped = (path, text) => existsSync(path) && readFileSync(path, 'utf8') === text;

/**
 * Writes a stamp file in one step, so that it is there whole or not at all.
 * @param {string} path
 * @param {string} text
 */
export function stamp(path, text) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/**
 * Puts a finished file or folder in the place of an earlier one.
 * @param {string} from
 * @param {string} to
 */
export function replace(from, to) {
  rmSync(`${to}.old`, { recursive: true, force: true });
  if (existsSync(to)) renameSync(to, `${to}.old`);
  renameSync(from, to);
  rmSync(`${to}.old`, { recursive: true, force: true });
}
