import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import {
  applyAndWait,
  awaitAsWanted,
  awaitFlow,
  expectMadeOnce,
  expectNothingLeft,
  expectStandsOnce,
  inventoryOf,
  type Place,
  pauseAndAudit,
  runSchedulesOnce,
  smallGame,
  tearDown,
} from './life.ts';
import type { Course } from './run.ts';
import { changesThings, getsInTheWay, stopsTheStart, takesTheLoggingAway, takesTheRoleAway } from './somebody.ts';

const PRINCIPAL = 'arn:aws:quicksight:us-east-1:000000000000:user/default/local';

/** What a whole life begins with. */
export const wholeGame = (name: string, seed: number, account: string): Pipeline => ({
  ...parseSpec(
    smallGame(name, seed, {
      tags: { team: 'live ops', season: '1' },
      keep: { streamHours: 48 },
      local: { speed: 20 },
    }),
  ),
  account,
});

/** And what it is changed to: each field that may change, but for those that would make the account of its windows another one. */
const changed = (pipeline: Pipeline): Pipeline => ({
  ...pipeline,
  shards: 3,
  delivery: { seconds: 2, megabytes: 64 },
  tags: { team: 'ops', 'cost center': '4711' },
  keep: { streamHours: 24, lakeDays: 30, resultDays: 1, logDays: 30 },
  schedules: { ...pipeline.schedules, crawl: '1 day' },
  quicksightPrincipal: PRINCIPAL,
});

/** What became of a whole life. */
export interface Lived {
  /** Why it held, or something failed, in the product's words. */
  reasons: string[];
  /** What stood in the end, without what differs from life to life: one line a thing. */
  stood: string[];
}

/** What a whole life takes: it is about two lives of a pipeline that nobody changes, and Flink starts twice. */
export const WHOLE = { lives: 2, starts: 2 } as const;

/**
 * A life with everything in it that the product does: a first start of Flink that somebody stops, every schedule, things that somebody changes, a change of the
 * spec on top of that while the game goes on, a deep pause, the account, and the end with a crawl and a query under way. `slow` is told to let these take their time.
 */
export async function wholeLife(
  place: Place,
  course: Course,
  pipeline: Pipeline,
  { mayHold = false, slow = () => undefined, ending = async () => undefined }: WholeLife = {},
): Promise<Lived> {
  const { phase, run } = course;
  const reasons: string[] = [];
  phase('the beginning');
  const before = await inventoryOf(place, pipeline);
  phase('up');
  const [held] = await Promise.all([applyAndWait(place, course, pipeline, mayHold), stopsTheStart(place.aws, pipeline, course)]);
  reasons.push(...held);
  phase('run');
  await awaitFlow(place, course, pipeline);
  reasons.push(...(await runSchedulesOnce(place, course, pipeline, mayHold)));
  phase('apply');
  await takesTheLoggingAway(place.aws, pipeline, course);
  reasons.push(...(await applyAndWait(place, course, pipeline, mayHold)));
  const next = changed(pipeline);
  await changesThings(place.aws, pipeline, course);
  reasons.push(...(await applyAndWait(place, course, next, mayHold)));
  reasons.push(...(await awaitAsWanted(place, course, next, mayHold)));
  await awaitFlow(place, course, next);
  phase('the account');
  await pauseAndAudit(place, course, next, true);
  await expectStandsOnce(place, course, next);
  run.blows.push(...reasons.map((reason) => `held: ${reason}`));
  phase('down');
  slow();
  await getsInTheWay(place.aws, next, course);
  const stood = standing(await inventoryOf(place, next), before, next.name);
  reasons.push(...(await tearDown(place, course, next, mayHold)));
  await takesTheRoleAway(place.aws, next, course);
  phase('the end');
  await ending();
  await expectMadeOnce(place, course, next);
  await expectNothingLeft(place, course, next, before);
  return { reasons, stood };
}

/** How a whole life may be lived. */
export interface WholeLife {
  /** It may hold, and is then told to go on. */
  mayHold?: boolean;
  /** Lets crawls and queries take their time from now on. */
  slow?(): void;
  /** After take-down, before anything is measured. */
  ending?(): Promise<void>;
}

/** What stands, by kind and name; the pipeline's own name is a star, and what has no name but an id is told by its kind alone. */
function standing(there: string[], before: string[], name: string): string[] {
  const lines = there
    .filter((thing) => !before.includes(thing) && !/^(object|workflow) /.test(thing))
    .map((thing) =>
      thing
        .replace(/^(named query \S+\/).*/, '$1')
        .replaceAll(name.replaceAll('-', '_'), '*')
        .replaceAll(name, '*'),
    );
  return [...new Set(lines)].sort();
}
