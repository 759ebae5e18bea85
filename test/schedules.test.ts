import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment, type TestWorkflowEnvironment } from '@temporalio/testing';
import { scheduled } from '../activities/temporal/scheduled.ts';
import { surplusSchedules, temporal } from '../activities/temporal/schedules.ts';
import { type ScheduleReport, scheduleReport } from '../client/schedule-report.ts';
import { dataSets } from '../pipeline/dashboard.ts';
import { QUESTIONS, REFRESHED, SCHEDULED } from '../pipeline/schedules.ts';
import { type Pipeline, parseSpec, SpecError } from '../pipeline/spec.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';
import { temporalServer, workerIn } from './temporal-server.ts';

const pipelineOf = (spec: object): Pipeline => ({ ...parseSpec(spec), account: '000000000000' });

describe('what a spec says of its schedules', () => {
  const faultsOf = (spec: object) => {
    try {
      parseSpec(spec);
      return [];
    } catch (error) {
      if (error instanceof SpecError) return error.faults;
      throw error;
    }
  };

  it('knows every question, and every data set in SPICE', () => {
    const files = readdirSync(new URL('../sql/athena/', import.meta.url)).map((file) => file.replace('.sql', ''));
    expect([...QUESTIONS].sort()).toEqual(files.sort());
    const inSpice = Object.entries(dataSets(pipelineOf({}))).filter(([, { importMode }]) => importMode === 'SPICE');
    expect([...REFRESHED]).toEqual(inSpice.map(([name]) => name));
  });

  it('is a schedule for the crawl, each question and each data set, with its own cadence, overlap and catch-up', () => {
    const each = { kills_total: { every: '30 seconds', overlap: 'buffer one', catchup: '1 hour' }, history: { overlap: 'allow all' } };
    const all = scheduled(pipelineOf({ name: 'game', schedules: { queries: '2 minutes', overlap: 'cancel other', each } }));
    expect(all.map(({ id }) => id)).toEqual([
      'game/crawl',
      ...QUESTIONS.map((name) => `game/query/${name}`),
      'game/refresh/history',
      'game/audit',
    ]);
    const by = (name: string) => all.find((one) => one.name === name);
    expect(by('crawl')).toMatchObject({ every: 60_000, overlap: 'CANCEL_OTHER', catchup: 60_000 });
    expect(by('kills_total')).toMatchObject({ every: 30_000, overlap: 'BUFFER_ONE', catchup: 3_600_000 });
    expect(by('player_deaths')).toMatchObject({ every: 120_000, overlap: 'CANCEL_OTHER' });
    // Its answer changes by the day.
    expect(by('retention')).toMatchObject({ every: 86_400_000, overlap: 'CANCEL_OTHER' });
    expect(by('history')).toMatchObject({ every: 3_600_000, overlap: 'ALLOW_ALL' });
  });

  it('goes as much faster as the pipeline does, down to what Temporal counts in', () => {
    const all = scheduled(pipelineOf({ local: { speed: 100 } }));
    const [crawl, history] = ['crawl', 'history'].map((name) => all.find((one) => one.name === name));
    expect([crawl?.every, history?.every, crawl?.catchup]).toEqual([1000, 36_000, 10_000]);
    const [onAws] = scheduled({ ...pipelineOf({ local: { speed: 100 } }), target: 'aws' });
    expect(onAws?.every).toBe(300_000);
  });

  it('refuses names that have no schedule, and refreshes beyond the quota, in a line each', () => {
    expect(faultsOf({ schedules: { each: { kils: { every: '1 minute' }, history: { every: '10 minutes' } } } })).toEqual([
      `schedules.each.kils: is not scheduled; there are crawl, ${QUESTIONS.join(', ')}, history, audit`,
      'schedules.each.history.every: is 144 refreshes a day; QuickSight allows 32',
    ]);
    expect(faultsOf({ schedules: { overlap: 'queue', catchup: '5 seconds', each: { crawl: { often: true } } } })).toEqual([
      expect.stringMatching(/^schedules.overlap: .*"skip"\|"buffer one"/),
      'schedules.catchup: must be at least 10 seconds',
      'schedules.each.crawl.often: is not a known field',
    ]);
  });
});

