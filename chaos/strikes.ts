import type { Call } from '../local/call-log.ts';
import type { Fault, FaultPlan, Faults } from '../local/faults.ts';
import { isOurs, OURS } from './effects.ts';
import { errorsOf } from './models.ts';
import { shuffled } from './random.ts';

/** A fault that is to befall one call of the product: `times` calls of an operation in a row, after so many that are spared. */
export interface Strike {
  service: string;
  operation: string;
  fault: Fault;
  after: number;
  times: number;
  /** Where else it may fall, if in a life there is no call of ours there. */
  else: number[];
}

/** Faults that any call may meet, whatever its model says. */
const COMMON: Fault[] = [{ kind: 'throttle' }, { kind: 'unavailable' }, { kind: 'cut' }, { kind: 'timeout' }, { kind: 'lostAnswer' }];

/** R13's four: it fails before, its answer is lost, it is never answered, it is throttled. */
export const AMBIGUOUS: Fault[] = [{ kind: 'cut' }, { kind: 'lostAnswer' }, { kind: 'timeout' }, { kind: 'throttle' }];

/** Attempts of one call inside the SDK: as many faults in a row, and Temporal hears of it. */
export const ATTEMPTS = 3;

/** In words: 'glue StartCrawler: error CrawlerRunningException, at call 2'. */
export const wordsOfStrike = ({ service, operation, fault, after, times }: Strike): string =>
  `${service} ${operation}: ${fault.kind}${fault.kind === 'error' ? ` ${fault.name}` : ''}, at call ${after + 1}${times > 1 ? `, ${times} times` : ''}`;

/** The operations of a life that we called, and how often. */
export function operationsOf(calls: Call[]): { service: string; operation: string; count: number }[] {
  const all = new Map<string, { service: string; operation: string; count: number }>();
  for (const { service, operation } of calls.filter(isOurs)) {
    const key = `${service} ${operation}`;
    all.set(key, { service, operation, count: (all.get(key)?.count ?? 0) + 1 });
  }
  return [...all.values()];
}

/** Errors that the SDK tries again by itself: one alone would never be heard of. */
const RETRIED = /Throttl|TooManyRequests|LimitExceeded|ThroughputExceeded|Internal|Unavailable|ServiceException/;

/** Each modelled error of each operation of a life, and each common fault, at a call that `random` draws: once, or as often as it takes for Temporal to hear of it. */
export function everyError(calls: Call[], random: () => number): Strike[] {
  return operationsOf(calls).flatMap(({ service, operation, count }) => {
    const faults: Fault[] = [...errorsOf(service, operation).map((name): Fault => ({ kind: 'error', name })), ...COMMON];
    return faults.map((fault) => {
      const [after = 0, ...others] = shuffled([...Array(count).keys()], random);
      const times = fault.kind === 'unavailable' || (fault.kind === 'error' && RETRIED.test(fault.name)) ? ATTEMPTS : 1;
      return { service, operation, fault, after, times, else: others };
    });
  });
}

/** Each call of a life by its number, each of R13's faults, as often in a row as it takes for Temporal to hear of it. */
export const everyCall = (calls: Call[]): Strike[] =>
  operationsOf(calls).flatMap(({ service, operation, count }) =>
    [...Array(count).keys()].flatMap((after, i, all) =>
      AMBIGUOUS.map((fault) => ({ service, operation, fault, after, times: ATTEMPTS, else: all.slice(0, i) })),
    ),
  );

/** Strikes that wait for their life. */
export interface Queue {
  /** Up to so many, no two of one operation. */
  next(most: number): Strike[];
  /** Takes back those that came to nothing; gives those that did so too often to be tried again. */
  takeBack(strikes: Strike[]): Strike[];
  waiting(): number;
}

/** A strike that did not come about is tried at another call, so often in all. */
const TRIES = 4;

/** A queue in an order that `random` draws. */
export function queueOf(strikes: Strike[], random: () => number): Queue {
  const tries = new Map<Strike, number>();
  let waiting = shuffled(strikes, random);
  return {
    next: (most) => {
      const taken = new Set<string>();
      const chosen = waiting.filter(({ service, operation }) => {
        const key = `${service} ${operation}`;
        if (taken.size >= most || taken.has(key)) return false;
        taken.add(key);
        return true;
      });
      waiting = waiting.filter((strike) => !chosen.includes(strike));
      return chosen;
    },
    takeBack: (missed) =>
      missed.filter((strike) => {
        const count = (tries.get(strike) ?? 1) + 1;
        if (count > TRIES) return true;
        const [after = strike.after, ...others] = strike.else;
        const next = { ...strike, after, else: others };
        tries.set(next, count);
        waiting.unshift(next);
        return false;
      }),
    waiting: () => waiting.length,
  };
}

/** The plan by which these come about. */
export const planOf = (strikes: Strike[]): FaultPlan => ({
  rules: strikes.map(({ service, operation, after, times, fault }) => ({ service, operation, ...OURS, after, times, fault })),
});

/** Those that befell a call of ours; with the names by which these calls heard of it. */
export function struck(faults: Faults, strikes: Strike[], calls: Call[]): { strike: Strike; names: string[] }[] {
  const counts = faults.counts();
  return strikes.flatMap((strike, i) => {
    if (!counts[i]?.struck) return [];
    const outcomes = calls
      .filter((call) => call.service === strike.service && call.operation === strike.operation && isOurs(call))
      .map(({ outcome }) => outcome)
      .filter((outcome) => isOf(strike.fault, outcome));
    return outcomes.length > 0 ? [{ strike, names: [...new Set(outcomes)] }] : [];
  });
}

/** True if a call that met this fault is logged so. */
function isOf(fault: Fault, outcome: string): boolean {
  if (fault.kind === 'error') return outcome === fault.name;
  if (fault.kind === 'lostAnswer') return outcome === 'lost';
  if (fault.kind === 'cut' || fault.kind === 'timeout') return outcome === 'cut';
  return /Throttl|SlowDown|LimitExceeded|TooManyRequests|ProvisionedThroughput|Internal|Unavailable|ServerException|ServiceException/.test(
    outcome,
  );
}
