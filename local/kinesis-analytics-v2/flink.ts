import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a Flink of our own needs: `dir` is its scratch folder, `lib` the jars, `classes` our compiled Java, `slots` the largest parallelism. */
export interface FlinkOptions {
  dir: string;
  java: string;
  lib: string;
  classes: string;
  slots: number;
  env: Record<string, string>;
  log: (line: string) => void;
  logLevel?: 'ERROR' | 'WARN' | 'INFO' | 'DEBUG';
  /** How often every job makes a checkpoint, and how long after one the next begins at the soonest; left out: never. */
  checkpoints?: { intervalMs: number; minPauseMs: number };
  /** Connector artifacts beyond Flink's own, by the start of the jar's name; what is not named is not on the class path. */
  connectors?: string[];
  /** A port, a range whose first free port is taken, or `0` for any. */
  restPort?: string;
}

/** A running Flink cluster with its SQL Gateway. `exited` resolves when the JVM is gone, whoever ended it. */
export interface Flink {
  restUrl: string;
  gatewayUrl: string;
  pid: number;
  exited: Promise<string>;
  stop(): Promise<void>;
}

const OPENED = [
  'lang',
  'net',
  'io',
  'nio',
  'lang.reflect',
  'text',
  'time',
  'util',
  'util.concurrent',
  'util.concurrent.atomic',
  'util.concurrent.locks',
];
const CONNECTOR = /^flink-connector-kinesis-/;

/** Starts the JVM and resolves once its cluster and its gateway answer; rejects with the JVM's last words if it ends before, or if `signal` ends it. */
export async function startFlink(options: FlinkOptions, signal?: AbortSignal): Promise<Flink> {
  await rm(options.dir, { recursive: true, force: true });
  await mkdir(join(options.dir, 'tmp'), { recursive: true });
  const child = spawn(options.java, await javaArguments(options), {
    cwd: options.dir,
    // The AWS SDKs inside Flink speak CBOR unless all three switches say otherwise; the third is a JVM property.
    env: { PATH: process.env.PATH, AWS_CBOR_DISABLE: 'true', CBOR_ENABLED: 'false', ...options.env },
    stdio: 'pipe',
    killSignal: 'SIGKILL',
    ...(signal && { signal }),
  });
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (lastLines.push(line) > 20) lastLines.shift();
    options.log(line);
  });
  child.stdin.on('error', (error) => options.log(`stdin: ${error.message}`));
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => child.pid === undefined && resolve(error.message));
    child.once('close', (code, by) => resolve(by ? `ended by ${by}` : `exit code ${code}`));
  });

  const ready = once(createInterface({ input: child.stdout }), 'line').then(
    ([line]) => JSON.parse(line) as Pick<Flink, 'restUrl' | 'gatewayUrl'>,
  );
  const addresses = await Promise.race([ready, exited]);
  if (typeof addresses === 'string') {
    await rm(options.dir, { recursive: true, force: true });
    throw new Error(`Flink ended before it was ready (${addresses})${lastLines.length > 0 ? `: ${lastLines.join('\n')}` : ''}`);
  }
  return {
    ...addresses,
    pid: child.pid as number,
    exited,
    stop: async () => {
      child.stdin.end();
      await exited;
      await rm(options.dir, { recursive: true, force: true });
    },
  };
}

/** The ids of the last hour's events are kept there: a quarter of the machine's memory, of which a quiet game takes little. */
const heapGigabytes = () => Math.min(4, Math.max(1, Math.floor(totalmem() / 2 ** 32)));

async function javaArguments({
  dir,
  lib,
  classes,
  slots,
  connectors = [],
  checkpoints,
  restPort = '0',
  logLevel = 'WARN',
}: FlinkOptions): Promise<string[]> {
  const jars = (await readdir(lib)).filter((jar) => !CONNECTOR.test(jar) || connectors.some((connector) => jar.startsWith(connector)));
  return [
    // One compiler tier: 40 % less work until the first row (planning is code that runs once), and still 30,000 rows/s a core.
    '-XX:TieredStopAtLevel=1',
    ...['-XX:+UseSerialGC', `-Xmx${heapGigabytes()}g`, '-XX:MaxMetaspaceSize=384m', '-XX:+ExitOnOutOfMemoryError'],
    ...[...OPENED.map((name) => `java.${name}`), 'sun.nio.ch'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
    ...['-Daws.cborEnabled=false', `-Dflink.log.level=${logLevel}`, `-Djava.io.tmpdir=${join(dir, 'tmp')}`],
    ...['-cp', [classes, ...jars.map((jar) => join(lib, jar))].join(':'), 'Local'],
    ...['--rest-port', restPort, '--gateway-port', '0', '--slots', String(slots), '--dir', dir],
    ...(checkpoints ? ['--checkpoint-ms', String(checkpoints.intervalMs), '--pause-ms', String(checkpoints.minPauseMs)] : []),
  ];
}
