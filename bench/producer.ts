import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Figure, quantile, roundDown } from './figure.ts';
import { cpuSeconds } from './producer/cpu.ts';
import { boto3, kpl, ours, type Program, versionOf } from './producer/install.ts';
import { type Sink, sink } from './producer/sink.ts';

const ROUNDS = 5;
/** So many that none is ever throttled: what is compared is the producers' work, not the sink's. */
const SHARDS = 64;
const EVENT_BYTES = 228;
const GRACE_MS = 10_000;

/** One producer: what it sends unmeasured, that its compilers are warm, and then in each round. */
interface Contender {
  name: string;
  program: Program;
  warmUp: number;
  count: number;
}

/**
 * Events acknowledged per second of CPU that a producer takes, all its processes counted: ours with aggregation and as a spec that sets nothing has it, the KPL as it
 * comes, boto3 with put_records of 500.
 * Same events, same keys, same sink over TLS; the rounds of all are interleaved, and in the end the streams hold exactly what was acknowledged.
 */
export async function producer(): Promise<Figure[]> {
  const contenders: Contender[] = [
    { name: 'ours', program: ours(), warmUp: 400_000, count: 400_000 },
    { name: 'ours-by-default', program: ours('as the spec'), warmUp: 200_000, count: 200_000 },
    { name: 'kpl', program: await kpl(), warmUp: 300_000, count: 100_000 },
    { name: 'boto3', program: await boto3(), warmUp: 20_000, count: 50_000 },
  ];
  const into = await sink();
  try {
    const [us = 0, byDefault = 0, theKpl = 0, theBoto3 = 0] = await rates(into, contenders);
    const [kplVersion, boto3Version] = [await versionOf('pom.xml'), await versionOf('requirements.txt')];
    return [
      better('acknowledged per CPU-second, KPL', us, theKpl, 3, `KPL ${kplVersion} with its defaults, a JVM and its native process`),
      better('the same by the default spec, KPL', byDefault, theKpl, 3, 'in order, only what waits for its like in aggregates'),
      better('acknowledged per CPU-second, boto3', us, theBoto3, 5, `boto3 ${boto3Version}, put_records of 500, one thread`),
    ];
  } finally {
    await into.close();
  }
}

const better = (name: string, us: number, peer: number, goal: number, note: string): Figure => ({
  name,
  unit: 'events/s',
  ours: Math.round(us),
  peer: Math.round(peer),
  ratio: roundDown(us / peer, 1),
  goal,
  note,
});

/** The median rate of each, in events per CPU-second. */
async function rates(into: Sink, contenders: Contender[]): Promise<number[]> {
  const measured = contenders.map((): number[] => []);
  const running: Running[] = [];
  try {
    for (const { name, program, warmUp } of contenders) {
      await into.stream(name, SHARDS);
      const started = await start(program, { ...into.environment, BENCH_STREAM: name });
      running.push(started);
      await started.send(warmUp);
    }
    for (let i = 0; i < ROUNDS; i++)
      for (const [at, { count }] of contenders.entries()) measured[at]!.push(count / (await running[at]!.send(count)));
  } finally {
    for (const each of running) await each.end();
  }
  for (const { name, warmUp, count } of contenders) {
    const [sent, found] = [warmUp + ROUNDS * count, await into.count(name)];
    if (sent !== found) throw new Error(`${name} was acknowledged ${sent} events, and its stream holds ${found}`);
  }
  return measured.map((all) => quantile(all, 0.5));
}

interface Running {
  /** Has it send so many events; resolves, once all are acknowledged, with the seconds of CPU that this took. */
  send(count: number): Promise<number>;
  end(): Promise<void>;
}

async function start({ command, args, environment: own }: Program, environment: Record<string, string>): Promise<Running> {
  const { text, numberEnds } = event();
  // With the end of its input it ends by itself, so also when we do.
  const child: ChildProcess = spawn(command, args, {
    env: {
      ...process.env,
      ...environment,
      ...own,
      BENCH_SHARDS: String(SHARDS),
      BENCH_EVENT: text,
      BENCH_NUMBER_ENDS: String(numberEnds),
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_NO_WARNINGS: '1',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const said = async (wanted: string) => {
    const { value } = await lines.next();
    if (value !== wanted) throw new Error(`${command} ${args.at(-1)} said ${value}, not ${wanted}`);
  };
  await said('ready');
  return {
    send: async (count) => {
      const before = cpuSeconds(child.pid!);
      child.stdin!.write(`${count}\n`);
      await said(String(count));
      return cpuSeconds(child.pid!) - before;
    },
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.stdin!.end();
      const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await exited;
      clearTimeout(kill);
    },
  };
}

/** An event with eight digits for its number, and where these end. */
function event(): { text: string; numberEnds: number } {
  const fields = {
    event_id: 'bench-00-00000000',
    event_type: 'kill',
    event_time: '2026-11-26T12:00:00.000',
    match_id: 'bench-match-00',
    server_id: 'eu-1',
    killer_id: 'p-0001',
    victim_id: 'p-0002',
    weapon: '',
  };
  const weapon = 'x'.repeat(EVENT_BYTES - JSON.stringify(fields).length);
  const text = JSON.stringify({ ...fields, weapon });
  return { text, numberEnds: text.indexOf('00000000') + 8 };
}
