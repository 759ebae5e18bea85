import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const CHAOS = fileURLToPath(new URL('../chaos/main.ts', import.meta.url));

/** Runs `npm run chaos` as a process and returns its lines of JSON. */
async function chaos(...args: string[]): Promise<Record<string, unknown>[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHAOS, '--json', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
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

// A few runs of each; npm run chaos goes on for as long as it is asked to.
it.each(['kills', 'takedowns', 'boundaries'])(
  'a life under %s converges, with nothing lost, made twice or left',
  async (what) => {
    const lines = await chaos('--what', what, '--runs', '1', '--boundaries', '2');
    const { seed, ...report } = lines.at(-1)!;
    expect({ lines: lines.slice(0, -1), report }).toEqual({
      lines: [expect.objectContaining({ converged: true, run: 1 })],
      report: { runs: 1, converged: 1, madeTwice: 0, lost: 0, duplicates: 0, leftovers: 0 },
    });
    expect(seed).toBeGreaterThan(0);
  },
  240_000,
);
