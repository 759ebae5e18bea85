import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { milliseconds } from '../pipeline/duration.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec, SpecError } from '../pipeline/spec.ts';
import { everything, foundation, type Plan, reports, STAGES, wantsTables } from '../pipeline/stages.ts';

const pipelineOf = (written: object = {}): Pipeline => ({ ...parseSpec(written), account: '111122223333' });

/** The longest and shortest names and regions that there are, and some between. */
const anyPipeline = fc
  .record({
    name: fc.stringMatching(/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/),
    region: fc.constantFrom('us-east-1', 'eu-west-1', 'eu-central-1', 'ap-southeast-2', 'ap-northeast-3', 'ca-central-1'),
  })
  .map(pipelineOf);

describe('the spec', () => {
  const faultsOf = (written: unknown): string[] => {
    try {
      parseSpec(written, 'data2dashboard.yaml');
      return [];
    } catch (error) {
      expect(error).toBeInstanceOf(SpecError);
      return (error as SpecError).faults;
    }
  };

  it('is whole without a word written', () => {
    expect(parseSpec(undefined)).toMatchObject({
      name: 'data2dashboard',
      region: 'us-east-1',
      target: 'local',
      shards: 2,
      delivery: { seconds: 30, megabytes: 5 },
    });
    expect(parseSpec({})).toEqual(parseSpec(undefined));
  });

  it('lists every fault with its path, all at once', () => {
    const faults = faultsOf({
      name: 'Bad_Name',
      region: 'mars',
      shards: 0,
      generator: { rate: -1, colour: 'red' },
      delivery: { seconds: 901 },
      keep: { logDays: 2 },
      schedules: { crawl: 'soon' },
      surprise: true,
    });
    const paths = faults.map((fault) => fault.split(':')[0]).sort();
    expect(paths).toEqual(
      [
        'delivery.seconds',
        'generator.colour',
        'generator.rate',
        'keep.logDays',
        'name',
        'region',
        'schedules.crawl',
        'shards',
        'surprise',
      ].sort(),
    );
  });

  it('says all of them in one message that names the file', () => {
    expect(() => parseSpec({ name: '', shards: 99 }, 'data2dashboard.yaml')).toThrow(
      /^data2dashboard\.yaml has 2 faults:\n {2}name: .*\n {2}shards: /,
    );
  });

  it('refuses what AWS would refuse, on the local target too', () => {
    expect(faultsOf({ schedules: { refresh: '30 minutes' } })).toEqual(['schedules.refresh: is 48 refreshes a day; QuickSight allows 32']);
    const tooFast = [expect.stringMatching(/^generator\.rate: .* needs 3 shards/)];
    expect(faultsOf({ generator: { rate: 8001 } })).toEqual(tooFast);
    expect(faultsOf({ generator: { rate: 1896, aggregate: false } })).toEqual([]);
    expect(faultsOf({ generator: { rate: 1900, aggregate: false } })).toEqual([
      'generator.rate: of 1900 events/s needs 3 shards (948 events/s each, as none are aggregated), not 2',
    ]);
    expect(faultsOf({ generator: { rate: 1896, aggregate: false, trouble: { duplicate: 0.2, malformed: 0.05 } } })).toEqual([
      'generator.rate: of 1896 events/s needs 3 shards (758 events/s each, as none are aggregated), not 2',
    ]);
    expect(faultsOf({ shards: 5 })).toEqual([]);
    expect(faultsOf({ shards: 5, generator: { players: 40 } })).toEqual([
      expect.stringMatching(/^generator\.players: must be at least 50/),
    ]);
    expect(faultsOf({ target: 'aws' })).toEqual([expect.stringMatching(/^quicksightPrincipal: is needed/)]);
    expect(faultsOf({ name: `a${'b'.repeat(30)}` })).toEqual([expect.stringMatching(/^name: /)]);
    expect(faultsOf([])).toHaveLength(1);
  });

  it('refuses timers that would never rest', () => {
    const tooShort = 'must be at least 10 seconds';
    expect(faultsOf({ schedules: { crawl: '0 seconds', queries: '9 seconds', refresh: '0 days' }, local: { crawl: '0 minutes' } })).toEqual(
      [`schedules.crawl: ${tooShort}`, `schedules.queries: ${tooShort}`, `schedules.refresh: ${tooShort}`, `local.crawl: ${tooShort}`],
    );
    expect(faultsOf({ schedules: { crawl: 'soon' } })).toEqual(["schedules.crawl: must be a number and a unit, as '5 minutes'"]);
    expect(parseSpec({ schedules: { crawl: '10 seconds' }, local: { crawl: '10 seconds' } }).local.crawl).toBe('10 seconds');
  });

  it('reads durations', () => {
    expect(['1 second', '5 minutes', '2 hours', '1 day'].map(milliseconds)).toEqual([1_000, 300_000, 7_200_000, 86_400_000]);
  });
});

