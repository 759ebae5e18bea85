import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isStamped, sha256, stamp } from '../../setup/files.mjs';
import { run } from '../../setup/run.mjs';
import { onPath, projectRoot, toolPaths } from '../../setup/tools.mjs';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const tool = (name: string) => join(projectRoot, '.tools', name);

/** How to start a producer. */
export interface Program {
  command: string;
  args: string[];
  environment?: Record<string, string>;
}

/** Our producer, all in aggregates and in any order, or as a spec that sets nothing has it. */
export const ours = (how?: 'as the spec'): Program => ({
  command: process.execPath,
  args: ['--import', 'tsx', here('our-producer.ts')],
  ...(how && { environment: { BENCH_SPEC: how } }),
});

/** The KPL's jars and our Java around them, below .tools; brought once. */
export async function kpl(): Promise<Program> {
  const { java = 'java', javac = 'javac' } = toolPaths();
  const [pom, source] = [here('pom.xml'), here('KplProducer.java')];
  const classPath = [join(tool('kpl'), 'classes'), join(tool('kpl'), 'lib', '*')].join(':');
  await once('kpl', [pom, source], async (folder) => {
    const lib = join(folder, 'lib');
    await run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`, '-DincludeScope=runtime']);
    await run(javac, ['-nowarn', '-proc:none', '-cp', join(lib, '*'), '-d', join(folder, 'classes'), source]);
  });
  return { command: java, args: ['-cp', classPath, 'KplProducer'] };
}

/** boto3 in an environment of its own below .tools; brought once. */
export async function boto3(): Promise<Program> {
  const requirements = here('requirements.txt');
  await once('boto3', [requirements], async (folder) => {
    await run('python3', ['-m', 'venv', '--clear', folder]);
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '--requirement', requirements]);
  });
  return { command: join(tool('boto3'), 'bin', 'python'), args: [here('boto3_producer.py')] };
}

/** The version in the file that pins it. */
export async function versionOf(file: 'pom.xml' | 'requirements.txt'): Promise<string> {
  const text = await readFile(here(file), 'utf8');
  return /amazon-kinesis-producer<\/artifactId><version>([^<]+)|boto3==(\S+)/.exec(text)?.slice(1).find(Boolean) ?? '?';
}

/** A certificate for this machine, with its key, as a PKCS 12 file. */
export async function certificate(path: string, password: string): Promise<void> {
  const beside = join(dirname(toolPaths().java ?? ''), 'keytool');
  await run(existsSync(beside) ? beside : (onPath(['keytool']) ?? 'keytool'), [
    ...['-genkeypair', '-alias', 'bench', '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '2'],
    ...['-dname', 'CN=localhost', '-ext', 'san=dns:localhost', '-storetype', 'PKCS12', '-keystore', path, '-storepass', password],
  ]);
}

async function once(name: string, sources: string[], make: (folder: string) => Promise<void>): Promise<void> {
  const folder = tool(name);
  const pin = tool(`${name}.pin`);
  const wanted = sha256(...(await Promise.all(sources.map((source) => readFile(source)))));
  if (existsSync(folder) && isStamped(pin, wanted)) return;
  process.stderr.write(`installing ${name} for the comparison …\n`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await make(folder);
  stamp(pin, wanted);
}
