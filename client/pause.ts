import { setTimeout as delay } from 'node:timers/promises';
import { names } from '../pipeline/names.ts';
import * as messages from '../workflows/messages.ts';
import { outlook } from '../workflows/outlook.ts';
import { absence, absenceWords } from './absence.ts';
import type { VerbResult } from './index.ts';
import { type Picture, picture } from './pipeline.ts';
import { Plain } from './plain.ts';
import { session } from './session.ts';

/** Pauses generation and schedules (deep: and the Studio application), waits until they stand, and says what goes on and costs. */
export const pause = ({ deep = false }: { deep?: boolean }): Promise<VerbResult> => tell('paused', deep);

/** Lets generation and schedules go on, the SQL from where its windows stopped. */
export const resume = (): Promise<VerbResult> => tell('running', false);

async function tell(wanted: 'paused' | 'running', deep: boolean): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const before = await picture(client, pipeline.name);
  if (!before) throw new Plain(absenceWords(pipeline, await absence(client, pipeline)));
  const handle = client.workflow.getHandle(names(pipeline).workflows.pipeline);
  await (wanted === 'paused' ? handle.signal(messages.pause, { deep }) : handle.signal(messages.resume));
  const stands = ({ pipeline: now, generator, notebook }: Picture) =>
    now.paused === (wanted === 'paused') &&
    (deep ? now.deep : wanted === 'paused' || !now.deep) &&
    (generator?.state === wanted || generator?.state === 'finished') &&
    (!deep || notebook?.state === 'suspended');
  let now: Picture | undefined = before;
  while (before.pipeline.generating && now && !stands(now)) {
    await delay(100);
    now = await picture(client, pipeline.name);
  }
  if (!now) throw new Plain(`pipeline ${pipeline.name} ended meanwhile. See: npx d2d status`);
  const { state } = now.pipeline;
  if (!before.pipeline.generating) {
    const later = `pipeline ${pipeline.name} has no generator yet; it will be ${wanted} from its start`;
    return { ok: true, facts: { state, generator: now.generator }, words: later };
  }
  const sent = `${now.generator?.acknowledged ?? 0} events acknowledged`;
  const what = deep ? 'the schedules and the Studio application too' : 'the schedules too';
  const { perHour, words: cost } = outlook(now.pipeline);
  const words = wanted === 'paused' ? `paused at ${sent}; ${what}. ${cost}` : `running again from ${sent}`;
  return { ok: true, facts: { state, deep, generator: now.generator, perHour }, words };
}
