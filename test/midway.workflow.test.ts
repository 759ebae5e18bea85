import { describe, expect, it } from '@jest/globals';
import { notYet } from '../activities/not-yet.ts';
import { snapshot } from '../client/snapshot.ts';
import { names } from '../pipeline/names.ts';
import { removalPlan } from '../pipeline/stages.ts';
import type { tearDown } from '../workflows/index.ts';
import * as messages from '../workflows/messages.ts';
import { reasonsOf } from '../workflows/outlook.ts';
import { env, generatorOf, isHeld, isRunning, soon, withPipeline } from './stage.ts';
import { final } from './world.ts';

describe('what fails midway', () => {
  it('leaves the generator going, and reaches it with the new spec once it goes through', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.broken.set('studio', final('no KPU left'));
      const changed = { ...pipeline, windowSeconds: 2, generator: { ...pipeline.generator, total: 1_000_000 } };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await until(isHeld);
      const before = account.sent.size;
      while (account.sent.size < before + 20) await new Promise((resolve) => setTimeout(resolve, 20));
      expect((await generatorOf(pipeline).query(messages.generatorQuery)).total).toBeUndefined();
      account.broken.clear();
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await until(isRunning);
      expect((await generatorOf(pipeline).query(messages.generatorQuery)).total).toBe(1_000_000);
    }));

  it('is taken back from a pipeline that stood, which then is as it was, and says why', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const stood = new Map(account.standing);
      account.broken.set('dashboard', final('too many visuals'));
      const changed = { ...pipeline, windowSeconds: 2, generator: { ...pipeline.generator, total: 1_000_000 } };
      account.mend = { dashboard: pipeline };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed, rollback: true }] });
      const now = await until(({ rolledBack }) => rolledBack !== undefined);
      expect(now).toMatchObject({ state: 'running', rolledBack: 'too many visuals', pipeline });
      expect(account.standing).toEqual(stood);
      expect((await generatorOf(pipeline).query(messages.generatorQuery)).total).toBeUndefined();
    }));

  it('is taken back, and what it made that had gone before stays: what stood needs it, and it may hold data', () =>
    withPipeline(
      async ({ account, pipeline, handle, up, until }) => {
        await up();
        await until(isRunning);
        const stood = new Map(account.standing);
        account.standing.delete('bucket');
        account.standing.delete('eventsDelivery');
        account.broken.set('dashboard', final('too many visuals'));
        account.mend = { dashboard: pipeline };
        await handle.executeUpdate(messages.apply, { args: [{ pipeline: { ...pipeline, windowSeconds: 2 }, rollback: true }] });
        expect(await until(({ rolledBack }) => rolledBack !== undefined)).toMatchObject({ state: 'running', eventsHeld: false });
        expect(account.log.filter((what) => what.endsWith('.remove'))).toEqual([]);
        expect(account.standing).toEqual(stood);
      },
      { drift: 'report', delivery: { seconds: 0 } },
    ));

  it('is taken back to what stood, not to what was tried before and failed, too', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const stood = new Map(account.standing);
      account.broken.set('dashboard', final('too many visuals'));
      account.mend = { dashboard: pipeline };
      const changed = { ...pipeline, windowSeconds: 2 };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await until(isHeld);
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed, rollback: true }] });
      const now = await until(
        ({ state, rolledBack, reason = '' }) => rolledBack !== undefined || (state === 'held' && reason.includes('rolling')),
      );
      expect(now).toMatchObject({ state: 'running', rolledBack: 'too many visuals', pipeline });
      expect(account.standing).toEqual(stood);
    }));

  it('and was broken off, waits for the user: a look for drift starts what somebody has ended, and nothing else', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.broken.set('crawler', new Error('still thinking'));
      const changed = { ...pipeline, windowSeconds: 2 };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await until(({ stages }) => stages.crawler === 'working');
      await handle.signal(messages.breakOff, { rollback: false });
      const { lookedAt = 0 } = await until(isHeld);
      account.broken.clear();
      account.log.length = 0;
      await generatorOf(pipeline).terminate();
      await until(({ lookedAt: now = 0, drifts }) => now > lookedAt && drifts.length > 0);
      expect(await until(() => true)).toMatchObject({
        state: 'held',
        drifts: [{ label: `workflow ${names(pipeline).workflows.generate}` }],
      });
      expect(account.log).toEqual([]);
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      expect(await until(isRunning)).toMatchObject({ pipeline: { windowSeconds: 2 } });
    }, soon));
});

it('what a stage has to wait for is told for as long as it waits, and not that another is on its way', () =>
  withPipeline(async ({ account, acts, pipeline, up, until }) => {
    const told = async () => (await snapshot(env.client, pipeline.name))?.waitsFor;
    account.broken.set('lateEvents', notYet('no room for a sixth'));
    acts({ 'bucket.ready': () => Promise.reject(notYet('the bucket is not ready yet')) });
    await up();
    while ((await told())?.length !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await told()).toEqual(['no room for a sixth']);
    account.broken.clear();
    acts({ 'bucket.ready': undefined });
    await until(isRunning);
    expect(await told()).toEqual([]);
  }));

