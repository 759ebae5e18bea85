import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accounts } from './account.ts';
import { BOUNDARIES, boundariesOf, boundaryRun } from './boundaries.ts';
import { begun, ground, type Run } from './ground.ts';
import { killRun } from './kills.ts';
import { errorRounds, halfMadeRun, PLAIN_REASON, type Provisioning, ROLE_WORDINGS, roleRun } from './provisions.ts';
import { oneOf, randomBy } from './random.ts';
import { takedownRun } from './takedowns.ts';

/** One way of making trouble, ready to be run again and again. */
export interface Trouble {
  run(number: number): Promise<Run>;
  close(): Promise<void>;
}

/** What may be made to happen, by the word that asks for it. */
export const WAYS = {
  /** Parts killed at random moments of a whole life. */
  kills: async (seed: number): Promise<Trouble> => {
    const on = await ground();
    return { run: (number) => killRun(on, number, seed), close: on.close };
  },
  /** A whole pipeline taken down at a random moment. */
  takedowns: async (seed: number): Promise<Trouble> => {
    const on = await ground();
    return { run: (number) => takedownRun(on, number, seed), close: on.close };
  },
  /** The worker killed at every activity boundary: `each` in one life, all of them within enough lives. */
  boundaries: async (seed: number, each = 8): Promise<Trouble> => {
    const file = join(tmpdir(), `data2dashboard-boundaries-${process.pid}.json`);
    await writeFile(file, '[]');
    process.env[BOUNDARIES] = file;
    const on = await ground(new URL('mortal-worker.ts', import.meta.url));
    const all = shuffled(boundariesOf(on), randomBy(seed));
    const share = (number: number) => all.slice(((number - 1) * each) % all.length).slice(0, each);
    const close = () => on.close().then(() => rm(file));
    return { run: (number) => boundaryRun(on, file, share(number), number, seed), close };
  },
  /** First runs with roles that take their time to spread. */
  roles: (seed: number): Promise<Trouble> =>
    provisionings(seed, async (all, random) => {
      const seconds = Math.round(random() * 180);
      const wording = oneOf(ROLE_WORDINGS, random);
      return { ...(await roleRun(all, seconds, wording)), blow: `roles spread in ${seconds} s, ${wording} words` };
    }),
  /** Provisionings broken off half made, and taken down. */
  halves: (seed: number): Promise<Trouble> =>
    provisionings(seed, async (all, random) => {
      const after = Math.round(random() * 1_500);
      return { failed: {}, left: await halfMadeRun(all, after), madeTwice: [], blow: `broken off after ${after} ms` };
    }),
  /** Every modelled error of every operation, a round of them a run. */
  errors: (seed: number): Promise<Trouble> =>
    provisionings(seed, async (all, _random, number) => {
      const [round] = await errorRounds(all, number - 1, 1);
      const wordy = Object.entries(round!.failed).filter(([, reason]) => !PLAIN_REASON.test(reason));
      return { ...round!, failed: { ...round!.mended, ...Object.fromEntries(wordy) }, blow: `${round!.struck} errors` };
    }),
} as const;

async function provisionings(
  seed: number,
  provisioning: (
    all: Awaited<ReturnType<typeof accounts>>,
    random: () => number,
    number: number,
  ) => Promise<Provisioning & { blow: string }>,
): Promise<Trouble> {
  const all = await accounts();
  return {
    run: async (number) => {
      const began = performance.now();
      const { failed, left, madeTwice, blow } = await provisioning(all, randomBy(seed * 1_000_003 + number), number);
      const faults = Object.values(failed);
      return {
        ...begun(),
        blows: [blow],
        leftovers: left.length,
        madeTwice: madeTwice.length,
        converged: faults.length === 0 && left.length === 0,
        seconds: Math.round((performance.now() - began) / 100) / 10,
        ...(faults.length > 0 && { fault: faults.join('; ') }),
      };
    },
    close: all.close,
  };
}

function shuffled<Item>(items: Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
