import { describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import type { Pipeline } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { rootMessage } from '../workflows/failure.ts';
import * as messages from '../workflows/messages.ts';
import { isHeld, isRunning, soon, withPipeline } from './stage.ts';
import { activitiesOf, final, type World } from './world.ts';

const ALL = Object.keys(STAGES).length;

describe('bringing up', () => {
  it('makes every stage once, says what it did, and does nothing when asked again', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      const { tally, stages } = await until(isRunning);
      expect(tally).toMatchObject({ created: ALL, changed: 0, unchanged: 0, calls: ALL + 3 * ALL, mutatingCalls: ALL });
      expect(new Set(Object.values(stages))).toEqual(new Set(['ready']));
      account.log.length = 0;
      const report = await handle.executeUpdate(messages.apply, { args: [{ pipeline }] });
      expect(new Set(Object.values(report.stages).map(({ action }) => action))).toEqual(new Set(['none']));
      expect(report).toMatchObject({ mutatingCalls: 0, isSettled: true });
      expect((await until(isRunning)).tally).toEqual(tally);
      expect(account.log).toEqual([]);
    }));

  it('holds at what is broken while all else goes on, says what AWS said, and goes on from there when told', () =>
    withPipeline(async ({ account, up, until, apply }) => {
      account.broken.set('dataSource', final('QuickSight says no'));
      await up();
      const held = await until(isHeld);
      expect(held.reason).toContain('QuickSight says no');
      expect(held.faults).toEqual({ dataSource: 'QuickSight says no' });
      expect(held).toMatchObject({ generating: true, tables: true, stages: { views: 'ready', dashboard: 'waiting' } });
      account.broken.clear();
      account.log.length = 0;
      expect(await apply()).toMatchObject({ isSettled: false });
      await until(isRunning);
      expect(new Set(account.log.filter((name) => name.endsWith('.ensure') && name !== 'schedules.ensure'))).toEqual(
        new Set(['dataSource', 'players', 'teams', 'history', 'audits', 'analysis', 'dashboard'].map((stage) => `${stage}.ensure`)),
      );
    }));

  it.each([
    ['tries a first crawl again that failed', 2, 'CrawlFailed', 3],
    ['holds at a first crawl that failed as often as it may', 6, 'CrawlFailed', 6],
    ['holds at once at a first crawl that was refused', 1, 'CrawlRefused', 1],
  ])('%s', (_what, failures, type, crawls) =>
    withPipeline(async ({ account, up, until }) => {
      account.crawls.push(...Array.from({ length: failures }, (_, i) => ApplicationFailure.nonRetryable(`crawl ${i + 1} failed`, type)));
      await up();
      const { state, reason } = await until((now) => isRunning(now) || isHeld(now));
      expect(account.crawled).toBe(crawls);
      expect([state, reason]).toEqual(crawls > failures ? ['running', undefined] : ['held', `crawl ${failures} failed`]);
    }),
  );

  it('makes nothing while a check refuses or a name is taken, and takes over what it may', () =>
    withPipeline(async ({ account, up, until, apply }) => {
      account.foreign.add('bucket');
      account.refused.push('no shards left');
      await up();
      const { reason } = await until(isHeld);
      expect(reason).toContain('no shards left');
      expect(reason).toMatch(/the bucket of game\d+ \(arn:of:bucket\) exists .* --adopt/);
      expect(account.log).toEqual([]);
      account.refused.length = 0;
      await apply({ consent: { adopt: true } });
      expect((await until(isRunning)).tally).toMatchObject({ created: ALL - 1, changed: 1 });
    }));

  it('by the survey of an earlier version leaves what only a later one has to the next look', () =>
    withPipeline(async ({ account, acts, up, until }) => {
      const later: Stage[] = ['serverDelivery', 'audits'];
      acts({ 'stages.survey': withoutStages(account, later) });
      await up();
      const { tally, stages } = await until(isRunning);
      expect(tally).toMatchObject({ created: ALL - later.length });
      for (const stage of later) expect([stage, stages[stage], account.standing.has(stage)]).toEqual([stage, undefined, false]);
      acts({ 'stages.survey': undefined });
      const { drifts } = await until(({ drifts: found, state }) => found.length >= later.length && state === 'running');
      expect(drifts).toMatchObject(later.map((stage) => ({ label: expect.stringContaining(stage), missing: true, done: 'healed' })));
      expect(later.filter((stage) => account.standing.has(stage))).toEqual(later);
    }, soon));

  it('rolled back, takes away what it made and nothing else', () =>
    withPipeline(async ({ account, pipeline, handle, up }) => {
      account.standing.set('bucket', JSON.stringify({ shards: 2, windowSeconds: 1, delivery: pipeline.delivery, keep: pipeline.keep }));
      account.broken.set('studio', final('no KPU left'));
      await up({ rollback: true });
      const error = await handle.result().catch((thrown: unknown) => thrown);
      expect(rootMessage(error)).toBe('rolled back, since no KPU left');
      expect([...account.standing.keys()]).toEqual(['bucket']);
    }));

  it('rolled back, says what of a thing that it had taken over is not as it was', () =>
    withPipeline(async ({ account, handle, up }) => {
      account.foreign.add('bucket').add('workgroup');
      account.stays.set('bucket', ['the bucket: policy was not there', 'the bucket: lifecycle.Rules was []']);
      account.broken.set('studio', final('no KPU left'));
      await up({ rollback: true, consent: { adopt: true } });
      const error = await handle.result().catch((thrown: unknown) => thrown);
      expect(rootMessage(error).split('\n')).toEqual([
        'rolled back, since no KPU left; what was taken over is given back, but not as it was:',
        '  the bucket: policy was not there',
        '  the bucket: lifecycle.Rules was []',
      ]);
      expect([...account.foreign]).toEqual(['bucket', 'workgroup']);
    }));

  it('that cannot be rolled back whole, says that, too', () =>
    withPipeline(async ({ account, up, until }) => {
      account.foreign.add('bucket');
      account.stays.set('bucket', ['the bucket: policy was not there']);
      account.stuck.set('events', final('it is in use'));
      account.broken.set('studio', final('no KPU left'));
      await up({ rollback: true, consent: { adopt: true } });
      const { reason = '' } = await until(isHeld);
      expect(reason).toMatch(/not as it was:\n {2}the bucket: policy was not there; rolling that back failed: .*it is in use/s);
      account.stuck.clear();
    }));

  it('rolled back, also takes away what it made once the one of before had gone', () =>
    withPipeline(async ({ account, handle, up }) => {
      account.leaving.add('workgroup');
      account.broken.set('studio', final('no KPU left'));
      await up({ rollback: true });
      await expect(handle.result()).rejects.toThrow();
      expect(account.log).toContain('workgroup.ensure');
      expect(account.standing.size).toBe(0);
    }));

  it('cancelled midway takes away what it made where that was asked for', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      account.broken.set('studio', new Error('still thinking'));
      await up({ rollback: true });
      await until(({ stages }) => stages.eventsDelivery === 'ready' && stages.questions === 'ready');
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
      expect(account.standing.size).toBe(0);
    }));

  it('broken off midway keeps what it made, or takes it away, as asked', () =>
    withPipeline(async ({ account, handle, up, until, apply }) => {
      account.broken.set('studio', new Error('still thinking'));
      await up();
      await until(({ stages }) => stages.eventsDelivery === 'ready' && stages.questions === 'ready');
      await handle.signal(messages.breakOff, { rollback: false });
      expect(await until(isHeld)).toMatchObject({ reason: expect.stringContaining('broken off') });
      expect(account.standing.has('eventsDelivery')).toBe(true);
      await apply();
      await until(({ state, stages }) => state === 'starting' && stages.studio === 'working');
      await handle.signal(messages.breakOff, { rollback: true });
      await expect(handle.result()).rejects.toThrow();
      expect(account.standing.size).toBe(0);
    }));

  it('broken off before it began makes nothing, and begins once told', () =>
    withPipeline(async ({ account, upBrokenOff, until, apply }) => {
      await upBrokenOff();
      expect(await until(isHeld)).toMatchObject({ reason: expect.stringContaining('broken off') });
      expect(account.standing.size).toBe(0);
      await apply();
      await until(isRunning);
    }));
});

/** The survey of a version that does not know some stages yet. */
const withoutStages = (account: World, later: Stage[]) => async (pipeline: Pipeline) => {
  const survey = activitiesOf(account)['stages.survey'] as (pipeline: Pipeline) => Promise<{ stages: Partial<Record<Stage, unknown>> }>;
  const found = await survey(pipeline);
  for (const stage of later) delete found.stages[stage];
  return found;
};
