import type { Call } from '../local/call-log.ts';
import type { FaultPlan } from '../local/faults.ts';
import { ACCOUNT, type Account } from './account.ts';
import { cleared } from './clearing.ts';
import { isOurs } from './effects.ts';
import { operationsInCode } from './models.ts';
import { COUNTS, lived, type Run } from './run.ts';
import { AMBIGUOUS, planOf, type Queue, queueOf, type Strike, struck, wordsOfStrike } from './strikes.ts';
import { wholeGame, wholeLife } from './whole-life.ts';

/** Operations that no life on the local AWS comes to, and why. */
const NOT_CALLED: Record<string, string> = {
  AbortMultipartUpload: 'nobody leaves an upload behind in a whole life; chaos/takedowns.ts has one',
  DeleteBucketTagging: 'only a bucket that was taken over has no tag left when it is given back',
  DescribeApplicationOperation: 'asked of a start that failed by itself (test/start-failed.test.ts); one that somebody stops has not',
  UpdateApplication: 'only of an application whose note stays as it is (test/drift.test.ts); in a life another note goes with every change',
  UpdateStreamMode: 'AWS takes it twice a day for a stream; test/drift.test.ts has it mended for each',
  DescribeGroup: 'the principal of a whole life is a user, asked for by DescribeUser',
};

/** What is done in whole lives in which calls fail. */
export interface StruckLives {
  /** One life, with the next of the strikes. */
  next(): Promise<Run>;
  /** One life in which any call fails with this probability. */
  atRandom(seed: number, share: number): Promise<Run>;
  /** True once every strike has come about. */
  isDone(): boolean;
}

/** What strikes there are, how many in one life, and whether a life that fails is halved until it is known which of them it was. */
export interface StruckOptions {
  account: Account;
  what: string;
  strikesOf(calls: Call[], random: () => number): Strike[];
  each: number;
  attributes: boolean;
  random: () => number;
  within: number;
}

interface Life {
  run: Run;
  /** Those that befell a call of ours. */
  struck: Strike[];
}

/** Lives that each have some of the strikes, no two of one operation, until all have come about; the first has none, and tells which calls there are. */
export function struckLives({ account, what, strikesOf, each, attributes, random, within }: StruckOptions): StruckLives {
  const { local } = account;
  let queue: Queue | undefined;
  let count = 0;

  const life = async (plan: FaultPlan, strikes: Strike[]): Promise<Life> => {
    const pipeline = wholeGame(`${what}${count++}`, Math.floor(random() * 2 ** 32), ACCOUNT);
    let found: ReturnType<typeof struck> | undefined;
    const ending = async () => {
      // A life whose time is over may come here once more when the next one has begun.
      if (found) return;
      found = struck(local.faults, strikes, local.calls.all());
      local.faults.put({ rules: [] });
    };
    local.calls.clear();
    local.faults.put(plan);
    const slow = () => Object.assign(account.takes, { crawl: SLOW_MS, query: SLOW_MS });
    const mayHold = plan.rules.length > 0;
    const run = await lived(
      within,
      COUNTS,
      async (course) => {
        const { reasons } = await wholeLife(account, course, pipeline, { mayHold, slow, ending });
        const names = found!.flatMap((each) => each.names);
        const dark = reasons.flatMap((reason) => reason.split('\n')).filter((line) => !isPlain(line, names));
        if (dark.length > 0) throw new Error(`not a plain reason: ${dark.join('; ')}`);
      },
      async (run) => {
        await ending();
        await cleared(account, run, pipeline);
      },
    );
    for (const transition of ['crawl', 'query'] as const) delete account.takes[transition];
    return { run, struck: found!.map(({ strike }) => strike) };
  };

  const begun = async (): Promise<Queue> => {
    const { run } = await life({ rules: [] }, []);
    if (!run.converged) throw new Error(`not even a life without faults converges: ${JSON.stringify(run)}`);
    const calls = local.calls.all();
    const called = new Set(calls.filter(isOurs).map(({ operation }) => operation));
    const missing = operationsInCode().filter((operation) => !called.has(operation) && !(operation in NOT_CALLED));
    if (missing.length > 0) throw new Error(`a whole life does not come to: ${missing.join(', ')}`);
    return queueOf(strikesOf(calls, random), random);
  };

  /** Which of these it was that a life failed of: each by itself, or those that fail only together. */
  const culprits = async (strikes: Strike[]): Promise<string[]> => {
    if (strikes.length <= 1) return strikes.map(wordsOfStrike);
    const half = Math.ceil(strikes.length / 2);
    const found: string[] = [];
    for (const some of [strikes.slice(0, half), strikes.slice(half)])
      if (!(await life(planOf(some), some)).run.converged) found.push(...(await culprits(some)));
    return found.length > 0 ? found : [`only together: ${strikes.map(wordsOfStrike).join(', ')}`];
  };

  return {
    isDone: () => queue?.waiting() === 0,
    atRandom: async (seed, share) => {
      const { run } = await life(randomPlan(seed, share), []);
      return { ...run, blows: [`${share * 100} % of all calls fail`, ...run.blows] };
    },
    next: async () => {
      queue ??= await begun();
      const some = queue.next(each);
      const { run, struck: came } = await life(planOf(some), some);
      run.blows.unshift(...came.map(wordsOfStrike));
      const never = queue.takeBack(some.filter((strike) => !came.includes(strike)));
      if (!run.converged && attributes) run.fault = `${run.fault}; it was: ${(await culprits(came)).join('; ')}`;
      if (never.length === 0) return run;
      const fault = [run.fault, `never befell a call of ours: ${never.map(wordsOfStrike).join(', ')}`].filter(Boolean).join('; ');
      return { ...run, converged: false, fault };
    },
  };
}

/** What a crawl or a query takes that is to be under way at the take-down. */
const SLOW_MS = 60_000;

/** A failure says what was being done to which thing, and the error's name or words; or that somebody else has the name, what has to go first, or who is not there. */
const isPlain = (line: string, names: string[]): boolean =>
  /\S: \S/.test(line) && (SAID.test(line) || names.some((name) => line.includes(name)));
const SAID =
  /by the fault plan|Rate exceeded|internal error|socket hang up|ECONNRESET|timed? ?out|choose another name|subscribe account|AWS still has it|needs it and would not go|there is no (user|group) /i;

/** Any call fails with this probability, in each of R13's ways alike. */
function randomPlan(seed: number, share: number): FaultPlan {
  // The first rule that strikes decides: each takes its part of what those before it have left.
  const rules = AMBIGUOUS.map((fault, i) => ({ fault, share: share / AMBIGUOUS.length / (1 - (share * i) / AMBIGUOUS.length) }));
  return { seed, rules };
}
