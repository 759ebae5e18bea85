import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { SendProgress } from '../activities/kinesis/stretch.ts';
import { undefinedIfUnknown } from '../activities/temporal/unknown.ts';
import { workflowIds } from '../pipeline/names.ts';
import { rootMessage } from '../workflows/failure.ts';
import {
  type GeneratorState,
  generatorQuery,
  type NotebookState,
  notebookQuery,
  type PipelineStatus,
  statusQuery as pipelineStatus,
} from '../workflows/messages.ts';

/** Everything about one pipeline at one moment. */
export interface Snapshot {
  pipeline: PipelineStatus;
  generator?: GeneratorState;
  notebook?: NotebookState;
  /** Why the Studio application does not stop though its keeper asks it to, again and again. */
  unstopped?: string;
  /** Why stages that are being made cannot be made yet, in AWS's words. */
  waitsFor?: string[];
}

/** What the pipeline's workflows say of themselves; undefined when there is none, or the last one has been taken down. */
export async function snapshot(client: Client, name: string): Promise<Snapshot | undefined> {
  const ids = workflowIds(name);
  const ask = <Value>(id: string, query: Parameters<ReturnType<Client['workflow']['getHandle']>['query']>[0]) =>
    client.workflow.getHandle(id).query(query) as Promise<Value>;
  const found = await undefinedIfUnknown(client.workflow.getHandle(ids.pipeline).describe());
  if (found?.status.name !== 'RUNNING') return undefined;
  const [pipeline, generator, notebook, reached, keeper] = await Promise.all([
    ask<PipelineStatus>(ids.pipeline, pipelineStatus),
    undefinedIfUnknown(ask<GeneratorState>(ids.generate, generatorQuery)),
    undefinedIfUnknown(ask<NotebookState>(ids.notebook, notebookQuery)),
    undefinedIfUnknown(underWay(client, ids.generate)),
    undefinedIfUnknown(client.workflow.getHandle(ids.notebook).describe()),
  ]);
  if (generator && reached !== undefined) {
    generator.acknowledged += underWayOf(generator.lanes, reached.sent);
    generator.failing = reached.failing;
  }
  if (generator && reached === undefined) generator.state = 'stopped';
  if (notebook && keeper?.status.name !== 'RUNNING') Object.assign(notebook, { state: 'stopped', reason: GONE });
  const isProvisioning = Object.values(pipeline.stages).includes('working');
  const provisioning = isProvisioning ? await Promise.all([pendingOf(client, ids.provision), pendingOf(client, ids.reports)]) : [];
  return {
    pipeline,
    generator,
    notebook,
    unstopped: refusedStop(keeper?.raw.pendingActivities ?? []),
    waitsFor: waitsOf(provisioning.flat()),
  };
}

async function pendingOf(client: Client, workflowId: string): Promise<Pending[]> {
  const found = await undefinedIfUnknown(client.workflow.getHandle(workflowId).describe());
  return found?.raw.pendingActivities ?? [];
}

const GONE = 'the workflow that keeps it has ended; the next look for drift starts it again';

/** Why the latest run of a pipeline's workflow ended badly; undefined if it runs, or ended well. */
export async function failureOf(client: Client, name: string): Promise<string | undefined> {
  const handle = client.workflow.getHandle(workflowIds(name).pipeline);
  const found = await undefinedIfUnknown(handle.describe());
  if (found === undefined || ['RUNNING', 'COMPLETED', 'CONTINUED_AS_NEW'].includes(found.status.name)) return undefined;
  return handle.result().then(
    () => undefined,
    (error: unknown) => rootMessage(error),
  );
}

/** The events acknowledged of stretches that the workflow has not heard the end of. What it has heard of meanwhile is not counted twice. */
const underWayOf = (lanes: number[], stretches: SendProgress[]): number =>
  lanes.reduce((sum, next, lane) => {
    const further = stretches.filter((sent) => sent.lane === lane && sent.first <= next).map((sent) => sent.next);
    return sum + Math.max(0, ...further.map((reached) => reached - next));
  }, 0);

/**
 * How far the generator's activities have come by their last heartbeats, and why one keeps failing: the workflow itself hears of them only at their end.
 * Undefined when the generator's workflow no longer runs, which its own answer would not tell.
 */
async function underWay(client: Client, workflowId: string): Promise<{ sent: SendProgress[]; failing?: string } | undefined> {
  const { raw, status } = await client.workflow.getHandle(workflowId).describe();
  if (status.name !== 'RUNNING') return undefined;
  const pending = raw.pendingActivities ?? [];
  const sent = pending.flatMap(({ activityType, heartbeatDetails }) => {
    const payload = activityType?.name === 'kinesis.generate' ? heartbeatDetails?.payloads?.[0] : undefined;
    return payload ? [defaultPayloadConverter.fromPayload<SendProgress>(payload)] : [];
  });
  const stuck = pending.find(({ attempt, lastFailure }) => (attempt ?? 0) > FEW_ATTEMPTS && lastFailure);
  const { activityType, attempt, lastFailure } = stuck ?? {};
  const words = `${activityType?.name} has failed ${(attempt ?? 0) - 1} times: ${lastFailure?.cause?.message ?? lastFailure?.message}`;
  return { sent, ...(stuck && { failing: words }) };
}

/** What AWS says of stopping the application, which its keeper hears of only once it gives up for a while. */
export function refusedStop(pending: Pending[]): string | undefined {
  const { attempt, lastFailure } = pending.find(({ activityType }) => activityType?.name === 'notebook.stop') ?? {};
  const isUnderWay = lastFailure?.applicationFailureInfo?.type === 'NotYet';
  return lastFailure && !isUnderWay && (attempt ?? 0) > FEW_ATTEMPTS ? (lastFailure.message ?? undefined) : undefined;
}

/** What the steps of stages met last that keeps them from being done; that a thing is not ready yet, its state says already. */
export const waitsOf = (pending: Pending[]): string[] =>
  pending.flatMap(({ activityType, lastFailure }) => {
    const isOnItsWay = lastFailure?.applicationFailureInfo?.type === 'NotYet' && !activityType?.name?.endsWith('.ensure');
    return lastFailure?.message && !isOnItsWay ? [lastFailure.message] : [];
  });

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** A worker that dies, or an AWS that is away for a moment, costs fewer. */
const FEW_ATTEMPTS = 4;
