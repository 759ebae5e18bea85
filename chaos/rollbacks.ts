import { startPipeline } from '../client/pipeline.ts';
import { failureOf } from '../client/snapshot.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES } from '../pipeline/stages.ts';
import { breakOff } from '../workflows/messages.ts';
import { ACCOUNT, type Account } from './account.ts';
import { cleared } from './clearing.ts';
import { applyAndWait, awaitFlow, expectNothingLeft, inventoryOf, smallGame, toTheEnd } from './life.ts';
import { COUNTS, type Course, lived, type Run, until } from './run.ts';

/** Where an `up` is broken off: each stage when it is made, and when it is ready; and the steps between the stages. */
export const STEPS = [
  ...Object.keys(STAGES).flatMap((stage) => [`${stage}.ensure`, `${stage}.ready`]),
  ...['stages.survey', 'notebook.start', 'notebook.run', 'lake.delivered', 'crawl.start', 'crawl.finished', 'schedules.ensure'],
];

const gameOf = (name: string, seed: number): Pipeline => ({
  ...parseSpec(smallGame(name, seed, { local: { speed: 10 } })),
  account: ACCOUNT,
});

/** Brings a pipeline up until one of the steps is done, and does it that. */
async function brokenAt(
  account: Account,
  { run, signal, phase }: Course,
  pipeline: Pipeline,
  step: string,
  what: string,
  deed: () => Promise<unknown>,
) {
  phase(`up to ${step}`);
  let isBroken = false;
  account.at.set(`${step} after`, async () => {
    if (isBroken) return;
    isBroken = true;
    await deed();
    run.blows.push(`${what} after ${step}`);
  });
  await startPipeline(account.client, { pipeline });
  await until(signal, async () => isBroken || undefined);
}

/** The workflow of a pipeline is terminated or cancelled when a step is done, with all that it set going still there: `up` goes on, and `down` leaves nothing. */
export function orphanRun(account: Account, number: number, step: string, seed: number, within: number): Promise<Run> {
  const pipeline = gameOf(`orphan${number}`, seed);
  return lived(
    within,
    COUNTS,
    async (course) => {
      course.phase('the beginning');
      const before = await inventoryOf(account, pipeline);
      const handle = account.client.workflow.getHandle(pipeline.name);
      const [what, deed] =
        number % 2 === 0 ? (['cancelled', () => handle.cancel()] as const) : (['terminated', () => handle.terminate()] as const);
      await brokenAt(account, course, pipeline, step, what, deed);
      const signal = course.signal;
      await until(signal, async () => ((await handle.describe()).status.name === 'RUNNING' ? undefined : true));
      course.phase('up again');
      const next = { ...pipeline, generator: { ...pipeline.generator, rate: 60 } };
      await applyAndWait(account, course, next);
      await awaitFlow(account, course, next);
      await toTheEnd(account, course, next, before);
    },
    (run) => cleared(account, run, pipeline),
  ).finally(() => account.at.clear());
}

/** Breaks an `up` off when one of its steps is done, with everything to be taken away again that it made: nothing is left. */
export function rollbackRun(account: Account, number: number, step: string, seed: number, within: number): Promise<Run> {
  const pipeline = gameOf(`rollback${number}`, seed);
  return lived(
    within,
    ['leftovers'],
    async (course) => {
      const { signal, phase } = course;
      phase('the beginning');
      const before = await inventoryOf(account, pipeline);
      const handle = account.client.workflow.getHandle(pipeline.name);
      await brokenAt(account, course, pipeline, step, 'broken off, to be rolled back,', () => handle.signal(breakOff, { rollback: true }));
      phase('the rollback');
      await until(signal, async () => ((await handle.describe()).status.name === 'RUNNING' ? undefined : true));
      const failure = await failureOf(account.client, pipeline.name);
      if (!/^rolled back, since it was broken off/.test(failure ?? '')) throw new Error(`it was not rolled back, but ended so: ${failure}`);
      phase('the end');
      await expectNothingLeft(account, course, pipeline, before);
    },
    (run) => cleared(account, run, pipeline),
  ).finally(() => account.at.clear());
}
