/** A promise and what settles it. */
export interface Waiter {
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Nothing has settled it yet. */
export function waiter(): Waiter {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}

/** Calls `ring` at a moment, by `performance.now()`; of several moments at the earliest. */
export function alarm(ring: () => void): { set(at: number): void; isSet(): boolean } {
  let timer: { at: number; handle: NodeJS.Timeout } | undefined;
  return {
    set: (at) => {
      if (at === Number.POSITIVE_INFINITY || (timer && timer.at <= at)) return;
      clearTimeout(timer?.handle);
      const due = () => {
        timer = undefined;
        ring();
      };
      timer = { at, handle: setTimeout(due, Math.max(0, Math.ceil(at - performance.now()))) };
    },
    isSet: () => timer !== undefined,
  };
}
