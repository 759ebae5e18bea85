import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Client,
  Connection,
  ScheduleNotFoundError,
  Client as TemporalClient,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionDescription,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { accountOf } from '../activities/caller.ts';
import type { Sent } from '../activities/kinesis/stretch.ts';
import { specHash } from '../activities/spec-hash.ts';
import type { Target } from '../activities/target.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { type TemporalServer, taskQueue } from '../worker/connect.ts';
import { rootMessage } from '../workflows/failure.ts';
import type { endEverything, operate, plan } from '../workflows/index.ts';
import {
  alreadyEnding,
  apply,
  type GeneratorState,
  generatorStatus,
  type Leftovers,
  type NotebookState,
  notebookStatus,
  type PipelineStatus,
  type PlanReport,
  status as pipelineStatus,
  teardown,
  type Wish,
} from '../workflows/messages.ts';
import { attributes, introduced } from '../workflows/story.ts';
import { Plain } from './plain.ts';

/** A worker that is started anew answers well within this. */
const NOBODY_MS = 60_000;

/** Everything about one pipeline at one moment. */
export interface Picture {
  pipeline: PipelineStatus;
  generator?: GeneratorState;
  notebook?: NotebookState;
  /** Why the Studio application does not stop though its keeper asks it to, again and again. */
  unstopped?: string;
}

/** Connects to a Temporal server. */
export async function connect({ address, namespace, tls, apiKey }: TemporalServer): Promise<Client> {
  const connection = await Connection.connect({ address, tls, apiKey, connectTimeout: '5 seconds' });
  return new TemporalClient({ connection, namespace });
}

/** The spec with the account that its credentials belong to. */
export async function inAccount(spec: Spec, target: Target): Promise<Pipeline> {
  return { ...spec, account: await accountOf(target) };
}

/** What a start met: true when the pipeline was there before; `report` is the plan that it answered a wish with. */
export interface Started {
  was: boolean;
  report?: PlanReport;
}

/** A start met a take-down under way. */
export class TakingDown extends Plain {
  constructor({ name }: Pick<Pipeline, 'name'>) {
    super(`Pipeline ${name} is already being taken down; try again once that is done`);
  }
}

/**
 * Starts the pipeline, or has a running one apply the spec; one that is just coming up with the same spec is joined. A pipeline of that name on another target,
 * region or account is not touched.
 */
export async function startPipeline(client: Client, wish: Wish): Promise<Started> {
  const { pipeline } = wish;
  const workflowId = names(pipeline).workflows.pipeline;
  const queue = taskQueue(pipeline);
  const found = await unlessUnknown(client.workflow.getHandle(workflowId).describe());
  if (found?.status.name === 'RUNNING' && found.taskQueue !== queue)
    throw new Plain(
      `Pipeline ${pipeline.name} already runs on another target, region or account (task queue ${found.taskQueue}). Take it down there first, or choose another name.`,
    );
  if (found?.status.name === 'RUNNING') {
    const before = await onceAnswered(client, pipeline.name, queue);
    if (before?.pipeline.state === 'taking down') throw new TakingDown(pipeline);
    if (before && before.pipeline.state !== 'gone') return asApplied(client, wish, before);
  }
  await notWhileTakenDown(client, pipeline);
  try {
    await client.workflow.start<typeof operate>('operate', {
      workflowId,
      taskQueue: queue,
      args: [wish],
      ...introduced(pipeline, `operates pipeline ${pipeline.name}`),
      typedSearchAttributes: attributes(pipeline, 'starting'),
      memo: { specHash: specHash(pipeline) },
      workflowIdConflictPolicy: 'FAIL',
    });
    return { was: false };
  } catch (error) {
    // Somebody else started it at the same moment, perhaps by another spec; or one that is gone has not quite ended.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    await delay(50);
    return startPipeline(client, wish);
  }
}

/** A take-down of its own would delete what an up brings up. */
async function notWhileTakenDown(client: Client, pipeline: Pipeline): Promise<void> {
  const alone = await unlessUnknown(client.workflow.getHandle(names(pipeline).workflows.teardown).describe());
  if (alone?.status.name === 'RUNNING') throw new TakingDown(pipeline);
}

/** Has a running pipeline apply a spec; one that is coming up with that very spec has it already. */
async function asApplied(client: Client, wish: Wish, { pipeline: { pipeline, state } }: Picture): Promise<Started> {
  const isSame = JSON.stringify(pipeline) === JSON.stringify(wish.pipeline);
  if (isSame && (state === 'starting' || state === 'applying')) {
    const { adopt, replace } = wish.leave ?? {};
    if (adopt || replace || wish.rollback)
      throw new Plain(
        `Pipeline ${pipeline.name} is ${state} by this very spec: --adopt, --replace and --rollback go with the up that begins it. To take it back: npx d2d break-off --rollback`,
      );
    return { was: true };
  }
  return {
    was: true,
    report: await asked(client.workflow.getHandle(names(pipeline).workflows.pipeline).executeUpdate(apply, { args: [wish] })),
  };
}