/** How many schedules a pipeline has. */
const ALL = SCHEDULED.length;

describe('in Temporal', () => {
  let env: TestWorkflowEnvironment;
  beforeAll(async () => {
    env = await temporalServer();
  });
  afterAll(() => env?.teardown());

  const act = (taskQueue: string) => temporal(env.client, taskQueue);
  const described = (id: string) => env.client.schedule.getHandle(id).describe();
  const idsOf = async (name: string) => {
    const ids: string[] = [];
    for await (const { scheduleId } of env.client.schedule.list()) if (scheduleId.startsWith(`${name}/`)) ids.push(scheduleId);
    return ids.sort();
  };
  const until = async <Value>(look: () => Promise<Value>, isSo: (value: Value) => boolean): Promise<Value> => {
    for (;;) {
      const value = await look();
      if (isSo(value)) return value;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('makes them once, changes only what differs, removes what the spec no longer has, and leaves others alone', async () => {
    const pipeline = pipelineOf({ name: 'one' });
    const ids = scheduled(pipeline).map(({ id }) => id);
    const { specHash, restored } = await act('one')['schedules.ensure'](pipeline);
    expect(restored).toEqual(ids.map((id) => ({ id, missing: true, differences: [] })));
    const stray = { ...(await described('one/crawl')), scheduleId: 'one/query/of_old' };
    await env.client.schedule.create({ ...stray, typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES[0]!, value: 'one' }] });
    await act('one')['schedules.ensure'](pipelineOf({ name: 'one-more' }));
    expect(
      await until(
        () => idsOf('one'),
        (found) => found.length === ALL + 1,
      ),
    ).toContain('one/query/of_old');
    expect(
      await until(
        () => surplusSchedules(env.client, pipeline),
        (found) => found.length > 0,
      ),
    ).toEqual(['one/query/of_old']);

    expect(await act('one')['schedules.ensure'](pipeline)).toEqual({ specHash, restored: [] });
    expect(
      await until(
        () => idsOf('one'),
        (found) => found.length === ALL,
      ),
    ).toEqual([...ids].sort());
    for (const id of ids) expect((await described(id)).info.lastUpdatedAt).toBeUndefined();

    await env.client.schedule
      .getHandle('one/crawl')
      .update((found) => ({ ...found, policies: { ...found.policies, overlap: 'ALLOW_ALL' } }));
    expect((await act('one')['schedules.ensure'](pipeline)).restored).toEqual([
      { id: 'one/crawl', missing: false, differences: [{ field: 'overlap', is: 'ALLOW_ALL', wanted: 'SKIP' }] },
    ]);
    expect((await described('one/crawl')).policies.overlap).toBe('SKIP');
    expect((await described('one/refresh/history')).info.lastUpdatedAt).toBeUndefined();

    const changed = await act('one')['schedules.ensure'](
      pipelineOf({ name: 'one', schedules: { each: { kills_total: { every: '1 hour' } } } }),
    );
    expect(changed.specHash).not.toBe(specHash);
    expect((await described('one/query/kills_total')).spec.intervals).toMatchObject([{ every: 3_600_000 }]);

    await act('one')['schedules.remove'](pipeline);
    await act('one')['schedules.remove'](pipeline);
    expect(
      await until(
        () => idsOf('one'),
        (found) => found.length === 0,
      ),
    ).toEqual([]);
    expect(await idsOf('one-more')).toHaveLength(ALL);
    await act('one')['schedules.remove'](pipelineOf({ name: 'one-more' }));
  });

  it('pauses them with the pipeline, new ones too, and lets go on all but what somebody else paused', async () => {
    const pipeline = pipelineOf({ name: 'two' });
    const { 'schedules.ensure': ensure, 'schedules.pause': pause, 'schedules.remove': remove } = act('two');
    const paused = async () => {
      const all = await Promise.all(scheduled(pipeline).map(async ({ id }) => ({ id, ...(await described(id)).state })));
      return all.filter((state) => state.paused).map(({ id }) => id);
    };
    await ensure(pipeline, true);
    expect(await paused()).toHaveLength(ALL);
    await pause(pipeline, false);
    expect(await paused()).toEqual([]);
    await env.client.schedule.getHandle('two/crawl').pause('I look into it');
    await pause(pipeline, true);
    await ensure(pipelineOf({ name: 'two', schedules: { queries: '1 hour' } }), true);
    expect(await paused()).toHaveLength(ALL);
    await pause(pipeline, false);
    expect(await paused()).toEqual(['two/crawl']);
    await remove(pipeline);
  });

  it('counts and shows what ran, was skipped, and failed, and ends what still runs', async () => {
    const pipeline = pipelineOf({ name: 'three', local: { speed: 10_000 } });
    const answers = { columns: ['n'], rows: [['1']], more: false, bytesScanned: 0, milliseconds: 1 };
    let release: (value?: unknown) => void = () => undefined;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    const drifted = [{ table: 'events', column: 'weapon', expected: 'string', found: 'int' }];
    const asked: number[] = [];
    const worker = await workerIn(env, {
      taskQueue: 'three',
      activities: {
        ...act('three'),
        'crawl.since': async (_pipeline: Pipeline, when: number) => {
          asked.push(when);
          return { at: 0 };
        },
        'crawl.start': async () => held,
        'crawl.finished': async () => ({ tables: ['events'], drifted }),
        'query.start': async (_pipeline: Pipeline, question: string) => question,
        'query.finished': async (_pipeline: Pipeline, question: string) => {
          if (question === 'kills_total') throw ApplicationFailure.nonRetryable('SYNTAX_ERROR: no such column', 'QueryFailed');
          return { question, execution: 'x', ...answers };
        },
        'refresh.start': async () => ({ skipped: 'it was refreshed 32 times' }),
      },
    });
    const report = () => scheduleReport(env.client, pipeline);
    const of = (reports: ScheduleReport[], what: string) => reports.find((each) => each.what === what)!;
    await worker.runUntil(async () => {
      expect(await report()).toEqual([]);
      await act('three')['schedules.ensure'](pipeline);
      const busy = await until(
        report,
        (all) => all.length === ALL && of(all, 'crawl').skipped > 0 && of(all, 'query kills_total').failed > 0,
      );
      expect(of(busy, 'crawl')).toMatchObject({ runs: 1, every: 1000, paused: false, failed: 0, missed: 0 });
      release();
      const crawled = await until(report, (all) => of(all, 'crawl').drifted !== undefined);
      expect(of(crawled, 'crawl').drifted).toEqual(drifted);
      expect(Date.now() - asked[0]!).toBeLessThan(60_000);
      const all = await until(report, (now) => of(now, 'refresh history').skipped > 0 || of(now, 'refresh history').runs === 0);
      expect(of(all, 'query kills_total').lastFailure).toMatchObject({ message: 'SYNTAX_ERROR: no such column' });
      expect(of(all, 'query player_deaths')).toMatchObject({ failed: 0, missed: 0, lastFailure: undefined });
      for (const { next, every, last = 0 } of all) expect(next).toBeLessThanOrEqual(Math.max(last, Date.now()) + every + 1000);

      await env.client.schedule.getHandle('three/refresh/history').trigger();
      const left = await until(report, (now) => of(now, 'refresh history').skipped > 0);
      expect(of(left, 'refresh history')).toMatchObject({ failed: 0 });

      await act('three')['schedules.remove'](pipeline);
      const ending = new MockActivityEnvironment();
      const isEnding = (error: unknown) => error instanceof ApplicationFailure && error.type === 'NotYet';
      const end = () => ending.run(act('three')['workflows.end'], pipeline).then(() => false, isEnding);
      await until(end, (goesOn) => !goesOn);
      // Temporal counts those that have just ended as running for a moment.
      await until(
        () => env.client.workflow.count(`ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH 'three/'`),
        ({ count }) => count === 0,
      );
    });
  });
});
