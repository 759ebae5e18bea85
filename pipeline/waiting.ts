import { kindOf, type Stage } from './stages.ts';

/** The shortest and the longest wait for a thing seen so far, in milliseconds of AWS's time. */
export interface Seen {
  shortest: number;
  longest: number;
}

/** The waits seen for stages; those for all of a kind stand under its first stage. */
export type Waits = Partial<Record<Stage, Seen>>;

const FIRST_MS = 300;
const SOONEST_MS = 200;
const USUAL_MS = 1_000;
const SELDOM_MS = 10_000;
/** A wait that has lasted long may be seen this share of it late. */
const LATE = 1 / 120;
/** How far beyond the waits seen so far the next may lie. */
const MARGIN = 1.2;

/**
 * Milliseconds from one look at something that is on its way until the next, `waited` milliseconds and `looks` looks after the first. Once soon, lest what is
 * quick be waited for; over the whole wait no more than one look a second, the soon one made up for: where waits have been `seen`, the looks that nothing could
 * come of are saved up and spent around the time at which the thing may be ready. Time passes `speed` times faster than on AWS.
 */
export const nextLook = (waited: number, looks: number, seen: Seen | undefined, speed = 1): number =>
  nextOnAws(waited * speed, looks, seen) / speed;

function nextOnAws(waited: number, looks: number, seen: Seen | undefined): number {
  const allowed = looks > 1 ? Math.min(SELDOM_MS, looks * USUAL_MS - waited) : FIRST_MS;
  return Math.max(allowed, wanted(waited, looks, seen));
}

function wanted(waited: number, looks: number, seen: Seen | undefined): number {
  const earliest = seen ? seen.shortest / MARGIN : 0;
  const latest = seen ? seen.longest * MARGIN : 0;
  // What made waits so long may have been no worker, and not AWS.
  if (waited < earliest) return Math.max(Math.min(earliest - waited, SELDOM_MS), SOONEST_MS);
  if (waited < latest) {
    const saved = Math.max(0, waited / USUAL_MS - looks);
    const left = latest - waited;
    return Math.max(SOONEST_MS, left / (saved + left / USUAL_MS));
  }
  return looks > 1 ? Math.min(SELDOM_MS, Math.max(USUAL_MS, waited * LATE)) : FIRST_MS;
}

/** The waits seen, with one more of `waited` milliseconds of AWS's time. */
export const learned = (seen: Seen | undefined, waited: number): Seen => ({
  shortest: Math.min(seen?.shortest ?? waited, waited),
  longest: Math.max(seen?.longest ?? waited, waited),
});

/** The waits seen for all stages of a stage's kind. */
export const seenOf = (seen: Waits, stage: Stage): Seen | undefined => seen[kindOf(stage)];

/** The waits seen, with one more for each of these stages, in milliseconds of AWS's time. */
export function rememberWaits(seen: Waits, waits: Partial<Record<Stage, number>>): Waits {
  const all = { ...seen };
  for (const [stage, waited] of Object.entries(waits) as [Stage, number][]) all[kindOf(stage)] = learned(seenOf(all, stage), waited);
  return all;
}
