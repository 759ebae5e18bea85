import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import type { Spec } from '../pipeline/spec.ts';
import { startChild } from '../processes/children.ts';
import { type Backoff, type KeptAlive, keepAlive, type PartEvent } from '../processes/keep-alive.ts';
import { toolPaths } from '../setup/tools.mjs';
import { checkServer, environmentFor, serverFromEnvironment, type TemporalServer } from '../worker/connect.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';
import { freePort } from './free-port.ts';
import { lastRun, type Running } from './state.ts';

/** What one start runs, and how it hears of parts that went down and came back. */
export interface EmbeddedOptions {
  state: string;
  region: string;
  /** How the local AWS behaves; `faults` is a file with a fault plan, `callLog` one for every call. */
  local: Pick<Spec['local'], 'profile' | 'speed'> & { seed?: number; faults?: string; callLog?: string };
  /** The worker's own program unless told. */
  workerProgram?: URL;
  /** The waits before a part that went down is started again; those of `keepAlive` unless told. */
  backoff?: Backoff;
  /** Takes whatever ports are free, and leaves the usual ones to the user's own start. */
  anyPorts?: boolean;
  tell(event: PartEvent): void;
  /** Said once where a wanted port was taken. */
  note(line: string): void;
}

/** The parts of the product on this machine, each kept alive until `stop`. Start them in this order. */
export interface Embedded {
  temporal(): Promise<TemporalServer & { ui?: string }>;
  /** Only for target `local`. */
  localAws(): Promise<NonNullable<Running['aws']>>;
  worker(server: TemporalServer, aws: Running['aws']): Promise<void>;
  /** Process ids by part, as they are now. */
  pids(): Record<string, number | undefined>;
  stop(): Promise<void>;
}

/** Our programs are TypeScript; the loader is ours, whatever folder we are called from. */
const TYPESCRIPT = ['--import', import.meta.resolve('tsx')];
const WORKER = new URL('../worker/main.ts', import.meta.url);
/** The server's default, 20 polls a second, holds a workflow of one step after the other to 51 ms a step; with 1,000 a step takes 12 ms. */
export const DYNAMIC_CONFIG = ['transferProcessorMaxPollRPS', 'timerProcessorMaxPollRPS'].flatMap((key) => [
  '--dynamic-config-value',
  `history.${key}=1000`,
]);

/** A step of a workflow takes a third of the time with these; what a power cut may lose is its last moment, and workflows go on from before it. */
const SQLITE = ['journal_mode=WAL', 'synchronous=NORMAL'].flatMap((pragma) => ['--sqlite-pragma', pragma]);

const KNOWN_ATTRIBUTES = SEARCH_ATTRIBUTES.flatMap(({ name }) => ['--search-attribute', `${name}=Keyword`]);

/** Prepares the parts on one state folder; nothing runs until it is asked for. */
export function embedded({
  state,
  region,
  local,
  tell,
  note,
  backoff,
  anyPorts = false,
  workerProgram = WORKER,
}: EmbeddedOptions): Embedded {
  const parts = new Map<string, KeptAlive>();
  const log = (name: string) => join(state, 'logs', `${name}.log`);
  const run = async (name: string, start: Parameters<typeof keepAlive>[1]) => {
    const part = keepAlive(name, start, tell, backoff);
    parts.set(name, part);
    await part.ready;
  };
  const port = async (name: string, usual: number, last: string | undefined) => {
    if (anyPorts) return freePort(0);
    const wanted = Number(last?.split(':').at(-1) ?? usual);
    const got = await freePort(wanted);
    if (got !== wanted) note(`port ${wanted} is taken: ${name} uses ${got}`);
    return got;
  };

  return {
    temporal: async () => {
      const given = await serverFromEnvironment();
      if (given) {
        await checkServer(given);
        return given;
      }
      const { temporal } = toolPaths();
      if (temporal === undefined)
        throw new Error('There is no Temporal server: run npm start, which fetches one, or set TEMPORAL_ADDRESS.');
      const last = await lastRun(state);
      const frontend = await port('Temporal', 7233, last?.temporal.address);
      const ui = await port('the Temporal UI', 8233, last?.temporal.ui);
      const address = `127.0.0.1:${frontend}`;
      const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${frontend}`, '--ui-port', `${ui}`, '--log-level', 'warn'];
      args.push('--db-filename', join(state, 'temporal.db'), ...SQLITE, ...DYNAMIC_CONFIG, ...KNOWN_ATTRIBUTES);
      await run('Temporal', () =>
        startChild({
          name: 'Temporal',
          command: temporal,
          args,
          logFile: log('temporal'),
          ready: { answers: (signal) => answers(address, signal) },
        }),
      );
      return { address, namespace: 'default', ui: `http://localhost:${ui}` };
    },
    localAws: async () => {
      const last = await lastRun(state);
      const wanted = await port('the local AWS', 4566, last?.aws?.endpoint);
      const printed = new Map<string, string>();
      const main = new URL('../local/main.ts', import.meta.url).pathname;
      await run('local AWS', () =>
        startChild({
          name: 'local AWS',
          command: process.execPath,
          args: [...TYPESCRIPT, main, '--port', `${wanted}`, '--state', join(state, 'aws'), ...behaviour(local)],
          env: { AWS_REGION: region },
          logFile: log('local-aws'),
          log: (line) => {
            if (/^(durations are drawn by|faults are in force|waiting until)/.test(line)) note(line);
          },
          ready: {
            line: (line) => {
              const [key = '', value = ''] = line.split('=', 2);
              if (key.startsWith('AWS_')) printed.set(key, value);
              return key === 'AWS_REGION';
            },
          },
          graceMs: 15_000,
        }),
      );
      return {
        endpoint: printed.get('AWS_ENDPOINT_URL')!,
        accessKeyId: printed.get('AWS_ACCESS_KEY_ID')!,
        secretAccessKey: printed.get('AWS_SECRET_ACCESS_KEY')!,
        region: printed.get('AWS_REGION')!,
      };
    },
    worker: (server, aws) =>
      run('worker', () =>
        startChild({
          name: 'worker',
          command: process.execPath,
          args: [...TYPESCRIPT, workerProgram.pathname],
          env: {
            ...environmentFor(server),
            AWS_REGION: region,
            AWS_ENDPOINT_URL: aws?.endpoint,
            ...(aws && { AWS_ACCESS_KEY_ID: aws.accessKeyId, AWS_SECRET_ACCESS_KEY: aws.secretAccessKey, AWS_SESSION_TOKEN: undefined }),
          },
          logFile: log('worker'),
          ready: { line: (line) => line === 'ready' },
        }),
      ),
    pids: () => Object.fromEntries([...parts].map(([name, part]) => [name, part.current()?.pid])),
    stop: async () => {
      for (const part of [...parts.values()].reverse()) await part.stop();
    },
  };
}

const behaviour = ({ profile, speed, seed, faults, callLog }: EmbeddedOptions['local']): string[] => [
  '--profile',
  profile,
  '--speed',
  `${speed}`,
  ...(seed === undefined ? [] : ['--seed', `${seed}`]),
  ...(faults === undefined ? [] : ['--faults', faults]),
  ...(callLog === undefined ? [] : ['--call-log', callLog]),
];

/** Resolves once a Temporal server answers at `address`. */
async function answers(address: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1000 });
      await connection.close();
      return;
    } catch {
      await delay(100); // not listening yet; `readyMs` of the child bounds the waiting
    }
  }
}
