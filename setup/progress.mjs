const TICK_MS = 1000;

/**
 * Tells what set-up is doing: a line for each step as it starts and ends, with seconds; on a terminal one line in place for all that run.
 * @param {NodeJS.WriteStream} stream
 */
export function createProgress(stream) {
  /** @type {Map<string, number>} */
  const active = new Map();
  const seconds = (/** @type {number} */ since, digits = 0) => `${((Date.now() - since) / 1000).toFixed(digits)} s`;
  const clear = () => stream.isTTY && stream.write('\r\u001b[K');
  const draw = () => {
    if (!stream.isTTY || active.size === 0) return;
    const text = `set-up: ${[...active].map(([name, since]) => `${name} ${seconds(since)}`).join(' · ')}`;
    stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const timer = setInterval(draw, TICK_MS);
  timer.unref();
  const line = (/** @type {string} */ text) => {
    clear();
    stream.write(`set-up: ${text}\n`);
    draw();
  };
  return {
    line,
    /** @param {string} name */
    start: (name) => {
      active.set(name, Date.now());
      if (stream.isTTY) draw();
      else line(`${name} …`);
    },
    /** @param {string} name @param {boolean} good */
    end: (name, good) => {
      const since = active.get(name) ?? Date.now();
      active.delete(name);
      line(`${name} ${good ? 'done' : 'failed'}, ${seconds(since, 1)}`);
    },
    close: () => {
      clearInterval(timer);
      clear();
    },
  };
}
