import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isStamped, sha256, stamp } from '../files.mjs';
import { run } from '../run.mjs';
import { onPath } from '../tools.mjs';

/** @typedef {{ packages?: Record<string, { version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean, link?: boolean }> }} Lock */

/**
 * `node_modules` as package-lock.json wants it, with our own command `d2d` in it for npx. `npm ci` would refuse a lock file without the optional packages of
 * other platforms, which not every registry has; `npm install --no-save` takes the same versions and integrities and changes no file of ours. Install scripts are not run: no package of ours needs one.
 * @param {string} root
 * @returns {import('../steps.mjs').Step}
 */
export function packages(root) {
  const modules = join(root, 'node_modules');
  const stampFile = join(modules, '.data2dashboard-lock');
  const command = join(modules, '.bin', 'd2d'); // npx does not look at the bin of the package it stands in, and would ask the registry
  const lockText = () => readFileSync(join(root, 'package-lock.json'), 'utf8');
  const isInstalled = () => {
    if (isStamped(stampFile, sha256(lockText()))) return true;
    const installed = join(modules, '.package-lock.json'); // npm writes it last
    return existsSync(installed) && matchesLock(JSON.parse(lockText()), JSON.parse(readFileSync(installed, 'utf8')));
  };
  return {
    name: 'npm packages',
    due: () => !(existsSync(command) && isStamped(stampFile, sha256(lockText()))),
    missing: () => (npm() ? [] : ['npm is missing: install it (it comes with Node)']),
    run: async () => {
      const [program, ...args] = npm() ?? ['npm'];
      const options = ['--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
      if (!isInstalled()) await run(program, [...args, 'install', '--no-save', ...options], { cwd: root });
      mkdirSync(join(modules, '.bin'), { recursive: true });
      rmSync(command, { force: true });
      symlinkSync('../../client/d2d.mjs', command);
      stamp(stampFile, sha256(lockText()));
    },
  };
}

/**
 * Whether the tree that npm says it installed is the one of the lock file; what is optional may be absent.
 * @param {Lock} lock
 * @param {Lock} installed
 */
export function matchesLock(lock, installed) {
  const wanted = Object.entries(lock.packages ?? {}).filter(([path]) => path !== '');
  const present = installed.packages ?? {};
  const paths = new Set(wanted.map(([path]) => path));
  return (
    Object.keys(present).every((path) => paths.has(path)) &&
    wanted.every(([path, entry]) => {
      const found = present[path];
      return found ? found.version === entry.version && found.integrity === entry.integrity : Boolean(entry.optional || entry.devOptional);
    })
  );
}

/** @returns {[string, ...string[]] | undefined} the npm that started us, else the one on PATH */
function npm() {
  const script = process.env.npm_execpath;
  if (script && basename(script) === 'npm-cli.js' && existsSync(script)) return [process.execPath, script];
  const command = onPath(['npm']);
  return command ? [command] : undefined;
}
