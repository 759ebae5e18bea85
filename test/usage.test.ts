import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { d2d, start } from './product.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'd2d-usage-'));
  writeFileSync(join(cwd, 'plan.json'), '{"rules": []}');
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

describe('a verb that is asked wrongly ends with exit code 2 and one plain line, before it looks for a pipeline', () => {
  it.each([
    [['rate', 'foo'], "the rate 'foo' "],
    [['rate', '{"ramp": '], 'the rate \'{"ramp": \' is no JSON: '],
    [['audit', '--hours', 'x'], "--hours: 'x' is no number of hours that has an end."],
    [['query', 'nope'], "There is no question 'nope'. There are: "],
    [['faults', 'plan.json', '--clear'], 'Give a fault plan or --clear, not both: '],
  ])('%j', async (args, words) => {
    const { code, facts } = await d2d(cwd, ...args);
    expect({ code, facts }).toEqual({ code: 2, facts: { v: 1, ok: false, error: expect.stringContaining(words) } });
    expect(facts.error).not.toContain('\n');
  });

  it('not so one that is asked rightly and finds nothing running: that is 1', async () => {
    expect(await d2d(cwd, 'status')).toMatchObject({ code: 1, facts: { error: expect.stringContaining('Nothing runs here.') } });
  });
});

describe('npm start', () => {
  it('refuses --events without --once: exit code 2, and nothing is started', async () => {
    const run = start(cwd, '--events', '5');
    expect((await run.ended).code).toBe(2);
    expect(run.said()).toBe('--events and --keep go with --once: npm start -- --once --events 20000\n');
  });

  it('refuses to keep copies where nothing can be written, before anything is started', async () => {
    const run = start(cwd, '--once', '--keep', 'plan.json');
    expect((await run.ended).code).toBe(2);
    expect(run.said()).toMatch(/^--keep plan\.json: nothing can be written there \(EEXIST: .*\); give another folder\n$/);
  });

  it('refuses a fault plan that is not there, in a line of JSON, too, if asked for one', async () => {
    const run = start(cwd, '--faults', 'no-plan.json', '--json');
    const { code, output } = await run.ended;
    expect(code).toBe(2);
    expect(JSON.parse(output)).toEqual({ error: expect.stringContaining('no-plan.json') });
  });

  it('refuses options that npm has taken for its own, as --once without -- before it', async () => {
    process.env.npm_config_once = 'true';
    try {
      const run = start(cwd);
      expect((await run.ended).code).toBe(2);
      expect(run.said()).toBe('npm took --once for its own: options of ours come after --, as in: npm start -- --once\n');
    } finally {
      delete process.env.npm_config_once;
    }
  });
});

describe('d2d --help', () => {
  it('lists up once, with the other names that it goes by', () => {
    const program = fileURLToPath(new URL('../client/d2d.mjs', import.meta.url));
    const { stdout } = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8', timeout: 60_000 });
    expect(stdout).toMatch(/^ {2}up\|apply .*bring the pipeline up/m);
    expect(stdout.replace(/\s+/g, ' ')).toContain('go on where a held one broke (retry)');
    expect(stdout).not.toMatch(/^ {2}(apply|retry) /m);
    const { stdout: own } = spawnSync(process.execPath, [program, 'retry', '--help'], { encoding: 'utf8', timeout: 60_000 });
    expect(own).toMatch(/^Usage: d2d up\|apply /);
  });
});
