import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsAgainst, isStamped, replace, sha256, stamp, sumsOf } from '../files.mjs';
import { CommandFailed, run } from '../run.mjs';
import { onPath, toolPaths } from '../tools.mjs';

const pinned = (/** @type {string} */ file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const OLDEST_JAVA = 17;
const STAMP = 'verified'; // beside the jars, so that `lib/*` stays a plain class path

/**
 * The jars of a Flink in `.tools/<flink>/lib`, each checked against setup/<flink>/jars.sha256: of `flink`, on which the local AWS runs the SQL, or of `flink-1.15`,
 * which is what Studio has, and which only the tests run.
 * @param {string} root
 * @param {'flink' | 'flink-1.15'} flink
 * @returns {import('../steps.mjs').Step}
 */
export function flinkJars(root, flink = 'flink') {
  const folder = join(root, '.tools', flink);
  const lib = join(folder, 'lib');
  const sums = pinned(`${flink}/jars.sha256`);
  return {
    name: flink === 'flink' ? "Flink's jars" : "the jars of Studio's Flink",
    // Two Mavens at once would write into one repository.
    after: flink === 'flink' ? [] : ["Flink's jars"],
    due: () => {
      const listing = readFileSync(sums, 'utf8');
      const names = listing
        .split('\n')
        .filter(Boolean)
        .map((line) => line.slice(66));
      return !isStamped(join(folder, STAMP), sha256(listing)) || !names.every((name) => existsSync(join(lib, name)));
    },
    missing: async () => [
      ...(await jdkMissing()),
      ...(onPath(['mvn']) ? [] : ['mvn is missing: install Maven (Debian: apt-get install maven)']),
    ],
    run: async () => {
      const fresh = `${lib}.new`;
      rmSync(fresh, { recursive: true, force: true });
      const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${fresh}`, '-DincludeScope=runtime'];
      await run('mvn', ['-q', '-B', '-f', pinned(`${flink}/pom.xml`), ...copy]);
      const listing = readFileSync(sums, 'utf8');
      const faults = faultsAgainst(listing, await sumsOf(fresh));
      if (faults.length > 0)
        throw new Error(`Flink's jars are refused, they are not those of setup/${flink}/jars.sha256: ${faults.join('; ')}`);
      replace(fresh, lib);
      stamp(join(folder, STAMP), sha256(listing));
    },
  };
}

/**
 * Our own Java sources for Flink, compiled, and the resources beside them, in `.tools/flink/classes`; made anew when a source or a jar has changed.
 * @param {string} root
 * @returns {import('../steps.mjs').Step}
 */
export function flinkClasses(root) {
  const source = join(root, 'local', 'kinesis-analytics-v2', 'flink');
  const folder = join(root, '.tools', 'flink');
  const classes = join(folder, 'classes');
  const files = () => filesOf(source);
  const sum = () =>
    sha256(readFileSync(pinned('flink/jars.sha256')), ...files().flatMap((name) => [name, readFileSync(join(source, name))]));
  return {
    name: "Flink's launcher",
    after: ["Flink's jars"],
    due: () => !existsSync(classes) || !isStamped(join(folder, 'compiled'), sum()),
    missing: jdkMissing,
    run: async () => {
      const made = sum();
      const fresh = `${classes}.new`;
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      const java = files().filter((name) => name.endsWith('.java'));
      const options = ['--release', String(OLDEST_JAVA), '-nowarn', '-proc:none', '-cp', join(folder, 'lib', '*'), '-d', fresh];
      if (java.length > 0) await run(toolPaths(root).javac ?? 'javac', [...options, ...java.map((name) => join(source, name))]);
      for (const name of files()) if (!name.endsWith('.java')) cpSync(join(source, name), join(fresh, name));
      replace(fresh, classes);
      stamp(join(folder, 'compiled'), made);
    },
  };
}

/**
 * The plain files below a folder, by their path in it, sorted; none when the folder does not exist.
 * @param {string} folder
 */
function filesOf(folder) {
  if (!existsSync(folder)) return [];
  const names = /** @type {string[]} */ (readdirSync(folder, { recursive: true }));
  return names.filter((name) => /\.(java|xml|properties)$|META-INF[\\/]services[\\/]/.test(name)).sort();
}

async function jdkMissing() {
  const { javac } = toolPaths();
  const advice = `install a JDK ${OLDEST_JAVA} or newer (Debian: apt-get install openjdk-17-jdk-headless)`;
  if (!javac) return [`javac is missing: ${advice}`];
  try {
    const version = Number(/javac (?:1\.)?(\d+)/.exec(await run(javac, ['-version']))?.[1]);
    return version >= OLDEST_JAVA ? [] : [`Java ${version} is too old: ${advice}`];
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return [`javac does not run (${error.output}): ${advice}`];
  }
}
