import { inAccount } from '../client/pipeline.ts';
import type { Rule } from '../local/faults.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { cleared } from './clearing.ts';
import { type Ground, killed } from './ground.ts';
import { applyAndWait, awaitDelivery, awaitFlow, inventoryOf, persistently, runSchedulesOnce, smallGame, toTheEnd } from './life.ts';
import { oneOf, randomOf, shuffled } from './random.ts';
import { COUNTS, type Course, lived, RECOVERY_MS, type Run, type Time, until } from './run.ts';

/** By stage of the chain: at which of its doings the local AWS dies, right before or right after; of Flink, the process itself is killed. */
const DEATHS: Record<string, ((pipeline: Pipeline) => Omit<Rule, 'fault'>) | 'killed'> = {
  'Kinesis as it takes events': () => ({ service: 'kinesis', operation: 'PutRecords', apps: ['worker'] }),
  'Kinesis as Flink reads': (pipeline) => ({ service: 'kinesis', operation: 'GetRecords', caller: `role/${names(pipeline).roles.studio}` }),
  Flink: 'killed',
  'Kinesis as Flink writes': (pipeline) => ({
    service: 'kinesis',
    operation: 'PutRecords',
    caller: `role/${names(pipeline).roles.studio}`,
  }),
  'Firehose as it puts an object into S3': () => ({ service: 'firehose', operation: 'Deliver' }),
  'the crawler': () => ({ service: 'glue', operation: 'Crawl' }),
  'Athena as it is asked': () => ({ service: 'athena', operation: 'StartQueryExecution' }),
};
/** Of the doings that go on all the time, so many are let pass at most. */
const SPARED = 20;
/** What its time counts as: after each death rows are awaited in every table, and everything is asked for twice. */
const LIVES = 3;
/** What is done only when it is asked for. */
const ASKED = ['the crawler', 'Athena as it is asked'];

/** One life of a pipeline in which each stage of the chain dies once in the middle of its work, one after the other, while the game goes on. */
export function deathsRun(on: Ground, number: number, seed: number, time: Time): Promise<Run> {
  const random = randomOf(seed, number);
  const stages = shuffled(Object.keys(DEATHS), random);
  const spec = parseSpec(
    smallGame(`death${number}`, Math.floor(random() * 2 ** 32), {
      shards: 2,
      delivery: { seconds: 1 },
      generator: { rate: 200, seed, trouble: { duplicate: 0.01, malformed: 0.01 } },
      local: { speed: 5 },
    }),
  );
  const { control } = on;
  /** Has a stage die; resolves once it has, and what was asked of it is done all the same. */
  const dies = async (stage: string, pipeline: Pipeline, course: Course): Promise<void> => {
    const { signal, run } = course;
    const doing = DEATHS[stage]!;
    if (doing === 'killed') {
      await until(signal, async () => killed(on.pids().Flink) || undefined);
      run.blows.push(`${stage} killed`);
      return;
    }
    const when = oneOf(['before', 'after'] as const, random);
    const after = ASKED.includes(stage) ? 0 : Math.floor(random() * SPARED);
    const alive = on.pids()['local AWS'];
    await persistently(signal, () => control.faults({ rules: [{ ...doing(pipeline), after, times: 1, fault: { kind: 'crash', when } }] }));
    const asked = ASKED.includes(stage) ? runSchedulesOnce(on, course, pipeline) : undefined;
    const dead = until(signal, async () => {
      const pid = on.pids()['local AWS'];
      return (pid !== undefined && pid !== alive) || undefined;
    });
    await Promise.all([dead, asked]);
    run.blows.push(`${stage}, right ${when} number ${after + 1}`);
  };
  return lived(
    time(LIVES, 1 + stages.length) + stages.length * RECOVERY_MS,
    COUNTS,
    async (course) => {
      course.phase('the beginning');
      const pipeline = await persistently(course.signal, () => inAccount(spec, on.target));
      const before = await inventoryOf(on, pipeline);
      course.phase('up');
      await applyAndWait(on, course, pipeline);
      await awaitFlow(on, course, pipeline);
      for (const stage of stages) {
        course.phase(stage);
        await dies(stage, pipeline, course);
        await persistently(course.signal, () => awaitDelivery(on, course, pipeline));
      }
      await toTheEnd(on, course, pipeline, before);
    },
    (run) => cleared(on, run, spec),
  );
}
