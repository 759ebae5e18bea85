import { setTimeout as delay } from 'node:timers/promises';

/** The time of the local AWS, in milliseconds since the epoch. Whatever lasts there waits by it. */
export interface Clock {
  now(): number;
  /** Resolves once that much time has passed, or as soon as the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock, or another source of `now` that goes at its pace. */
export const realClock = (now: () => number = Date.now): Clock => ({
  now,
  sleep: async (milliseconds, signal) => {
    try {
      await delay(milliseconds, undefined, { signal });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  },
});
