import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { Clock } from '../../local/clock.ts';

/** A clock that a test moves. */
export interface SteeredClock extends Clock {
  /** Lets time pass, waking what waits in the order in which it is due. */
  advance(milliseconds: number): Promise<void>;
}

/** A clock that goes with the machine's and can be moved ahead of it: an hour of AWS passes in as long as its work takes. */
export function steeredClock(): SteeredClock {
  let ahead = 0;
  const waiting = new Set<{ due: number; wake: () => void }>();
  const now = () => Date.now() + ahead;
  const wakeAllDue = async () => {
    const before = waiting.size;
    for (const sleeper of waiting) {
      if (sleeper.due > now()) continue;
      sleeper.wake();
    }
    await settled(() => waiting.size >= before);
  };
  return {
    now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', wake);
          waiting.delete(sleeper);
          resolve();
        };
        const timer = setTimeout(wake, milliseconds);
        const sleeper = { due: now() + milliseconds, wake };
        waiting.add(sleeper);
        signal?.addEventListener('abort', wake);
      }),
    advance: async (milliseconds) => {
      const until = now() + milliseconds;
      for (;;) {
        const next = Math.min(...[...waiting].map(({ due }) => due));
        ahead += Math.max(0, Math.min(next, until) - now());
        if (next > until) return;
        await wakeAllDue();
      }
    },
  };
}

/** What sleeps once and does not come back is given this many turns, most of a millisecond, in which no file is read or written. */
const QUIET_TURNS = 50;
const QUICK_TURNS = 3;

/**
 * Resolves once what was woken waits again: then it has done its work. What does not wait again has done it when no file has been touched for a while, by turns
 * of this process rather than by the clock: on a busy machine its helping threads are as late as it is.
 */
async function settled(waitsAgain: () => boolean): Promise<void> {
  for (let [turn, quiet] = [0, 0]; quiet < QUIET_TURNS; turn++) {
    await (turn < QUICK_TURNS ? setImmediate() : delay(1));
    if (process.getActiveResourcesInfo().some((kind) => kind.startsWith('FSReq'))) quiet = 0;
    else if (waitsAgain()) return;
    else quiet++;
  }
}
