import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiledOf } from '../compiled.mjs';
import { isStamped, replace, sha256, stamp } from '../files.mjs';
import { run } from '../run.mjs';

/**
 * What is bundled ahead, so that it starts sooner. `made` lies in the root, `with` in the root too, if this version of Node is to have something of its own; programs
 * write to `made` with `.new` behind.
 * @typedef {{ name: string, made: string, with?: string, program: string, sources: string[] }} Bundle
 */

/** @type {Bundle} The worker would otherwise bundle them at each start. */
const WORKFLOWS = {
  name: 'workflow bundle',
  made: '.tools/workflows.js',
  program: 'bundle-workflows.mjs',
  sources: ['workflows', 'pipeline'],
};
/** @type {Bundle} The verbs of d2d and the worker's threads, which would otherwise be compiled and read file by file. It lies where `../sql` is the folder of that name. */
const CLIENT = {
  name: 'd2d bundle',
  made: '.d2d',
  with: compiledOf('.d2d/index.cjs'),
  program: 'bundle-client.mjs',
  sources: ['client', 'processes', 'activities', 'workflows', 'worker', 'pipeline', 'setup', 'local'],
};

/** @param {string} root */
export const workflowBundle = (root) => step(root, WORKFLOWS);
/** @param {string} root */
export const clientBundle = (root) => step(root, CLIENT);
/**
 * The file with the workflows, if it is that of the sources as they are now.
 * @param {string} root
 */
export const bundledWorkflows = (root) => current(root, WORKFLOWS);
/** @typedef {'index.cjs' | 'audit-thread.mjs' | 'sender-thread.mjs'} Program */
/**
 * The file of d2d (`index.cjs`) or of one of the worker's threads, if it is that of the sources as they are now.
 * @param {string} root
 * @param {Program} program
 */
export function bundled(root, program) {
  const folder = current(root, CLIENT);
  return folder && join(folder, program);
}

/**
 * @param {string} root
 * @param {Bundle} bundle
 * @returns {import('../steps.mjs').Step}
 */
function step(root, bundle) {
  const made = join(root, bundle.made);
  return {
    name: bundle.name,
    after: ['npm packages'],
    due: () => current(root, bundle) === undefined || !existsSync(join(root, bundle.with ?? bundle.made)),
    missing: () => [],
    run: async () => {
      const sum = sumOf(root, bundle);
      mkdirSync(join(root, '.tools'), { recursive: true });
      rmSync(`${made}.new`, { recursive: true, force: true });
      await run(process.execPath, [fileURLToPath(new URL(`../${bundle.program}`, import.meta.url)), `${made}.new`]);
      replace(`${made}.new`, made);
      stamp(stampOf(root, bundle), sum);
    },
  };
}

/**
 * @param {string} root
 * @param {Bundle} bundle
 * @returns {string | undefined}
 */
function current(root, bundle) {
  const made = join(root, bundle.made);
  return existsSync(made) && isStamped(stampOf(root, bundle), sumOf(root, bundle)) ? made : undefined;
}

/**
 * @param {string} root
 * @param {Bundle} bundle
 */
const stampOf = (root, { program }) => join(root, '.tools', program.replace('.mjs', '.sum'));

/**
 * @param {string} root
 * @param {Bundle} bundle
 */
function sumOf(root, { sources }) {
  const files = sources.flatMap((folder) => sourcesIn(root, folder)).sort();
  return sha256(readFileSync(join(root, 'package-lock.json')), ...files.flatMap((name) => [name, readFileSync(join(root, name))]));
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
const sourcesIn = (root, folder) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(root, name);
    return /\.(ts|mjs)$/.test(name) ? [name] : [];
  });
