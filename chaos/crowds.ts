import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { ACCOUNT } from './account.ts';
import { cleared } from './clearing.ts';
import {
  applyAndWait,
  awaitFlow,
  expectMadeOnce,
  expectNothingLeft,
  expectStandsOnce,
  inventoryOf,
  type Place,
  pauseAndAudit,
  smallGame,
  tearDown,
} from './life.ts';
import { COUNTS, type Course, lived, type Run } from './run.ts';

/** Many pipelines live at once in one account: none loses, doubles or leaves anything, and all of it goes. */
export async function crowdRun(place: Place, number: number, size: number, seed: number, within: number): Promise<Run> {
  const game = (i: number): Pipeline => ({
    ...parseSpec(smallGame(`crowd${number}-${i}`, seed + i, { generator: { rate: 20, seed: seed + i }, local: { speed: 10 } })),
    account: ACCOUNT,
  });
  const pipelines = Array.from({ length: size }, (_, i) => game(i));
  const all = { lost: 0, duplicates: 0, madeTwice: 0 };
  return lived(
    within,
    COUNTS,
    async (course) => {
      const { run, phase } = course;
      run.blows.push(`${size} pipelines at once`);
      phase('the beginning');
      const before = await inventoryOf(place, pipelines[0]!);
      const each = (work: (course: Course, pipeline: Pipeline) => Promise<unknown>) =>
        Promise.all(pipelines.map((pipeline) => work({ ...course, run: { ...run } }, pipeline)));
      phase('up');
      await each((own, pipeline) => applyAndWait(place, own, pipeline));
      await each((own, pipeline) => awaitFlow(place, own, pipeline));
      phase('the account');
      await each(async (own, pipeline) => {
        await pauseAndAudit(place, own, pipeline);
        await expectStandsOnce(place, own, pipeline);
        await expectMadeOnce(place, own, pipeline);
        for (const count of ['lost', 'duplicates', 'madeTwice'] as const) all[count] += own.run[count] ?? Number.NaN;
      });
      Object.assign(run, all);
      phase('down');
      await each((own, pipeline) => tearDown(place, own, pipeline));
      phase('the end');
      for (const pipeline of pipelines) await expectNothingLeft(place, course, pipeline, before);
    },
    async (run) => {
      for (const pipeline of pipelines) await cleared(place, run, pipeline);
    },
  );
}
