import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionDescription,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { accountOf } from '../activities/caller.ts';
import { specHash } from '../activities/spec-hash.ts';
import type { Target } from '../activities/target.ts';
import { undefinedIfUnknown } from '../activities/temporal/unknown.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline, Spec } from '../pipeline/spec.ts';
import { removalPlan } from '../pipeline/stages.ts';
import { type TemporalServer, taskQueue } from '../worker/connect.ts';
import { rootMessage } from '../workflows/failure.ts';
import type { operate, plan, tearDown } from '../workflows/index.ts';
import { type ApplyRequest, alreadyEnding, apply, type Leftovers, type PlanReport, teardown } from '../workflows/messages.ts';
import { attributes, introduced } from '../workflows/story.ts';
import { noWorker, whileAttended } from './attended.ts';
import { type Snapshot, snapshot } from './snapshot.ts';
import { undefinedIfUnanswered } from './transient.ts';
import { UserError } from './user-error.ts';

/** A worker that is started anew answers well within this. */
const NOBODY_MS = 60_000;

/** Connects to a Temporal server. */
export async function connect({ address, namespace, tls, apiKey }: TemporalServer): Promise<Client> {
  const connection = await Connection.connect({ address, tls, apiKey, connectTimeout: '5 seconds' });
  return new Client({ connection, namespace });
}

/** The spec with the account that its credentials belong to. */
export async function inAccount(spec: Spec, target: Target): Promise<Pipeline> {
  return { ...spec, account: await accountOf(target) };
}

/** What a start met: true when the pipeline was there before; `report` is the plan that it answered a request with. */
export interface Started {
  was: boolean;
  report?: PlanReport;
}

/** What `startPipeline` throws where something else is under way that has to end first, `what` in words. */
export class Busy extends UserError {
  readonly what: string;

  constructor({ name }: Pick<Pipeline, 'name'>, what: string, otherwise = '') {
    super(`Pipeline ${name} is ${what}; try again once that is done${otherwise}`);
    this.what = what;
  }
}

const takingDown = (pipeline: Pick<Pipeline, 'name'>) => new Busy(pipeline, 'already being taken down');

/**
 * Starts the pipeline, or has a running one apply the spec; one that is just coming up with the same spec is joined. A pipeline of that name on another target,
 * region or account is not touched. `tell` hears what it waits for.
 */
