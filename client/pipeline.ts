import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { type Client, Connection, Client as TemporalClient, WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { clients, type Target } from '../activities/aws.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { TASK_QUEUE, type TemporalServer } from '../worker/connect.ts';
import type { endEverything, operate } from '../workflows/index.ts';
import {
  type GeneratorState,
  generatorStatus,
  type Leftovers,
  type NotebookState,
  notebookStatus,
  type PipelineStatus,
  retry,
  status,
  teardown,
} from '../workflows/messages.ts';

/** Everything about one pipeline at one moment. */
export interface Picture {
  pipeline: PipelineStatus;
  generator?: GeneratorState;
  notebook?: NotebookState;
}

/** Connects to a Temporal server. */
export async function connect({ address, namespace, tls, apiKey }: TemporalServer): Promise<Client> {
  const connection = await Connection.connect({ address, tls, apiKey, connectTimeout: '5 seconds' });
  return new TemporalClient({ connection, namespace });
}

/** The spec with the account that its credentials belong to. */
export async function inAccount(spec: Spec, target: Target): Promise<Pipeline> {
  const { sts } = clients(target);
  const { Account } = await sts.send(new GetCallerIdentityCommand({}));
  return { ...spec, account: Account! };
}

/** Starts the pipeline, or finds it running; a held one is tried again. True when it was running before. */
export async function startPipeline(client: Client, pipeline: Pipeline): Promise<boolean> {
  const workflowId = names(pipeline).workflows.pipeline;
  const before = await picture(client, pipeline.name);
  if (before && before.pipeline.state !== 'gone') {
    if (before.pipeline.state === 'held') await client.workflow.getHandle(workflowId).signal(retry);
    return true;
  }
  await client.workflow.start<typeof operate>('operate', {
    workflowId,
    taskQueue: TASK_QUEUE,
    args: [{ pipeline }],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return false;
}

/** What the pipeline's workflows say of themselves; undefined when there is none, or the last one has been taken down. */
export async function picture(client: Client, name: string): Promise<Picture | undefined> {
  const ids = names({ name, region: '', account: '' }).workflows;
  const ask = <Value>(id: string, query: Parameters<ReturnType<Client['workflow']['getHandle']>['query']>[0]) =>
    client.workflow.getHandle(id).query(query) as Promise<Value>;
  const found = await unlessUnknown(client.workflow.getHandle(ids.pipeline).describe());
  if (found?.status.name !== 'RUNNING') return undefined;
  const [pipeline, generator, notebook, reached] = await Promise.all([
    ask<PipelineStatus>(ids.pipeline, status),
    unlessUnknown(ask<GeneratorState>(ids.generate, generatorStatus)),
    unlessUnknown(ask<NotebookState>(ids.notebook, notebookStatus)),
    unlessUnknown(underWay(client, ids.generate)),
  ]);
  if (generator && reached) generator.acknowledged = Math.max(generator.acknowledged, reached);
  return { pipeline, generator, notebook };
}

/** The number that the generator's activity has reached by its last heartbeat: the workflow itself hears of it only at the end of a range. */
async function underWay(client: Client, workflowId: string): Promise<number> {
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  const payload = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'kinesis.generate')?.heartbeatDetails
    ?.payloads?.[0];
  return payload ? (defaultPayloadConverter.fromPayload<{ next?: number }>(payload).next ?? 0) : 0;
}

/** Takes the pipeline down, by its own workflow or, when that no longer runs, by one made for it. */
export async function takeDown(client: Client, pipeline: Pipeline): Promise<Leftovers> {
  const { pipeline: workflowId, teardown: alone } = names(pipeline).workflows;
  const handle = client.workflow.getHandle(workflowId);
  const found = await unlessUnknown(handle.describe());
  if (found?.status.name === 'RUNNING') return handle.executeUpdate(teardown);
  return client.workflow.execute<typeof endEverything>('endEverything', { workflowId: alone, taskQueue: TASK_QUEUE, args: [{ pipeline }] });
}

async function unlessUnknown<Value>(question: Promise<Value>): Promise<Value | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
