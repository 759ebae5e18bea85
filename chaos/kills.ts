import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inAccount } from '../client/pipeline.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { cleared } from './clearing.ts';
import { d2d, type Ground, killed } from './ground.ts';
import {
  applyAndWait,
  awaitFlow,
  expectMadeOnce,
  expectNothingLeft,
  expectStandsOnce,
  inventoryOf,
  pauseAndAudit,
  persistently,
  smallGame,
  tearDown,
} from './life.ts';
import { oneOf, randomOf } from './random.ts';
import { COUNTS, type Course, lived, RECOVERY_MS, type Run, type Time } from './run.ts';

const VICTIMS = ['worker', 'local AWS', 'Flink', 'Athena', 'Temporal', 'client'] as const;
/** With these Flink has to start again. */
const STARTS = ['local AWS', 'Flink'];
/** What is killed in place of what does not run just then; Flink does not have to start again for it. */
const OTHERS = ['worker', 'Temporal'] as const;

/** In each phase: how long after its beginning a blow falls at most, in milliseconds, and the verb of a client that is to be killed. */
const PHASES = {
  up: { within: 16_000, verb: ['up'] },
  run: { within: 2_000, verb: ['query', 'kills_total'] },
  apply: { within: 2_000, verb: ['up'] },
  down: { within: 2_000, verb: ['down'] },
} as const;
type Phase = keyof typeof PHASES;

interface Blow {
  victim: (typeof VICTIMS)[number];
  after: number;
}

/** One life of a pipeline, with a part of the product killed at a random moment of one phase or more, while the game goes on. */
export function killRun(on: Ground, number: number, seed: number, time: Time): Promise<Run> {
  const random = randomOf(seed, number);
  const blows = drawn(random);
  const written = smallGame(`kill${number}`, Math.floor(random() * 2 ** 32), { schedules: {}, local: { crawl: '1 minute', speed: 5 } });
  const spec = parseSpec(written);
  const changed = { ...written, delivery: { seconds: 1, megabytes: 4 }, keep: { logDays: 30 } };
  const file = join(on.state, 'data2dashboard.yaml');
  const starts = Object.values(blows).filter(({ victim }) => STARTS.includes(victim)).length;
  return lived(
    time(1, 1 + starts) + Object.keys(blows).length * RECOVERY_MS,
    COUNTS,
    async (course) => {
      const { signal } = course;
      const phase = async (name: Phase, work: () => Promise<unknown>): Promise<void> => {
        course.phase(name);
        const blow = blows[name];
        if (blow?.victim !== 'client') await Promise.all([work(), blow && fallen(on, course, name, blow, random)]);
        else {
          // Its user says it again.
          await fallen(on, course, name, blow, random);
          await work();
        }
      };
      course.phase('the beginning');
      const pipeline = await persistently(signal, () => inAccount(spec, on.target));
      const next: Pipeline = { ...pipeline, ...parseSpec(changed) };
      const before = await inventoryOf(on, pipeline);
      await writeFile(file, JSON.stringify(written));
      await phase('up', () => applyAndWait(on, course, pipeline));
      await phase('run', () => awaitFlow(on, course, pipeline));
      await writeFile(file, JSON.stringify(changed));
      await phase('apply', () => applyAndWait(on, course, next));
      course.phase('the account');
      await awaitFlow(on, course, next);
      await pauseAndAudit(on, course, next);
      await expectStandsOnce(on, course, next);
      await phase('down', () => tearDown(on, course, next));
      course.phase('the end');
      await expectMadeOnce(on, course, next);
      await expectNothingLeft(on, course, next, before);
    },
    (run) => cleared(on, run, spec),
  );
}

/** In which phases what is killed when: in one of them at least. */
function drawn(random: () => number): Partial<Record<Phase, Blow>> {
  const phases = Object.keys(PHASES) as Phase[];
  const some = phases.filter(() => random() < 0.4);
  const struck = some.length > 0 ? some : [oneOf(phases, random)];
  return Object.fromEntries(struck.map((phase) => [phase, { victim: oneOf(VICTIMS, random), after: random() * PHASES[phase].within }]));
}

/** Kills what is to be killed when its time has come. Where that does not run just then (a client has done its work, a part is on its way back), it is another. */
async function fallen(
  on: Ground,
  { run, signal }: Course,
  phase: Phase,
  { victim: first, after }: Blow,
  random: () => number,
): Promise<void> {
  const verb = first === 'client' ? d2d(on.state, ...PHASES[phase].verb) : undefined;
  await delay(after, undefined, { signal });
  for (let victim = first; ; victim = oneOf(OTHERS, random)) {
    const isDead = victim === 'client' ? await ended(verb!) : killed(on.pids()[victim]);
    if (isDead) {
      run.blows.push(`${victim} killed ${Math.round(after)} ms into ${phase}`);
      return;
    }
    await delay(20, undefined, { signal });
  }
}

/** Kills a verb that is still at its work; false if it is not. */
async function ended(verb: ChildProcess): Promise<boolean> {
  if (verb.exitCode !== null || !killed(verb.pid)) return false;
  await once(verb, 'exit');
  return verb.signalCode === 'SIGKILL';
}
