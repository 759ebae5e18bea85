import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const CI_RUN = fileURLToPath(new URL('../.ci/run', import.meta.url));
let bin: string;

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'ci-run-'));
});

afterEach(() => rmSync(bin, { recursive: true, force: true }));

/** Runs .ci/run with an npm whose tests leave this report and exit with this code. */
const ciRun = (report: string | undefined, code: number): { status: number | null; last: string | undefined } => {
  const write = report === undefined ? '' : `for arg; do case "$arg" in --outputFile=*) printf '%s' '${report}' >"\${arg#*=}";; esac; done`;
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\n[ "$1" = test ] || exit 99\n${write}\necho noise\nexit ${code}\n`);
  chmodSync(join(bin, 'npm'), 0o755);
  const { status, stdout } = spawnSync('bash', [CI_RUN], {
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    encoding: 'utf8',
  });
  return { status, last: stdout.trimEnd().split('\n').at(-1) };
};

test.each([
  ['all passed', '{"numPassedTests":12,"numFailedTests":0,"numRuntimeErrorTestSuites":0}', 0, '12 passed, 0 failed'],
  ['some failed', '{"numPassedTests":12,"numFailedTests":2,"numRuntimeErrorTestSuites":0}', 1, '12 passed, 2 failed'],
  ['a file could not be loaded', '{"numPassedTests":3,"numFailedTests":0,"numRuntimeErrorTestSuites":1}', 1, '3 passed, 1 failed'],
  ['jest never ran', undefined, 2, '0 passed, 1 failed'],
  ['jest failed for another reason', '{"numPassedTests":3,"numFailedTests":0,"numRuntimeErrorTestSuites":0}', 1, '3 passed, 1 failed'],
  ['the report was cut off', '{"numPassedTests":3,', 137, '0 passed, 1 failed'],
])('.ci/run closes with what jest counted: %s', (_, report, code, last) => {
  expect(ciRun(report, code)).toEqual({ status: code, last });
});