describe('a first start that is held', () => {
  it('has what stood and is gone reported, sends nothing while a carrier of the data is, and its generator started anew', () =>
    withPipeline(async ({ account, pipeline, apply, up, until }) => {
      account.broken.set('dashboard', final('too many visuals'));
      await up();
      const { lookedAt = 0 } = await until(isHeld);
      await generatorOf(pipeline).terminate();
      await until(({ lookedAt: now = 0, drifts }) => now > lookedAt && drifts.length > 0);
      expect((await generatorOf(pipeline).describe()).status.name).toBe('RUNNING');
      account.standing.delete('eventsDelivery');
      account.standing.delete('questions');
      const now = await until(({ drifts }) => drifts.length > 2);
      expect(now).toMatchObject({ state: 'held', reason: 'too many visuals', eventsHeld: true });
      expect(now.drifts.slice(1).map(({ label, missing, done }) => ({ label, missing, done }))).toEqual(
        expect.arrayContaining([
          { label: `the eventsDelivery of ${pipeline.name}`, missing: true, done: 'reported' },
          { label: `the questions of ${pipeline.name}`, missing: true, done: 'reported' },
        ]),
      );
      expect(account.standing.has('eventsDelivery')).toBe(false);
      account.surveying = () => Promise.reject(final('Rate exceeded'));
      const blind = await until(({ lookFault }) => lookFault !== undefined);
      expect(reasonsOf(blind)).toEqual(['too many visuals', 'the look at drift and cost failed: Rate exceeded']);
      account.surveying = undefined;
      await until(({ lookFault }) => lookFault === undefined);
      account.broken.clear();
      await apply();
      expect(await until(isRunning)).toMatchObject({ eventsHeld: false });
    }, soon));
});

describe('what is cancelled or terminated midway', () => {
  it('ends when it is cancelled, keeps what it made, and comes up again', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      account.broken.set('crawler', new Error('still thinking'));
      await up();
      await until(({ stages }) => stages.crawler === 'working' && stages.events === 'ready');
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow('cancelled');
      expect([...account.standing.keys()]).toContain('events');
      account.broken.clear();
      await up();
      await until(isRunning);
    }));

  it('leaves children behind, which do their work though nobody hears of it', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      account.broken.set('crawler', new Error('still thinking'));
      await up();
      await until(({ stages }) => stages.crawler === 'working');
      await handle.terminate();
      account.broken.clear();
      expect(await env.client.workflow.getHandle(names(pipeline).workflows.provision).result()).toMatchObject({ failed: {} });
      await up();
      await until(isRunning);
    }));

  it('leaves children behind, which end before a new life does their work by its own spec', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      account.broken.set('crawler', new Error('still thinking'));
      await up();
      await until(({ stages }) => stages.crawler === 'working');
      await handle.terminate();
      const orphan = env.client.workflow.getHandle(names(pipeline).workflows.provision);
      const left = await orphan.describe();
      expect(left.status.name).toBe('RUNNING');
      const changed = { ...pipeline, windowSeconds: 2 };
      account.mend = { crawler: changed };
      await up({ pipeline: changed });
      expect(await until(isRunning)).toMatchObject({ pipeline: { windowSeconds: 2 } });
      expect((await env.client.workflow.getHandle(orphan.workflowId, left.runId).describe()).status.name).not.toBe('COMPLETED');
    }));

  it('leaves a generator behind, which a take-down that keeps the data pauses and hears out before it ends it', () =>
    withPipeline(
      async ({ account, pipeline, handle, up, until }) => {
        await up();
        await until(isRunning);
        await handle.terminate();
        const generator = generatorOf(pipeline);
        const { taskQueue } = await generator.describe();
        const down = await env.client.workflow.start<typeof tearDown>('tearDown', {
          taskQueue,
          workflowId: names(pipeline).workflows.teardown,
          args: [{ pipeline, plan: removalPlan(true), keepData: true }],
        });
        while ((await generator.query(messages.generatorQuery)).state !== 'paused') await new Promise((resolve) => setTimeout(resolve, 50));
        expect((await generator.describe()).status.name).toBe('RUNNING');
        account.undelivered = final('3 events are not in the lake');
        expect(await down.result()).toEqual({ left: [], unsaved: ['perhaps the latest events: 3 events are not in the lake'] });
        expect(account.log).toContain('all out to the last');
        expect(account.log.indexOf('generator.flushLedger')).toBeLessThan(account.log.findIndex((done) => done.endsWith('.remove')));
        expect(account.log).toContain('generator.flushLedger');
        expect((await generator.describe()).status.name).not.toBe('RUNNING');
      },
      { delivery: { seconds: 0 } },
    ));

  it('leaves a pipeline that a take-down of its own takes away by its plan, and no other stage', () =>
    withPipeline(async ({ pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const { taskQueue } = await handle.describe();
      await handle.terminate();
      const plan = removalPlan(false).filter(({ stage }) => stage !== 'dashboard');
      const down = await env.client.workflow.execute<typeof tearDown>('tearDown', {
        taskQueue,
        workflowId: names(pipeline).workflows.teardown,
        args: [{ pipeline, plan }],
      });
      expect(down).toEqual({ left: [{ label: 'dashboard', why: 'it stands' }] });
    }));
});
