import { spawn } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** What Flinks are made of: the `java` command, `lib` with the jars, `classes` with our compiled Java. */
export interface FlinkTools {
  java: string;
  lib: string;
  classes: string;
}

/** What a Flink of our own needs: `dir` is its scratch folder, `slots` the largest parallelism. */
export interface FlinkOptions {
  dir: string;
  slots: number;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
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
  /** Ends it and removes its folder. Its JVM is kept warm for the next Flink of its kind, for a while, unless it is to be ended at once. */
  stop(how?: 'at once'): Promise<void>;
}

/** Flinks, each in a JVM of its own. */
export interface Flinks {
  /** Resolves once its cluster and its gateway answer; rejects with the JVM's last words if that ends before, or if `signal` ends it. */
  start(options: FlinkOptions, signal?: AbortSignal): Promise<Flink>;
  /** Ends the JVMs that are kept warm. */
  end(): Promise<void>;
}

/** A JVM that runs one Flink after the other. */
interface Jvm {
  pid: number;
  /** Where its words go. */
  log: (line: string) => void;
  /** Says a line and resolves with the line that answers; rejects with the JVM's last words. */
  ask(line: string): Promise<string>;
  exited: Promise<string>;
  end(): Promise<void>;
}

/** A JVM with the Flink that answers in it. */
interface RunningJvm {
  jvm: Jvm;
  addresses: Pick<Flink, 'restUrl' | 'gatewayUrl'>;
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

/** How long a JVM waits for another Flink, and how long one may take to end. */
const WARM_MS = 60_000;
const ENDS_WITHIN_MS = 5_000;
const unheard = () => undefined;

/**
 * Starts Flinks whose JVMs have their temporary files in `folder`. Most of a cold start is classes to load and code to warm up, so a JVM whose Flink has ended waits
 * for another with the same class path and log level, `warmMs` long; one waits at most, as it holds memory.
 */
export function flinks(folder: string, tools: FlinkTools, warmMs = WARM_MS): Flinks {
  let warm: { kind: string; jvm: Jvm; timer: NodeJS.Timeout } | undefined;
  let count = 0;
  // What a process that was killed has left there.
  const cleared = rm(folder, { recursive: true, force: true });
  const taken = () => {
    const was = warm;
    warm = undefined;
    clearTimeout(was?.timer);
    return was;
  };
  const end = async () => taken()?.jvm.end();
  const keep = async (kind: string, jvm: Jvm) => {
    const before = taken();
    const unlessTaken = () => warm?.jvm === jvm && taken();
    const timer = setTimeout(() => unlessTaken() && void jvm.end(), warmMs);
    timer.unref();
    jvm.log = unheard;
    warm = { kind, jvm, timer };
    void jvm.exited.then(unlessTaken);
    await before?.jvm.end();
  };
  /** A JVM whose Flink answers: the one that waits if it is of this kind, a new one if there is none or that one fails. */
  const running = async (kind: string, options: FlinkOptions, signal?: AbortSignal): Promise<RunningJvm> => {
    const waiting = warm?.kind === kind ? taken()?.jvm : undefined;
    if (waiting)
      try {
        return await ordered(waiting, options, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        options.log(`a warm JVM failed: ${(error as Error).message}`);
      }
    return ordered(await startJvm(join(folder, String(++count)), tools, options), options, signal);
  };
  return {
    end,
    start: async (options, signal) => {
      const removed = () => rm(options.dir, { recursive: true, force: true });
      await Promise.all([cleared, removed()]);
      const kind = JSON.stringify([options.connectors, options.logLevel]);
      try {
        const { jvm, addresses } = await running(kind, options, signal);
        const stop: Flink['stop'] = async (how) => {
          const isOver = how !== 'at once' && (await Promise.race([ended(jvm), delay(ENDS_WITHIN_MS, false, { ref: false })]));
          await (isOver ? keep(kind, jvm) : jvm.end());
          await removed();
        };
        return { ...addresses, pid: jvm.pid, exited: jvm.exited, stop };
      } catch (error) {
        await removed();
        throw error;
      }
    },
  };
}

/** Has a JVM start the Flink. If that fails, or once `signal` says so, the JVM is ended. */
async function ordered(jvm: Jvm, options: FlinkOptions, signal?: AbortSignal): Promise<RunningJvm> {
  const end = () => void jvm.end();
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  jvm.log = options.log;
  try {
    return { jvm, addresses: JSON.parse(await jvm.ask(JSON.stringify(orderOf(options)))) as RunningJvm['addresses'] };
  } catch (error) {
    await jvm.end();
    throw error;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

/** True once nothing of its Flink runs any more; false if it is gone itself, or says anything else. */
const ended = (jvm: Jvm): Promise<boolean> =>
  jvm.ask('').then(
    (answer) => answer === '',
    () => false,
  );

/** What the launcher is told of a Flink. */
const orderOf = ({ dir, slots, region, credentials, checkpoints, restPort = '0' }: FlinkOptions) => ({
  dir,
  slots,
  restPort,
  ...(checkpoints && { checkpointMs: checkpoints.intervalMs, pauseMs: checkpoints.minPauseMs }),
  // Each of the SDKs inside Flink has a name of its own for the secret.
  properties: {
    'aws.region': region,
    'aws.accessKeyId': credentials.accessKeyId,
    'aws.secretKey': credentials.secretAccessKey,
    'aws.secretAccessKey': credentials.secretAccessKey,
  },
});

async function startJvm(
  dir: string,
  { java, lib, classes }: FlinkTools,
  { connectors = [], logLevel = 'WARN' }: FlinkOptions,
): Promise<Jvm> {
  await mkdir(dir, { recursive: true });
  const jars = (await readdir(lib)).filter((jar) => !CONNECTOR.test(jar) || connectors.some((connector) => jar.startsWith(connector)));
  const classPath = [classes, ...jars.map((jar) => join(lib, jar))].join(':');
  const child = spawn(java, [...javaArguments(dir, logLevel), '-cp', classPath, 'Local'], {
    cwd: dir,
    // The AWS SDKs inside Flink speak CBOR unless all three switches say otherwise; the third is a JVM property.
    env: { PATH: process.env.PATH, AWS_CBOR_DISABLE: 'true', CBOR_ENABLED: 'false' },
    stdio: 'pipe',
  });
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (lastLines.push(line) > 20) lastLines.shift();
    jvm.log(line);
  });
  child.stdin.on('error', (error) => jvm.log(`stdin: ${error.message}`));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => child.pid === undefined && resolve(error.message));
    child.once('close', (code, by) => resolve(by ? `ended by ${by}` : `exit code ${code}`));
  });
  const gone = exited.then(() => rm(dir, { recursive: true, force: true })).catch((error: Error) => jvm.log(`${dir}: ${error.message}`));
  const jvm: Jvm = {
    pid: child.pid as number,
    log: unheard,
    exited,
    ask: async (line) => {
      lastLines.length = 0;
      child.stdin.write(`${line}\n`);
      const { value, done } = await answers.next();
      if (!done) return value;
      throw new Error(`Flink ended before it was ready (${await exited})${lastLines.length > 0 ? `: ${lastLines.join('\n')}` : ''}`);
    },
    end: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
  return jvm;
}

/** The ids of the last hour's events are kept there: a quarter of the machine's memory, of which a quiet game takes little. */
const heapGigabytes = () => Math.min(4, Math.max(1, Math.floor(totalmem() / 2 ** 32)));

const javaArguments = (dir: string, logLevel: string): string[] => [
  // One compiler tier: 40 % less work until the first row (planning is code that runs once), and still 30,000 rows/s a core.
  '-XX:TieredStopAtLevel=1',
  ...['-XX:+UseSerialGC', `-Xmx${heapGigabytes()}g`, '-XX:MaxMetaspaceSize=384m', '-XX:+ExitOnOutOfMemoryError'],
  ...[...OPENED.map((name) => `java.${name}`), 'sun.nio.ch'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
  ...['-Daws.cborEnabled=false', `-Dflink.log.level=${logLevel}`, `-Djava.io.tmpdir=${dir}`],
];
