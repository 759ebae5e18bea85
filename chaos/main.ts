import { Command, Option } from 'commander';
import { wholeNumber } from '../client/whole-number.ts';
import { COUNTS, LIFE_SECONDS, type Run, summed } from './run.ts';
import { places, sharedOut, WAYS } from './ways.ts';

const countOrAll = (text: string) => (text === 'all' ? Number.POSITIVE_INFINITY : wholeNumber(text));

const options = new Command('npm run chaos --')
  .description('Lives of a pipeline on the local AWS under trouble that a seed draws: all ways of it shared out over the runs, or one.')
  .option('--runs <number>', "how many lives; 'all', of a way that has an end: as many as that takes", countOrAll, 20)
  .option('--seed <number>', 'what the trouble is drawn by', wholeNumber, Math.floor(Math.random() * 2 ** 31) + 1)
  .addOption(
    new Option(
      '--what <way>',
      Object.entries(WAYS)
        .map(([way, { about }]) => `${way}: ${about}`)
        .join('. '),
    ).choices(Object.keys(WAYS)),
  )
  .option('--seconds <number>', 'what a life may take on a machine that does nothing else, Flink apart', wholeNumber, LIFE_SECONDS)
  .option('--flink <seconds>', 'what Flink takes to start here; measured unless told', wholeNumber)
  .option('--each <number>', 'boundaries: how many in one life', wholeNumber, 2)
  .option('--faults <number>', 'errors, calls: how many in one life', wholeNumber, 40)
  .option('--crowd <number>', 'crowds: how many pipelines at once, each with a Flink of its own', wholeNumber, 6)
  .option('--events <number>', 'mutations: how many events the game has', wholeNumber, 1_000_000)
  .option('--no-attribution', 'errors, calls: do not look which of its faults a life failed of')
  .option('--json', 'one line of JSON a run', false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{
    runs: number;
    seed: number;
    what?: string;
    seconds: number;
    flink?: number;
    each: number;
    faults: number;
    crowd: number;
    events: number;
    attribution: boolean;
    json: boolean;
  }>();

const { runs, seed, what, json } = options;
if (runs === Number.POSITIVE_INFINITY && !['boundaries', 'errors', 'calls', 'rollbacks', 'orphans', 'drifts'].includes(what ?? '')) {
  process.stderr.write('--runs all goes with --what boundaries, errors, calls, rollbacks, orphans or drifts: the others have no end\n');
  process.exit(2);
}
const shared = places(options);
const means = { ...options, attributes: options.attribution, places: shared };
const all: Run[] = [];

function tell(way: string, run: Run): void {
  all.push(run);
  if (json) process.stdout.write(`${JSON.stringify({ run: all.length, way, ...run })}\n`);
  else
    process.stderr.write(
      `${all.length} ${way}: ${run.converged ? 'ok' : `NOT: ${run.fault}`}; ${run.seconds} s; ${run.blows.join(', ') || 'left in peace'}\n`,
    );
}

/** Interrupted, it still says how far it came. */
function end(): never {
  const sums = Object.fromEntries(COUNTS.map((each) => [each, summed(all, each)]));
  const { madeTwice, lost, duplicates, leftovers } = sums;
  const converged = all.filter((run) => run.converged).length;
  process.stdout.write(`${JSON.stringify({ runs: all.length, converged, madeTwice, lost, duplicates, leftovers, seed })}\n`);
  process.exit(converged === all.length && all.length > 0 ? 0 : 1);
}

for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => void shared.close().finally(end));
try {
  for (const { way, runs: some } of what ? [{ way: what, runs }] : sharedOut(runs)) {
    const trouble = await WAYS[way]!.begin(means);
    for (let number = 1; number <= some; number++) {
      tell(way, await trouble.run(number));
      if (some === Number.POSITIVE_INFINITY && trouble.isDone?.()) break;
    }
  }
} catch (error) {
  process.stderr.write(`chaos itself failed: ${(error as Error).stack}\n`);
  all.push({ converged: false, blows: [], madeTwice: null, lost: null, duplicates: null, leftovers: null, seconds: 0, phases: {} });
} finally {
  await shared.close();
}
end();