export async function startPipeline(
  client: Client,
  request: ApplyRequest,
  tell: (what: string) => void = () => undefined,
): Promise<Started> {
  const { pipeline } = request;
  const workflowId = names(pipeline).workflows.pipeline;
  const queue = taskQueue(pipeline);
  if (await runsHere(client, pipeline)) {
    const before = await onceHealed(client, pipeline.name, queue, tell);
    if (before?.pipeline.state === 'taking down') throw takingDown(pipeline);
    if (before && before.pipeline.state !== 'gone') return asApplied(client, request, before);
  }
  await notWhileTakenDown(client, pipeline);
  try {
    await client.workflow.start<typeof operate>('operate', {
      workflowId,
      taskQueue: queue,
      args: [request],
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
    return startPipeline(client, request, tell);
  }
}

/**
 * True if a workflow of the pipeline (that which operates it, unless `workflowId` names another) runs on this target, region and account. Throws UserError when it runs
 * elsewhere, or by an earlier version: whatever is told to it would be done there.
 */
export async function runsHere(client: Client, pipeline: Pipeline, workflowId = names(pipeline).workflows.pipeline): Promise<boolean> {
  const found = await undefinedIfUnknown(client.workflow.getHandle(workflowId).describe());
  if (found?.status.name !== 'RUNNING') return false;
  refuseElsewhere(pipeline, found);
  return true;
}

function refuseElsewhere({ name, ...where }: Pipeline, { taskQueue: queue }: WorkflowExecutionDescription): void {
  if (queue !== taskQueue(where))
    throw new UserError(
      `Pipeline ${name} runs on another target, region or account, or by an earlier version (task queue ${queue}), and is left alone. Go on with the spec, the credentials and the version that it was started by, or choose another name.`,
    );
}

/** A take-down of its own would delete what an up brings up. */
async function notWhileTakenDown(client: Client, pipeline: Pipeline): Promise<void> {
  const alone = await undefinedIfUnknown(client.workflow.getHandle(names(pipeline).workflows.teardown).describe());
  if (alone?.status.name === 'RUNNING') throw takingDown(pipeline);
}

/** Has a running pipeline apply a spec; one that is coming up with that very spec has it already. */
async function asApplied(client: Client, request: ApplyRequest, { pipeline: { pipeline, state } }: Snapshot): Promise<Started> {
  const isSame = JSON.stringify(pipeline) === JSON.stringify(request.pipeline);
  if (isSame && (state === 'starting' || state === 'applying')) {
    const { adopt, replace } = request.consent ?? {};
    if (adopt || replace || request.rollback)
      throw new UserError(
        `Pipeline ${pipeline.name} is ${state} by this very spec: --adopt, --replace and --rollback go with the up that begins it. To take it back: npx d2d break-off --rollback`,
      );
    return { was: true };
  }
  if (state === 'starting' || state === 'applying')
    throw new Busy(pipeline, `${state} by another spec`, ', or break that off: npx d2d break-off');
  return {
    was: true,
    report: await asked(client.workflow.getHandle(names(pipeline).workflows.pipeline).executeUpdate(apply, { args: [request] })),
  };
}

/** The plan of an `up` with this request: what it would do, found out by a workflow that changes nothing. Throws when no worker takes that up. */
export const requestPlan = (client: Client, request: ApplyRequest): Promise<PlanReport> =>
  whileAttended(
    client,
    request.pipeline,
    client.workflow.execute<typeof plan>('plan', {
      workflowId: `${names(request.pipeline).workflows.survey}/${randomUUID()}`,
      taskQueue: taskQueue(request.pipeline),
      args: [request],
      ...introduced(request.pipeline, 'looks what would be done'),
    }),
  );

/** The answer to an update; throws UserError with the workflow's own words where the workflow refused or failed it. */
export async function asked<Value>(update: Promise<Value>): Promise<Value> {
  try {
    return await update;
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw new UserError(rootMessage(error), { cause: error });
    throw error;
  }
}

/** The status, as soon as the pipeline brings nothing back on its own account: until then it takes no other. */
async function onceHealed(client: Client, name: string, queue: string, tell: (what: string) => void): Promise<Snapshot | undefined> {
  for (;;) {
    const now = await onceAnswered(client, name, queue);
    if (!now?.pipeline.healing) return now;
    const { paused } = now.pipeline;
    tell(`waiting until what has drifted is brought back${paused ? '; it is paused, and may wait for: npx d2d resume' : ''}`);
    await delay(200);
  }
}

/** The status, as soon as a worker answers; throws when none does. */
export async function onceAnswered(client: Client, name: string, queue: string): Promise<Snapshot | undefined> {
  for (const until = Date.now() + NOBODY_MS; ; ) {
    const answer = await undefinedIfUnanswered(snapshot(client, name).then((found) => ({ found })));
    if (answer) return answer.found;
    if (Date.now() > until) throw noWorker({ name }, queue);
    await delay(100);
  }
}

/** Takes the pipeline down, by its own workflow or, when that no longer runs, by one made for it; joins one that is under way, unless that does otherwise with the data. */
export async function requestTeardown(client: Client, pipeline: Pipeline, keepData = false): Promise<Leftovers> {
  const { pipeline: workflowId, teardown: alone } = names(pipeline).workflows;
  if (await runsHere(client, pipeline))
    return whileAttended(client, pipeline, asked(client.workflow.getHandle(workflowId).executeUpdate(teardown, { args: [{ keepData }] })));
  const begun = await client.workflow.start<typeof tearDown>('tearDown', {
    workflowId: alone,
    taskQueue: taskQueue(pipeline),
    args: [{ pipeline, plan: removalPlan(keepData), keepData }],
    ...introduced(pipeline, 'takes everything down'),
    memo: { keepData },
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  const found = await begun.describe();
  refuseElsewhere(pipeline, found);
  const { keepData: keeps = keepData } = found.memo ?? {};
  if (keeps !== keepData) throw new UserError(alreadyEnding(pipeline, keeps as boolean));
  return whileAttended(client, pipeline, begun.result());
}
