import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { undefinedIfUnknown } from '../activities/temporal/unknown.ts';
import { workflowIds } from '../pipeline/names.ts';

/** The schedules of a pipeline, and its workflows that still run, one line each. The lists lag: each one listed is asked itself. */
export async function everythingOf({ workflow, schedule }: Client, name: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const { scheduleId } of schedule.list()) {
    const isThere = scheduleId.startsWith(`${name}/`) && (await undefinedIfUnknown(schedule.getHandle(scheduleId).describe()));
    if (isThere) found.add(`schedule ${scheduleId}`);
  }
  const listed = Object.values(workflowIds(name));
  for await (const { workflowId } of workflow.list({ query: `ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '${name}/'` }))
    listed.push(workflowId);
  for (const id of new Set(listed)) {
    const described = await undefinedIfUnknown(workflow.getHandle(id).describe());
    if (described?.status.name === 'RUNNING') found.add(`workflow ${id}`);
  }
  return [...found].sort();
}

/** How long a workflow that took everything down may take to end. */
const ENDS_WITHIN_MS = 3_000;

/**
 * The schedules of a pipeline, and its workflows that still run, one line each, after a take-down: looks again for three seconds while there are workflows, since some of
 * them may be just ending.
 */
export async function stillOf(client: Client, name: string): Promise<string[]> {
  for (const until = Date.now() + ENDS_WITHIN_MS; ; await delay(100)) {
    const found = await everythingOf(client, name);
    if (found.every((thing) => thing.startsWith('schedule ')) || Date.now() > until) return found;
  }
}
