import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { Command, InvalidArgumentError, Option } from 'commander';
import { cost, total } from '../pipeline/cost.ts';
import type { Duration } from '../pipeline/duration.ts';
import type { Rate } from '../pipeline/rate.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { rootMessage } from '../workflows/failure.ts';
import type { Leftover } from '../workflows/messages.ts';
import { addresses } from './addresses.ts';
import { bringUp, machine, type Up } from './bring-up.ts';
import { planIn } from './faults.ts';
import { keepCopies, mayKeep } from './keep.ts';
import { leftLines } from './left.ts';
import { account, mustBeFresh, type OnceReport, reportLine } from './once.ts';
import { requestTeardown } from './pipeline.ts';
import { progressOn } from './progress.ts';
import { rateOf } from './rate.ts';
import { snapshot } from './snapshot.ts';
import { loadSpec } from './spec-file.ts';
import { letGo, stateFolder, takeHold } from './state.ts';
import { ONCE_WITHIN, timeLimit, within } from './time-limit.ts';
import { exitCodeOf, UsageError, UserError } from './user-error.ts';
import { wholeNumber } from './whole-number.ts';
import { outliveReaders, written } from './written.ts';

interface Options {
  once: boolean;
  events?: number;
  rate?: Rate;
  max?: boolean;
  json: boolean;
  keep?: string;
  state?: string;
  profile?: string;
  speed?: number;
  seed?: number;
  faults?: string;
  callLog?: string;
  timeout?: Duration;
}

const ONCE_RATE = 500;

function rateOption(text: string): Rate {
  try {
    return rateOf(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const command = new Command('npm start --')
  .description('Runs data2dashboard: Temporal, the local AWS with Flink, the worker, and the pipeline, until Ctrl-C.')
  .option('--once', 'do the main job once on fresh state: up, generate, count everything, take down', false)
  .option('--events <number>', 'with --once: how many events (20000 unless told)', wholeNumber)
  .option('--rate <rate>', "events a second: a number, 'max', or a course as JSON", rateOption)
  .addOption(new Option('--max', 'as fast as the stream takes: --rate max').conflicts('rate'))
  .option('--json', 'also one line of JSON on stdout: with --once the account, else the addresses', false)
  .option('--keep <dir>', 'with --once: copy lake, streams and results there before the take-down')
  .option('--state <dir>', 'state folder (.data2dashboard unless told; with --once a temporary one)')
  .addOption(new Option('--profile <name>', "how long the local AWS takes: 'instant' unless told").choices(['instant', 'aws']))
  .option('--speed <factor>', 'with --profile aws: everything this many times faster', wholeNumber)
  .option('--seed <number>', 'with --profile aws: draws the durations of an earlier run', wholeNumber)
  .option('--faults <file>', 'a fault plan for the local AWS, as JSON')
  .option('--call-log <file>', 'write every call to the local AWS there, as JSON lines')
  .option('--timeout <duration>', `give up when it is not up by then, or with --once not done (then ${ONCE_WITHIN} unless told)`, timeLimit)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();
const options = command.opts<Options>();

outliveReaders();
const progress = progressOn(process.stderr);

/** What the other commands find another state folder by. */
const FOR_STATE = options.state === undefined ? '' : `DATA2DASHBOARD_STATE='${options.state}' `;

/** Everything up and kept up, until a signal. */
async function run(spec: Spec): Promise<number> {
  const state = options.state ?? stateFolder();
  const holder = await takeHold(state);
  if (holder !== undefined) {
    process.stderr.write(`data2dashboard already runs on ${state} (process ${holder}). See it with: ${FOR_STATE}npx d2d status\n`);
    return 0;
  }
  const signal = untilSignal();
  const climbing = within(options.timeout, signal);
  const parts = machine(state, spec, progress, options);
  let up: Up | undefined;
  try {
    const stuck = (reason: string) => progress.line(`  ${reason}`);
    up = await bringUp(parts, state, spec, progress, climbing, { stuck });
    progress.end();
    const pages = await addresses(up.pipeline, up.target);
    process.stderr.write(`${summary(up, pages)}\n`);
    if (options.json)
      process.stdout.write(`${JSON.stringify({ firstChartSeconds: up.firstChartSeconds, upSeconds: up.upSeconds, ...pages })}\n`);
    await showLife(up, signal);
  } catch (error) {
    if (!signal.aborted) throw climbing.aborted && !up ? tooLate('up', options.timeout) : error;
    if (!up) await tellFailure('stopped before it was up');
  } finally {
    progress.end();
    process.stderr.write('Stopping; the state stays for the next start.\n');
    await parts.stop();
    await letGo(state);
    if (spec.target === 'aws' && up) process.stderr.write(goesOn(up));
  }
  return up ? 0 : 1;
}

/** What ends a start that has used up its time: what it still waited for then. */
const tooLate = (wanted: 'up' | 'done', limit: Duration | undefined): UserError =>
  new UserError(`It is not ${wanted} after ${limit} (--timeout); what it waited for: ${progress.underWay()}`);

/** One Ctrl-C comes twice where npm passes it on past the shell: from the terminal, and from npm. */
const SAME_SIGNAL_MS = 1_000;

/** Aborted by the first signal that asks us to end; a later one does not wait for anything. */
function untilSignal(): AbortSignal {
  const control = new AbortController();
  let first = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (!control.signal.aborted) first = performance.now();
      else if (performance.now() - first > SAME_SIGNAL_MS) process.exit(130);
      control.abort();
    });
  return control.signal;
}

/** Until the signal, on a terminal: one line of what goes through. */
async function showLife({ client, pipeline }: Up, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (process.stderr.isTTY) progress.now(await lifeLine(client, pipeline));
    await delay(2000, undefined, { signal }).catch(() => undefined);
  }
}

