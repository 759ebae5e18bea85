import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { runWorker } from '../worker/run.ts';
import { BOUNDARIES } from './boundary-file.ts';

/** The file (JSON) with the boundaries at which this worker kills itself; each once. */
const file = process.env[BOUNDARIES]!;

/** Ends this process without a last word if it stands at such a boundary. */
function dieAt(boundary: string): void {
  const all = JSON.parse(readFileSync(file, 'utf8')) as string[];
  if (!all.includes(boundary)) return;
  writeFileSync(`${file}.new`, JSON.stringify(all.filter((other) => other !== boundary)));
  renameSync(`${file}.new`, file);
  process.kill(process.pid, 'SIGKILL');
}

/** Before an activity's first call; and after its last one, when it has succeeded and Temporal has not heard of it. */
const mortal: ActivityInterceptorsFactory = ({ info: { activityType } }) => ({
  inbound: {
    execute: async (input, next) => {
      dieAt(`${activityType} before`);
      const result = await next(input);
      dieAt(`${activityType} after`);
      return result;
    },
  },
});

await runWorker(mortal);
