import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { runWorker } from '../worker/run.ts';
import { BOUNDARIES } from './boundaries.ts';

/** The file (JSON) with the boundaries, as 'bucket.ensure before', at which this worker kills itself; each once. */
const file = process.env[BOUNDARIES]!;

/** Ends this process without a last word if it stands at such a boundary. */
function dieAt(boundary: string): void {
  const all = JSON.parse(readFileSync(file, 'utf8')) as string[];
  if (!all.includes(boundary)) return;
  writeFileSync(`${file}.new`, JSON.stringify(all.filter((other) => other !== boundary)));
  renameSync(`${file}.new`, file);
  process.kill(process.pid, 'SIGKILL');
}

const mortal: ActivityInterceptorsFactory = ({ info: { activityType } }) => ({
  inbound: {
    execute: async (input, next) => {
      dieAt(`${activityType} before`);
      try {
        return await next(input);
      } finally {
        dieAt(`${activityType} after`);
      }
    },
  },
});

await runWorker(mortal);
