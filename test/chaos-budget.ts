/** What each proof of npm test takes, in seconds of a machine that does nothing else. npm run chaos goes on for as long as it is asked to. */
export const BUDGET = {
  kills: 30,
  boundaries: 60,
  'struck lives': 65,
  takedowns: 25,
  rollbacks: 8,
  twins: 15,
  roles: 10,
  'each operation': 20,
  'half made': 3,
  'many at once': 30,
} as const;

/** In all. */
export const BUDGET_SECONDS = 300;

/** Other tests run on the machine meanwhile, and it may be a slower one. */
const SLOWER = 10;

/** The seed of all chaos in this run of the tests: that of an earlier one, or any. */
export const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31) + 1);

/** How often a proof is tried, what one try may take, and when its test counts as stuck; in milliseconds. */
export const timesOf = (proof: keyof typeof BUDGET, tries = 1) => ({
  within: Math.max(30_000, (BUDGET[proof] * 1000) / tries) * SLOWER,
  timeout: (BUDGET[proof] + 30) * 1000 * SLOWER,
});
