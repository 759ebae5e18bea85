import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps } from '../activities/resource.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { ACCOUNT, type Account } from './account.ts';
import { cleared } from './clearing.ts';
import {
  applyAndWait,
  awaitAsWanted,
  awaitDelivery,
  awaitFlow,
  expectNothingLeft,
  expectStandsOnce,
  inventoryOf,
  pauseAndAudit,
  SELDOM,
  seen,
  smallGame,
  tearDown,
} from './life.ts';
import { shuffled } from './random.ts';
import { type Course, lived, type Run, until } from './run.ts';
import { type Deed, OF_ROLES, OF_THINGS } from './somebody.ts';

/** With these go events that nobody has a copy of. What else carries data carries rows of the metrics, which are made anew from the events. */
const LOSING = (['bucket', 'events', 'eventsDelivery'] satisfies Stage[]).map(deletionOf);

/** What somebody changes or deletes behind a pipeline's back: one thing each. */
const DRIFTS: Record<string, Deed> = {
  ...OF_THINGS,
  ...OF_ROLES,
  ...Object.fromEntries((Object.keys(STAGES) as Stage[]).map((stage) => [deletionOf(stage), deleted(stage)])),
};

/** What the deletion of a stage's thing is called. */
function deletionOf(stage: Stage): string {
  return `${stage}, deleted`;
}

function deleted(stage: Stage): Deed {
  return async (aws, pipeline) => {
    const resource = (resources(aws) as unknown as Record<Stage, Resource>)[stage];
    const { remove, gone } = steps(resource, youngRole(aws));
    await remove(pipeline);
    await gone(pipeline);
  };
}

/** How many lives have one thing after the other changed, until all have been. */
export interface Drifts {
  run(number: number): Promise<Run>;
  /** True once each has been changed. */
  isDone(): boolean;
}

/** A pipeline that looks every two seconds, and heals by itself: `each` things are changed in one life, in an order that `random` draws, while the game goes on. */
export function drifts(account: Account, each: number, random: () => number, within: number): Drifts {
  let waiting = shared(each, random);
  return {
    isDone: () => waiting.length === 0,
    run: (number) => {
      if (waiting.length === 0) waiting = shared(each, random);
      return driftRun(account, number, waiting.shift()!, Math.floor(random() * 2 ** 32), within);
    },
  };
}

/** Everything, shared out over lives; what loses events has one of its own, as nothing adds up in it. */
function shared(each: number, random: () => number): string[][] {
  const others = Object.keys(DRIFTS).filter((what) => !LOSING.includes(what));
  const order = shuffled(others, random);
  const lives = Array.from({ length: Math.ceil(order.length / each) }, (_, at) => order.slice(at * each, (at + 1) * each));
  return shuffled([...lives, ...LOSING.map((what) => [what])], random);
}

function driftRun(account: Account, number: number, some: string[], seed: number, within: number): Promise<Run> {
  const spec = smallGame(`drift${number}`, seed, { schedules: { ...SELDOM, drift: '1 minute' }, local: { speed: 30 } });
  const pipeline: Pipeline = { ...parseSpec(spec), account: ACCOUNT };
  const loses = some.some((what) => LOSING.includes(what));
  return lived(
    within,
    loses ? ['leftovers'] : ['lost', 'duplicates', 'leftovers'],
    async (course) => {
      const { phase, run } = course;
      phase('the beginning');
      const before = await inventoryOf(account, pipeline);
      phase('up');
      await applyAndWait(account, course, pipeline);
      await awaitFlow(account, course, pipeline);
      for (const what of some) {
        phase(what);
        await healed(account, course, pipeline, what);
        run.blows.push(what);
      }
      phase('the account');
      await awaitFlow(account, course, pipeline);
      if (loses) await awaitDelivery(account, course, pipeline);
      else await pauseAndAudit(account, course, pipeline);
      await expectStandsOnce(account, course, pipeline);
      phase('down');
      await tearDown(account, course, pipeline);
      phase('the end');
      await expectNothingLeft(account, course, pipeline, before);
    },
    (run) => cleared(account, run, pipeline),
  );
}

/** An application that is gone is created by whoever finds that first: the stage, or the keeper of the notebook, which says so as its last restart. */
const RESTARTS = deletionOf('studio');

/** Does it, and resolves once the pipeline has said that it healed something since, and nothing differs any more. */
async function healed(account: Account, course: Course, pipeline: Pipeline, what: string): Promise<void> {
  const { signal } = course;
  const since = Date.now();
  const deed = DRIFTS[what]!;
  await until(signal, () =>
    deed(account.aws, pipeline).then(
      () => true,
      (error: Error) => {
        if (error.name !== 'ApplicationFailure') throw error;
        return undefined; // it is on its way
      },
    ),
  );
  const done = Date.now();
  await until(signal, async () => {
    const now = await seen(account, pipeline.name);
    if (now?.pipeline.state === 'held') throw new Error(`it is held: ${now.pipeline.reason}`);
    const found = now?.pipeline.drifts.filter(({ at }) => at > since) ?? [];
    const isRestarted = what === RESTARTS && now?.notebook?.state === 'running' && (now.notebook.lastRestart?.at ?? 0) > done;
    return (now?.pipeline.state === 'running' && (isRestarted || found.some(({ done }) => done === 'healed'))) || undefined;
  });
  await awaitAsWanted(account, course, pipeline);
}
