import { once } from 'node:events';
import { StopApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { requestTeardown } from '../client/pipeline.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { ACCOUNT } from './account.ts';
import { inventoryOf, type Place, persistently } from './life.ts';
import type { Run } from './run.ts';

/** How long a pipeline whose run failed may take to go, and its inventory to be taken, in milliseconds. */
const PATIENCE_MS = 60_000;

/** After a run that failed: takes its pipeline down as a user would, and counts what that leaves, where the run itself did not come to count it. */
export async function cleared(place: Place, run: Run, spec: Spec | Pipeline): Promise<void> {
  const pipeline: Pipeline = { account: ACCOUNT, ...spec };
  const pending = await within(PATIENCE_MS, (signal) => persistently(signal, () => pendingOf(place, pipeline)));
  if (pending.length > 0) run.fault = `${run.fault}; under way: ${pending.join(', ')}`;
  await within(PATIENCE_MS, (signal) => persistently(signal, () => requestTeardown(place.client, pipeline))).catch((error: Error) => {
    run.fault = `${run.fault}; nor does it go: ${error.message}`;
  });
  const there = await within(PATIENCE_MS, (signal) => persistently(signal, () => inventoryOf(place, pipeline)));
  const left = there.filter((thing) => thing.includes(pipeline.name) || thing.includes(pipeline.name.replaceAll('-', '_')));
  if (run.leftovers === null) run.leftovers = left.length;
  if (left.length > 0) await silenced(place, pipeline, left);
}

/** The activities of a pipeline's workflows that have not ended: which attempt it is, and why the one before failed. */
async function pendingOf({ client }: Place, { name }: Pipeline): Promise<string[]> {
  const found: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: `PipelineName = '${name}' AND ExecutionStatus = 'Running'` })) {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    for (const { activityType, attempt, lastFailure, lastStartedTime } of raw.pendingActivities ?? []) {
      const why = lastFailure && `: ${lastFailure.cause?.message ?? lastFailure.message}`;
      const since = lastStartedTime ? `begun ${new Date(Number(lastStartedTime.seconds) * 1000).toISOString()}` : 'no worker has it';
      found.push(`${activityType?.name} (attempt ${attempt}, ${since}${why ?? ''})`);
    }
  }
  return found;
}

/** Ends what of a pipeline would disturb the runs after it: its workflows, its schedules, its Flink. */
async function silenced({ client, aws }: Place, pipeline: Pipeline, left: string[]): Promise<void> {
  const ignored = () => undefined; // it ends by itself meanwhile
  for (const thing of left) {
    const [kind, id = ''] = thing.split(' ');
    if (kind === 'schedule') await client.schedule.getHandle(id).delete().catch(ignored);
    if (kind === 'workflow') await client.workflow.getHandle(id).terminate('its run failed').catch(ignored);
  }
  await aws.kinesisAnalyticsV2
    .send(new StopApplicationCommand({ ApplicationName: names(pipeline).application, Force: true }))
    .catch(ignored);
}

async function within<Value>(milliseconds: number, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const signal = AbortSignal.timeout(milliseconds);
  const over = async (): Promise<never> => {
    await once(signal, 'abort');
    throw new Error(`after ${milliseconds / 1000} s it is not done`);
  };
  return Promise.race([work(signal), over()]);
}
