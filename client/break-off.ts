import { setTimeout as delay } from 'node:timers/promises';
import { names } from '../pipeline/names.ts';
import * as messages from '../workflows/messages.ts';
import type { VerbResult } from './index.ts';
import { type Picture, picture } from './pipeline.ts';
import { Plain } from './plain.ts';
import { session } from './session.ts';

/** Breaks off an `up` midway: what it made stays, or with `rollback` is taken away again. */
export async function breakOff({ rollback = false }: { rollback?: boolean }): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const isClimbing = (state?: string) => state === 'starting' || state === 'applying';
  const before = await picture(client, pipeline.name);
  if (!isClimbing(before?.pipeline.state))
    throw new Plain(`pipeline ${pipeline.name} is ${before?.pipeline.state ?? 'down'}: there is nothing to break off`);
  await client.workflow.getHandle(names(pipeline).workflows.pipeline).signal(messages.breakOff, { rollback });
  let now: Picture | undefined = before;
  while (now && (isClimbing(now.pipeline.state) || now.pipeline.state === 'rolling back')) {
    await delay(200);
    now = await picture(client, pipeline.name);
  }
  const state = now?.pipeline.state ?? 'down';
  const words = rollback
    ? `broken off; what this run made is gone, and pipeline ${pipeline.name} is ${state}`
    : `broken off; what was made stays. Go on with: npx d2d up; end it with: npx d2d down`;
  return { ok: true, facts: { state }, words };
}
