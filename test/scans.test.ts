import { describe, expect, it } from '@jest/globals';
import { reading } from '../activities/athena/deployed-view.ts';
import { workGroup } from '../activities/athena/work-group.ts';
import type { Clients } from '../activities/aws.ts';
import { statement, statements } from '../activities/sql.ts';
import { type Cadence, cadences } from '../pipeline/cadences.ts';
import { cost, PRICES } from '../pipeline/cost.ts';
import { names } from '../pipeline/names.ts';
import { bytesScanned, READS, type Reads, readsOf } from '../pipeline/scans.ts';
import type { QUESTIONS } from '../pipeline/schedules.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { scansOf } from './scans.ts';

const pipelineOf = (spec: object = {}): Pipeline => ({ ...parseSpec(spec), account: '000000000000' });
const pipeline = pipelineOf({ generator: { rate: 1000 } });
const { lakeDatabase } = names(pipeline);
const MB = 1024 ** 2;
const HOUR_BYTES = 1000 * 45 * 3600;

describe('what queries scan', () => {
  it.each([10, 100, 1000, 8000])(
    'is less than the limit of the workgroup, at %i events a second and with a lake as old as it gets',
    async (rate) => {
      const busy = pipelineOf({ generator: { rate }, shards: 10 });
      const differences = await workGroup({} as Clients).differences(busy, { tags: {} } as never);
      const limit = Number(differences.find(({ field }) => field.includes('BytesScannedCutoffPerQuery'))!.wanted);
      const audit = readsOf({ what: 'audit', name: 'audit', every: 24 * 3_600_000 });
      for (const read of [...Object.values(READS), ...audit]) expect(bytesScanned(busy, read, 24 * busy.keep.lakeDays)).toBeLessThan(limit);
    },
  );

  it('is known of every question, data set and audit as their texts have it, each part of a WITH wherever it is named', () => {
    const texts = { ...Object.fromEntries(statements(pipeline, 'athena').map(({ name, text }) => [name, text])) };
    texts.history = statement(pipeline, 'quicksight/history.sql');
    const known = Object.fromEntries(Object.entries(READS).map(([name, { scans }]) => [name, scans]));
    expect(known).toEqual(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, scansOf(text, lakeDatabase)])));
    const view = statements(pipeline, 'views').find(({ name }) => name === 'game_events')!;
    const gameEvents = reading(view.text.replace(/^(--.*\n)*CREATE OR REPLACE VIEW \S+ AS\n/, ''), lakeDatabase, 'events', 'TRUE');
    const more = { lanes: '', since: '', sinceHour: '', blockEvents: '1', gameEvents };
    const audit: Cadence = { what: 'audit', name: 'audit', every: 3_600_000 };
    expect(readsOf(audit).map(({ scans }) => scans)).toEqual([
      ...['lanes', 'counted'].map((file) => scansOf(statement(pipeline, `audit/${file}.sql`, more), lakeDatabase)),
      READS.windows_wrong.scans,
    ]);
  });

  it('goes as far back as the texts do', () => {
    for (const { name, text } of statements(pipeline, 'athena')) {
      const hours = [...text.matchAll(/year \|\| month \|\| day \|\| hour >= date_format\(current_timestamp - INTERVAL '(\d+)' HOUR/g)];
      expect([name, ...new Set(hours.map(([, back]) => Number(back)))]).toEqual([
        name,
        READS[name as (typeof QUESTIONS)[number]].hours + 1,
      ]);
    }
  });

  it('is what the lake has of that range, once for each scan', () => {
    const twice: Reads = { hours: 24, scans: { events: 2 } };
    expect(bytesScanned(pipeline, twice, 1e6)).toBe(2 * 25 * HOUR_BYTES);
    expect(bytesScanned(pipeline, twice, 3)).toBe(2 * 3 * HOUR_BYTES);
    const late = pipelineOf({ generator: { rate: 1000, trouble: { late: 0.5 } } });
    expect(bytesScanned(late, { hours: 1, scans: { late_events: 1 } }, 1e6)).toBe(HOUR_BYTES);
    expect(readsOf({ what: 'audit', name: 'audit', every: 86_400_000 }).map(({ hours }) => hours)).toEqual([24, 24, 24]);
  });

  it('is billed, 10 MB a query at least, as often as it is asked', () => {
    const athena = (spec: object, lakeDays?: number) =>
      cost(pipelineOf(spec), { generating: true, studio: true, schedules: true, lakeDays }).find(({ what }) => what === 'Athena queries')!;
    const seldom = { queries: '1000 hours', refresh: '1000 hours', audit: '1000 hours' };
    const of = (name: string, spec: object = {}, lakeDays?: number) => {
      const [usual, often] = ['1000 hours', '1 hour'].map(
        (every) => athena({ generator: { rate: 1000 }, schedules: { ...seldom, each: { [name]: { every } } }, ...spec }, lakeDays).perHour,
      );
      return ((often! - usual!) / (1 - 1 / 1000) / PRICES.athenaTb) * 1024 ** 4;
    };
    expect(of('retention', {}, 0) / MB).toBeCloseTo(10, 3);
    expect(of('retention') / READS.retention.scans.events! / (1441 * HOUR_BYTES)).toBeCloseTo(1, 6);
    expect(of('retention', { keep: { lakeDays: 1 } }) / READS.retention.scans.events! / (24 * HOUR_BYTES)).toBeCloseTo(1, 6);
    expect(of('server_operations', { generator: { rate: 1 } }) / MB).toBeCloseTo(10, 3);
    const all = cadences({ ...pipeline, target: 'aws' });
    const asked = all.flatMap((each) => readsOf(each).map(() => 3_600_000 / each.every)).reduce((sum, each) => sum + each);
    expect(athena({}).basis).toMatch(new RegExp(`^${Number(asked.toPrecision(3))} queries, [\\d.]+ GB$`));
  });
});
