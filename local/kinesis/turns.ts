/** Lets writes to a stream go on side by side, but none while its shards are being reshaped. */
export interface Turns {
  /** Runs a write; it begins once no reshaping is under way. */
  write<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Runs a reshaping; it begins once the writes under way have ended, and later ones wait for its end. */
  reshape<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** The turns of one stream. */
export function turns(): Turns {
  const writes = new Set<Promise<unknown>>();
  let reshaping: Promise<unknown> | undefined;
  const write = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    while (reshaping) await reshaping;
    const writing = work();
    const over = writing.catch(() => undefined);
    writes.add(over);
    try {
      return await writing;
    } finally {
      writes.delete(over);
    }
  };
  const reshape = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    while (reshaping) await reshaping;
    const before = [...writes];
    const result = Promise.all(before).then(work);
    reshaping = result
      .catch(() => undefined)
      .finally(() => {
        reshaping = undefined;
      });
    return result;
  };
  return { write, reshape };
}
