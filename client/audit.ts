import { type Audit, agreementInWords, type Marked, type MinuteCount, mismatches, type PlaceCount } from '../pipeline/audit.ts';
import { type Duration, duration } from '../pipeline/duration.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { KINDS, type Kind } from '../pipeline/trouble.ts';
import { taskQueue } from '../worker/connect.ts';
import type { audit as auditWorkflow } from '../workflows/index.ts';
import { introduced } from '../workflows/story.ts';
import { whileAttended } from './attended.ts';
import { progressOn } from './progress.ts';
import { session } from './session.ts';
import { tableOf, telling } from './table.ts';
import { UsageError } from './user-error.ts';
import type { VerbResult } from './verb.ts';

/** What a user wants counted. */
export interface AuditOptions {
  /** Only what happened within so many hours. */
  hours?: string;
  /** With every minute, those that agree too. */
  minutes?: boolean;
  /** How long to wait for what is on its way, as '30 seconds'; left out, what delivery may take and a while. */
  wait?: string;
}

/** Counts every event in every place against what was sent; anything that is missing, altered or there too often is named, and is not as it should be. */
export async function audit({ hours, minutes, wait }: AuditOptions): Promise<VerbResult> {
  const within = hours === undefined ? undefined : Number(hours);
  if (within !== undefined && !(within > 0 && Number.isFinite(within)))
    throw new UsageError(`--hours: '${hours}' is no number of hours that has an end. For the last day: npx d2d audit --hours 24`);
  const waits = wait === undefined ? undefined : waitOf(wait);
  const { client, pipeline } = await session();
  const progress = progressOn(process.stderr);
  progress.now('counting every event everywhere');
  try {
    const patience = waits ?? usualWait(pipeline);
    const counting = client.workflow.execute<typeof auditWorkflow>('audit', {
      // Who asks the same while it is counted joins.
      workflowId: `${names(pipeline).workflows.audit}/by-hand/${within === undefined ? 'all' : `${within} hours`}${minutes ? '/minutes' : ''}${waits === undefined ? '' : `/${waits}`}`,
      taskQueue: taskQueue(pipeline),
      args: [{ pipeline, hours: within, patience, minutes }],
      ...introduced(pipeline, 'counts every event everywhere'),
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const report = await whileAttended(client, pipeline, counting);
    const faults = mismatches(report);
    return { ok: faults.length === 0, facts: { ...report, faults }, words: auditWords(report, faults, within) };
  } finally {
    progress.end();
  }
}

function waitOf(wait: string): Duration {
  const { data, error } = duration('0 seconds').safeParse(wait);
  if (data === undefined) throw new UsageError(`--wait: '${wait}' ${error?.issues[0]?.message}`);
  return data;
}

/** Firehose buffers twice as long at most, and a window's rows take a while. */
const usualWait = ({ delivery }: Pipeline): Duration => `${delivery.seconds * 2 + 90} seconds`;

/** What an audit found, for people to read; `within`: only so many hours were asked for. */
export function auditWords(report: Audit, faults: string[], within?: number): string {
  const { generated, acknowledged, inAthena, duplicates, windowsChecked, windowsWrong, bytesScanned, heartbeats } = report;
  return [
    `${generated} events were generated${within === undefined ? '' : ` within ${within} hours`}, and ${heartbeats} heartbeats sent`,
    tableOf(
      ...telling(
        COLUMNS.map(([title]) => title),
        [
          COLUMNS.map((_, i) => String(['ledger', acknowledged, generated - acknowledged][i] ?? 0)),
          ...report.places.map((place) => COLUMNS.map(([, cell]) => String(cell(place) ?? '-'))),
        ],
        COLUMNS.slice(ALWAYS_SHOWN).map(([title]) => title),
      ),
    ),
    `Athena has ${inAthena ?? '?'}, of which ${duplicates ?? '?'} would count twice; ${windowsWrong ?? '?'} of ${windowsChecked ?? '?'} rows of the metrics are wrong${comparedInWords(report)}; ${bytesScanned} bytes scanned`,
    ...troubleTable(report.trouble),
    ...minuteTable(report.minutes),
    ...verdict(report, faults),
  ].join('\n');
}

/** Of which time the metrics are compared. */
function comparedInWords({ windowsSince, windowsUntil }: Audit): string {
  if (windowsSince === undefined) return '';
  const until = windowsUntil === undefined ? 'the last' : new Date(windowsUntil).toISOString();
  return ` (metrics are compared from ${new Date(windowsSince).toISOString()} up to ${until})`;
}

const verdict = (report: Audit, faults: string[]): string[] =>
  faults.length > 0 ? faults.map((fault) => `! ${fault}`) : [agreementInWords(report)];

const COLUMNS: [string, (place: PlaceCount) => string | number | undefined][] = [
  ['place', ({ place }) => place],
  ['events', ({ events }) => events],
  ['missing', ({ missing }) => missing],
  ['altered', ({ altered }) => altered],
  ['copies on purpose', ({ copies }) => copies.onPurpose],
  ['copies resent', ({ copies }) => copies.resent],
  ['copies redelivered', ({ copies }) => copies.redelivered ?? 0],
  ['copies unexplained', ({ copies }) => copies.unexplained],
  ['malformed', ({ malformed }) => malformed],
  ['unknown', ({ unknown }) => unknown],
];

/** The first of the columns are shown though they have nothing to tell. */
const ALWAYS_SHOWN = 4;
const MINUTES_SHOWN = 10;

/** What was made on purpose, with a few ids by which it is found again; nothing where nothing was. */
function troubleTable(trouble: Marked | undefined): string[] {
  if (trouble === undefined) return [];
  const rows = KINDS.flatMap((kind) => {
    const { events, examples } = trouble[kind];
    return events === 0 ? [] : [[TROUBLES[kind], String(events), examples.slice(0, IDS_SHOWN).join(', ')]];
  });
  return rows.length === 0 ? [] : [tableOf(['trouble on purpose', 'events', 'the first ids'], rows)];
}

const TROUBLES: Record<Kind, string> = {
  late: 'late',
  duplicate: 'sent twice',
  malformed: 'with a malformed record',
  oversized: 'with an oversized one, refused',
};
const IDS_SHOWN = 3;

/** The worst minutes; nothing where all agree and nobody asked for them. */
function minuteTable(minutes: MinuteCount[]): string[] {
  if (minutes.length === 0) return [];
  const rows = minutes
    .slice(0, MINUTES_SHOWN)
    .map(({ minute, generated, inStream = '-', inS3 = '-', inAthena = '-', altered, twice }) =>
      [minute, generated, inStream, inS3, inAthena, altered, twice].map(String),
    );
  const rest = minutes.length > MINUTES_SHOWN ? [`and ${minutes.length - MINUTES_SHOWN} minutes more: --json has them`] : [];
  return [tableOf(['minute', 'generated', 'in the stream', 'in S3', 'in Athena', 'altered', 'twice'], rows), ...rest];
}
