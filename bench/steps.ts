import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Airflow, airflow } from './airflow.ts';
import { compared, type Figure, limited, quantile } from './figure.ts';
import { onServer, type Server } from './server.ts';
import type { fiveSteps, Step } from './workflows.ts';

/** A worker lives long: what the first of its workflows take of warming up is in it, and is not all. */
const OUR_RUNS = 100;
const THEIR_RUNS = 20;
const STEPS = 5;
const PATIENCE_MS = 15 * 60_000;

/** From the end of one step to the start of the next, of empty steps: ours on the embedded server, Airflow's on its LocalExecutor; runs of five steps each. */
export async function steps(): Promise<Figure[]> {
  const ours = quantile(await onServer(ourGaps), 0.5);
  const peer = await airflow();
  try {
    const theirs = quantile(await airflowGaps(peer), 0.5);
    return [
      compared('gap between two steps, p50', 'ms', ours, theirs, 60, `Airflow ${peer.version}, LocalExecutor, SQLite`),
      limited('gap between two steps, p50', 'ms', ours, 15),
    ];
  } finally {
    await peer.close();
  }
}

const gaps = (all: Step[]): number[] => all.slice(1).map(({ began }, i) => began - all[i]!.ended);

/** Milliseconds since the epoch, with fractions. */
const now = () => performance.timeOrigin + performance.now();

async function ourGaps({ client, working }: Server): Promise<number[]> {
  const taskQueue = 'bench-steps';
  const step = async (): Promise<Step> => {
    const began = now();
    return { began, ended: now() };
  };
  return working(taskQueue, { step }, async () => {
    const all: number[] = [];
    for (let run = 0; run < OUR_RUNS; run++) {
      const done = await client.workflow.execute<typeof fiveSteps>('fiveSteps', { taskQueue, workflowId: `steps-${run}` });
      all.push(...gaps(done));
    }
    return all;
  });
}

async function airflowGaps(peer: Airflow): Promise<number[]> {
  return peer.running(async () => {
    for (const end = Date.now() + PATIENCE_MS; ; await delay(500)) {
      const lines = (await readFile(peer.output, 'utf8')).split('\n').filter(Boolean);
      if (lines.length >= THEIR_RUNS * STEPS) return gapsByRun(lines.slice(0, THEIR_RUNS * STEPS));
      if (Date.now() > end)
        throw new Error(`Airflow did ${lines.length} of ${THEIR_RUNS * STEPS} steps in ${PATIENCE_MS / 60_000} minutes`);
    }
  });
}

function gapsByRun(lines: string[]): number[] {
  const runs = new Map<string, Step[]>();
  for (const line of lines) {
    const { run, began, ended } = JSON.parse(line) as { run: string } & Step;
    runs.set(run, [...(runs.get(run) ?? []), { began: began * 1000, ended: ended * 1000 }]);
  }
  return [...runs.values()].flatMap((all) => gaps(all.sort((a, b) => a.began - b.began)));
}
