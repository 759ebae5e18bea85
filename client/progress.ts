import type { Writable } from 'node:stream';

/**
 * Progress for people, on stderr: a line for each thing done, with its seconds; on a terminal also one last line, redrawn, that says what is under way.
 * Without a terminal that line is printed at most every 30 s, so that nobody takes silence for a hang.
 */
export interface Progress {
  done(what: string, since: number): void;
  line(text: string): void;
  /** Says what is under way from now on. */
  now(text: string): void;
  /** What is under way, in the words of the latest `now`; '' before the first and after `end`. */
  underWay(): string;
  end(): void;
}

const QUIET_MS = 30_000;

/** Writes progress to `out` until `end`. */
export function progressOn(out: Writable & { isTTY?: boolean; columns?: number }): Progress {
  let under = '';
  let spoken = Date.now();
  const clear = () => under !== '' && out.isTTY && out.write('\r\x1b[2K');
  const draw = () => under !== '' && out.isTTY && out.write(`  … ${under}`.slice(0, (out.columns ?? 80) - 1));
  const line = (text: string) => {
    clear();
    out.write(`${text}\n`);
    spoken = Date.now();
    draw();
  };
  return {
    line,
    done: (what, since) => line(`  ok  ${what.padEnd(24)} ${((Date.now() - since) / 1000).toFixed(1).padStart(6)} s`),
    now: (text) => {
      if (text === under && (out.isTTY || Date.now() - spoken < QUIET_MS)) return;
      clear();
      under = text;
      draw();
      if (!out.isTTY && Date.now() - spoken >= QUIET_MS) line(`  … ${text}`);
    },
    underWay: () => under,
    end: () => {
      clear();
      under = '';
    },
  };
}
