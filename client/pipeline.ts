import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { type Client, Connection, Client as TemporalClient, WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { clients, type Target } from '../activities/aws.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { type TemporalServer, taskQueue } from '../worker/connect.ts';
import type { endEverything, operate } from '../workflows/index.ts';
import {
  type GeneratorState,
  generatorStatus,
  type Leftovers,
  type NotebookState,
  notebookStatus,
  type PipelineStatus,
  status as pipelineStatus,
  retry,
  teardown,
} from '../workflows/messages.ts';
import { Plain } from './plain.ts';

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

/** What a start met: true when the pipeline was there before; `ignored` names what of the spec it was started with differs from what is asked for now. */
export interface Started {
  was: boolean;
  ignored: string[];
}

/** Starts the pipeline, or finds it running; a held one is tried again. A pipeline of that name on another target, region or account is not touched. */
export async function startPipeline(client: Client, pipeline: Pipeline): Promise<Started> {
  const workflowId = names(pipeline).workflows.pipeline;
  const queue = taskQueue(pipeline.target, pipeline.region);
  const found = await unlessUnknown(client.workflow.getHandle(workflowId).describe());
  if (found?.status.name === 'RUNNING' && found.taskQueue !== queue)
    throw new Plain(
      `Pipeline ${pipeline.name} already runs on another target or region (task queue ${found.taskQueue}). Take it down there first, or choose another name.`,
    );
  const before = found && (await unlessNobodyAnswers(picture(client, pipeline.name)));
  if (before && before.pipeline.pipeline.account !== pipeline.account)
    throw new Plain(
      `Pipeline ${pipeline.name} runs in account ${before.pipeline.pipeline.account}; these credentials are of ${pipeline.account}.`,
    );
  if (before && before.pipeline.state !== 'gone') {
    if (before.pipeline.state === 'held') await client.workflow.getHandle(workflowId).signal(retry);
    return { was: true, ignored: differing(before.pipeline.pipeline, pipeline) };
  }
  await client.workflow.start<typeof operate>('operate', {
    workflowId,
    taskQueue: queue,
    args: [{ pipeline }],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return { was: false, ignored: [] };
}

const differing = (running: Pipeline, asked: Pipeline): string[] =>
  (Object.keys(asked) as (keyof Pipeline)[]).filter((field) => JSON.stringify(running[field]) !== JSON.stringify(asked[field]));

/** Right after a start no worker may have taken up the workflow, or a part is on its way back: a question then finds nobody to answer it. */
export async function unlessNobodyAnswers<Value>(question: Promise<Value>): Promise<Value | undefined> {
  try {
    return await question;
  } catch (error) {
    const said = `${(error as Error).name} ${(error as Error).message} ${((error as Error).cause as Error | undefined)?.message ?? ''}`;
    if (/no poller|not yet|deadline|Workflow task|UNAVAILABLE|ECONNREFUSED|ECONNRESET|socket hang up|fetch failed|ERR_HTTP2/i.test(said))
      return undefined;
    throw error;
  }
}

/** What the pipeline's workflows say of themselves; undefined when there is none, or the last one has been taken down. */
export async function picture(client: Client, name: string): Promise<Picture | undefined> {
  const ids = names({ name, region: '', account: '' }).workflows;
  const ask = <Value>(id: string, query: Parameters<ReturnType<Client['workflow']['getHandle']>['query']>[0]) =>
    client.workflow.getHandle(id).query(query) as Promise<Value>;
  const found = await unlessUnknown(client.workflow.getHandle(ids.pipeline).describe());
  if (found?.status.name !== 'RUNNING') return undefined;
  const [pipeline, generator, notebook, reached] = await Promise.all([
    ask<PipelineStatus>(ids.pipeline, pipelineStatus),
    unlessUnknown(ask<GeneratorState>(ids.generate, generatorStatus)),
    unlessUnknown(ask<NotebookState>(ids.notebook, notebookStatus)),
    unlessUnknown(underWay(client, ids.generate)),
  ]);
  if (generator && reached !== undefined) generator.acknowledged = Math.max(generator.acknowledged, reached);
  if (generator && reached === undefined) generator.state = 'stopped';
  return { pipeline, generator, notebook };
}

/**
 * The number that the generator's activity has reached by its last heartbeat: the workflow itself hears of it only at the end of a range. Undefined when the
 * generator's workflow no longer runs, which its own answer would not tell.
 */
async function underWay(client: Client, workflowId: string): Promise<number | undefined> {
  const { raw, status } = await client.workflow.getHandle(workflowId).describe();
  if (status.name !== 'RUNNING') return undefined;
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
  return client.workflow.execute<typeof endEverything>('endEverything', {
    workflowId: alone,
    taskQueue: taskQueue(pipeline.target, pipeline.region),
    args: [{ pipeline }],
  });
}

async function unlessUnknown<Value>(question: Promise<Value>): Promise<Value | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
