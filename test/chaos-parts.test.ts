import { getMaxListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { createdTwice, startedTwice } from '../chaos/effects.ts';
import { errorsOf, operationsInCode } from '../chaos/models.ts';
import { randomBy } from '../chaos/random.ts';
import { lived, type Run, summed, until } from '../chaos/run.ts';
import { soakFaults } from '../chaos/soak-faults.ts';
import { everyCall, everyError, operationsOf, planOf, queueOf, type Strike } from '../chaos/strikes.ts';
import type { Call } from '../local/call-log.ts';
import type { Count } from '../local/faults.ts';
import { faults } from '../local/faults.ts';
import { parseSpec } from '../pipeline/spec.ts';

let count = 0;
const call = (operation: string, input: object, more: Partial<Call> = {}): Call => ({
  id: `${count++}`,
  at: 0,
  took: 1,
  service: 'any',
  operation,
  caller: 'user/local',
  app: 'worker',
  input,
  outcome: 'ok',
  ...more,
});

describe('what was created', () => {
  it.each([
    ['CreateStream', 'DeleteStream', { StreamName: 'x' }, { StreamName: 'x' }],
    ['CreateWorkGroup', 'DeleteWorkGroup', { Name: 'x' }, { WorkGroup: 'x' }],
    ['CreateDatabase', 'DeleteDatabase', { DatabaseInput: { Name: 'x' } }, { Name: 'x' }],
    ['CreateDataSet', 'DeleteDataSet', { DataSetId: 'x' }, { DataSetId: 'x' }],
    ['CreateApplication', 'DeleteApplication', { ApplicationName: 'x' }, { ApplicationName: 'x', CreateTimestamp: 1 }],
  ])('by %s and gone by %s may be created again, but not before', (create, remove, made, gone) => {
    const [creates, deletes] = [() => call(create, made), () => call(remove, gone)];
    expect(createdTwice([creates(), deletes(), creates()])).toEqual([]);
    expect(createdTwice([creates(), creates()])).toHaveLength(1);
    expect(createdTwice([creates(), deletes(), creates(), creates()])).toHaveLength(1);
  });

  it('counts by its effect, whatever its caller heard', () => {
    const create = (outcome: string) => call('CreateStream', { StreamName: 'x' }, { outcome });
    expect(createdTwice([create('lost'), create('ok')])).toHaveLength(1);
    for (const outcome of ['cut', 'ResourceInUseException']) expect(createdTwice([create('ok'), create(outcome)])).toEqual([]);
  });
});

describe('what was started', () => {
  const pipeline = { ...parseSpec({ name: 'game' }), account: '000000000000' };
  const crawl = (at: number, outcome = 'ok', app = 'worker') => call('StartCrawler', { Name: 'game-lake' }, { at, outcome, app });
  const asked = { 'crawl.start': [{ from: 0, to: 10 }] };

  it('is once for each time that it was asked for', () => {
    expect(startedTwice([crawl(1)], pipeline, asked)).toEqual([]);
    expect(startedTwice([crawl(1), crawl(5)], pipeline, asked)).toHaveLength(1);
    expect(startedTwice([crawl(1), crawl(5)], pipeline, { 'crawl.start': [...asked['crawl.start'], { from: 4, to: 6 }] })).toEqual([]);
    expect(startedTwice([crawl(20)], pipeline, asked)).toHaveLength(1);
  });

  it('is not what had no effect, nor what somebody else starts', () => {
    expect(startedTwice([crawl(1), crawl(2, 'CrawlerRunningException'), crawl(3, 'ok', 'test')], pipeline, asked)).toEqual([]);
    expect(startedTwice([crawl(1, 'lost'), crawl(2)], pipeline, asked)).toHaveLength(1);
  });

  it('is one query by one token, however often it is sent', () => {
    const query = (at: number, ClientRequestToken: string, QueryString = 'SELECT 1') =>
      call('StartQueryExecution', { WorkGroup: 'game', ClientRequestToken, QueryString }, { at });
    const meant = { 'query.start': [{ from: 0, to: 10 }] };
    expect(startedTwice([query(1, 'a'), query(2, 'a')], pipeline, meant)).toEqual([]);
    expect(startedTwice([query(1, 'a'), query(2, 'b')], pipeline, meant)).toHaveLength(1);
    expect(startedTwice([query(1, 'a'), query(2, 'b', 'CREATE OR REPLACE VIEW x AS SELECT 1')], pipeline, meant)).toEqual([]);
  });
});

describe('a run', () => {
  it('converges with every count taken and 0, and no other', async () => {
    const good = await lived(1000, ['lost', 'leftovers'], async ({ run }) => void Object.assign(run, { lost: 0, leftovers: 0 }));
    expect(good).toMatchObject({ converged: true, lost: 0, leftovers: 0 });
    for (const counts of [{ lost: 1, leftovers: 0 }, { lost: 0 }])
      expect(await lived(1000, ['lost', 'leftovers'], async ({ run }) => void Object.assign(run, counts))).toMatchObject({
        converged: false,
      });
  });

  it('that throws says where, and has null for what it did not come to count', async () => {
    const run = await lived(1000, ['lost', 'leftovers'], async ({ run, phase }) => {
      phase('apply');
      run.lost = 0;
      throw new Error('no shards left');
    });
    expect(run).toMatchObject({ converged: false, lost: 0, leftovers: null, fault: 'in apply: no shards left' });
  });

  it('that takes longer than it may says in what', async () => {
    const run = await lived(100, ['lost'], async ({ signal, phase }) => {
      phase('down');
      await until(signal, async () => undefined, 10);
    });
    expect(run).toMatchObject({ converged: false, lost: null, fault: 'it is still in down after 0.1 s' });
  });

  it('may wait in any number of places at once, none of which Node warns of as a leak', async () => {
    const run = await lived(1000, [], async ({ signal }) => {
      expect(getMaxListeners(signal)).toBe(Number.POSITIVE_INFINITY);
    });
    expect(run.fault).toBeUndefined();
  });

  it('is followed by clearing if it failed, and only then', async () => {
    const cleared: Run[] = [];
    const clearing = async (run: Run) => void cleared.push(run);
    await lived(1000, [], async () => undefined, clearing);
    expect(cleared).toEqual([]);
    await lived(1000, [], () => Promise.reject(new Error('no')), clearing);
    expect(cleared).toHaveLength(1);
  });

  it('adds up with others, unless it lacks a count that it was to have', () => {
    const run = (lost?: number | null): Run => ({ converged: true, blows: [], seconds: 1, phases: {}, lost });
    expect(summed([run(1), run(2), run(undefined)], 'lost')).toBe(3);
    expect(summed([run(1), run(null)], 'lost')).toBeNull();
  });
});

describe('the faults to come', () => {
  const calls = [call('StartCrawler', {}, { service: 'glue' }), call('StartCrawler', {}, { service: 'glue', app: 'test' })];

  it('are every modelled error of an operation, and the common ones', () => {
    const all = everyError(calls, randomBy(1));
    const modelled = errorsOf('glue', 'StartCrawler');
    expect(modelled).toContain('CrawlerRunningException');
    expect(errorsOf('glue', 'CreateDatabase')).toContain('InternalServiceException');
    expect(modelled).not.toEqual(errorsOf('glue', 'GetTables'));
    expect(all).toHaveLength(modelled.length + 5);
    expect(new Set(all.map(({ after }) => after))).toEqual(new Set([0]));
    // Those that the SDK tries again by itself come as often as it does.
    const timesOf = (name: string) => all.find(({ fault }) => fault.kind === 'error' && fault.name === name)?.times;
    expect([timesOf('CrawlerRunningException'), timesOf('OperationTimeoutException')]).toEqual([1, 1]);
    expect(all.find(({ fault }) => fault.kind === 'unavailable')?.times).toBe(3);
  });

  it('befall only calls of ours, each by its number', () => {
    const mixed = [...calls].reverse();
    expect(operationsOf(mixed)).toEqual([{ service: 'glue', operation: 'StartCrawler', count: 1 }]);
    const all = everyCall([...mixed, ...calls]);
    expect(all.map(({ after, times }) => [after, times])).toEqual([0, 1].flatMap((after) => Array.from({ length: 4 }, () => [after, 3])));
    const plan = faults(planOf(all.filter(({ after }) => after === 1)));
    expect(plan.strike(calls[1]!)).toBeUndefined();
    expect(plan.strike(calls[0]!)).toBeUndefined();
    expect(plan.strike(calls[1]!)).toBeUndefined();
    expect(plan.strike(calls[0]!)).toBeDefined();
  });

  it('come one of an operation in a life; what does not come about is tried elsewhere, then given up', () => {
    const strike = (operation: string, others: number[]): Strike => ({
      service: 'glue',
      operation,
      fault: { kind: 'cut' },
      after: 9,
      times: 1,
      else: others,
    });
    const queue = queueOf([strike('A', [3]), strike('A', []), strike('B', [])], randomBy(1));
    const first = queue.next(10);
    expect(first.map(({ operation }) => operation).sort()).toEqual(['A', 'B']);
    expect(queue.waiting()).toBe(1);
    let missed = [strike('A', [3])];
    const tried: number[] = [];
    const alone = queueOf(missed, randomBy(1));
    for (let given: Strike[] = []; given.length === 0; given = alone.takeBack(missed)) {
      missed = alone.next(1);
      tried.push(missed[0]!.after);
    }
    expect(tried).toEqual([9, 3, 3, 3]);
    expect(alone.waiting()).toBe(0);
  });

  it('are of the operations for which there is code', () => {
    expect(operationsInCode()).toEqual(
      expect.arrayContaining(['StartCrawler', 'CreateDeliveryStream', 'ListTagsForResource', 'PutRecords']),
    );
  });
});

describe('a soak', () => {
  const steady = (megabytes: number) => Array.from({ length: 60 }, () => megabytes);
  const trouble = { blows: ['worker', 'Flink'], victims: ['Flink'], failures: [] };
  const good = { minutes: 60, rate: 500, generated: 1_790_000, resent: 100, ...trouble, memory: { worker: steady(200) } };

  it('is without a fault when it sent what was asked for, little of it again, in memory that stays', () => {
    expect(soakFaults(good)).toEqual([]);
    expect(soakFaults({ ...good, generated: 1_735_000, blows: ['worker', 'worker', 'local AWS'], victims: [], memory: {} })).toEqual([]);
  });

  it('has a fault when a thousandth was sent again', () => {
    expect(soakFaults({ ...good, resent: 1_790 })).toEqual([
      '1790 of 1790000 events were sent again, a share of 0.001; it is to be below 0.001',
    ]);
    expect(soakFaults({ ...good, rate: 0.001, generated: 0, resent: 0 })).toHaveLength(2);
  });

  it('has a fault when less was sent than was asked for, but for recoveries of what sends', () => {
    expect(soakFaults({ ...good, generated: 1_735_000, blows: ['Flink', 'Athena'] })).toEqual([
      '1735000 events were sent; at 500 a second, less 0 s of recoveries, 1746000 were due',
    ]);
  });

  it('has a fault when what was to be killed or to fail was not', () => {
    const count = (struck: number): Count => ({ rule: { operation: 'PutRecords', fault: { kind: 'cut' } }, met: 9, struck });
    expect(soakFaults({ ...good, failures: [count(1)] })).toEqual([]);
    expect(soakFaults({ ...good, victims: ['Athena', 'worker'], failures: [count(0)] })).toEqual([
      'Athena was never killed',
      'no PutRecords failed by cut',
    ]);
  });

  it('has a fault when a part grows after the kills, whatever it takes now and then, or while it does not run', () => {
    const growing = Array.from({ length: 60 }, (_, minute) => 200 + 50 * Math.max(0, minute - 30));
    expect(soakFaults({ ...good, memory: { 'local AWS': growing } })).toEqual([
      expect.stringMatching(/^the memory of local AWS grew from 3\d\d to 15\d\d MB; it may be \d+ MB$/),
    ]);
    expect(soakFaults({ ...good, memory: { worker: [...growing].reverse() } })).toEqual([]);
    const now = steady(200).map((megabytes, minute) => (minute % 9 === 0 ? Number.NaN : minute % 7 === 0 ? 2_000 : megabytes));
    expect(soakFaults({ ...good, memory: { worker: now, Temporal: [100, 5_000, 5_000] } })).toEqual([]);
  });
});
