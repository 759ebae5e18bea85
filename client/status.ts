import type { VerbResult } from './index.ts';
import { type Picture, picture } from './pipeline.ts';
import { session } from './session.ts';
import { GROUPS, groupState } from './stage-groups.ts';
import { tableOf } from './table.ts';

/** The whole picture: a table in data-flow order, one word of state a row. Not running counts as not as it should be. */
export async function status(): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const now = await picture(client, pipeline.name);
  if (!now)
    return {
      ok: false,
      facts: { state: 'down', next: ['npx d2d up'] },
      words: `pipeline ${pipeline.name} is down. Bring it up with: npx d2d up`,
    };
  const ok = now.pipeline.state !== 'held' && now.notebook?.state !== 'stopped' && now.generator?.state !== 'stopped';
  return {
    ok,
    facts: {
      ...now.pipeline,
      pipeline: now.pipeline.pipeline.name,
      spec: now.pipeline.pipeline,
      generator: now.generator,
      notebook: now.notebook,
      next: next(now),
    },
    words: words(now),
  };
}

function words({ pipeline, generator, notebook }: Picture): string {
  const rows = [['generator', generator?.state ?? 'waiting', generator ? sent(generator) : '']];
  for (const [group, members] of Object.entries(GROUPS)) {
    const { state, open } = groupState(members, pipeline.stages);
    const isNotebook = group === 'Studio notebook' && state === 'ready';
    rows.push([group, isNotebook ? (notebook?.state ?? 'waiting') : state, isNotebook ? restarts(notebook) : open.join(', ')]);
  }
  const lines = [
    `pipeline ${pipeline.pipeline.name}: ${pipeline.state}  (${pipeline.pipeline.target}, ${pipeline.pipeline.region}, account ${pipeline.pipeline.account})`,
    tableOf(['stage', 'state', ''], rows),
  ];
  if (pipeline.reason) lines.push(pipeline.reason);
  return [...lines, `next: ${next({ pipeline, generator, notebook }).join(' | ')}`].join('\n');
}

const sent = ({ acknowledged, total, heartbeats }: NonNullable<Picture['generator']>) =>
  `${acknowledged}${total === undefined ? '' : ` of ${total}`} events acknowledged, ${heartbeats} heartbeats`;

const restarts = (notebook: Picture['notebook']) =>
  [notebook?.reason, notebook?.restarts ? `restarted ${notebook.restarts} times` : undefined].filter(Boolean).join('; ');

function next({ pipeline: { state } }: Picture): string[] {
  if (state === 'paused') return ['npx d2d resume', 'npx d2d down'];
  if (state === 'held') return ['npx d2d up', 'npx d2d down'];
  return ['npx d2d open', 'npx d2d query', 'npx d2d pause', 'npx d2d down'];
}