async function lifeLine(client: Client, { name }: Pipeline): Promise<string> {
  try {
    const now = await snapshot(client, name);
    if (!now) return 'the pipeline does not run: npx d2d status';
    return `${now.pipeline.state}: ${now.generator?.acknowledged ?? 0} events acknowledged, notebook ${now.notebook?.state ?? 'waiting'}`;
  } catch (error) {
    return `cannot ask the pipeline just now: ${rootMessage(error)}`;
  }
}

/** The main job once, on state of its own, with everything taken down at the end, whatever that end is. */
async function runOnce(spec: Spec): Promise<number> {
  if (options.keep !== undefined) await mayKeep(options.keep);
  const state = options.state ?? (await mkdtemp(join(tmpdir(), 'data2dashboard-')));
  if (options.state === undefined) process.once('exit', () => rmSync(state, { recursive: true, force: true }));
  const holder = await takeHold(state);
  if (holder !== undefined) throw new UserError(`Process ${holder} runs on ${state}: give --once another --state, or none.`);
  const asked = untilSignal();
  const limit = options.timeout ?? ONCE_WITHIN;
  const signal = within(limit, asked);
  const parts = machine(state, spec, progress, options);
  let pipeline: { client: Client; pipeline: Pipeline } | undefined;
  try {
    const up = await bringUp(parts, state, spec, progress, signal, {
      stuck: (reason) => {
        throw new UserError(reason);
      },
      before: mustBeFresh,
      started: (found) => {
        pipeline = found;
      },
    });
    const { audit, faults } = await account(up.client, up.pipeline, progress, signal);
    if (options.keep !== undefined) await keepCopies(options.keep, up.pipeline, up.target, audit);
    const left = await takeAllDown(up);
    pipeline = undefined;
    if (left.length > 0) faults.push(`left after take-down: ${left.map(({ label }) => label).join(', ')}`);
    progress.end();
    for (const fault of faults) process.stderr.write(`mismatch: ${fault}\n`);
    const report: OnceReport = { ...audit, firstChartSeconds: up.firstChartSeconds, upSeconds: up.upSeconds, leftovers: left.length };
    const table = () => Object.entries(report).map(([key, value]) => `${key.padEnd(20)} ${value}`);
    await written(process.stdout, `${options.json ? reportLine(report) : table().join('\n')}\n`);
    return faults.length === 0 ? 0 : 1;
  } catch (error) {
    if (!asked.aborted) throw signal.aborted ? tooLate('done', limit) : error;
    progress.line('stopped before the end');
    await tellFailure('stopped before the end');
    return 1;
  } finally {
    // The local AWS goes with its state; what stands on AWS would go on and be billed.
    if (pipeline && spec.target === 'aws') await takeAway(pipeline);
    await parts.stop();
    await letGo(state);
  }
}

