import { type Account, type Accounts, accounts } from './account.ts';
import { boundaries } from './boundaries.ts';
import { crowdRun } from './crowds.ts';
import { deathsRun } from './deaths.ts';
import { drifts } from './drifts.ts';
import { flinkTime } from './flink-time.ts';
import { type Ground, ground } from './ground.ts';
import { killRun } from './kills.ts';
import type { Place } from './life.ts';
import { haveModels } from './models.ts';
import { mutations } from './mutations.ts';
import { anyRoleRun, halfMadeRun } from './provisions.ts';
import { randomBy, randomOf, shuffled } from './random.ts';
import { orphanRun, rollbackRun, STEPS } from './rollbacks.ts';
import { FAULT_MS, RECOVERY_MS, type Run, type Time } from './run.ts';
import { everyCall, everyError } from './strikes.ts';
import { type StruckOptions, struckLives } from './struck-lives.ts';
import { takedownRun } from './takedowns.ts';
import { twinRun } from './twins.ts';
import { WHOLE } from './whole-life.ts';

/** One way of making trouble, ready to be run again and again. */
export interface Trouble {
  run(number: number): Promise<Run>;
  /** Of ways that have an end: true once all there is has been tried. */
  isDone?(): boolean;
}

/** What all ways go by. */
export interface Means {
  seed: number;
  /** What a life may take. */
  seconds: number;
  /** Boundaries of activities at which the worker is killed in one life. */
  each: number;
  /** Faults in one life. */
  faults: number;
  /** Pipelines at once. */
  crowd: number;
  /** Of the game in which single records are mutated. */
  events: number;
  /** A life that fails of its faults is lived again with half of them, until it is known of which. */
  attributes: boolean;
  places: Places;
}

/** Places that the runs of all ways share; each is there from its first use on. */
export interface Places {
  ground(): Promise<Ground>;
  /** From which one is opened for each story; the account of `account` has ended then. */
  accounts(): Promise<Accounts>;
  account(): Promise<Account>;
  /** What runs at a place may take; Flink's start is measured there, unless it is known. */
  timeAt(place: Place): Promise<Time>;
  close(): Promise<void>;
}

/** The places of one process: what a life may take, and Flink's start if it is known, in seconds. */
export function places({ seconds, flink }: { seconds: number; flink?: number }): Places {
  const once = <Value>(make: () => Promise<Value>) => {
    let made: Promise<Value> | undefined;
    const get = () => {
      made ??= make();
      return made;
    };
    const end = async (how: (value: Value) => Promise<void>) => {
      const ended = made;
      made = undefined;
      if (ended) await how(await ended);
    };
    return Object.assign(get, { end });
  };
  const theGround = once(ground);
  const theAccounts = once(accounts);
  const theAccount = once(async () => (await theAccounts()).open());
  /** Workers of two accounts would take each other's work. */
  const endAccount = () => theAccount.end((account) => account.close());
  let start = flink === undefined ? undefined : flink * 1000;
  const timeAt = async (place: Place): Promise<Time> => {
    start ??= await flinkTime(place);
    return (lives, starts) => lives * seconds * 1000 + starts * start!;
  };
  return {
    timeAt,
    ground: theGround,
    accounts: async () => {
      await endAccount();
      return theAccounts();
    },
    account: theAccount,
    close: async () => {
      await endAccount();
      await theAccounts.end((all) => all.close());
      await theGround.end((on) => on.close());
    },
  };
}

