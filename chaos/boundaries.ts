import { readFile, writeFile } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import { createActivities } from '../activities/index.ts';
import { scheduled, scheduleOptions } from '../activities/temporal/scheduled.ts';
import { inAccount, picture, startPipeline, takeDown, unlessNobodyAnswers } from '../client/pipeline.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import { pause, resume } from '../workflows/messages.ts';
import { again, audited, type Ground, lived, type Run, reached, specOf } from './ground.ts';
import { randomBy } from './random.ts';

/** The variable that tells a mortal worker where its list of boundaries is. */
export const BOUNDARIES = 'DATA2DASHBOARD_CHAOS_BOUNDARIES';

/** Where a worker may be killed: right before an activity's first call, and after its last one before Temporal hears of it. */
export function boundariesOf({ target, client }: Pick<Ground, 'target' | 'client'>): string[] {
  const activities = Object.keys(createActivities({ target, client, taskQueue: '' }));
  return activities.flatMap((activity) => [`${activity} before`, `${activity} after`]);
}

/** A whole life (up, run, pause, resume, apply, ask, down) in which the worker is killed at each of some boundaries; those it did not come to are in `missed`. */
export function boundaryRun(
  on: Ground,
  file: string,
  boundaries: string[],
  number: number,
  seed: number,
): Promise<Run & { missed?: string[] }> {
  const written = specOf(number, randomBy(seed * 1_000_003 + number));
  const left = async () => JSON.parse(await readFile(file, 'utf8')) as string[];
  return lived(on, written.name, async (run: Run & { missed?: string[] }) => {
    await writeFile(file, JSON.stringify(boundaries));
    const pipeline = await again(() => inAccount(parseSpec(written), on.target));
    await again(() => startPipeline(on.client, { pipeline }));
    await reached(on.client, pipeline, ({ state }) => state === 'running');
    const handle = on.client.workflow.getHandle(pipeline.name);
    await again(() => handle.signal(pause, { deep: true }));
    await notebookIs(on, pipeline, 'suspended');
    await again(() => handle.signal(resume));
    await notebookIs(on, pipeline, 'running');
    Object.assign(run, await audited(on.client, pipeline));
    const changed: Pipeline = { ...pipeline, delivery: { seconds: 2, megabytes: 4 } };
    await again(() => startPipeline(on.client, { pipeline: changed }));
    await reached(on.client, changed, ({ state, pipeline: now }) => state === 'running' && now.delivery.seconds === 2);
    await scheduledWork(on.client, changed);
    run.leftovers = (await again(() => takeDown(on.client, changed))).left.length;
    run.missed = await left();
    run.blows = boundaries.filter((boundary) => !run.missed!.includes(boundary)).map((boundary) => `worker killed ${boundary}`);
    await writeFile(file, '[]');
  });
}

/** Has everything that is on a schedule done once. */
async function scheduledWork(client: Client, pipeline: Pipeline): Promise<void> {
  const queue = taskQueue(pipeline.target, pipeline.region);
  for (const each of scheduled(pipeline)) {
    const { workflowType, args } = scheduleOptions(pipeline, queue, each).action;
    const workflowId = `${each.id}/chaos`;
    await again(() =>
      client.workflow.execute(workflowType, { taskQueue: queue, workflowId, args, workflowIdConflictPolicy: 'USE_EXISTING' }),
    );
  }
}

async function notebookIs(on: Ground, pipeline: Pipeline, state: string): Promise<void> {
  const end = Date.now() + 150_000;
  for (;;) {
    const now = await again(() => unlessNobodyAnswers(picture(on.client, pipeline.name)));
    if (now?.notebook?.state === state) return;
    if (Date.now() > end) throw new Error(`the notebook is still ${now?.notebook?.state}: ${now?.notebook?.reason}`);
    await new Promise((later) => setTimeout(later, 200));
  }
}
