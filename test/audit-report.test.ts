import { describe, expect, it } from '@jest/globals';
import type { Holding } from '../activities/audit/tally.ts';
import { auditWords } from '../client/audit.ts';
import { type Audit, type Marked, mismatches } from '../pipeline/audit.ts';
import { reportOf } from '../workflows/audit-report.ts';
import { auditDetails } from '../workflows/story.ts';

/** What a place holds of three events, these among them once more, for no reason that the ledger knows. */
const holding = (...twice: string[]): Holding => ({
  ...{ events: 3, kills: 1, missing: 0, altered: 0, malformed: 0, heartbeats: 1, oversized: 0, unknown: 0, later: 0 },
  copies: { onPurpose: 0, resent: 0, unexplained: twice.length },
  lacking: { malformed: 0, copies: 0 },
  minutes: [],
  examples: { missing: [], twice, altered: [], lacking: [] },
});
const counted = (stream: Holding, lake: Holding) => ({
  ...{ stream, lake, since: 0, missed: [], truth: { events: 3, kills: 1 } },
  found: {
    ...{
      inAthena: { events: 3, kills: 1, wrong: [], minutes: [], bytesScanned: 0 },
      duplicates: 0,
      bytesScanned: 0,
      killsOnDashboard: undefined,
    },
    ...{ windowsChecked: 1, windowsWrong: 0, windowsWorst: [], windowsSince: 0, windowsUntil: undefined, windowsEvents: 3 },
    windowsOutstanding: undefined,
  },
});

it('copies that only the lake has are redelivered by Firehose on AWS, and no fault; on the laptop they are one', () => {
  const only = counted(holding(), holding('r-0-1'));
  const onAws = reportOf('aws', only);
  expect(mismatches(onAws)).toEqual([]);
  expect(onAws.places[1]!.copies).toEqual({ onPurpose: 0, resent: 0, unexplained: 0, redelivered: 1 });
  expect(mismatches(reportOf('local', only))).toEqual(['lake: 1 there more often than they were sent: r-0-1']);
});

it('copies that the stream has, too, are a fault on AWS as well', () => {
  const both = reportOf('aws', counted(holding('r-0-1'), holding('r-0-1', 'r-0-2')));
  expect(both.places[1]!.copies).toMatchObject({ unexplained: 1, redelivered: 1 });
  expect(mismatches(both)).toEqual([
    'stream: 1 there more often than they were sent: r-0-1',
    'lake: 1 there more often than they were sent: r-0-1',
  ]);
});

it('copies of what was sent again are excused in the lake as often as the stream has them', () => {
  const resent = (copies: number): Holding => ({ ...holding(), copies: { onPurpose: 0, resent: copies, unexplained: 0 } });
  expect(mismatches(reportOf('local', counted(resent(1), resent(1))))).toEqual([]);
  const more = counted(resent(1), resent(3));
  expect(mismatches(reportOf('local', more))).toEqual(['lake: 2 there more often than they were sent, …']);
  expect(reportOf('aws', more).places[1]!.copies).toEqual({ onPurpose: 0, resent: 1, unexplained: 0, redelivered: 2 });
  // A stream that was made anew does not tell of what was sent before.
  expect(mismatches(reportOf('local', { ...more, stream: { ...holding(), events: 1 } }))).toEqual([]);
});

it('the ledger is a place like others: what the lanes made and it lacks is missing there', () => {
  const unwritten = { events: 2, examples: ['r-0-3 to 4'] };
  const report = reportOf('local', { ...counted(holding(), holding()), truth: { events: 3, kills: 1, unwritten } });
  const [head, ...table] = auditWords(report, mismatches(report)).split('\n');
  expect(head).toBe('5 events were generated, and 1 heartbeats sent');
  const rows = table.filter((line) => /│ (ledger|stream|lake) /.test(line)).map((line) => line.match(/\w+/g));
  expect(rows).toEqual([
    ['ledger', '3', '2', '0'],
    ['stream', '3', '0', '0'],
    ['lake', '3', '0', '0'],
  ]);
  expect(auditDetails(report)).toContain('| ledger | 3 | 2 | 0 | 0 |');
});

it('trouble on purpose is told of by kind, with ids by which it is found again, where there was any', () => {
  const none = { events: 0, examples: [] };
  const words = (trouble?: Marked) => {
    const report = reportOf('local', { ...counted(holding(), holding()), truth: { events: 3, kills: 1, trouble } });
    expect(report.trouble).toEqual(trouble);
    expect(mismatches(report)).toEqual([]);
    return auditWords(report, []);
  };
  const late = { events: 4, examples: ['r-0-1', 'r-0-2', 'r-0-3', 'r-0-4'] };
  const oversized = { events: 1, examples: ['r-0-9o'] };
  const table = words({ late, duplicate: none, malformed: none, oversized })
    .split('\n')
    .slice(-5)
    .map((line) => line.replaceAll(/[│ ]+/g, ' ').trim());
  expect(table).toEqual([
    expect.stringMatching(/^├/),
    'late 4 r-0-1, r-0-2, r-0-3',
    'with an oversized one, refused 1 r-0-9o',
    expect.stringMatching(/^└/),
    'Everything agrees.',
  ]);
  for (const quiet of [undefined, { late: none, duplicate: none, malformed: none, oversized: none }])
    expect(words(quiet)).not.toContain('on purpose');
});

