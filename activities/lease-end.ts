/** When a lease ends: a machine that sleeps stops the one clock, and somebody may set the other. */
export interface LeaseEnd {
  /** By `monotonicMs`: nothing is made from then on. */
  ticks: number;
  /** Milliseconds since the epoch: nothing is made that falls due later. */
  time: number;
}

/** Milliseconds on a clock that all threads of a process share, and that is never set. It goes on while the process stands still, though not while its machine does. */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/** An end at `milliseconds` from now. */
export const endIn = (milliseconds: number): LeaseEnd => ({ ticks: monotonicMs() + milliseconds, time: Date.now() + milliseconds });

export const NEVER: LeaseEnd = { ticks: Number.POSITIVE_INFINITY, time: Number.POSITIVE_INFINITY };

/** True once either clock has passed an end. */
export const isPast = ({ ticks, time }: LeaseEnd): boolean => monotonicMs() >= ticks || Date.now() >= time;
