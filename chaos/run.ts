import { once, setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** How one run went. A count is null when it was to be taken and could not be, and left out when a run of this kind has nothing to count. */
export interface Run {
  converged: boolean;
  /** What was done to it. */
  blows: string[];
  lost?: number | null;
  duplicates?: number | null;
  leftovers?: number | null;
  madeTwice?: number | null;
  seconds: number;
  /** Seconds by phase, up to its end or to where it failed. */
  phases: Record<string, number>;
  /** Why it did not converge, and in which phase. */
  fault?: string;
}

/** What may be counted in a run. */
export const COUNTS = ['madeTwice', 'lost', 'duplicates', 'leftovers'] as const;
export type Count = (typeof COUNTS)[number];

/** What the story of a run goes by. */
export interface Course {
  run: Run;
  /** Its time, in milliseconds. */
  within: number;
  /** Aborted once the run's time is over: whatever waits ends then. */
  signal: AbortSignal;
  /** Says what is being done from now on. */
  phase(name: string): void;
}

/** What a life may take on a machine that does nothing else, in seconds: as long as AWS takes no time, and Flink none to start. */
export const LIFE_SECONDS = 30;

/**
 * What a kill adds to a life on a machine that does nothing else, in milliseconds: a workflow task that died with its worker is given out again after Temporal's 10
 * seconds, an activity after the 3 to 5 that its heartbeat may be late, and the part itself has to start.
 */
export const RECOVERY_MS = 15_000;

/** What a fault adds to a life, in milliseconds: the SDK's attempts, the pace that it keeps once throttled, and Temporal's next attempt. */
export const FAULT_MS = 1_500;

/** Milliseconds that a run of so many lives may take, in which Flink has to start so often: that is real, and takes what it takes on this machine. */
export type Time = (lives: number, starts: number) => number;

/**
 * Plays a life within its time and says how it ended. It converged if its story came to its end with every count taken and none above 0. After one that did not,
 * `clearing` makes room for the next, and takes the counts that it still can.
 */
export async function lived(
  within: number,
  counts: readonly Count[],
  story: (course: Course) => Promise<void>,
  clearing: (run: Run) => Promise<void> = async () => undefined,
): Promise<Run> {
  const run: Run = { converged: false, blows: [], ...Object.fromEntries(counts.map((count) => [count, null])), seconds: 0, phases: {} };
  const over = new AbortController();
  // Everything in a life that waits listens to it, and a life of many pipelines waits in many places at once: no number of them is a leak.
  setMaxListeners(Number.POSITIVE_INFINITY, over.signal);
  const began = performance.now();
  const seconds = (since: number) => Math.round((performance.now() - since) / 100) / 10;
  let at = 'the beginning';
  let since = began;
  const phase = (name: string) => {
    run.phases[at] = seconds(since);
    at = name;
    since = performance.now();
  };
  const timer = setTimeout(() => over.abort(), within);
  try {
    await Promise.race([story({ run, within, signal: over.signal, phase }), aborted(over.signal)]);
    run.converged = counts.every((count) => run[count] === 0);
    if (!run.converged) run.fault = counts.flatMap((count) => (run[count] === 0 ? [] : [`${count} is ${run[count]}`])).join(', ');
  } catch (error) {
    run.fault = over.signal.aborted ? `it is still in ${at} after ${within / 1000} s` : `in ${at}: ${wordsOf(error)}`;
  }
  phase(at);
  run.seconds = seconds(began);
  clearTimeout(timer);
  over.abort();
  if (!run.converged) await clearing(run).catch((error) => Object.assign(run, { fault: `${run.fault}; and then: ${wordsOf(error)}` }));
  return run;
}

async function aborted(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort');
  throw signal.reason;
}

/** An error in words, with what caused it. */
export function wordsOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && !message.includes(cause.message) ? `${message}: ${wordsOf(cause)}` : message;
}

/** Asks until there is an answer; ends with the signal. */
export async function until<Value>(signal: AbortSignal, ask: () => Promise<Value | undefined>, everyMs = 100): Promise<Value> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await delay(everyMs, undefined, { signal });
  }
}

/** The sum of a count over the runs in which it was to be taken; null if one of them could not take it, or none was to. */
export function summed(runs: Run[], count: Count): number | null {
  const taken = runs.flatMap((run) => (run[count] === undefined ? [] : [run[count]]));
  return taken.length === 0 || taken.includes(null) ? null : taken.reduce<number>((sum, each) => sum + (each ?? 0), 0);
}
