import { ApplicationFailure, type Client, type WorkflowExecutionDescription, WorkflowFailedError } from '@temporalio/client';
import { undefinedIfUnknown } from '../activities/temporal/unknown.ts';
import { workflowIds } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { sumOf } from '../pipeline/standing-cost.ts';
import { rootMessage } from '../workflows/failure.ts';
import type { operate, tearDown } from '../workflows/index.ts';
import type { Leftovers } from '../workflows/messages.ts';
import { everythingOf } from './inventory.ts';
import { leftLines } from './left.ts';

/**
 * What there is of a pipeline whose workflow does not run. `unattended`: the workflow did not end by a take-down, so all that it made may stand, and nobody watches
 * over it; `reason` says how it ended, `goesOn` names the schedules and workflows of the pipeline that go on, a line each. `left`: what the take-down left standing.
 */
export type Absence =
  | ({ state: 'down' } & Partial<Leftovers>)
  | { state: 'taking down' }
  | { state: 'unattended'; reason: string; goesOn: string[] };

const NEXT = { down: ['npx d2d up'], 'taking down': ['npx d2d down'], unattended: ['npx d2d up', 'npx d2d down'] };

/** Tells a pipeline that was never there, or was taken down, from one that is being taken down, or that nobody operates any more. */
export async function absence(client: Client, { name }: Pick<Pipeline, 'name'>): Promise<Absence> {
  const ids = workflowIds(name);
  const describe = (id: string) => undefinedIfUnknown(client.workflow.getHandle(id).describe());
  const [own, alone] = await Promise.all([describe(ids.pipeline), describe(ids.teardown)]);
  if (alone?.status.name === 'RUNNING') return { state: 'taking down' };
  const goesOn = (await everythingOf(client, name)).filter((line) => line !== `workflow ${ids.pipeline}`);
  const reason = own && !isAfter(alone, own) ? await badEnd(client, own) : undefined;
  if (reason !== undefined) return { state: 'unattended', reason, goesOn };
  const lives = [ids.generate, ids.notebook].some((id) => goesOn.includes(`workflow ${id}`));
  if (lives && own?.status.name !== 'RUNNING') return { state: 'unattended', reason: 'its workflow is gone', goesOn };
  const leftovers = await leftBy(client, !own || isAfter(alone, own) ? alone : own);
  return leftovers && leftovers.left.length > 0 ? { state: 'down', ...leftovers } : { state: 'down' };
}

/** What a verb answers in words of a pipeline whose workflow does not run: how it stands, what goes on or is left, and the commands that go on from there. */
export function absenceWords({ name, target }: Pick<Pipeline, 'name' | 'target'>, found: Absence): string {
  if (found.state === 'down') return downWords({ name, target }, found);
  if (found.state === 'taking down') return `pipeline ${name} is being taken down. Wait for the end of that with: npx d2d down`;
  const billed = target === 'aws' ? 'may stand and be billed' : 'may stand';
  return [
    `pipeline ${name} is unattended, since ${found.reason}: what it made ${billed}, and nobody watches over it`,
    ...found.goesOn.map((line) => `  still runs: ${line}`),
    'To take it up again: npx d2d up; to take all of it away: npx d2d down',
  ].join('\n');
}

function downWords({ name, target }: Pick<Pipeline, 'name' | 'target'>, { left = [], ...found }: Partial<Leftovers>): string {
  if (left.length === 0) return `pipeline ${name} is down. Bring it up with: npx d2d up`;
  return [
    `pipeline ${name} is down, but its take-down left these standing:`,
    ...leftLines({ ...found, left }, target),
    'To try again to take them away: npx d2d down',
  ].join('\n');
}

/**
 * What a verb answers with `--json` of a pipeline whose workflow does not run: how it stands, what its leftovers cost (dollars an hour), and the commands that go on
 * from there.
 */
export function absenceFacts(found: Absence) {
  if (found.state !== 'down' || !found.left) return { ...found, next: NEXT[found.state] };
  return { ...found, perHour: sumOf(found.left.map(({ costs }) => costs)), next: ['npx d2d down', 'npx d2d up'] };
}

/** What the take-down left that a workflow ended with; undefined when it did not end with one. */
async function leftBy(client: Client, ended: WorkflowExecutionDescription | undefined): Promise<Leftovers | undefined> {
  if (ended?.status.name !== 'COMPLETED') return undefined;
  return client.workflow.getHandle<typeof operate | typeof tearDown>(ended.workflowId, ended.runId).result();
}

/** True when a take-down went through after the pipeline's workflow had ended. */
const isAfter = (alone: WorkflowExecutionDescription | undefined, own: WorkflowExecutionDescription): boolean =>
  alone?.status.name === 'COMPLETED' && own.closeTime !== undefined && alone.startTime >= own.closeTime;

/** How a workflow ended that did not end well, in words; one that has rolled back what it made leaves nothing behind, and ended well. */
async function badEnd(client: Client, { workflowId, runId, status }: WorkflowExecutionDescription): Promise<string | undefined> {
  if (status.name === 'TERMINATED') return 'its workflow was terminated';
  if (status.name === 'CANCELLED') return 'its workflow was cancelled';
  if (status.name === 'TIMED_OUT') return 'its workflow timed out';
  if (status.name !== 'FAILED') return undefined;
  const error = await client.workflow
    .getHandle(workflowId, runId)
    .result()
    .catch((failure: unknown) => failure);
  const isRolledBack =
    error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure && error.cause.type === 'RolledBack';
  return isRolledBack ? undefined : `its workflow failed: ${rootMessage(error)}`;
}
