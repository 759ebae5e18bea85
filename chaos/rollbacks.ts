import { failureOf, startPipeline } from '../client/pipeline.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES } from '../pipeline/stages.ts';
import { breakOff } from '../workflows/messages.ts';
import { ACCOUNT, type Account } from './account.ts';
import { cleared } from './clearing.ts';
import { inventoryOf, nothingLeft, smallGame } from './life.ts';
import { lived, type Run, until } from './run.ts';

/** Where an `up` is broken off: each stage when it is made, and when it is ready; and the steps between the stages. */
export const STEPS = [
  ...Object.keys(STAGES).flatMap((stage) => [`${stage}.ensure`, `${stage}.ready`]),
  ...['stages.survey', 'notebook.start', 'notebook.run', 'lake.delivered', 'crawl.start', 'crawl.finished', 'schedules.ensure'],
];

/** Breaks an `up` off when one of its steps is done, with everything to be taken away again that it made: nothing is left. */
export function rollbackRun(account: Account, number: number, step: string, seed: number, within: number): Promise<Run> {
  const pipeline: Pipeline = { ...parseSpec(smallGame(`rollback${number}`, seed, { local: { speed: 10 } })), account: ACCOUNT };
  return lived(
    within,
    ['leftovers'],
    async (course) => {
      const { run, signal, phase } = course;
      phase('the beginning');
      const before = await inventoryOf(account, pipeline);
      phase(`up to ${step}`);
      const handle = account.client.workflow.getHandle(pipeline.name);
      let isBroken = false;
      account.at.set(`${step} after`, async () => {
        if (isBroken) return;
        isBroken = true;
        await handle.signal(breakOff, { rollback: true });
        run.blows.push(`broken off, to be rolled back, after ${step}`);
      });
      await startPipeline(account.client, { pipeline });
      await until(signal, async () => isBroken || undefined);
      phase('the rollback');
      await until(signal, async () => ((await handle.describe()).status.name === 'RUNNING' ? undefined : true));
      const failure = await failureOf(account.client, pipeline.name);
      if (!/^rolled back, since it was broken off/.test(failure ?? '')) throw new Error(`it was not rolled back, but ended so: ${failure}`);
      phase('the end');
      await nothingLeft(account, course, pipeline, before);
    },
    (run) => cleared(account, run, pipeline),
  ).finally(() => account.at.clear());
}