/** What would be done, without doing it. */
export const planned = (client: Client, wish: Wish): Promise<PlanReport> =>
  client.workflow.execute<typeof plan>('plan', {
    workflowId: `${names(wish.pipeline).workflows.survey}/${randomUUID()}`,
    taskQueue: taskQueue(wish.pipeline),
    args: [wish],
    ...introduced(wish.pipeline, 'looks what would be done'),
  });

/** A refusal of an update in its own words. */
export async function asked<Value>(update: Promise<Value>): Promise<Value> {
  try {
    return await update;
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw new Plain(rootMessage(error));
    throw error;
  }
}

/** The picture, as soon as a worker answers; throws when none does. */
async function onceAnswered(client: Client, name: string, queue: string): Promise<Picture | undefined> {
  for (const until = Date.now() + NOBODY_MS; ; ) {
    const answer = await unlessNobodyAnswers(picture(client, name).then((found) => ({ found })));
    if (answer) return answer.found;
    if (Date.now() > until)
      throw new Plain(`No worker answers on task queue ${queue}, which pipeline ${name} runs on. Start one: npm start`);
    await delay(100);
  }
}

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
  const [pipeline, generator, notebook, reached, keeper] = await Promise.all([
    ask<PipelineStatus>(ids.pipeline, pipelineStatus),
    unlessUnknown(ask<GeneratorState>(ids.generate, generatorStatus)),
    unlessUnknown(ask<NotebookState>(ids.notebook, notebookStatus)),
    unlessUnknown(underWay(client, ids.generate)),
    unlessUnknown(client.workflow.getHandle(ids.notebook).describe()),
  ]);
  if (generator && reached !== undefined) {
    generator.acknowledged += underWayOf(generator.lanes, reached.sent);
    generator.failing = reached.failing;
  }
  if (generator && reached === undefined) generator.state = 'stopped';
  if (notebook && keeper?.status.name !== 'RUNNING') Object.assign(notebook, { state: 'stopped', reason: GONE });
  return { pipeline, generator, notebook, unstopped: refusedStop(keeper?.raw.pendingActivities ?? []) };
}

const GONE = 'the workflow that keeps it has ended; the next look for drift starts it again';

/** Why the latest run of a pipeline's workflow ended badly; undefined if it runs, or ended well. */
export async function failureOf(client: Client, name: string): Promise<string | undefined> {
  const handle = client.workflow.getHandle(names({ name, region: '', account: '' }).workflows.pipeline);
  const found = await unlessUnknown(handle.describe());
  if (found === undefined || ['RUNNING', 'COMPLETED', 'CONTINUED_AS_NEW'].includes(found.status.name)) return undefined;
  return handle.result().then(
    () => undefined,
    (error: unknown) => rootMessage(error),
  );
}

/** The events acknowledged of stretches that the workflow has not heard the end of. What it has heard of meanwhile is not counted twice. */
const underWayOf = (lanes: number[], stretches: Sent[]): number =>
  lanes.reduce((sum, next, lane) => {
    const further = stretches.filter((sent) => sent.lane === lane && sent.first <= next).map((sent) => sent.next);
    return sum + Math.max(0, ...further.map((reached) => reached - next));
  }, 0);

/**
 * How far the generator's activities have come by their last heartbeats, and why one keeps failing: the workflow itself hears of them only at their end.
 * Undefined when the generator's workflow no longer runs, which its own answer would not tell.
 */
async function underWay(client: Client, workflowId: string): Promise<{ sent: Sent[]; failing?: string } | undefined> {
  const { raw, status } = await client.workflow.getHandle(workflowId).describe();
  if (status.name !== 'RUNNING') return undefined;
  const pending = raw.pendingActivities ?? [];
  const sent = pending.flatMap(({ activityType, heartbeatDetails }) => {
    const payload = activityType?.name === 'kinesis.generate' ? heartbeatDetails?.payloads?.[0] : undefined;
    return payload ? [defaultPayloadConverter.fromPayload<Sent>(payload)] : [];
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

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** A worker that dies, or an AWS that is away for a moment, costs fewer. */
const FEW_ATTEMPTS = 4;

/** Takes the pipeline down, by its own workflow or, when that no longer runs, by one made for it; joins one that is under way, unless that does otherwise with the data. */
export async function takeDown(client: Client, pipeline: Pipeline, keepData = false): Promise<Leftovers> {
  const { pipeline: workflowId, teardown: alone } = names(pipeline).workflows;
  const handle = client.workflow.getHandle(workflowId);
  const found = await unlessUnknown(handle.describe());
  if (found?.status.name === 'RUNNING') return asked(handle.executeUpdate(teardown, { args: [{ keepData }] }));
  const begun = await client.workflow.start<typeof endEverything>('endEverything', {
    workflowId: alone,
    taskQueue: taskQueue(pipeline),
    args: [{ pipeline, keepData }],
    ...introduced(pipeline, 'takes everything down'),
    memo: { keepData },
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  const { keepData: keeps = keepData } = (await begun.describe()).memo ?? {};
  if (keeps !== keepData) throw new Plain(alreadyEnding(pipeline, keeps as boolean));
  return begun.result();
}

/** Undefined when Temporal knows no such workflow or schedule. */
export async function unlessUnknown<Value>(question: Promise<Value>): Promise<Value | undefined> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
