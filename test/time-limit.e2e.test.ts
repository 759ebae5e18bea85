import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { descendants, start } from './product.ts';

let cwd: string;
const environment = { ...process.env };
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'd2d-limit-'));
  Object.assign(process.env, { TMPDIR: cwd }); // where --once has its state
});
afterEach(() => {
  process.env = { ...environment };
  rmSync(cwd, { recursive: true, force: true });
});

const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

/** Runs it to its end, and sees to it that nothing of it is left. */
async function outOf(...args: string[]): Promise<{ code: number | null; output: string; said: string }> {
  const run = start(cwd, ...args);
  const seen = new Set<number>();
  const looking = setInterval(() => {
    for (const pid of descendants(run.child.pid!)) seen.add(pid);
  }, 500);
  const { code, output } = await run.ended;
  clearInterval(looking);
  expect(seen.size).toBeGreaterThan(0);
  while ([...seen].some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 50)); // the test's own time bounds the waiting
  return { code, output, said: run.said() };
}

describe('a start with --timeout', () => {
  it('that is --once ends with what it waited for when it is not done by then, and leaves nothing', async () => {
    const { code, output, said } = await outOf('--once', '--rate', '1', '--json', '--timeout', '20 seconds');
    const error = expect.stringMatching(/^It is not done after 20 seconds \(--timeout\); what it waited for: \w+/);
    expect({ code, answer: JSON.parse(output), said }).toEqual({
      code: 1,
      answer: { error },
      said: expect.stringContaining('It is not done'),
    });
    expect(readdirSync(cwd).filter((name) => name.startsWith('data2dashboard-'))).toEqual([]);
  });

  it('ends when it is not up by then; its state stays', async () => {
    writeFileSync(join(cwd, 'data2dashboard.yaml'), 'generator: { rate: 1 }\n');
    const { code, said } = await outOf('--timeout', '2 seconds');
    expect(code).toBe(1);
    expect(said).toMatch(/^It is not up after 2 seconds \(--timeout\); what it waited for: (starting|provisioning) .*$/m);
    expect(said).toContain('Stopping; the state stays for the next start.');
    expect(readdirSync(cwd)).toContain('.data2dashboard');
  });

  it.each(['soon', '0 seconds', '25 days'])('refuses the limit %j', async (limit) => {
    const run = start(cwd, '--once', '--timeout', limit);
    expect((await run.ended).code).toBe(2);
    expect(run.said()).toMatch(/^error: option '--timeout <duration>' argument '.*' is invalid\. must be .*\.$/m);
  });
});
