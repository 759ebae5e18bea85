import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { faultsInFile } from './service-model.ts';

// Every local AWS that a suite drives, in its own process or in one that it starts, writes its calls down; in the end AWS's own service models judge them.
const dir = mkdtempSync(join(tmpdir(), 'd2d-judged-'));
const file = join(dir, 'calls.jsonl');
process.env.DATA2DASHBOARD_CALL_LOG = file;

afterAll(() => {
  const faults = existsSync(file) ? faultsInFile(file) : [];
  rmSync(dir, { recursive: true });
  expect(faults).toEqual([]);
});
