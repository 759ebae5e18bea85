import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { sendRange } from '../activities/kinesis/send.ts';
import { startLocal } from '../local/start.ts';
import { residentMegabytes } from './memory.ts';

/** One figure. `ratio` is built so that higher is better; `goal` is what it must at least be. `peer` is null where no peer does the same job. */
interface Figure {
  name: string;
  unit: string;
  ours: number;
  peer: number | null;
  ratio: number;
  goal: number;
}

/** Runs the product once and samples the memory of its whole tree of processes. The ratios are the limits of the task (in all 240 s; 4 GB) over what was measured. */
async function wholeChain(): Promise<Figure[]> {
  const start = fileURLToPath(new URL('../client/start.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', start, '--once', '--events', '20000', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const began = performance.now();
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, residentMegabytes(child.pid!));
  }, 1000);
  const [code] = (await once(child, 'exit')) as [number];
  clearInterval(sampling);
  const all = (performance.now() - began) / 1000;
  const report = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { firstChartSeconds: number; upSeconds: number; error?: string };
  if (code !== 0) throw new Error(`the run ended with exit code ${code}: ${output}`);
  return [
    figure('first chart after start', 's', report.firstChartSeconds, 120),
    figure('up', 's', report.upSeconds, 120),
    figure('whole run, 20,000 events', 's', all, 240),
    figure('resident memory, peak of the tree', 'MB', peak, 4096),
  ];
}

const round = (value: number, digits = 1) => Number(value.toFixed(digits));

const figure = (name: string, unit: string, ours: number, limit: number): Figure => ({
  name,
  unit,
  ours: round(ours),
  peer: null,
  ratio: round(limit / ours, 2),
  goal: 1,
});

/** Events per second that the generator's sender gets acknowledged by the local AWS on 32 shards, flat out; each is on disk by then. */
async function acknowledged(): Promise<Figure> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  const local = await startLocal({ dir });
  try {
    const kinesis = new KinesisClient(local);
    await kinesis.send(new CreateStreamCommand({ StreamName: 'bench', ShardCount: 32 }));
    const game = { run: 'bench', seed: 1, players: 1000 };
    const to = 40_000;
    const began = performance.now();
    await sendRange(
      { game, from: 0, to, base: 0, rate: 1e9 },
      { next: 0, latest: 0, heartbeats: 0 },
      { kinesis, stream: 'bench', signal: new AbortController().signal, report: () => undefined },
    );
    const perSecond = to / ((performance.now() - began) / 1000);
    return {
      name: 'events acknowledged',
      unit: 'events/s',
      ours: Math.round(perSecond),
      peer: null,
      ratio: round(perSecond / 1000, 2),
      goal: 1,
    };
  } finally {
    await local.close();
    await rm(dir, { recursive: true });
  }
}

const json = process.argv.includes('--json');
const figures = [...(await wholeChain()), await acknowledged()];
for (const figure of figures) {
  const { name, unit, ours, peer, ratio, goal } = figure;
  const words = `${name.padEnd(34)} ${String(ours).padStart(9)} ${unit.padEnd(9)} peer ${peer ?? 'none'}  ratio ${ratio} (goal ${goal})`;
  process.stdout.write(`${json ? JSON.stringify(figure) : words}\n`);
}
process.exit(figures.every(({ ratio, goal }) => ratio >= goal) ? 0 : 1);
