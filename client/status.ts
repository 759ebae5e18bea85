import type { ColumnDrift } from '../activities/glue/crawl.ts';
import { outlook, reasonsOf } from '../workflows/outlook.ts';
import { absence, absenceFacts, absenceWords } from './absence.ts';
import { type ScheduleReport, scheduleReport } from './schedule-report.ts';
import { session } from './session.ts';
import { type Snapshot, snapshot } from './snapshot.ts';
import { GROUPS, groupState } from './stage-groups.ts';
import { tableOf, telling } from './table.ts';
import type { VerbResult } from './verb.ts';

/** The whole picture: a table in data-flow order, one word of state a row. Not running counts as not as it should be. */
export async function status(): Promise<VerbResult> {
  const { client, pipeline } = await session();
  const now = await snapshot(client, pipeline.name);
  if (!now) {
    const found = await absence(client, pipeline);
    return { ok: false, facts: absenceFacts(found), words: absenceWords(pipeline, found) };
  }
  const schedules = await scheduleReport(client, now.pipeline.pipeline);
  const { perHour, onAws, words: cost, next } = outlook(now.pipeline);
  return {
    ok: isWell(now, schedules),
    facts: {
      ...now.pipeline,
      pipeline: now.pipeline.pipeline.name,
      spec: now.pipeline.pipeline,
      generator: now.generator,
      notebook: now.notebook,
      unstopped: now.unstopped,
      waitsFor: now.waitsFor,
      schedules,
      cost: { perHour, onAws, today: now.pipeline.spent.dollars },
      next,
    },
    words: [...partWords(now), ...scheduleWords(schedules), ...driftWords(now), ...auditWords(now), cost, `next: ${next.join(' | ')}`].join(
      '\n',
    ),
  };
}

/** True when all is as it should be: nothing is held, has drifted, has stopped, keeps failing or does not stop, windows come out in time, and each schedule's latest run went well. */
export function isWell({ pipeline, generator, notebook, unstopped }: Snapshot, schedules: ScheduleReport[]): boolean {
  const isLacking = notebook?.state === 'running' && notebook.reason !== undefined;
  const sends = generator?.state !== 'stopped' && generator?.failing === undefined;
  const goes = pipeline.state !== 'held' && sends && notebook?.state !== 'stopped' && unstopped === undefined && !isLacking;
  const hasDrifted = Object.values(pipeline.stages).includes('drifted');
  const isCounted = (pipeline.audit?.faults.length ?? 0) === 0;
  return goes && !hasDrifted && isCounted && schedules.every(({ failing, drifted = [] }) => !failing && drifted.length === 0);
}

/** Where each part stands, in the order of the data, then why. */
export function partWords({ pipeline, generator, notebook, unstopped, waitsFor = [] }: Snapshot): string[] {
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
  lines.push(...reasonsOf(pipeline).flatMap((reason) => reason.split('\n')));
  lines.push(...waitsFor);
  if (generator?.failing) lines.push(`generator: ${generator.failing}`);
  if (unstopped) lines.push(`the Studio application does not stop, and its cost goes on: ${unstopped}`);
  return lines;
}

/** The schedules: how often each ran, and what did not go as it should. */
export function scheduleWords(schedules: ScheduleReport[]): string[] {
  if (schedules.length === 0) return [];
  const rows = schedules.map(({ what, every, paused, runs, skipped, missed, overtaken, failed, next: due }) => [
    what,
    paused ? 'paused' : `every ${every / 1000} s`,
    `${runs}`,
    `${skipped + missed}`,
    `${overtaken}`,
    `${failed}`,
    paused || due === undefined ? '' : `in ${Math.max(0, Math.round((due - Date.now()) / 1000))} s`,
  ]);
  const faults = schedules.flatMap(({ what, failing, lastFailure, drifted = [] }) => [
    ...(lastFailure
      ? [`${what} failed at ${new Date(lastFailure.at).toISOString()}${failing ? '' : ', and went well since'}: ${lastFailure.message}`]
      : []),
    ...drifted.map(driftOfColumn),
  ]);
  const head = ['schedule', '', 'runs', 'skipped', 'cut short', 'failed', 'next'];
  return [tableOf(...telling(head, rows, ['skipped', 'cut short', 'failed'])), ...faults];
}

/** A drift of column `*` is one of the table as a whole. */
function driftOfColumn({ table, column, expected, found }: ColumnDrift): string {
  if (column === '*') return found === undefined ? `table ${table} is missing` : `table ${table} is there, and nothing expects it`;
  return `table ${table}: column ${column} is ${found ?? 'missing'}, not ${expected}`;
}

const DRIFTS_SHOWN = 3;

const driftWords = ({ pipeline: { drifts } }: Snapshot): string[] =>
  drifts.slice(-DRIFTS_SHOWN).map(({ label, missing, differences, at, done }) => {
    const what = missing ? 'was gone' : `differed in ${differences.map(({ field }) => field).join(', ')}`;
    return `drift at ${new Date(at).toISOString()}: ${label} ${what}; ${done}`;
  });

function auditWords({ pipeline: { audit } }: Snapshot): string[] {
  if (audit === undefined) return [];
  const { at, generated, acknowledged = generated, lost, duplicates, windowsWrong, faults } = audit;
  const counts = `${generated} events generated, ${acknowledged} acknowledged, ${lost} lost, ${duplicates ?? '?'} counted twice, ${windowsWrong ?? '?'} rows of the metrics wrong`;
  return [`audit at ${new Date(at).toISOString()}: ${counts}`, ...faults.map((fault) => `  ! ${fault}`)];
}

const sent = ({ acknowledged, total, heartbeats, resent, oversized, rate }: NonNullable<Snapshot['generator']>) =>
  `${acknowledged}${total === undefined ? '' : ` of ${total}`} events acknowledged at ${rate}, ${heartbeats} heartbeats${resent > 0 ? `, ${resent} maybe sent twice` : ''}${oversized > 0 ? `, ${oversized} records too large and refused` : ''}`;

function restarts(notebook: Snapshot['notebook']): string {
  if (notebook === undefined) return '';
  const { reason, gap, restarts: times, lastRestart } = notebook;
  const last = lastRestart ? `, last at ${new Date(lastRestart.at).toISOString()}: ${lastRestart.reason}` : '';
  return [reason, gap, times > 0 ? `restarted ${times} times${last}` : undefined].filter(Boolean).join('; ');
}
