import { setTimeout as delay } from 'node:timers/promises';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { ACCOUNT, type Account, type Accounts, SPEED } from './account.ts';
import { createdTwice } from './effects.ts';
import { applyAndWait, awaitFlow, downToNothing, expectNothingLeft, expectStandsOnce, inventoryOf, smallGame } from './life.ts';
import { oneOf, randomOf } from './random.ts';
import { type Course, lived, type Run, type Time } from './run.ts';

/** How the local AWS words the refusal of a role that has not spread. */
export const ROLE_WORDINGS = ['known', 'unseen'] as const;

const COUNTED = ['madeTwice', 'leftovers'] as const;

/** One first provisioning with roles that take so many seconds of AWS's to spread. */
export function roleRun(all: Accounts, seconds: number, roleWording: (typeof ROLE_WORDINGS)[number], within: number): Promise<Run> {
  const spread = { 'role spread': (seconds * 1000) / SPEED };
  return all.inAccount({ durations: spread, roleWording }, (account) =>
    lived(within, COUNTED, async (course) => {
      course.run.blows.push(`roles spread in ${Math.round(seconds)} s, ${roleWording} words`);
      await upAndDown(account, course, all.pipelineOf());
    }),
  );
}

/** How much faster than AWS a whole pipeline goes whose roles are slow. */
const WHOLE_SPEED = 20;
const WHOLE_EACH = 10;

/**
 * With what a seed draws, 0 to 180 s, in either wording: a provisioning as in `roleRun`, and every tenth time a whole first `up`, in which the application,
 * the crawl and the loads of data sets meet such roles, too.
 */
export function anyRoleRun(all: Accounts, number: number, seed: number, time: Time): Promise<Run> {
  const random = randomOf(seed, number);
  const [seconds, roleWording] = [random() * 180, oneOf(ROLE_WORDINGS, random)];
  if (number % WHOLE_EACH !== 0) return roleRun(all, seconds, roleWording, time(1, 0));
  const spread = { 'role spread': (seconds * 1000) / WHOLE_SPEED };
  const pipeline: Pipeline = { ...parseSpec(smallGame(`roles${number}`, seed, { local: { speed: WHOLE_SPEED } })), account: ACCOUNT };
  return all.inAccount({ durations: spread, roleWording }, (account) =>
    lived(time(1, 1), COUNTED, async (course) => {
      course.run.blows.push(`roles spread in ${Math.round(seconds)} s, ${roleWording} words, under a whole pipeline`);
      course.phase('the beginning');
      const before = await inventoryOf(account, pipeline);
      course.phase('up');
      await applyAndWait(account, course, pipeline);
      await awaitFlow(account, course, pipeline);
      await expectStandsOnce(account, course, pipeline);
      await downToNothing(account, course, pipeline, before);
    }),
  );
}

async function upAndDown(account: Account, course: Course, pipeline: Pipeline): Promise<void> {
  course.phase('the beginning');
  const before = await inventoryOf(account, pipeline);
  course.phase('up');
  const { failed } = await account.up(pipeline);
  if (Object.keys(failed).length > 0) throw new Error(Object.values(failed).join('; '));
  course.phase('down');
  await downAgain(account, course, pipeline, before);
}

async function downAgain(account: Account, course: Course, pipeline: Pipeline, before: string[]): Promise<void> {
  const still = Object.values(await account.down(pipeline));
  if (still.length > 0) throw new Error(still.join('; '));
  const twice = createdTwice(await account.calls());
  course.run.madeTwice = twice.length;
  if (twice.length > 0) throw new Error(`made twice: ${twice.join(', ')}`);
  await expectNothingLeft(account, course, pipeline, before);
}

/** How much faster than AWS a provisioning goes that is broken off. */
const QUICK = 2000;
const LONGEST_MS = 1_500;

/** A provisioning that takes AWS's durations, by the seed, broken off at a moment that the seed draws, and taken down. */
export function halfMadeRun(all: Accounts, number: number, seed: number, within: number): Promise<Run> {
  const after = Math.round(randomOf(seed, number)() * LONGEST_MS);
  return all.inAccount({ profile: 'aws', speed: QUICK, seed: seed + number }, (account) =>
    lived(within, COUNTED, async (course) => {
      const pipeline = all.pipelineOf({ local: { speed: QUICK } });
      course.phase('the beginning');
      const before = await inventoryOf(account, pipeline);
      course.phase('up');
      const rising = account.up(pipeline).catch(() => undefined); // it ends as cancelled, or had ended before
      await delay(after);
      await account.breakOff(pipeline);
      await rising;
      course.run.blows.push(`broken off after ${after} ms`);
      course.phase('down');
      await downAgain(account, course, pipeline, before);
    }),
  );
}
