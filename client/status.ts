import { billing } from './billing.ts';
import type { VerbResult } from './index.ts';
import { type Picture, picture } from './pipeline.ts';
import { type ScheduleReport, scheduleReport } from './schedule-report.ts';
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
  const schedules = await scheduleReport(client, now.pipeline.pipeline);
  const { perHour, onAws, words: cost } = billing(now.pipeline);
  const isWell = now.pipeline.state !== 'held' && now.notebook?.state !== 'stopped' && now.generator?.state !== 'stopped';
  const ok = isWell && schedules.every(({ failed, drifted = [] }) => failed === 0 && drifted.length === 0);
  return {
    ok,
    facts: {
      ...now.pipeline,
      pipeline: now.pipeline.pipeline.name,
      spec: now.pipeline.pipeline,
      generator: now.generator,
      notebook: now.notebook,
      schedules,
      cost: { perHour, onAws, today: now.pipeline.spent.dollars },
      next: next(now),
    },
    words: [...words(now), ...scheduleWords(schedules), ...driftWords(now), cost, `next: ${next(now).join(' | ')}`].join('\n'),
  };
}

function words({ pipeline, generator, notebook }: Picture): string[] {
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
  if (pipeline.reason) lines.push(...pipeline.reason.split('\n'));
  return lines;
}

/** The schedules: how often each ran, and what did not go as it should. */
function scheduleWords(schedules: ScheduleReport[]): string[] {
  if (schedules.length === 0) return [];
  const rows = schedules.map(({ what, every, paused, runs, skipped, missed, failed, next: due }) => [
    what,
    paused ? 'paused' : `every ${every / 1000} s`,
    `${runs}`,
    `${skipped + missed}`,
    `${failed}`,
    paused || due === undefined ? '' : `in ${Math.max(0, Math.round((due - Date.now()) / 1000))} s`,
  ]);
  const faults = schedules.flatMap(({ what, lastFailure, drifted = [] }) => [
    ...(lastFailure ? [`${what} failed at ${new Date(lastFailure.at).toISOString()}: ${lastFailure.message}`] : []),
    ...drifted.map(({ table, column, expected, found }) => `table ${table}: column ${column} is ${found ?? 'missing'}, not ${expected}`),
  ]);
  return [tableOf(['schedule', '', 'runs', 'skipped', 'failed', 'next'], rows), ...faults];
}

const DRIFTS_SHOWN = 3;

const driftWords = ({ pipeline: { drifts } }: Picture): string[] =>
  drifts.slice(-DRIFTS_SHOWN).map(({ label, missing, differences, at, done }) => {
    const what = missing ? 'was gone' : `differed in ${differences.map(({ field }) => field).join(', ')}`;
    return `drift at ${new Date(at).toISOString()}: ${label} ${what}; ${done}`;
  });

const sent = ({ acknowledged, total, heartbeats }: NonNullable<Picture['generator']>) =>
  `${acknowledged}${total === undefined ? '' : ` of ${total}`} events acknowledged, ${heartbeats} heartbeats`;

const restarts = (notebook: Picture['notebook']) =>
  [notebook?.reason, notebook?.restarts ? `restarted ${notebook.restarts} times` : undefined].filter(Boolean).join('; ');

function next({ pipeline: { state } }: Picture): string[] {
  if (state === 'paused') return ['npx d2d resume', 'npx d2d down'];
  if (state === 'held') return ['npx d2d up', 'npx d2d down'];
  return ['npx d2d open', 'npx d2d query', 'npx d2d pause', 'npx d2d down'];
}
