import type { SentCount } from '../activities/audit/audit.ts';
import type { Minute } from '../activities/audit/minutes.ts';
import type { PlaceName } from '../activities/audit/places.ts';
import type { Holding } from '../activities/audit/tally.ts';
import type { Audit, MinuteCount, Missed, PlaceCount } from '../pipeline/audit.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { AthenaFindings } from './audit.ts';

/** What was counted; what of it could not be is among `missed`. */
export interface AuditFindings {
  truth?: SentCount;
  stream?: Holding;
  lake?: Holding;
  found: AthenaFindings;
  since: number;
  sending?: boolean;
  missed: Missed[];
}

/** The report of an audit of a pipeline on this target. */
export function reportOf(target: Pipeline['target'], { truth, stream, lake, found, since, sending, missed }: AuditFindings): Audit {
  const { inAthena, killsOnDashboard, ...others } = found;
  const acknowledged = truth?.events ?? 0;
  // Nobody knows how much of what was sent is there, if nobody knows what was sent.
  const inStream = truth && stream && acknowledged - stream.missing;
  const inS3 = truth && lake && acknowledged - lake.missing;
  const athena = truth && inAthena?.events;
  const least = Math.min(...[inStream, inS3, athena].filter((count) => count !== undefined));
  const places = [
    ...(stream ? [placeOf('stream', stream, sending)] : []),
    ...(lake ? [delivered(target, stream, placeOf('lake', lake, sending))] : []),
  ];
  return {
    generated: acknowledged + (truth?.unwritten?.events ?? 0),
    acknowledged,
    unacknowledged: truth?.unwritten?.examples ?? [],
    inStream,
    inS3,
    inAthena: athena,
    lost: Number.isFinite(least) ? acknowledged - least : 0,
    resent: stream ? stream.copies.resent + stream.copies.unexplained : 0,
    heartbeats: stream?.heartbeats ?? lake?.heartbeats ?? 0,
    killsGenerated: truth?.kills ?? 0,
    killsOnDashboard: truth && killsOnDashboard,
    trouble: truth?.trouble,
    places,
    minutes: minutesOf(stream?.minutes, lake?.minutes, inAthena?.minutes),
    wrongInAthena: inAthena?.wrong ?? [],
    sending,
    missed,
    at: Date.now(),
    since,
    ...others,
  };
}

/** Once the game is quiet, nothing is to lie beyond where the ledger ends: who sent it has ended without writing it down. */
function placeOf(place: PlaceName, holding: Holding, sending = false): PlaceCount {
  const { kills, heartbeats, minutes, later, ...counts } = holding;
  return { place, ...counts, unknown: counts.unknown + (sending ? 0 : later) };
}

/** Minutes of which a place tells, side by side, the worst first; where a place tells nothing of one, it agrees. */
function minutesOf(stream: Minute[] | undefined, lake: Minute[] | undefined, athena: Minute[] | undefined): MinuteCount[] {
  const of = (told: Minute[] = []) => new Map(told.map((each) => [each.minute, each]));
  const [inStream, inS3, inAthena] = [of(stream), of(lake), of(athena)];
  const rows = [...new Set([...inStream.keys(), ...inS3.keys(), ...inAthena.keys()])].map((minute) => {
    const each = [inStream.get(minute), inS3.get(minute), inAthena.get(minute)];
    const sum = (what: (told: Minute) => number) => each.reduce((all, told) => all + (told ? what(told) : 0), 0);
    // Of a minute that the stream has in part, it tells a part.
    const generated = Math.max(...each.map((told) => told?.sent ?? 0));
    const found = (told: Minute | undefined) => generated + (told ? told.events - told.sent : 0);
    const [s, l, a] = each.map(found) as [number, number, number];
    const counts = { ...(stream && { inStream: s }), ...(lake && { inS3: l }), ...(athena && { inAthena: a }) };
    const row = { minute: `${new Date(minute * 60_000).toISOString().slice(0, 16)}Z`, generated, ...counts };
    const [altered, twice] = [sum((told) => told.altered), sum((told) => told.twice)];
    return { row: { ...row, altered, twice }, wrong: sum((told) => Math.abs(told.sent - told.events)) + altered + twice };
  });
  return rows.sort((a, b) => b.wrong - a.wrong || a.row.minute.localeCompare(b.row.minute)).map(({ row }) => row);
}

/**
 * The lake, its copies that are not in the stream told apart, those of what was sent again among them: on AWS Firehose delivers at least once. The local one delivers
 * once, so there they stay unexplained.
 */
function delivered(target: Pipeline['target'], stream: Holding | undefined, lake: PlaceCount): PlaceCount {
  if (!stream) return lake;
  // The stream tells of what was sent again only where it reaches back as far as the lake.
  const isAsOld = stream.events + stream.missing === lake.events + lake.missing;
  const resent = isAsOld ? Math.min(lake.copies.resent, stream.copies.resent) : lake.copies.resent;
  const unexplained = lake.copies.unexplained + lake.copies.resent - resent;
  const redelivered = Math.max(0, unexplained - stream.copies.unexplained);
  if (target !== 'aws' || redelivered === 0) return { ...lake, copies: { ...lake.copies, resent, unexplained } };
  const twice = lake.examples.twice.filter((id) => stream.examples.twice.includes(id));
  const copies = { ...lake.copies, resent, unexplained: unexplained - redelivered, redelivered };
  return { ...lake, copies, examples: { ...lake.examples, twice } };
}
