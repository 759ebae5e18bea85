import { DeleteTableCommand } from '@aws-sdk/client-glue';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { reading } from '../activities/athena/deployed-view.ts';
import { runQuery } from '../activities/athena/run-query.ts';
import { stageActivities } from '../activities/registry.ts';
import { names } from '../pipeline/names.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { act, aws, doing, quiet } from './audit-stage.ts';
import { putRows } from './lake.ts';

const { pipeline, hour } = quiet;

describe('Athena', () => {
  it('counts by the minute, too, what the lake holds of each', async () => {
    const { minutes, wrong, events } = await doing(() => act['audit.athena'](pipeline, 0, undefined, true));
    const first = hour / 60_000;
    // Two lanes at ten a second, from the third second on; what was held back at the end may have come.
    expect(minutes.map(({ minute }) => minute - first).sort()).toEqual([0, 1, 2]);
    for (const { sent, events: has } of minutes) expect(has).toBe(sent);
    expect(minutes.find(({ minute }) => minute === first)).toMatchObject({ sent: 1_140 });
    expect({ wrong, sum: minutes.reduce((all, { events: has }) => all + has, 0) }).toEqual({ wrong: [], sum: events });
    expect((await doing(() => act['audit.athena'](pipeline, 0))).minutes).toEqual([]);
  });

  /** What it has wrong while 300 numbers of each lane lie in an hour that the catalog does not know; nothing once they are back. */
  async function wrongWhileMoved(): Promise<string[]> {
    const isMoved = (record: string) => /^{"event_id":"quiet-[01]-[1-3]\d\d\D/.test(record);
    const put = (lane: number, records: string[], when: number) => putRows(aws, pipeline, 'events', `lane-${lane}`, records, when);
    const moved: string[] = [];
    try {
      for (const [lane, records] of quiet.sent.entries()) {
        const stay = records.filter((record) => !isMoved(record));
        await put(lane, stay, hour);
        moved.push(await put(lane, records.filter(isMoved), hour - 2 * HOUR_MS));
      }
      expect((await doing(() => act['audit.count'](pipeline, 'lake', 0))).missing).toBe(0);
      return (await doing(() => act['audit.athena'](pipeline, 0))).wrong;
    } finally {
      for (const Key of moved) await aws.s3.send(new DeleteObjectCommand({ Bucket: names(pipeline).bucket, Key }));
      for (const [lane, records] of quiet.sent.entries()) await put(lane, records, hour);
    }
  }
  const counts = (lane: number) => `events 0 to 100000 of quiet-${lane}: \\d+ with \\d+ kills, not \\d+ with \\d+`;

  it('names the events that it alone has not', async () => {
    const named = (lane: number) => {
      const ids = Array.from({ length: 20 }, (_, i) => `quiet-${lane}-${100 + i}`).join(', ');
      return expect.stringMatching(new RegExp(`^${counts(lane)}; missing: ${ids}, …$`));
    };
    expect(await wrongWhileMoved()).toEqual([named(0), named(1)]);
    expect((await doing(() => act['audit.athena'](pipeline, 0))).wrong).toEqual([]);
  });

  it('counts all the same where it cannot be asked which', async () => {
    const spoil = (next: (input: unknown) => Promise<unknown>) => (args: { input: { QueryString?: string } }) => {
      if (args.input.QueryString?.includes('run_of_numbers')) args.input.QueryString = 'SELECT missing FROM nowhere';
      return next(args);
    };
    // biome-ignore lint/suspicious/noExplicitAny: a middleware of one command's input
    aws.athena.middlewareStack.add(spoil as any, { step: 'initialize', name: 'spoil' });
    try {
      const untold = (lane: number) =>
        expect.stringMatching(new RegExp(`^${counts(lane)}; which are missing cannot be told: counting in Athena ended as FAILED: .+`));
      expect(await wrongWhileMoved()).toEqual([untold(0), untold(1)]);
    } finally {
      aws.athena.middlewareStack.remove('spoil');
    }
  });
});

describe('what questions count twice', () => {
  it('is what they count beyond what was sent: none of the copies that were sent, one under another id', async () => {
    expect(await doing(() => act['audit.counted'](pipeline, hour))).toMatchObject({ duplicates: 0 });
    const record = quiet.sent[0]!.find((each) => each.startsWith('{"event_id":"quiet-0-5"'))!;
    const again = (name: string) => putRows(aws, pipeline, 'events', 'again', [record.replace('-0-5"', `-0-${name}"`)], hour);
    await again('5');
    expect(await doing(() => act['audit.counted'](pipeline, hour))).toMatchObject({ duplicates: 0 });
    await again('05');
    const { duplicates, bytesScanned } = await doing(() => act['audit.counted'](pipeline, hour));
    await putRows(aws, pipeline, 'events', 'again', [], hour);
    expect(duplicates).toBe(1);
    expect(bytesScanned).toBeGreaterThan(0);
  });

  it('is what the view as it stands lets through, whatever our text says', async () => {
    const { lakeDatabase } = names(pipeline);
    const replace = async (query: string) => {
      const text = `CREATE OR REPLACE VIEW ${lakeDatabase}.game_events AS ${query}`;
      const { Status } = await runQuery(aws.athena, pipeline, { text, within: 20_000, what: 'the view' });
      expect(Status!.State).toBe('SUCCEEDED');
    };
    const events = "event_id, CAST(replace(event_time, 'T', ' ') AS timestamp(3)) AS event_time";
    await replace(`SELECT ${events} FROM ${lakeDatabase}.events WHERE event_type <> 'heartbeat'`);
    const { duplicates } = await doing(() => act['audit.counted'](pipeline, hour));
    const ids = quiet.sent.flat().flatMap((record) => /^{"event_id":"([^"]*\d)"/.exec(record)?.[1] ?? []);
    expect(duplicates).toBeGreaterThan(0);
    expect(duplicates).toBe(ids.length - new Set(ids).size);

    await replace(`SELECT ${events} FROM ${lakeDatabase}.late_events`);
    await expect(doing(() => act['audit.counted'](pipeline, hour))).rejects.toThrow(
      `view ${lakeDatabase}.game_events does not read events`,
    );
    const Name = 'game_events';
    await aws.glue.send(new DeleteTableCommand({ DatabaseName: lakeDatabase, Name }));
    await expect(doing(() => act['audit.counted'](pipeline, hour))).rejects.toThrow(`there is no view ${lakeDatabase}.game_events`);
    await stageActivities(aws)['views.ensure'](pipeline);
    expect(await doing(() => act['audit.counted'](pipeline, hour))).toMatchObject({ duplicates: 0 });
  });

  it('is found in a view that Athena keeps in words of its own, too', () => {
    const of = (from: string) => reading(`SELECT * ${from} WHERE x`, 'lake', 'events', 'TRUE');
    for (const name of ['lake.events', 'events', '"lake"."events"', 'awsdatacatalog.lake.events'])
      for (const from of [`FROM ${name}`, `FROM\n  ${name}`]) expect(of(from)).toContain('(SELECT * FROM lake.events WHERE TRUE) WHERE x');
    for (const name of ['lake.late_events', 'lake.events_more', 'events.other'])
      expect(of(`FROM ${name}`)).toBe(`SELECT * FROM ${name} WHERE x`);
  });
});