/** What may be made to happen, by the word that asks for it: what it is, and its share of the runs when all are asked for. */
export const WAYS: Record<string, { about: string; share: number; begin(means: Means): Promise<Trouble> }> = {
  kills: {
    about: 'the worker, the local AWS, its Flink or its Athena, Temporal or a client killed in up, run, apply, down',
    share: 20,
    begin: async ({ places: { ground, timeAt }, seed }) => {
      const on = await ground();
      const time = await timeAt(on);
      return { run: (number) => killRun(on, number, seed, time) };
    },
  },
  deaths: {
    about: 'each stage of the chain dies once in mid-flow: Kinesis, Flink, Firehose, the crawler, Athena',
    share: 2,
    begin: async ({ places: { ground, timeAt }, seed }) => {
      const on = await ground();
      const time = await timeAt(on);
      return { run: (number) => deathsRun(on, number, seed, time) };
    },
  },
  takedowns: {
    about: 'taken down in each of some states, then at any moment',
    share: 6,
    begin: async ({ places: { account, timeAt }, seed }) => {
      const on = await account();
      const within = (await timeAt(on))(1, 1);
      return { run: (number) => takedownRun(on, number, seed, within) };
    },
  },
  boundaries: {
    about: 'the worker killed right before and right after each activity',
    share: 6,
    begin: async ({ places: { ground, timeAt }, seed, each }) => {
      const on = await ground();
      const within = (await timeAt(on))(WHOLE.lives, WHOLE.starts) + each * RECOVERY_MS;
      const all = boundaries(on, each, randomBy(seed), within);
      return { run: all.run, isDone: all.isDone };
    },
  },
  errors: {
    about: 'every modelled error of every operation, and a throttle, a 5xx, a cut, a time-out and a lost answer of each',
    share: 6,
    begin: async (means) => {
      const lives = struckLives({ ...(await struckOptions(means)), what: 'error', strikesOf: everyError });
      return { run: lives.next, isDone: lives.isDone };
    },
  },
  calls: {
    about: 'each call of a life cut, lost, not answered or throttled until Temporal hears of it; every fifth life: any call, one of four',
    share: 4,
    begin: async (means) => {
      const lives = struckLives({ ...(await struckOptions(means)), what: 'call', strikesOf: everyCall });
      return { run: (number) => (number % 5 === 1 ? lives.atRandom(means.seed + number, 0.25) : lives.next()), isDone: lives.isDone };
    },
  },
  rollbacks: {
    about: 'broken off at each step of coming up, and rolled back',
    share: 4,
    begin: async ({ places: { account, timeAt }, seed }) => {
      const on = await account();
      const within = (await timeAt(on))(1, 1);
      const steps = shuffled(STEPS, randomBy(seed));
      let count = 0;
      return {
        run: (number) => rollbackRun(on, number, steps[count++ % steps.length]!, seed, within),
        isDone: () => count >= steps.length,
      };
    },
  },
  orphans: {
    about: 'its workflow terminated or cancelled at each step of coming up, and brought up again',
    share: 4,
    begin: async ({ places: { account, timeAt }, seed }) => {
      const on = await account();
      const within = (await timeAt(on))(1, 2);
      const steps = shuffled(STEPS, randomBy(seed));
      let count = 0;
      return {
        run: (number) => orphanRun(on, number, steps[count++ % steps.length]!, seed, within),
        isDone: () => count >= steps.length,
      };
    },
  },
  roles: {
    about: 'first runs with roles slow to spread, in known and unseen words',
    share: 4,
    begin: async ({ places: { accounts, timeAt }, seed }) => {
      const all = await accounts();
      const time = await all.inAccount({}, timeAt);
      return { run: (number) => anyRoleRun(all, number, seed, time) };
    },
  },
  halves: {
    about: 'broken off half made, and taken down',
    share: 3,
    begin: async ({ places: { accounts }, seed, seconds }) => {
      const all = await accounts();
      return { run: (number) => halfMadeRun(all, number, seed, seconds * 1000) };
    },
  },
  drifts: {
    about: 'each thing changed or deleted behind its back while the game goes on, seen and healed',
    share: 2,
    begin: async ({ places: { account, timeAt }, seed }) => {
      const on = await account();
      const within = (await timeAt(on))(1, 2) + DRIFTS_EACH * HEALING_MS;
      return drifts(on, DRIFTS_EACH, randomBy(seed), within);
    },
  },
  twins: {
    about: 'two clients at once with two specs of one name',
    share: 2,
    begin: async ({ places: { account, timeAt }, seed }) => {
      const on = await account();
      const within = (await timeAt(on))(1, 1);
      return { run: (number) => twinRun(on, number, seed, within) };
    },
  },
  crowds: {
    about: 'many pipelines at once, in the time of as many runs',
    share: 0.2,
    begin: async ({ places: { ground, timeAt }, seed, crowd }) => {
      const on = await ground();
      const within = (await timeAt(on))(crowd, crowd);
      return { run: (number) => crowdRun(on, number, crowd, seed, within) };
    },
  },
  mutations: {
    about:
      'the first run: a game is played, with three events that its stream mutates; then: events of its lake or rows of its metrics, and an audit each',
    share: 0,
    begin: async ({ places: { ground }, seed, events }) => mutations(await ground(), events, seed),
  },
};

/** Drifts in one life, and how long one may take to be seen and healed. */
const DRIFTS_EACH = 9;
const HEALING_MS = 15_000;

async function struckOptions({ places, seed, faults, attributes }: Means): Promise<Omit<StruckOptions, 'what' | 'strikesOf'>> {
  await haveModels();
  const account = await places.account();
  const within = (await places.timeAt(account))(WHOLE.lives, WHOLE.starts) + faults * FAULT_MS;
  return { account, each: faults, attributes, random: randomOf(seed, 0), within };
}

/** So many runs shared out over all ways by their shares, the largest first to get what is left over. */
export function sharedOut(runs: number): { way: string; runs: number }[] {
  const all = Object.entries(WAYS);
  const whole = all.reduce((sum, [, { share }]) => sum + share, 0);
  const exact = all.map(([way, { share }]) => ({ way, exact: (runs * share) / whole }));
  const given = new Map(exact.map(({ way, exact }) => [way, Math.floor(exact)]));
  const rest = runs - [...given.values()].reduce((sum, each) => sum + each, 0);
  const byRest = [...exact].sort((a, b) => (b.exact % 1) - (a.exact % 1));
  for (const { way } of byRest.slice(0, rest)) given.set(way, given.get(way)! + 1);
  return [...given].map(([way, runs]) => ({ way, runs })).filter(({ runs }) => runs > 0);
}
