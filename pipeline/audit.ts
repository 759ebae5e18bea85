import type { Kind } from './trouble.ts';

/** Every place an event passes, counted. The names are those of the machine-readable report. */
export interface Audit {
  /** What the lanes made; none where this is what could not be counted. */
  generated: number;
  /** Of these, what the ledger has as acknowledged by Kinesis. All else is held against this. */
  acknowledged: number;
  /** The first few runs of the others' numbers, in words. */
  unacknowledged: string[];
  /** Absent, as all else that could not be counted. */
  inStream?: number;
  inS3?: number;
  inAthena?: number;
  /** Acknowledged events that some place lacks; the largest of these gaps. */
  lost: number;
  /** Copies that the view of the game's events, as it stands in Athena, counts twice. */
  duplicates?: number;
  /** Copies in the raw stream, of events that were sent again since nobody knew what had become of them. */
  resent: number;
  heartbeats: number;
  killsGenerated: number;
  /** Of all times. Absent on AWS, where the page gives its data to nobody else, and where not all of the game was counted. */
  killsOnDashboard?: number;
  windowsChecked?: number;
  windowsWrong?: number;
  /** The worst windows, each in words. */
  windowsWorst?: string[];
  /** From when on the metrics were compared, and up to when (absent: to the last), milliseconds since the epoch; and how many events were sent meanwhile. */
  windowsSince?: number;
  windowsUntil?: number;
  windowsEvents?: number;
  /** Absent when none are. */
  windowsOutstanding?: OutstandingWindows;
  /** What was made trouble with on purpose; absent where that could not be counted. */
  trouble?: Marked;
  /** Place by place, what was found of what was sent. */
  places: PlaceCount[];
  /** The minutes in which some place differs from what was sent, the worst first, or all of them. */
  minutes: MinuteCount[];
  /** Blocks of numbers of which Athena has others than were sent, in words, with the first ids of what it lacks. */
  wrongInAthena: string[];
  /** Bytes that Athena scanned for it. */
  bytesScanned: number;
  /** True when the game went on meanwhile: what is sent then is no fault. */
  sending?: boolean;
  /** What could not be counted. */
  missed: Missed[];
  /** When it was made, and from when on events were counted, milliseconds since the epoch. */
  at: number;
  since: number;
  /** Up to when everything agreed: by this audit, or by the last one that found no fault. */
  agreedAt?: number;
}

/**
 * By kind of trouble on purpose: how many acknowledged events were marked for it, whether what is held back has been sent yet or not, and the first few ids: of the
 * event, or of the malformed record, or of the oversized one, which the sender refused.
 */
export type Marked = Record<Kind, { events: number; examples: string[] }>;

/** Windows that should have come out of the SQL and have not: those that end at `since` (milliseconds since the epoch) and later. */
export interface OutstandingWindows {
  since: number;
  /** True when no restart of the SQL explains it. */
  isOverdue: boolean;
}

/** What could not be counted, and why. */
export interface Missed {
  what: string;
  why: string;
}

/** Place by place, what there is of the events that happened within a minute (UTC); a place that was not counted is absent. */
export interface MinuteCount {
  minute: string;
  generated: number;
  inStream?: number;
  inS3?: number;
  inAthena?: number;
  /** In the stream and in S3 together. */
  altered: number;
  twice: number;
}

/** What one place holds. */
export interface PlaceCount {
  place: string;
  events: number;
  missing: number;
  altered: number;
  /** `redelivered`: by Firehose, which on AWS may deliver a record twice; Athena counts it once. */
  copies: { onPurpose: number; resent: number; unexplained: number; redelivered?: number };
  malformed: number;
  /** Made trouble with on purpose, and not there. */
  lacking: { malformed: number; copies: number };
  /** Records that the stream was to refuse, and those that the ledger does not know. */
  oversized: number;
  unknown: number;
  /** Ids of the first few, by what is wrong with them. */
  examples: { missing: string[]; twice: string[]; altered: string[]; lacking: string[] };
}

/** The columns of the table of the last audit, as Glue types them. */
export const AUDIT_COLUMNS = {
  audited_at: 'string',
  counted_since: 'string',
  generated: 'bigint',
  acknowledged: 'bigint',
  in_stream: 'bigint',
  in_s3: 'bigint',
  in_athena: 'bigint',
  lost: 'bigint',
  duplicates: 'bigint',
  resent: 'bigint',
  kills_generated: 'bigint',
  kills_on_dashboard: 'bigint',
  windows_checked: 'bigint',
  windows_wrong: 'bigint',
  faults: 'bigint',
} as const;

/** An audit as a row of that table: times are UTC to the second, and what it does not know is left out, as is the beginning of one that counted everything. */
export const auditRow = (report: Audit): { [Name in keyof typeof AUDIT_COLUMNS]?: string | number } => ({
  audited_at: secondOf(report.at),
  ...(report.since > 0 && { counted_since: secondOf(report.since) }),
  generated: report.generated,
  acknowledged: report.acknowledged,
  in_stream: report.inStream,
  in_s3: report.inS3,
  in_athena: report.inAthena,
  lost: report.lost,
  duplicates: report.duplicates,
  resent: report.resent,
  kills_generated: report.killsGenerated,
  kills_on_dashboard: report.killsOnDashboard,
  windows_checked: report.windowsChecked,
  windows_wrong: report.windowsWrong,
  faults: mismatches(report).length,
});

