import { createActivities } from '../activities/index.ts';
import { ACCOUNT } from './account.ts';
import { cleared } from './clearing.ts';
import type { Ground } from './ground.ts';
import { shuffled } from './random.ts';
import { COUNTS, lived, type Run } from './run.ts';
import { wholeGame, wholeLife } from './whole-life.ts';

/** Boundaries that no life on a local AWS comes to, and why. */
const NOT_MET: Record<string, string> = {};

/** A boundary that two lives did not come to is missed for good. */
const TRIES = 2;

/** Kills the worker at every boundary of an activity, a few in one life, until all have been. */
export interface Boundaries {
  run(number: number): Promise<Run>;
  /** True once the worker has been killed at each. */
  isDone(): boolean;
}

/** Where a worker may be killed: right before an activity's first call, and after its last one before Temporal hears of it. */
function boundariesOf({ target, client }: Pick<Ground, 'target' | 'client'>): string[] {
  const activities = Object.keys(createActivities({ target, client, taskQueue: '' }));
  return activities.flatMap((activity) => [`${activity} before`, `${activity} after`]);
}

/** The boundaries in an order that `random` draws, `each` in one life; those that a life does not come to are the next one's. */
export function boundaries(on: Ground, each: number, random: () => number, within: number): Boundaries {
  const all = shuffled(
    boundariesOf(on).filter((boundary) => !(boundary in NOT_MET)),
    random,
  );
  const tries = new Map<string, number>();
  let waiting = [...all];
  let normal: string[] | undefined;
  const life = (name: string, some: string[]) => {
    const pipeline = wholeGame(name, Math.floor(random() * 2 ** 32), ACCOUNT);
    let stood: string[] = [];
    const story = async (course: Parameters<Parameters<typeof lived>[2]>[0]) => {
      await on.boundaries.put(some);
      ({ stood } = await wholeLife(on, course, pipeline));
      if (normal === undefined) return;
      const wrong = differences(normal, stood);
      if (wrong.length > 0) throw new Error(`it did not stand as after a life without faults: ${wrong.join(', ')}`);
    };
    return lived(within, COUNTS, story, (run) => cleared(on, run, pipeline)).then((run) => ({ run, stood }));
  };
  const faultless = async () => {
    const { run, stood } = await life('boundary0', []);
    if (!run.converged) throw new Error(`not even a life without faults converges: ${run.fault}`);
    normal = stood;
  };
  return {
    isDone: () => waiting.length === 0,
    run: async (number) => {
      if (normal === undefined) await faultless();
      if (waiting.length === 0) waiting = [...all];
      const some = waiting.splice(0, each);
      const { run } = await life(`boundary${number}`, some);
      const missed = await on.boundaries.left();
      await on.boundaries.put([]);
      run.blows = some.filter((boundary) => !missed.includes(boundary)).map((boundary) => `worker killed ${boundary}`);
      for (const boundary of missed) tries.set(boundary, (tries.get(boundary) ?? 0) + 1);
      waiting.unshift(...missed.filter((boundary) => tries.get(boundary)! < TRIES));
      const never = missed.filter((boundary) => tries.get(boundary)! >= TRIES);
      if (never.length > 0)
        Object.assign(run, { converged: false, fault: [run.fault, `never came to: ${never.join(', ')}`].filter(Boolean).join('; ') });
      return run;
    },
  };
}

const differences = (before: string[], after: string[]): string[] => [
  ...before.filter((thing) => !after.includes(thing)).map((thing) => `no ${thing}`),
  ...after.filter((thing) => !before.includes(thing)),
];