it("what lies beyond the end of the ledger is the next audit's while the game goes on, and unaccounted for once it is quiet", () => {
  const beyond = counted({ ...holding(), later: 5 }, { ...holding(), later: 4 });
  expect(mismatches(reportOf('local', { ...beyond, sending: true }))).toEqual([]);
  expect(mismatches(reportOf('local', beyond))).toEqual([
    'stream: 5 of which the ledger knows nothing',
    'lake: 4 of which the ledger knows nothing',
  ]);
});

it('says where else a missing event is only as far as that is known', () => {
  const lacks = (missing: string[], count = missing.length, events = 3 - count): Holding => ({
    ...holding(),
    ...{ events, missing: count },
    examples: { missing, twice: [], altered: [], lacking: [] },
  });
  const faults = (stream: Holding, lake: Holding) =>
    mismatches(reportOf('local', counted(stream, lake))).filter((each) => each.startsWith('lake'));
  expect(faults(holding(), lacks(['r-0-1']))).toEqual(['lake: 1 missing: r-0-1 (it is in the stream)']);
  expect(faults(lacks(['r-0-1']), lacks(['r-0-1']))).toEqual(['lake: 1 missing: r-0-1 (it is nowhere)']);
  // The stream keeps a part of the time; not all that it lacks is named.
  expect(faults({ ...holding(), events: 2 }, lacks(['r-0-1']))).toEqual(['lake: 1 missing: r-0-1']);
  expect(faults(lacks(['r-0-2'], 2), lacks(['r-0-1']))).toEqual(['lake: 1 missing: r-0-1']);
});

it('its minutes stand side by side, the worst first, and are named among the faults', () => {
  const minute = (at: number, sent: number, events: number, altered = 0) => ({ minute: at, sent, events, altered, twice: 0 });
  // Of the stream's first minute only a part is compared.
  const stream = { ...holding(), minutes: [minute(1, 50, 49)] };
  const lake = { ...holding(), minutes: [minute(1, 60, 60, 1), minute(2, 60, 50)] };
  const { found, ...rest } = counted(stream, lake);
  const report = reportOf('local', { ...rest, found: { ...found, inAthena: { ...found.inAthena, minutes: [minute(2, 60, 50)] } } });
  expect(report.minutes).toEqual([
    { minute: '1970-01-01T00:02Z', generated: 60, inStream: 60, inS3: 50, inAthena: 50, altered: 0, twice: 0 },
    { minute: '1970-01-01T00:01Z', generated: 60, inStream: 59, inS3: 60, inAthena: 60, altered: 1, twice: 0 },
  ]);
  expect(mismatches(report)).toEqual([
    'by the minute: 1970-01-01T00:02Z: 60 sent, 60 in the stream, 50 in S3, 50 in Athena, 0 altered, 0 twice; ' +
      '1970-01-01T00:01Z: 60 sent, 59 in the stream, 60 in S3, 60 in Athena, 1 altered, 0 twice',
  ]);
});

describe('windows', () => {
  const { found, ...rest } = counted(holding(), holding());
  const report = (windows: Partial<Audit>) => {
    const audit = reportOf('local', { ...rest, found: { ...found, ...windows } as typeof found });
    return { faults: mismatches(audit), words: auditWords(audit, mismatches(audit)).split('\n'), details: auditDetails(audit) };
  };
  const since = Date.UTC(2026, 10, 23, 18);

  it('are compared from one time up to another, and the worst are named', () => {
    const wrong = report({
      windowsWrong: 7,
      windowsWorst: ['player p red of 18:00 is 2/0/1 and by the events 1/0/1', 'server s of 18:00 is missing'],
    });
    expect(wrong.faults).toEqual([
      'windowsWrong is 7, not 0: player p red of 18:00 is 2/0/1 and by the events 1/0/1; server s of 18:00 is missing',
    ]);
    expect(wrong.words.at(-1)).toBe(`! ${wrong.faults[0]}`);
    const all = report({ windowsSince: since });
    expect(all.words.join()).toContain('(metrics are compared from 2026-11-23T18:00:00.000Z up to the last)');
    expect(all.words.at(-1)).toBe('Everything agrees.');
    const some = report({ windowsSince: since, windowsUntil: since + 10_000 });
    expect(some.words.join()).toContain('(metrics are compared from 2026-11-23T18:00:00.000Z up to 2026-11-23T18:00:10.000Z)');
  });

  it('that are outstanding are told of, and are a fault once no restart of the SQL explains it', () => {
    const words = 'windows are outstanding: of some metrics nothing has come out of the SQL for 2026-11-23T18:00:00.000Z and later';
    const young = report({ windowsOutstanding: { since, isOverdue: false } });
    expect(young.faults).toEqual([]);
    expect(young.words.at(-1)).toBe(`All that has come out agrees; ${words}. The next audit compares them.`);
    expect(young.details).toContain(young.words.at(-1));
    expect(report({ windowsOutstanding: { since, isOverdue: true } }).faults).toEqual([words]);
  });
});
