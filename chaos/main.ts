import { Command, InvalidArgumentError } from 'commander';
import { type Ground, ground, type KillRun, killRun } from './kills.ts';

const count = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number of at least 1 is wanted.');
  return number;
};

const { runs, seed, json } = new Command('npm run chaos --')
  .description(
    'Lives of a pipeline on the local AWS, with the worker, the local AWS, Temporal or the client killed at random moments of up, run, apply and down.',
  )
  .option('--runs <number>', 'how many lives', count, 5)
  .option('--seed <number>', 'what the moments are drawn by', count, Math.floor(Math.random() * 2 ** 31) + 1)
  .option('--json', 'one line of JSON a run, and one at the end', false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ runs: number; seed: number; json: boolean }>();

let on: Ground | undefined;
const all: KillRun[] = [];
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => void on?.close().then(() => process.exit(130)));
on = await ground();
try {
  for (let number = 1; number <= runs; number++) {
    const run = await killRun(on, number, seed);
    all.push(run);
    process.stderr.write(
      json
        ? ''
        : `${number}: ${run.converged ? 'ok' : `NOT ${run.fault ?? ''}`} ${run.seconds} s; killed: ${run.kills.join(', ') || 'nothing'}\n`,
    );
    if (json) process.stdout.write(`${JSON.stringify({ run: number, ...run })}\n`);
  }
} finally {
  await on.close();
}
const sum = (of: (run: KillRun) => number) => all.reduce((total, run) => total + of(run), 0);
const report = {
  runs: all.length,
  converged: all.filter(({ converged }) => converged).length,
  madeTwice: sum((run) => run.madeTwice),
  lost: sum((run) => run.lost),
  duplicates: sum((run) => run.duplicates),
  leftovers: sum((run) => run.leftovers),
  seed,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(report.converged === report.runs && report.madeTwice === 0 ? 0 : 1);
