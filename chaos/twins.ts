import { startPipeline } from '../client/pipeline.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { ACCOUNT, type Account } from './account.ts';
import { cleared } from './clearing.ts';
import { awaitAsWanted, expectNothingLeft, inventoryOf, seen, smallGame, tearDown } from './life.ts';
import { lived, type Run, until, wordsOf } from './run.ts';

/** Two clients bring up one name at the same moment, by different specs: each is either refused in words, or its spec is carried out; never a mixture of them. */
export function twinRun(account: Account, number: number, seed: number, within: number): Promise<Run> {
  const game = (more: object): Pipeline => ({
    ...parseSpec(smallGame(`twin${number}`, seed, { local: { speed: 10 }, ...more })),
    account: ACCOUNT,
  });
  const specs = [game({ tags: { twin: 'one' }, keep: { logDays: 1 } }), game({ tags: { twin: 'two' }, keep: { logDays: 30 } })];
  return lived(
    within,
    ['leftovers'],
    async (course) => {
      const { run, signal, phase } = course;
      phase('the beginning');
      const before = await inventoryOf(account, specs[0]!);
      phase('up');
      const answers = await Promise.allSettled(specs.map((pipeline) => startPipeline(account.client, { pipeline })));
      const accepted = specs.filter((_, i) => answers[i]!.status === 'fulfilled');
      for (const answer of answers) if (answer.status === 'rejected') run.blows.push(`refused: ${wordsOf(answer.reason)}`);
      if (accepted.length === 0) throw new Error('both were refused');
      const now = await until(signal, async () => {
        const found = (await seen(account, specs[0]!.name))?.pipeline;
        if (found?.state === 'held') throw new Error(`it is held: ${found.reason}`);
        return found?.state === 'running' ? found.pipeline : undefined;
      });
      const wanted = JSON.stringify(now);
      const dropped = accepted.filter((pipeline) => JSON.stringify(pipeline) !== wanted);
      if (dropped.length > 0) throw new Error(`accepted, but not carried out: the spec with tag twin ${dropped[0]!.tags.twin}`);
      await awaitAsWanted(account, course, now);
      phase('down');
      await tearDown(account, course, now);
      phase('the end');
      await expectNothingLeft(account, course, now, before);
    },
    (run) => cleared(account, run, specs[0]!),
  );
}
