/** The shortest and the longest wait for a stage seen so far, in milliseconds of AWS's time. */
export interface Seen {
  shortest: number;
  longest: number;
}

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
  if (waited < earliest) return Math.max(earliest - waited, SOONEST_MS);
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
