import { expect, it } from '@jest/globals';
import type { Holding } from '../activities/tally.ts';
import { mismatches } from '../pipeline/audit.ts';
import { reportOf } from '../workflows/audit-report.ts';

/** What a place holds of three events, these among them once more, for no reason that the ledger knows. */
const holding = (...twice: string[]): Holding => ({
  ...{ events: 3, kills: 1, missing: 0, altered: 0, malformed: 0, heartbeats: 1, oversized: 0, unknown: 0 },
  copies: { onPurpose: 0, resent: 0, unexplained: twice.length },
  lacking: { malformed: 0, copies: 0 },
  examples: { missing: [], twice, altered: [], lacking: [] },
});
const counted = (stream: Holding, lake: Holding) => ({
  ...{ stream, lake, since: 0, missed: [], truth: { events: 3, kills: 1 } },
  found: {
    ...{ inAthena: { events: 3, kills: 1, wrong: [], bytesScanned: 0 }, duplicates: 0, bytesScanned: 0, killsOnDashboard: undefined },
    ...{ windowsChecked: 1, windowsWrong: 0, windowsSince: 0, windowsEvents: 3 },
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
