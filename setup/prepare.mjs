import { join } from 'node:path';
import { takeLock } from './lock.mjs';
import { createProgress } from './progress.mjs';
import { CommandFailed, stopAll } from './run.mjs';
import { dueSteps, stepsFor } from './steps.mjs';
import { projectRoot } from './tools.mjs';

const OUTPUT_LINES = 12;

/**
 * What a failed command said first and last: some name the cause at the top, some at the bottom.
 * @param {string[]} lines
 */
const ends = (lines) => (lines.length <= 2 * OUTPUT_LINES ? lines : [...lines.slice(0, OUTPUT_LINES), '…', ...lines.slice(-OUTPUT_LINES)]);

const FLAGS = ['--tests', '--no-temporal', '--no-flink', '--no-bundles'];

/**
 * Runs the steps that are due, those that do not need each other side by side, and sets the exit code: 0, or 1 with a plain line for what is missing, or 2 for a
 * flag that set-up does not have.
 * @param {string[]} args
 */
export async function prepare(args) {
  const unknown = args.filter((arg) => !FLAGS.includes(arg));
  if (unknown.length > 0) {
    console.error(`set-up: there is no ${unknown.join(' ')}; there are ${FLAGS.join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const steps = stepsFor(projectRoot, {
    tests: args.includes('--tests'),
    temporal: !args.includes('--no-temporal'),
    flink: !args.includes('--no-flink'),
    bundles: !args.includes('--no-bundles'),
  });
  if ((await dueSteps(steps)).length === 0) return;

  const progress = createProgress(process.stderr);
  const release = await takeLock(join(projectRoot, '.tools', 'setup.lock'), (pid) =>
    progress.line(`waiting for the one that runs already (pid ${pid})`),
  );
  const interrupted = endOnSignal(progress.line);
  try {
    process.exitCode = (await runAll(await dueSteps(steps), progress)) ? 0 : 1;
  } finally {
    progress.close();
    release();
    process.exitCode = interrupted() ?? process.exitCode;
  }
}

/**
 * @param {import('./steps.mjs').Step[]} due
 * @param {ReturnType<typeof createProgress>} progress
 */
async function runAll(due, progress) {
  const missing = [...new Set((await Promise.all(due.map((step) => step.missing()))).flat())];
  for (const text of missing) progress.line(text);
  if (missing.length > 0) return false;

  /** @type {Map<string, Promise<boolean>>} */
  const results = new Map();
  for (const step of due) {
    const before = (step.after ?? []).map((name) => results.get(name) ?? true);
    results.set(
      step.name,
      Promise.all(before).then((all) => all.every(Boolean) && runStep(step, progress)),
    );
  }
  return (await Promise.all(results.values())).every(Boolean);
}

/**
 * @param {import('./steps.mjs').Step} step
 * @param {ReturnType<typeof createProgress>} progress
 */
async function runStep(step, progress) {
  progress.start(step.name);
  try {
    await step.run();
    progress.end(step.name, true);
    return true;
  } catch (error) {
    progress.end(step.name, false);
    progress.line(error instanceof Error ? error.message : String(error));
    if (error instanceof CommandFailed) for (const text of ends(error.output.split('\n'))) progress.line(`  ${text}`);
    return false;
  }
}

/**
 * On Ctrl-C or TERM ends the commands, so that the steps fail and the lock is given back; returns the exit code to use, if it happened.
 * @param {(text: string) => void} line
 */
function endOnSignal(line) {
  /** @type {number | undefined} */
  let code;
  for (const [signal, value] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]))
    process.on(signal, () => {
      code = value;
      line('interrupted; run it again to go on');
      stopAll();
    });
  return () => code;
}
