import { setTimeout as delay } from 'node:timers/promises';
import { type Child, exitReason } from './children.ts';

/** Told whenever a part goes down (and when it is tried again), and when it is back. Times in milliseconds. */
export type PartEvent =
  | { name: string; state: 'down'; reason: string; retryMs: number; restarts: number }
  | { name: string; state: 'up'; downMs: number; restarts: number };

/** The waits between restarts: from `firstMs`, doubled each time up to `longestMs`, and back to the first after `healthyMs` of running. */
export type Backoff = { firstMs: number; longestMs: number; healthyMs: number };

/** A part that is kept running. */
export type KeptAlive = {
  /** Resolves when it is ready for the first time; a part that never was is not tried again, and rejects. */
  ready: Promise<void>;
  /** The child that runs now, if one does. */
  current(): Child | undefined;
  /** Ends the part and its restarts; resolves once it is gone. */
  stop(): Promise<void>;
};

/** Keeps a part running: starts it again, after a wait, whenever it ends by itself or does not become ready. */
export function keepAlive(
  name: string,
  start: () => Child | Promise<Child>,
  tell: (event: PartEvent) => void,
  backoff: Backoff = { firstMs: 200, longestMs: 10_000, healthyMs: 30_000 },
): KeptAlive {
  const stopping = new AbortController();
  let child: Child | undefined;

  /** Runs it once, from start to end: why it ended. */
  const runOnce = async (whenReady: () => void): Promise<string> => {
    try {
      child = await start();
      if (stopping.signal.aborted) await child.stop();
      await child.ready;
      whenReady();
      return `${name} ${exitReason(await child.exited)}`;
    } finally {
      await child?.stop();
      child = undefined;
    }
  };

  const keepRunning = async (whenReady: () => void): Promise<void> => {
    let retryMs = backoff.firstMs;
    for (let restarts = 0, downSince = 0; ; restarts++) {
      let upSince = Number.POSITIVE_INFINITY;
      const up = () => {
        upSince = performance.now();
        if (restarts === 0) whenReady();
        else tell({ name, state: 'up', downMs: upSince - downSince, restarts });
      };
      const reason = await runOnce(up).catch((error: Error) => {
        if (restarts === 0) throw error;
        return error.message;
      });
      if (stopping.signal.aborted) return;
      downSince = Number.isFinite(upSince) ? performance.now() : downSince;
      if (performance.now() - upSince >= backoff.healthyMs) retryMs = backoff.firstMs;
      tell({ name, state: 'down', reason, retryMs, restarts: restarts + 1 });
      await delay(retryMs, undefined, { signal: stopping.signal });
      retryMs = Math.min(retryMs * 2, backoff.longestMs);
    }
  };

  let isReady = false;
  let settled: Promise<void> = Promise.resolve();
  const ready = new Promise<void>((resolve, reject) => {
    const whenReady = () => {
      isReady = true;
      resolve();
    };
    const failed = (error: Error) => {
      if (isReady && !stopping.signal.aborted) throw error;
      reject(error);
    };
    settled = keepRunning(whenReady).then(() => reject(new Error(`${name} was stopped before it was ready`)), failed);
  });
  ready.catch(() => {}); // it may be that nobody waits for it
  const stop = async () => {
    stopping.abort();
    await child?.stop();
    await settled;
  };
  return { ready, current: () => child, stop };
}
