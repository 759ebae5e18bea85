import { setTimeout as delay } from 'node:timers/promises';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { PipelineStatus } from '../workflows/messages.ts';
import * as messages from '../workflows/messages.ts';
import { type Absence, absence } from './absence.ts';
import { runsHere } from './pipeline.ts';
import { session } from './session.ts';
import { type Snapshot, snapshot } from './snapshot.ts';
import { UserError } from './user-error.ts';
import type { VerbResult } from './verb.ts';

/** Breaks off an `up` midway: what it made stays, or with `rollback` is taken away again. */
export async function breakOff({ rollback = false }: { rollback?: boolean }): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const isClimbing = (state?: string) => state === 'starting' || state === 'applying';
  await runsHere(client, pipeline);
  const before = await snapshot(client, pipeline.name);
  if (!isClimbing(before?.pipeline.state))
    throw new UserError(
      `pipeline ${pipeline.name} is ${(before?.pipeline ?? (await absence(client, pipeline))).state}: there is nothing to break off`,
    );
  await client.workflow.getHandle(names(pipeline).workflows.pipeline).signal(messages.breakOff, { rollback });
  let now: Snapshot | undefined = before;
  while (now && (isClimbing(now.pipeline.state) || now.pipeline.state === 'rolling back')) {
    await delay(200);
    now = await snapshot(client, pipeline.name);
  }
  return brokenOff(pipeline, rollback, now?.pipeline ?? (await absence(client, pipeline)));
}

/** What became of a pipeline that was to be broken off, by how it stands now. */
export function brokenOff({ name }: Pick<Pipeline, 'name'>, rollback: boolean, now: PipelineStatus | Absence): VerbResult {
  const { state, reason, rolledBack } = { reason: undefined, rolledBack: undefined, ...now };
  const answer = (ok: boolean, words: string): VerbResult => ({ ok, facts: { state, reason }, words });
  const next = 'Go on with: npx d2d up; end it with: npx d2d down';
  if (state === 'held' && !rollback) return answer(true, `broken off; what was made stays. ${next}`);
  if (state === 'held') return answer(false, `broken off, but taking it back failed: pipeline ${name} is held: ${reason}\n${next}`);
  if (state === 'down') return answer(rollback, `broken off; what this run made is gone, and pipeline ${name} is down`);
  if (rolledBack !== undefined) return answer(rollback, `broken off; pipeline ${name} is ${state} by the spec that stood before`);
  if (state === 'running' || state === 'paused')
    return answer(false, `pipeline ${name} is ${state}: it was up before it could be broken off`);
  return answer(false, `pipeline ${name} is ${state}${reason === undefined ? '' : `, since ${reason}`}. See: npx d2d status`);
}