/** Takes down what an end before its time would leave on AWS, or says that it still stands. */
async function takeAway(up: { client: Client; pipeline: Pipeline }): Promise<void> {
  const { name, region, target } = up.pipeline;
  try {
    for (const line of leftLines({ left: await takeAllDown(up) }, target)) progress.line(`  left after take-down: ${line.trim()}`);
  } catch (error) {
    progress.line(
      `  pipeline ${name} still stands in ${region} and is billed, since taking it down failed: ${rootMessage(error)}. To end it: npm start, then npx d2d down`,
    );
  }
}

async function takeAllDown({ client, pipeline }: { client: Client; pipeline: Pipeline }): Promise<Leftover[]> {
  const since = Date.now();
  progress.now('taking everything down');
  const { left } = await requestTeardown(client, pipeline);
  progress.done('taken down', since);
  return left;
}

function summary(
  { target, temporalUi, firstChartSeconds }: Up,
  { dashboard, notebook, flink }: Awaited<ReturnType<typeof addresses>>,
): string {
  const rows = { Dashboard: dashboard, Notebook: notebook, 'Temporal UI': temporalUi, 'Flink UI': flink, 'AWS endpoint': target.endpoint };
  const lines = Object.entries(rows).flatMap(([name, address]) => (address ? [`  ${name.padEnd(14)} ${address}`] : []));
  return [
    `Ready in ${firstChartSeconds} s`,
    ...lines,
    ...(notebook ? [] : ['  Notebook       is starting again; its link: npx d2d open']),
    `  Next: ${FOR_STATE}npx d2d status | ${FOR_STATE}npx d2d open | ${FOR_STATE}npx d2d pause | Ctrl-C stops, the state stays`,
  ].join('\n');
}

/** With target `aws` the pipeline is not on this machine: it goes on without it. */
const goesOn = ({ pipeline }: Up) => {
  const resting = cost(pipeline, { generating: false, studio: true, schedules: false, lakeDays: 0 });
  return [
    `Pipeline ${pipeline.name} stands in ${pipeline.region} and is billed there, $${total(resting).toFixed(2)} an hour besides what its lake holds; generator and schedules rest while no worker runs.`,
    'To end it all: npm start, then npx d2d down.',
    '',
  ].join('\n');
};

/** With `--json`, stdout says, too, what ended it. */
async function tellFailure(error: string): Promise<void> {
  if (options.json) await written(process.stdout, `${JSON.stringify({ error })}\n`);
}

/** Options that are typed before `--` npm keeps to itself; it has one `--json` of its own. */
function mustHaveAll(): void {
  const names = command.options.map((option) => option.name()).filter((name) => name !== 'json');
  const kept = names.filter((name) => process.env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined);
  if (kept.length > 0)
    throw new UsageError(`npm took --${kept.join(' and --')} for its own: options of ours come after --, as in: npm start -- --${kept[0]}`);
}

try {
  mustHaveAll();
  if (!options.once && (options.events !== undefined || options.keep !== undefined))
    throw new UsageError('--events and --keep go with --once: npm start -- --once --events 20000');
  if (options.faults !== undefined) await planIn(options.faults);
  const spec = await loadSpec({
    generator: {
      total: options.once ? (options.events ?? 20_000) : undefined,
      rate: options.max ? 'max' : (options.rate ?? (options.once ? ONCE_RATE : undefined)),
    },
    local: { profile: options.profile, speed: options.speed },
  });
  process.exit(await (options.once ? runOnce(spec) : run(spec)));
} catch (error) {
  progress.end();
  const message = rootMessage(error);
  await written(process.stderr, `${message}\n`);
  await tellFailure(message);
  process.exit(exitCodeOf(error));
}
