import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailed, run } from './run.mjs';
import { onPath } from './tools.mjs';

/** One plain line when there is no Python that can fetch a wheel. */
export async function pythonMissing() {
  const python = onPath(['python3']);
  if (!python) return ['python3 is missing: install Python 3 with pip (Debian: apt-get install python3 python3-pip python3-venv)'];
  try {
    await run(python, ['-c', 'import importlib.util as u, sys; sys.exit(0 if u.find_spec("pip") or u.find_spec("ensurepip") else 1)']);
    return [];
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return ['pip is missing: install it for python3 (Debian: apt-get install python3-pip, or python3-venv)'];
  }
}

/**
 * Fetches the one wheel that a requirements file pins by version and hash, and unpacks it to a folder; pip refuses any other file.
 * @param {string} requirements
 * @param {string} folder emptied first
 */
export async function unpackWheel(requirements, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const python = await pythonWithPip(folder);
  const wheels = join(folder, 'wheel');
  await run(python, [
    ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--only-binary', ':all:'],
    ...['--require-hashes', '--requirement', requirements, '--dest', wheels],
  ]);
  const [wheel = ''] = readdirSync(wheels);
  await run(python, ['-m', 'zipfile', '-e', join(wheels, wheel), join(folder, 'content')]);
  return join(folder, 'content');
}

/**
 * python3 itself where it has pip, else a private environment, which brings one along.
 * @param {string} folder
 */
async function pythonWithPip(folder) {
  const python = onPath(['python3']) ?? 'python3';
  try {
    await run(python, ['-m', 'pip', '--version']);
    return python;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    await run(python, ['-m', 'venv', join(folder, 'venv')]);
    return join(folder, 'venv', 'bin', 'python3');
  }
}
