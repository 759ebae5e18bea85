import { setTimeout as delay } from 'node:timers/promises';
import type { SignalDefinition } from '@temporalio/client';
import { names } from '../pipeline/names.ts';
import * as messages from '../workflows/messages.ts';
import type { VerbResult } from './index.ts';
import { type Picture, picture } from './pipeline.ts';
import { Plain } from './plain.ts';
import { session } from './session.ts';

/** Pauses generation and schedules, waits until both stand, and says what goes on. */
export const pause = (): Promise<VerbResult> => tell(messages.pause, 'paused');

/** Lets generation and schedules go on. */
export const resume = (): Promise<VerbResult> => tell(messages.resume, 'running');

async function tell(signal: SignalDefinition, wanted: 'paused' | 'running'): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const before = await picture(client, pipeline.name);
  if (!before) throw new Plain(`pipeline ${pipeline.name} is down. Bring it up with: npx d2d up`);
  await client.workflow.getHandle(names(pipeline).workflows.pipeline).signal(signal);
  const stands = ({ pipeline: { paused }, generator }: Picture) =>
    paused === (wanted === 'paused') && (generator?.state === wanted || generator?.state === 'finished');
  let now: Picture | undefined = before;
  while (before.pipeline.generating && now && !stands(now)) {
    await delay(100);
    now = await picture(client, pipeline.name);
  }
  if (!now) throw new Plain(`pipeline ${pipeline.name} ended meanwhile. See: npx d2d status`);
  if (!before.pipeline.generating) {
    const later = `pipeline ${pipeline.name} has no generator yet; it will be ${wanted} from its start`;
    return { ok: true, facts: { state: now.pipeline.state, generator: now.generator }, words: later };
  }
  const sent = `${now.generator?.acknowledged ?? 0} events acknowledged`;
  const goesOn =
    pipeline.target === 'aws'
      ? ' Streams, delivery streams and the Studio application go on and are billed.'
      : ' Streams, Firehose and the SQL go on.';
  const words = wanted === 'paused' ? `paused at ${sent}; the schedules too.${goesOn}` : `running again from ${sent}`;
  return { ok: true, facts: { state: now.pipeline.state, generator: now.generator }, words };
}
