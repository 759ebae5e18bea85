import { setTimeout as delay } from 'node:timers/promises';

/** The time of the local AWS, in milliseconds since the epoch. Whatever lasts there waits by it. */
export interface Clock {
  now(): number;
  /** Resolves once that much time has passed, or as soon as the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** A clock that a test moves. */
export interface SteeredClock extends Clock {
  /** Lets time pass, waking what waits in the order in which it is due. */
  advance(milliseconds: number): Promise<void>;
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

/** A clock that goes with the machine's and can be moved ahead of it: an hour of AWS passes in as long as its work takes. */
export function steeredClock(): SteeredClock {
  let ahead = 0;
  const waiting = new Set<{ due: number; wake: () => void }>();
  const now = () => Date.now() + ahead;
  const real = realClock();
  return {
    now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const woken = new AbortController();
        const sleeper = { due: now() + milliseconds, wake: () => woken.abort() };
        waiting.add(sleeper);
        const either = signal ? AbortSignal.any([signal, woken.signal]) : woken.signal;
        void real.sleep(milliseconds, either).then(() => {
          waiting.delete(sleeper);
          resolve();
        });
      }),
    advance: async (milliseconds) => {
      const until = now() + milliseconds;
      for (;;) {
        const next = [...waiting].filter(({ due }) => due <= until).sort((a, b) => a.due - b.due)[0];
        ahead += Math.max(0, (next?.due ?? until) - now());
        if (!next) return;
        waiting.delete(next);
        next.wake();
        // What it wakes may write files and wait again before the next one is due.
        await delay(SETTLE_MS);
      }
    },
  };
}

const SETTLE_MS = 5;
