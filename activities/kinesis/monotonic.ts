/** Milliseconds on a clock that all threads of a process share, that is never set, and that goes on while the process stands still. */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;
