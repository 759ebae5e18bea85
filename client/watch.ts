import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { outlook } from '../workflows/outlook.ts';
import type { Progress } from './progress.ts';
import { failureOf, type Snapshot, snapshot } from './snapshot.ts';
import { GROUPS, groupState } from './stage-groups.ts';
import { undefinedIfUnanswered } from './transient.ts';

/**
 * Watches a pipeline come up, printing each group of stages as it stands; returns the status once it runs. `stuck` hears, once, that it is held and why, or
 * that somebody has taken it down.
 */
export async function watchUp(
  client: Client,
  name: string,
  progress: Progress,
  stuck: (reason: string) => void,
  signal?: AbortSignal,
): Promise<Snapshot> {
  const since = Date.now();
  const said = new Set<string>();
  for (;;) {
    signal?.throwIfAborted();
    const asked = await undefinedIfUnanswered(snapshot(client, name).then((found) => ({ found })));
    const now = asked?.found;
    if (asked && !now && said.size > 0) {
      said.clear();
      stuck(`pipeline ${name} ${(await failureOf(client, name)) ?? 'was taken down'}`);
    }
    if (now) {
      said.add('seen');
      const { stages, state, reason, rolledBack, tables, pending } = now.pipeline;
      for (const [group, members] of Object.entries(GROUPS)) {
        if (said.has(group) || groupState(members, stages).state !== 'ready') continue;
        said.add(group);
        progress.done(group, since);
      }
      if (tables && !said.has('tables')) {
        said.add('tables');
        progress.done('first crawl, tables', since);
      }
      if (state === 'held' && !pending && !said.has(String(reason))) {
        said.add(String(reason));
        const { words, next } = outlook(now.pipeline);
        stuck(`pipeline ${name} is held: ${reason}\n  ${words}\n  next: ${next.join(' | ')}`);
      }
      if (rolledBack !== undefined && !said.has(rolledBack)) {
        said.add(rolledBack);
        stuck(`pipeline ${name} is as it was before, since ${rolledBack}`);
      }
      if ((state === 'running' || state === 'paused') && !pending) return now;
      progress.now(underWay(now));
    }
    await delay(200, undefined, { signal });
  }
}

/** What a pipeline that comes up is busy with, or waits for, in a few words. */
export function underWay({ pipeline: { stages, tables, desired, overBudget }, notebook, generator, waitsFor = [] }: Snapshot): string {
  const working = Object.entries(stages).flatMap(([stage, state]) => (state === 'working' ? [stage] : []));
  if (working.length > 0) return [`provisioning ${working.join(', ')}`, ...waitsFor.map((why) => why.split('\n')[0])].join('; ');
  if (desired.paused && !tables) return `paused, nothing is sent; to go on: npx d2d resume${overBudget ? ` (${overBudget})` : ''}`;
  if (notebook?.state === 'starting') return 'starting the Studio notebook and its SQL';
  if (notebook?.state === 'stopped' && notebook.reason) return `the notebook does not run: ${notebook.reason.split('\n')[0]}`;
  if (generator && !tables) return `${generator.acknowledged} events sent; waiting for Firehose to deliver the first objects (every 30 s)`;
  return 'provisioning';
}
