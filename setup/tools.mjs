import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout (or image) that this file belongs to. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url));

/**
 * The first executable file of one of these names on PATH, or undefined.
 * @param {string[]} names
 * @param {string | undefined} path
 * @returns {string | undefined}
 */
export function onPath(names, path = process.env.PATH) {
  for (const name of names)
    for (const folder of (path ?? '').split(delimiter)) if (folder !== '' && isExecutable(join(folder, name))) return join(folder, name);
  return undefined;
}

/**
 * Where the programs lie that the product starts; each is undefined when set-up has not brought it (or, for Java and Chromium, when the machine has none).
 * A `temporal` on PATH goes before the one that set-up downloaded, JAVA_HOME before PATH, CHROMIUM_PATH before PATH.
 * @param {string} root the checkout
 * @returns {{ temporal?: string, java?: string, javac?: string, chromium?: string, flinkLib?: string, flinkClasses?: string, studioFlinkLib?: string }}
 */
export function toolPaths(root = projectRoot) {
  const present = (/** @type {string} */ path) => (existsSync(path) ? path : undefined);
  const tools = join(root, '.tools');
  return {
    temporal: onPath(['temporal']) ?? present(join(tools, 'temporal')),
    java: fromJavaHome('java') ?? onPath(['java']),
    javac: fromJavaHome('javac') ?? onPath(['javac']),
    chromium: chromium(),
    flinkLib: present(join(tools, 'flink', 'lib')),
    flinkClasses: present(join(tools, 'flink', 'classes')),
    studioFlinkLib: present(join(tools, 'flink-1.15', 'lib')),
  };
}

/** @param {string} name */
function fromJavaHome(name) {
  const home = process.env.JAVA_HOME;
  return home && isExecutable(join(home, 'bin', name)) ? join(home, 'bin', name) : undefined;
}

function chromium() {
  const named = process.env.CHROMIUM_PATH;
  return named && isExecutable(named) ? named : onPath(['chromium', 'chromium-browser', 'google-chrome']);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
