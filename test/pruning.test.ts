import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { blocksInAthena, countedInAthena, windowsInAthena } from '../activities/athena/blocks.ts';
import { statements } from '../activities/sql.ts';
import type { LakeTable } from '../pipeline/names.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { RANGES } from '../pipeline/windows.ts';
import { askedLake, HOUR, WINDOW_SECONDS } from './asked-lake.ts';
import { matchFrom, metricsRows } from './lake.ts';

const WEEK_HOURS = 7 * 24;
const WEEK_AGO = HOUR - WEEK_HOURS * HOUR_MS;
const OLD_HOURS = 20;

let lake: Awaited<ReturnType<typeof askedLake>>;
beforeAll(async () => {
  lake = await askedLake();
});
afterAll(() => lake.close());

const ends = [{ run: 'asked', lane: 0, end: 1_000_000 }];

/** Bytes that each part of an audit scans for what happened since then, or in so many hours. */
async function audited(since: number, hours: number) {
  const { aws, pipeline } = lake;
  const [lanes, counted, windows] = await Promise.all([
    blocksInAthena(aws.athena, pipeline, { since, ends }, randomUUID()),
    countedInAthena(aws, pipeline, { since, ends }, randomUUID()),
    windowsInAthena(aws.athena, pipeline, { sending: false, hours }, randomUUID()),
  ]);
  return { lanes: lanes.bytesScanned, counted: counted.bytesScanned, windows: windows.bytesScanned };
}

/** Bytes that each view scans when it is asked for what happened since then, by the time that its rows have. */
async function askedByHand(): Promise<Record<string, number>> {
  const bytes: Record<string, number> = {};
  for (const { name } of statements(lake.pipeline, 'views')) {
    const [row] = await lake.rows(`SELECT * FROM ${lake.database}.${name} LIMIT 1`);
    const time = row === undefined || 'window_start' in row ? 'window_start' : 'event_time';
    const since = new Date(HOUR).toISOString().slice(0, -1).replace('T', ' ');
    bytes[name] = await lake.bytesScanned(`SELECT * FROM ${lake.database}.${name} WHERE ${time} >= TIMESTAMP '${since}'`);
  }
  return bytes;
}

describe('the partitions before what is asked for', () => {
  it('are not read by an audit, and are by whoever asks a view by hand', async () => {
    const [audit, views] = [await audited(HOUR, RANGES.latest), await askedByHand()];
    for (let hour = 0; hour < OLD_HOURS; hour++) {
      const events = matchFrom(WEEK_AGO + hour * HOUR_MS, `old${hour}`);
      const tables = { events, ...metricsRows(events.slice(1), events.slice(0, 1), WINDOW_SECONDS) };
      for (const [table, rows] of Object.entries(tables)) await lake.put(table as LakeTable, 'old', rows, WEEK_AGO + hour * HOUR_MS);
    }
    await lake.crawl();

    expect(await audited(HOUR, RANGES.latest)).toEqual(audit);
    const whole = await audited(WEEK_AGO, WEEK_HOURS + 2);
    for (const part of ['lanes', 'counted', 'windows'] as const) expect(whole[part]).toBeGreaterThan(3 * audit[part]);
    // Copies, and late rows of a window, lie in other partitions than the first: no condition on them could pass a view and leave it right.
    for (const [view, bytes] of Object.entries(await askedByHand()))
      expect({ view, more: bytes > 2 * views[view]! }).toEqual({ view, more: true });
  });
});
