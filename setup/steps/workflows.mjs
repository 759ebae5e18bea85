import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isStamped, replace, sha256, stamp } from '../files.mjs';
import { run } from '../run.mjs';

const PROGRAM = fileURLToPath(new URL('../bundle-workflows.mjs', import.meta.url));
const SOURCES = ['workflows', 'pipeline'];

/**
 * The workflows bundled ahead, so that a worker starts without doing it; made anew when a source or a package has changed.
 * @param {string} root
 * @returns {import('../steps.mjs').Step}
 */
export function workflowBundle(root) {
  const { file, stampFile } = places(root);
  return {
    name: 'workflow bundle',
    after: ['npm packages'],
    due: () => bundledWorkflows(root) === undefined,
    missing: () => [],
    run: async () => {
      const made = sumOf(root);
      mkdirSync(join(root, '.tools'), { recursive: true });
      await run(process.execPath, [PROGRAM, `${file}.new`]);
      replace(`${file}.new`, file);
      stamp(stampFile, made);
    },
  };
}

/**
 * The file with the bundle, if it is that of the sources as they are now.
 * @param {string} root
 * @returns {string | undefined}
 */
export function bundledWorkflows(root) {
  const { file, stampFile } = places(root);
  return existsSync(file) && isStamped(stampFile, sumOf(root)) ? file : undefined;
}

/** @param {string} root */
const places = (root) => ({ file: join(root, '.tools', 'workflows.js'), stampFile: join(root, '.tools', 'workflows.sum') });

/** @param {string} root */
function sumOf(root) {
  const files = SOURCES.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.ts'))
      .sort()
      .map((name) => join(folder, name)),
  );
  return sha256(readFileSync(join(root, 'package-lock.json')), ...files.flatMap((name) => [name, readFileSync(join(root, name))]));
}
