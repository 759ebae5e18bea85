import { setTimeout as delay } from 'node:timers/promises';
import { services } from '../local/services.ts';
import { type Accounts, SPEED } from './account.ts';
import { madeTwiceIn } from './made-twice.ts';

/** How the local AWS words the refusal of a role that has not spread. */
export const ROLE_WORDINGS = ['known', 'unseen'] as const;

/** How a provisioning that came through, and the take-down after it, went. */
export interface Provisioning {
  /** What AWS said of stages that failed. */
  failed: Record<string, string>;
  left: string[];
  madeTwice: string[];
}

/** One first provisioning with roles that take so many seconds of AWS's to spread. */
export const roleRun = (all: Accounts, seconds: number, roleWording: (typeof ROLE_WORDINGS)[number]): Promise<Provisioning> =>
  all.inAccount({ durations: { 'role spread': (seconds * 1000) / SPEED }, roleWording }, async ({ local, up, down, left }) => {
    const pipeline = all.pipelineOf();
    const { failed } = await up(pipeline);
    await down(pipeline);
    return { failed, left: await left(), madeTwice: madeTwiceIn(local.calls.all()) };
  });

/** A provisioning broken off after so many milliseconds and taken down; gives what is left. */
export const halfMadeRun = (all: Accounts, after: number): Promise<string[]> =>
  all.inAccount({ profile: 'aws', speed: QUICK }, async ({ up, breakOff, down, left }) => {
    const pipeline = all.pipelineOf({ local: { speed: QUICK } });
    const rising = up(pipeline).catch(() => undefined); // it ends as cancelled, or had ended before
    await delay(after);
    await breakOff(pipeline);
    await rising;
    await down(pipeline);
    return left();
  });

/** Patience passes this much faster where things are to fail. */
const QUICK = 2000;
/** What a stage that failed says: what was being done to which thing, the error's name and words; or that somebody else has the name. */
export const PLAIN_REASON = /^(ensuring|waiting for|looking for) .+: \w+: .+|choose another name for the pipeline$/;

/** One provisioning in which operations ended once each with an error of their service's model, and the next one, without. */
export interface ErrorRound extends Provisioning {
  /** Errors that came to pass. */
  struck: number;
  /** What still failed in the next run. */
  mended: Record<string, string>;
}

/** Rounds of all modelled errors of all operations that we call: in round n each operation meets its n-th error. */
export const errorRounds = (all: Accounts, first: number, count?: number): Promise<ErrorRound[]> =>
  all.inAccount({}, async ({ local, up, down, left }) => {
    const plain = all.pipelineOf();
    await up(plain);
    await down(plain);
    const errors = new Map(
      [...new Set(local.calls.all().map(({ service, operation }) => `${service} ${operation}`))].map((key) => {
        const [service = '', operation = ''] = key.split(' ');
        return [key, modelledErrors(service, operation)] as const;
      }),
    );
    const most = Math.max(...[...errors.values()].map((each) => each.length));
    const rounds: ErrorRound[] = [];
    for (let turn = 0; turn < (count ?? most); turn++) {
      local.calls.clear();
      const pipeline = all.pipelineOf({ local: { speed: QUICK } });
      const rules = [...errors].flatMap(([key, of]) => {
        const [service = '', operation = ''] = key.split(' ');
        const name = of[(first + turn) % most];
        return name === undefined ? [] : [{ service, operation, times: 1, fault: { kind: 'error' as const, name } }];
      });
      local.faults.put({ rules });
      const { failed } = await up(pipeline);
      const struck = local.faults.counts().reduce((sum, each) => sum + each.struck, 0);
      local.faults.put({ rules: [] });
      const { failed: mended } = await up(pipeline);
      await down(pipeline);
      rounds.push({ failed, struck, mended, left: await left(), madeTwice: madeTwiceIn(local.calls.all()) });
    }
    return rounds;
  });

/** The errors that a service's own schema says an operation may end with. */
function modelledErrors(service: string, operation: string): string[] {
  const { schemas } = services.find(({ name }) => name === service)!;
  return Object.entries(schemas)
    .filter(([name, schema]) => name.endsWith('$') && Array.isArray(schema) && schema[0] === -3 && name !== `${operation}$`)
    .map(([name]) => name.slice(0, -1))
    .filter((name) => !/ServiceException$/.test(name))
    .sort();
}
