import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { type Spec, SpecError } from '../pipeline/spec.ts';
import { rootMessage } from '../workflows/failure.ts';
import { addresses } from './addresses.ts';
import { bringUp, machine, type Up } from './bring-up.ts';
import { keepCopies } from './keep.ts';
import { account, type OnceReport, reportLine } from './once.ts';
import { picture, takeDown } from './pipeline.ts';
import { progressOn } from './progress.ts';
import { loadSpec } from './spec-file.ts';
import { letGo, stateFolder, takeHold } from './state.ts';

const count = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number of at least 1 is wanted.');
  return number;
};

interface Options {
  once: boolean;
  events?: number;
  rate?: number;
  json: boolean;
  keep?: string;
  state?: string;
}

const ONCE_RATE = 500;

const options = new Command('npm start --')
  .description('Runs data2dashboard: Temporal, the local AWS with Flink, the worker, and the pipeline, until Ctrl-C.')
  .option('--once', 'do the main job once on fresh state: up, generate, count everything, take down', false)
  .option('--events <number>', 'with --once: how many events (20000 unless told)', count)
  .option('--rate <number>', 'events per second', count)
  .option('--json', 'end with one line of JSON on stdout', false)
  .option('--keep <dir>', 'with --once: copy lake, streams and results there before the take-down')
  .option('--state <dir>', 'state folder (.data2dashboard unless told; with --once a temporary one)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>();

const progress = progressOn(process.stderr);

/** Everything up and kept up, until a signal. */
async function run(spec: Spec): Promise<number> {
  const state = options.state ?? stateFolder();
  const holder = await takeHold(state);
  if (holder !== undefined) {
    process.stderr.write(`data2dashboard already runs on ${state} (process ${holder}). See it with: npx d2d status\n`);
    return 0;
  }
  const signal = untilSignal();
  const parts = machine(state, spec, progress);
  try {
    const held = (reason: string) => progress.line(`  held: ${reason}\n  Once that is mended: npx d2d up`);
    const up = await bringUp(parts, state, spec, progress, signal, held);
    progress.end();
    process.stderr.write(`${await summary(up)}\n`);
    await showLife(up, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.end();
    process.stderr.write('Stopping; the state stays for the next start.\n');
    await parts.stop();
    await letGo(state);
  }
  if (spec.target === 'aws') process.stderr.write(billing(spec));
  return 0;
}

/** Aborted by the first signal that asks us to end; a second one does not wait for anything. */
function untilSignal(): AbortSignal {
  const control = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => (control.signal.aborted ? process.exit(130) : control.abort()));
  return control.signal;
}

/** Until the signal, on a terminal: one line of what goes through. */
async function showLife({ client, pipeline }: Up, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (process.stderr.isTTY) {
      const now = await picture(client, pipeline.name).catch(() => undefined); // a part is on its way back; its own line has said so
      const events = now?.generator?.acknowledged ?? 0;
      progress.now(
        now
          ? `${now.pipeline.state}: ${events} events acknowledged, notebook ${now.notebook?.state ?? 'waiting'}`
          : 'the pipeline is down: npx d2d up',
      );
    }
    await delay(2000, undefined, { signal }).catch(() => undefined);
  }
}

/** The main job once, on state of its own, with everything taken down and removed at the end. */
async function runOnce(spec: Spec): Promise<number> {
  const state = options.state ?? (await mkdtemp(join(tmpdir(), 'data2dashboard-')));
  const parts = machine(state, spec, progress);
  try {
    const broken = (reason: string) => {
      throw new Error(reason);
    };
    const up = await bringUp(parts, state, spec, progress, untilSignal(), broken);
    const { audit, faults } = await account(up.client, up.pipeline, progress);
    const report: OnceReport = { ...audit, firstChartSeconds: up.firstChartSeconds, upSeconds: up.upSeconds, leftovers: -1 };
    if (options.keep !== undefined) await keepCopies(options.keep, up.pipeline, up.target, audit);
    const since = Date.now();
    progress.now('taking everything down');
    const { left } = await takeDown(up.client, up.pipeline);
    progress.done('taken down', since);
    report.leftovers = left.length;
    if (left.length > 0) faults.push(`left after take-down: ${left.join(', ')}`);
    progress.end();
    for (const fault of faults) process.stderr.write(`mismatch: ${fault}\n`);
    const table = () => Object.entries(report).map(([key, value]) => `${key.padEnd(20)} ${value}`);
    process.stdout.write(`${options.json ? reportLine(report) : table().join('\n')}\n`);
    return faults.length === 0 ? 0 : 1;
  } finally {
    await parts.stop();
    if (options.state === undefined) await rm(state, { recursive: true, force: true });
  }
}

async function summary({ pipeline, target, temporalUi, firstChartSeconds }: Up): Promise<string> {
  const { dashboard, notebook, flink } = await addresses(pipeline, target);
  const rows = { Dashboard: dashboard, Notebook: notebook, 'Temporal UI': temporalUi, 'Flink UI': flink, 'AWS endpoint': target.endpoint };
  const lines = Object.entries(rows).flatMap(([name, address]) => (address ? [`  ${name.padEnd(14)} ${address}`] : []));
  return [
    `Ready in ${firstChartSeconds} s`,
    ...lines,
    '  Next: npx d2d status | npx d2d open | npx d2d pause | Ctrl-C stops, the state stays',
  ].join('\n');
}

/** With target `aws` the pipeline is not on this machine: it goes on without it. */
const billing = ({ name, region, shards }: Spec) =>
  [
    `Pipeline ${name} goes on in ${region} and is billed there: ${shards + 2} Kinesis shards, three delivery streams, the Studio application`,
    `(${shards} + 2 KPU, by far the most), crawls and queries only while a worker runs. The generator is stopped while no worker runs.`,
    'To end it all: npm start, then npx d2d down.',
    '',
  ].join('\n');

try {
  if (!options.once && (options.events !== undefined || options.keep !== undefined))
    throw new SpecError('the command', ['--events, --keep: go with --once']);
  const spec = await loadSpec({
    total: options.once ? (options.events ?? 20_000) : undefined,
    rate: options.rate ?? (options.once ? ONCE_RATE : undefined),
  });
  process.exit(await (options.once ? runOnce(spec) : run(spec)));
} catch (error) {
  progress.end();
  const message = rootMessage(error);
  process.stderr.write(`${message}\n`);
  if (options.json) process.stdout.write(`${JSON.stringify({ error: message })}\n`);
  process.exit(error instanceof SpecError ? 2 : 1);
}
