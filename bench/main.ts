import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { Command } from 'commander';
import { producer } from '../activities/kinesis/producer.ts';
import { putting } from '../activities/kinesis/put-records.ts';
import { sendStretch, unsent } from '../activities/kinesis/stretch.ts';
import { wholeNumber } from '../client/whole-number.ts';
import { startLocal } from '../local/start.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { parseSpec, shardTakes } from '../pipeline/spec.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { again } from './again.ts';
import { critical } from './critical.ts';
import { type Figure, limited, quantile, roundDown } from './figure.ts';
import { flink } from './flink.ts';
import { generation } from './generation.ts';
import { growth } from './growth.ts';
import { many } from './many.ts';
import { residentMegabytes } from './memory.ts';
import { producer as producers } from './producer.ts';
import { ready } from './ready.ts';
import { steps } from './steps.ts';

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
    limited('first chart after start', 's', report.firstChartSeconds, 120),
    limited('up', 's', report.upSeconds, 120),
    limited('whole run, 20,000 events', 's', all, 240),
    limited('resident memory, peak of the tree', 'MB', peak, 4096),
  ];
}

/** As fast as the stream takes, but for the beginning and the end. */
const MAX_SHARE = 0.8;
const ROUNDS = 5;

/** Events per second that the generator's sender gets acknowledged by the local AWS on ten shards, flat out and aggregated, beside what so many shards take; each is on disk by then. */
async function acknowledged(): Promise<Figure> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  const local = await startLocal({ dir, log: () => undefined });
  const { put, close } = putting({ region: local.region, endpoint: local.endpoint, credentials: local.credentials });
  const kinesis = new KinesisClient({ region: local.region, endpoint: local.endpoint, credentials: local.credentials });
  try {
    const spec = parseSpec({ shards: 10, generator: { rate: 'max' } });
    await kinesis.send(new CreateStreamCommand({ StreamName: 'bench', ShardCount: spec.shards }));
    const game = gameOf(spec, 'bench000');
    const post = producer({ put, stream: 'bench', aggregate: true });
    const each = 40_000;
    const bases = [{ from: 0, base: Date.now() - HOUR_MS, rate: 1e6 }];
    const sending = { producer: post, signal: new AbortController().signal, report: () => undefined };
    const rates: number[] = [];
    for (let from = 0; rates.length < ROUNDS; from += each) {
      const began = performance.now();
      const stretches = Array.from({ length: game.lanes }, (_, lane) => ({ game, lane, from, to: from + each, bases, since: 0 }));
      await Promise.all(stretches.map((stretch) => sendStretch(stretch, unsent(from), sending)));
      rates.push((each * game.lanes) / ((performance.now() - began) / 1000));
    }
    const perSecond = quantile(rates, 0.5);
    const taken = spec.shards * shardTakes(spec);
    return {
      name: 'acknowledged, 10 shards',
      unit: 'events/s',
      ours: Math.round(perSecond),
      peer: null,
      ratio: roundDown(perSecond / taken, 2),
      goal: MAX_SHARE,
      note: `median of ${ROUNDS} rounds; the shards take ${taken}`,
    };
  } finally {
    close();
    kinesis.destroy();
    await local.close();
    await rm(dir, { recursive: true });
  }
}

/** What can be measured, by the word that asks for it; some go by a number of events. */
const GROUPS: Record<string, (events?: number) => Promise<Figure[]>> = {
  chain: wholeChain,
  again,
  acknowledged: async () => [await acknowledged()],
  steps,
  ready,
  critical,
  many,
  generation,
  producer: producers,
  flink,
  growth,
};

const { json, only, events } = new Command('npm run bench --')
  .description('Measures, and compares with peers in the same run.')
  .option('--only <groups>', `of ${Object.keys(GROUPS).join(', ')}: those to measure, comma between`, (text) => text.split(','))
  .option('--events <count>', 'of the backlog in each round of `flink`, and the most of a row of `growth`', wholeNumber)
  .option('--json', 'one line of JSON a figure', false)
  .parse()
  .opts<{ json: boolean; only?: string[]; events?: number }>();
const unknown = only?.filter((group) => !(group in GROUPS)) ?? [];
if (unknown.length > 0) {
  process.stderr.write(`There is no ${unknown.join(', ')} to measure. There are: ${Object.keys(GROUPS).join(', ')}\n`);
  process.exit(2);
}
const figures: Figure[] = [];
for (const [group, measure] of Object.entries(GROUPS)) {
  if (only && !only.includes(group)) continue;
  for (const figure of await measure(events)) {
    figures.push(figure);
    const { name, unit, ours, peer, ratio, goal, note } = figure;
    const words = `${name.padEnd(36)} ${String(ours).padStart(9)} ${unit.padEnd(9)} peer ${String(peer ?? 'none').padStart(8)}  ratio ${ratio} (goal ${goal})${note ? `  ${note}` : ''}`;
    process.stdout.write(`${json ? JSON.stringify(figure) : words}\n`);
  }
}
process.exit(figures.every(({ ratio, goal }) => ratio >= goal) ? 0 : 1);
