import { Command, InvalidArgumentError, Option } from 'commander';
import type { Run } from './ground.ts';
import { type Trouble, WAYS } from './ways.ts';

const count = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number of at least 1 is wanted.');
  return number;
};

const { runs, seed, json, what, boundaries } = new Command('npm run chaos --')
  .description('Lives of a pipeline on the local AWS under trouble that a seed draws.')
  .option('--runs <number>', 'how many lives', count, 5)
  .option('--seed <number>', 'what the trouble is drawn by', count, Math.floor(Math.random() * 2 ** 31) + 1)
  .addOption(
    new Option(
      '--what <way>',
      'kills: worker, local AWS, Temporal or client killed in up, run, apply, down. boundaries: the worker killed right before and after activities. takedowns: taken down at any moment. roles: roles slow to spread. halves: broken off half made. errors: every modelled error',
    )
      .choices(Object.keys(WAYS))
      .default('kills'),
  )
  .option('--boundaries <number>', 'of what boundaries: at how many in one life', count, 8)
  .option('--json', 'one line of JSON a run, and one at the end', false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ runs: number; seed: number; json: boolean; boundaries: number; what: keyof typeof WAYS }>();

let trouble: Trouble | undefined;
const all: Run[] = [];
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => void trouble?.close().then(() => process.exit(130)));
trouble = await WAYS[what](seed, boundaries);
try {
  for (let number = 1; number <= runs; number++) {
    const run = await trouble.run(number);
    all.push(run);
    const end = run.converged ? 'ok' : `NOT ${run.fault ?? ''}`;
    if (json) process.stdout.write(`${JSON.stringify({ run: number, ...run })}\n`);
    else process.stderr.write(`${number}: ${end} ${run.seconds} s; ${run.blows.join(', ') || 'left in peace'}\n`);
  }
} finally {
  await trouble.close();
}
const sum = (of: (run: Run) => number) => all.reduce((total, run) => total + of(run), 0);
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
