import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { residentMegabytes } from '../bench/memory.ts';
import { inAccount } from '../client/pipeline.ts';
import { wholeNumber } from '../client/whole-number.ts';
import type { FaultPlan } from '../local/faults.ts';
import { mismatches } from '../pipeline/audit.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { MINUTE_MS } from '../pipeline/time.ts';
import { type Ground, ground, killed } from './ground.ts';
import { applyAndWait, pauseAndWait, runAudit, seen, tearDown } from './life.ts';
import { randomOf, shuffled } from './random.ts';
import { type Course, lived } from './run.ts';
import { KILLS, soakFaults } from './soak-faults.ts';

// A pipeline that runs for as long as it is asked to, with calls and records that fail, trouble among its events, and parts killed in mid-stream; then the account.

const options = new Command('npm run soak --')
  .option('--minutes <number>', 'how long events are sent', wholeNumber, 60)
  .option('--rate <number>', 'events a second', wholeNumber, 500)
  .option('--shards <number>', 'shards of the stream', wholeNumber, 2)
  .option('--kill-every <seconds>', 'how often a part is killed', wholeNumber, 120)
  .option('--seed <number>', 'the same moments, victims and failures again', wholeNumber, Math.floor(Math.random() * 2 ** 31) + 1)
  .option('--json', 'a line of JSON for each minute, and one at the end')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ minutes: number; rate: number; shards: number; killEvery: number; seed: number; json?: boolean }>();

/** A fifth of the records fails, and a twentieth of the calls that put them, in every way that they can. */
const failures = (seed: number): FaultPlan => ({
  seed,
  rules: [
    ...(['throttle', 'lostAnswer', 'cut', 'unavailable'] as const).map((kind) => ({
      service: 'kinesis',
      operation: 'PutRecords',
      share: 0.0125,
      fault: { kind },
    })),
    { service: 'kinesis', operation: 'PutRecords', fault: { kind: 'partial', share: 0.2 } },
  ],
});

const VICTIMS = ['worker', 'local AWS', 'Flink', 'Athena'] as const;
/** What coming up, the account and going take beside the minutes asked for, and half of these: the more was sent, the longer it is counted. */
const REST_MS = 600_000;

const { minutes, rate, shards, killEvery, seed, json } = options;
const spec = {
  name: 'soak',
  shards,
  windowSeconds: 10,
  delivery: { seconds: 5 },
  generator: { rate, seed, trouble: { late: 0.01, duplicate: 0.01, malformed: 0.001, oversized: 0.0001 } },
};
const on = await ground();
const pipeline: Pipeline = await inAccount(parseSpec(spec), on.target);
const { control } = on;
const random = randomOf(seed, 0);

const run = await lived(1.5 * minutes * MINUTE_MS + REST_MS, [], async (course) => {
  course.phase('up');
  await applyAndWait(on, course, pipeline);
  await control.faults(failures(seed));
  course.phase('run');
  const until = Date.now() + minutes * MINUTE_MS;
  const memory = await sampled(on, course, until);
  course.phase('the account');
  await pauseAndWait(on, course, pipeline);
  const report = await runAudit(on, course, pipeline);
  course.phase('down');
  const struck = await control.counts();
  await control.faults({ rules: [] });
  await tearDown(on, course, pipeline);
  const { generated, lost, duplicates, resent, windowsChecked, windowsWrong } = report;
  const { blows } = course.run;
  const resentShare = resent / generated;
  const came = { lost, duplicates, resent, resentShare, windowsChecked, windowsWrong };
  tell({ minutes, rate, generated, ...came, memory, kills: blows.length, seed });
  const isLong = KILLS * minutes * 60 > VICTIMS.length * killEvery;
  const trouble = { blows, victims: isLong ? VICTIMS : [], failures: struck };
  const faults = [...mismatches(report), ...soakFaults({ minutes, rate, generated, resent, ...trouble, memory })];
  if (faults.length > 0) throw new Error(faults.join('; '));
});
if (run.fault) process.stderr.write(`${run.fault}\n`);
await on.close();
process.exit(run.converged ? 0 : 1);

/** Kills a part every now and then while the first part of the time lasts, each in its turn, and gives each part's resident megabytes, minute by minute. */
async function sampled(on: Ground, { run, signal }: Course, until: number): Promise<Record<string, number[]>> {
  const memory: Record<string, number[]> = {};
  const killsUntil = Date.now() + KILLS * (until - Date.now());
  const turns = shuffled(VICTIMS, random);
  let nextKill = Date.now() + killEvery * 1000;
  for (let nextMinute = Date.now() + MINUTE_MS; Date.now() < until; ) {
    await delay(Math.max(0, Math.min(nextKill, nextMinute, until) - Date.now()), undefined, { signal });
    if (Date.now() >= nextKill) {
      nextKill = nextKill + killEvery * 1000 < killsUntil ? nextKill + killEvery * 1000 : Number.POSITIVE_INFINITY;
      // What is on its way up is left to its turn.
      const pids = on.pids();
      const victim = turns.find((each) => killed(pids[each]));
      if (victim !== undefined) run.blows.push(victim);
      turns.sort((a, b) => Number(a === victim) - Number(b === victim));
    }
    if (Date.now() < nextMinute) continue;
    nextMinute += MINUTE_MS;
    for (const [part, pid] of Object.entries(on.pids()))
      memory[part] = [...(memory[part] ?? []), pid === undefined ? Number.NaN : Math.round(residentMegabytes(pid))];
    const now = await seen(on, pipeline.name);
    const last = Object.fromEntries(Object.entries(memory).map(([part, all]) => [part, all.at(-1)]));
    tell({
      minute: memory.worker?.length,
      acknowledged: now?.generator?.acknowledged,
      state: now?.pipeline.state,
      notebook: now?.notebook?.state,
      ...last,
    });
  }
  return memory;
}

function tell(facts: object): void {
  const words = () =>
    Object.entries(facts)
      .map(([key, value]) => `${key} ${JSON.stringify(value)}`)
      .join(', ');
  process.stdout.write(`${json ? JSON.stringify(facts) : words()}\n`);
}