/** As people read it: `2026-11-23 18:00:00`. */
const secondOf = (time: number): string => new Date(time).toISOString().slice(0, 19).replace('T', ' ');

/** What does not agree, each in words; empty when all does. */
export function mismatches(report: Audit): string[] {
  const { generated, acknowledged, unacknowledged, inStream, inS3, inAthena, lost, duplicates } = report;
  const {
    killsGenerated,
    killsOnDashboard,
    windowsChecked,
    windowsWrong,
    windowsEvents = acknowledged,
    windowsWorst = [],
    windowsOutstanding,
    missed,
    minutes,
  } = report;
  const faults = missed.map(({ what, why }) => `${what} could not be counted: ${why}`);
  const differ = (name: string, found: number | undefined, wanted: number) =>
    found !== undefined && found !== wanted && faults.push(`${name} is ${found}, but ${wanted} were acknowledged`);
  if (generated !== acknowledged)
    faults.push(`acknowledged is ${acknowledged}, but ${generated} were generated; the ledger lacks${listed(unacknowledged)}`);
  differ('inStream', inStream, acknowledged);
  differ('inS3', inS3, acknowledged);
  differ('inAthena', inAthena, acknowledged);
  if (lost !== 0) faults.push(`lost is ${lost}, not 0`);
  if (duplicates !== undefined && duplicates !== 0) faults.push(`duplicates is ${duplicates}, not 0`);
  faults.push(...report.places.flatMap((place) => placeFaults(place, report)));
  faults.push(...report.wrongInAthena.map((line) => `Athena: ${line}`));
  differ('killsOnDashboard', killsOnDashboard, killsGenerated);
  // Where nothing was sent there is no window, either.
  if (windowsChecked === 0 && windowsEvents > 0) faults.push('windowsChecked is 0: no window has closed');
  if (windowsWrong !== undefined && windowsWrong !== 0) faults.push(`windowsWrong is ${windowsWrong}, not 0${listed(windowsWorst)}`);
  if (windowsOutstanding?.isOverdue) faults.push(outstandingInWords(windowsOutstanding));
  const isTwice = report.places.some(({ copies }) => copies.unexplained > 0);
  const off = minutes.filter(({ twice, ...minute }) => isOff(minute) || (twice > 0 && isTwice));
  if (off.length > 0)
    faults.push(`by the minute: ${off.slice(0, MINUTES_NAMED).map(inWords).join('; ')}${off.length > MINUTES_NAMED ? '; …' : ''}`);
  return faults;
}

const MINUTES_NAMED = 3;

const listed = (words: string[]): string => (words.length > 0 ? `: ${words.join('; ')}` : '');

/** That windows are outstanding, and since when. */
const outstandingInWords = ({ since }: OutstandingWindows): string =>
  `windows are outstanding: of some metrics nothing has come out of the SQL for ${new Date(since).toISOString()} and later`;

const isOff = ({ generated, inStream = generated, inS3 = generated, inAthena = generated, altered }: Omit<MinuteCount, 'twice'>): boolean =>
  inStream !== generated || inS3 !== generated || inAthena !== generated || altered > 0;

const inWords = ({ minute, generated, inStream, inS3, inAthena, altered, twice }: MinuteCount): string =>
  `${minute}: ${generated} sent, ${inStream ?? '?'} in the stream, ${inS3 ?? '?'} in S3, ${inAthena ?? '?'} in Athena, ${altered} altered, ${twice} twice`;

/** What is wrong in one place, event by event as far as they are named; of one that is missing here it is told where else it is, as far as that is known. */
export function placeFaults(here: PlaceCount, { places: all }: Pick<Audit, 'places'>): string[] {
  const { place, missing, altered, copies, lacking, oversized, unknown, examples } = here;
  const faults: string[] = [];
  const say = (count: number, what: string, ids: string[]) =>
    count > 0 && faults.push(`${place}: ${count} ${what}${ids.length > 0 ? `: ${ids.join(', ')}` : ''}${count > ids.length ? ', …' : ''}`);
  const sayOnly = (count: number, what: string) => count > 0 && faults.push(`${place}: ${count} ${what}`);
  const others = all.filter((other) => other.place !== place);
  // Whose missing events are all named, of the same time.
  const isKnown = (other: PlaceCount) =>
    other.missing === other.examples.missing.length && other.events + other.missing === here.events + missing;
  const whereabouts = (id: string) => {
    const holders = others.filter((other) => isKnown(other) && !other.examples.missing.includes(id));
    if (holders.length > 0) return `${id} (it is in the ${holders.map((other) => other.place).join(' and ')})`;
    const isNowhere = others.length > 0 && others.every((other) => other.examples.missing.includes(id));
    return isNowhere ? `${id} (it is nowhere)` : id;
  };
  say(missing, 'missing', examples.missing.map(whereabouts));
  say(altered, 'altered', examples.altered);
  say(copies.unexplained, 'there more often than they were sent', examples.twice);
  const made = lacking.malformed + lacking.copies;
  say(made, 'of the trouble that was made on purpose missing', examples.lacking);
  sayOnly(oversized, 'too large to have been taken');
  sayOnly(unknown, 'of which the ledger knows nothing');
  return faults;
}

/** Of an audit without faults: that everything agrees, or all that has come out of the SQL so far. */
export const agreementInWords = ({ windowsOutstanding }: Audit): string =>
  windowsOutstanding === undefined
    ? 'Everything agrees.'
    : `All that has come out agrees; ${outstandingInWords(windowsOutstanding)}. The next audit compares them.`;
