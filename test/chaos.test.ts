import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { sharedOut, WAYS } from '../chaos/ways.ts';
import { BUDGET, BUDGET_SECONDS, SEED, timesOf } from './chaos-budget.ts';

const CHAOS = fileURLToPath(new URL('../chaos/main.ts', import.meta.url));

/** Runs `npm run chaos` as a process and returns its lines of JSON. */
async function chaos(...args: string[]): Promise<Record<string, unknown>[]> {
  const all = ['--import', 'tsx', CHAOS, '--json', '--seed', `${SEED}`, ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  await once(child, 'close');
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe(`under chaos of seed ${SEED} (CHAOS_SEED=${SEED} repeats it)`, () => {
  it.each([
    { way: 'kills', runs: 1, more: [] },
    { way: 'boundaries', runs: 1, more: ['--each', '2'] },
  ] as const)(
    'lives under $way converge, with nothing lost, made twice or left',
    async ({ way, runs, more }) => {
      const { within } = timesOf(way, runs);
      const lines = await chaos('--what', way, '--runs', `${runs}`, '--seconds', `${within / 1000}`, '--flink', '60', ...more);
      expect({ lines: lines.slice(0, -1), report: lines.at(-1) }).toEqual({
        lines: Array.from({ length: runs }, (_, i) =>
          expect.objectContaining({ run: i + 1, way, converged: true, blows: expect.any(Array) }),
        ),
        report: { runs, converged: runs, madeTwice: 0, lost: 0, duplicates: 0, leftovers: 0, seed: SEED },
      });
      expect(lines.flatMap(({ blows = [] }) => blows as string[]).length).toBeGreaterThanOrEqual(runs);
    },
    // The runs have deadlines of their own, within which they say what they lack.
    900_000,
  );
});

describe('the runs', () => {
  it('of npm test take five minutes in all', () => {
    expect(Object.values(BUDGET).reduce((sum, seconds) => sum + seconds, 0)).toBeLessThanOrEqual(BUDGET_SECONDS);
  });

  it.each([1, 7, 20, 200])('of %i are shared out whole over the ways, most of them to kills', (runs) => {
    const shares = sharedOut(runs);
    expect(shares.reduce((sum, share) => sum + share.runs, 0)).toBe(runs);
    const kills = shares.find(({ way }) => way === 'kills')?.runs ?? 0;
    for (const share of shares) expect(kills).toBeGreaterThanOrEqual(share.runs);
    if (runs >= 200) {
      const shared = Object.keys(WAYS).filter((way) => WAYS[way]!.share > 0);
      expect(shares.map(({ way }) => way).sort()).toEqual(shared.sort());
    }
  });
});