describe('names', () => {
  it('stay within the limits of AWS for every spec that is taken', () => {
    fc.assert(
      fc.property(anyPipeline, (pipeline) => {
        const n = names(pipeline);
        expect(n.bucket).toMatch(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/);
        for (const stream of Object.values(n.streams)) expect(stream).toMatch(/^[a-zA-Z0-9_.-]{1,128}$/);
        for (const delivery of Object.values(n.deliveries)) expect(delivery).toMatch(/^[a-zA-Z0-9_.-]{1,64}$/);
        for (const role of Object.values(n.roles)) expect(role).toMatch(/^[\w+=,.@-]{1,64}$/);
        for (const database of [n.flinkDatabase, n.lakeDatabase]) expect(database).toMatch(/^[a-z0-9_]{1,255}$/);
        for (const group of [n.firehoseLogGroup, n.studioLogGroup]) expect(group).toMatch(/^[.\-_/#A-Za-z0-9]{1,512}$/);
        expect(n.application).toMatch(/^[a-zA-Z0-9_.-]{1,128}$/);
        expect(n.workgroup).toMatch(/^[a-zA-Z0-9._-]{1,128}$/);
        for (const id of [n.dashboard, n.analysis, n.dataSource, ...Object.values(n.dataSets)]) expect(id).toMatch(/^[\w-]{1,128}$/);
      }),
      { numRuns: 200 },
    );
  });

  it('are never shared by two pipelines, nor by two things of one kind', () => {
    fc.assert(
      fc.property(anyPipeline, anyPipeline, (one, other) => {
        const { streams, deliveries, roles } = names(one);
        for (const kind of [streams, deliveries, roles]) expect(new Set(Object.values(kind)).size).toBe(Object.values(kind).length);
        fc.pre(one.name !== other.name && !`${one.name}`.startsWith(`${other.name}-`) && !other.name.startsWith(`${one.name}-`));
        expect(names(one).bucket).not.toBe(names(other).bucket);
        expect(names(one).streamArn('events')).not.toBe(names(other).streamArn('events'));
      }),
    );
  });

  it('keep what could not be delivered outside of the data', () => {
    const { prefix, datedPrefix, errorPrefix } = names(pipelineOf());
    for (const table of LAKE_TABLES) {
      expect(datedPrefix(table).startsWith(prefix(table))).toBe(true);
      expect(errorPrefix(table).startsWith('lake/')).toBe(false);
    }
  });
});

describe('the plan', () => {
  const stagesOf = (plan: Plan) => plan.map(({ stage }) => stage);

  it('covers every stage once', () => {
    expect(stagesOf(everything())).toEqual(Object.keys(STAGES));
    expect([...stagesOf(foundation()), ...stagesOf(reports())].sort()).toEqual(Object.keys(STAGES).sort());
  });

  it('names each stage behind those it needs, and needs nothing outside of itself', () => {
    for (const plan of [everything(), foundation(), reports()]) {
      plan.forEach(({ needs }, i) => {
        const earlier = stagesOf(plan.slice(0, i));
        for (const need of needs) expect(earlier).toContain(need);
      });
    }
  });

  it('needs only stages that there are, and the tables', () => {
    for (const { needs } of Object.values(STAGES)) for (const need of needs) expect([...Object.keys(STAGES), 'tables']).toContain(need);
  });

  it('lets the foundation stand before the first event, the reports only upon crawled tables', () => {
    expect(stagesOf(foundation()).some(wantsTables)).toBe(false);
    expect(stagesOf(reports()).every(wantsTables)).toBe(true);
    expect(stagesOf(reports())).toEqual(expect.arrayContaining(['views', 'players', 'teams', 'history', 'analysis', 'dashboard']));
  });
});
