import { setTimeout as sleep } from 'node:timers/promises';
import { notYet } from './not-yet.ts';

const FIRST_MS = 50;
const SLOWEST_MS = 2_000;

/**
 * Looks until `done`, ever more slowly, and returns what it then saw; a benign failure after `within` milliseconds. Only for the few things that
 * one activity must see through (a statement, a version to publish): whatever can be looked at again by name is waited for by `ready`.
 */
export async function pollUntil<Seen>(
  look: () => Promise<Seen>,
  done: (seen: Seen) => boolean,
  { within, what }: { within: number; what: string },
): Promise<Seen> {
  const until = Date.now() + within;
  for (let pause = FIRST_MS; ; pause = Math.min(pause * 1.5, SLOWEST_MS)) {
    const seen = await look();
    if (done(seen)) return seen;
    if (Date.now() + pause > until) throw notYet(`${what} is not settled after ${within / 1000} s`);
    await sleep(pause);
  }
}
