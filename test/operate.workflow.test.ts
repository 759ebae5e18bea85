import { describe, expect, it } from '@jest/globals';
import { specHash } from '../activities/spec-hash.ts';
import { names } from '../pipeline/names.ts';
import * as messages from '../workflows/messages.ts';
import { env, generatorOf, isHeld, isRunning, soon, withPipeline } from './stage.ts';
import { final } from './world.ts';

describe('a pause', () => {
  it('of a pipeline that is held stops the schedules too, and ends with its resume', () =>
    withPipeline(async ({ account, handle, up, until, apply }) => {
      account.broken.set('dashboard', final('too many visuals'));
      await up();
      await until(isHeld);
      await handle.signal(messages.pause);
      await until(({ paused }) => paused);
      expect(account.paused).toBe(true);
      account.broken.clear();
      await apply();
      await until(({ state }) => state === 'paused');
      await handle.signal(messages.resume);
      await until(isRunning);
      expect(account.paused).toBe(false);
    }));

  it('that comes while the schedules are made stops them, too', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      let letGo = () => {};
      account.scheduling = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      await up();
      while (!account.log.includes('schedules.ensure')) await new Promise((resolve) => setTimeout(resolve, 20));
      await handle.signal(messages.pause);
      await until(({ paused }) => paused);
      letGo();
      await until(({ state }) => state === 'paused');
      expect(account.paused).toBe(true);
    }));

  it('before the first delivery leaves hardly anything in the history', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      account.broken.set('crawler', new Error('still thinking'));
      await up();
      await handle.signal(messages.pause);
      const { spent } = await until(({ paused, spent: { at } }) => paused && at > 0);
      // At this speed, cost is looked at every 3 s.
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      expect((await until(() => true)).spent.at - spent.at).toBeLessThan(2_000);
      account.broken.clear();
      await handle.signal(messages.resume);
      await until(isRunning);
    }));

  it.each([true, false])('that is deep, before there is a generator, stops the application that starts already: %s', (starts) =>
    withPipeline(async ({ account, handle, up, until }) => {
      account.suspended = true;
      account.broken.set('eventsDelivery', new Error('still thinking'));
      if (!starts) account.broken.set('studio', new Error('still thinking'));
      await up();
      await until(({ stages }) => stages.studio === (starts ? 'ready' : 'working') && stages.eventsDelivery === 'working');
      while (starts && account.suspended) await new Promise((resolve) => setTimeout(resolve, 20));
      await handle.signal(messages.pause, { deep: true });
      while (!account.suspended) await new Promise((resolve) => setTimeout(resolve, 20));
      account.broken.delete('studio');
      expect(await until(({ stages }) => stages.studio === 'ready')).toMatchObject({ generating: false, studioRuns: false });
      expect(account.suspended).toBe(true);
      account.broken.clear();
      await until(({ deep }) => deep);
      await handle.signal(messages.resume);
      await until((now) => isRunning(now) && !now.deep);
    }),
  );

  it('that is deep waits for no application that takes long to start', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.starting = new Error('still starting');
      const notebook = env.client.workflow.getHandle(names(pipeline).workflows.notebook);
      const isWaiting = async () => (await notebook.describe()).raw.pendingActivities?.some(({ attempt }) => (attempt ?? 0) > 1);
      while (!(await isWaiting())) await new Promise((resolve) => setTimeout(resolve, 20));
      await handle.signal(messages.pause, { deep: true });
      await until(({ deep }) => deep);
      while (!account.suspended) await new Promise((resolve) => setTimeout(resolve, 20));
      account.starting = undefined;
      await handle.signal(messages.resume);
      await until((now) => isRunning(now) && !now.deep);
      while ((await notebook.query(messages.notebookQuery)).state !== 'running') await new Promise((resolve) => setTimeout(resolve, 20));
    }));

  it('that is deep stops the application though its keeper is gone, whoever ends that and starts it', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const notebook = env.client.workflow.getHandle(names(pipeline).workflows.notebook);
      const isStopped = async () => {
        while (!account.suspended) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      await notebook.terminate();
      await handle.signal(messages.pause, { deep: true });
      await until(({ deep }) => deep);
      await isStopped();
      await until(({ studioRuns }) => !studioRuns);
      expect(await notebook.query(messages.notebookQuery)).toMatchObject({ state: 'suspended' });
      await notebook.terminate();
      account.suspended = false;
      await isStopped();
      const { drifts, deep } = await until((now) => now.drifts.length > 0);
      expect(deep).toBe(true);
      // A look at drift may have come before the pause and found the first end, too.
      for (const drift of drifts) expect(drift).toMatchObject({ label: `workflow ${notebook.workflowId}`, done: 'healed' });
    }, soon));

  it('that is deep and comes first never starts the application', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      let goOn: (() => void) | undefined;
      account.surveying = () => {
        account.surveying = undefined;
        return new Promise<void>((resolve) => {
          goOn = resolve;
        });
      };
      await up();
      while (account.surveysBegun === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await handle.signal(messages.pause, { deep: true });
      await until(({ desired }) => desired.deep);
      goOn?.();
      while (account.log.every((step) => step !== 'bucket.ensure')) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await until(({ generating, deep, paused }) => generating && deep && paused)).toMatchObject({ studioRuns: false });
      expect(account.starts).toBe(0);
      await handle.signal(messages.resume);
      await until(isRunning);
      expect(account.starts).toBeGreaterThan(0);
    }));

  it('reaches the generator that an earlier life has left, before there is another', () =>
    withPipeline(async ({ account, pipeline, handle, up, until, apply }) => {
      await up();
      await until(isRunning);
      await handle.terminate();
      account.standing.delete('eventsDelivery');
      account.broken.set('eventsDelivery', final('no delivery'));
      await up();
      expect(await until(isHeld)).toMatchObject({ generating: false });
      await handle.signal(messages.pause);
      const rests = async () => (await generatorOf(pipeline).query(messages.generatorQuery)).state === 'paused';
      while (!(await rests())) await new Promise((resolve) => setTimeout(resolve, 20));
      account.broken.clear();
      await apply();
      expect(await until(({ state }) => state === 'paused')).toMatchObject({ generating: true, paused: true });
    }));

  it('after a deep one leaves the application stopped, whoever starts it', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      await up();
      await until(isRunning);
      await handle.signal(messages.pause, { deep: true });
      await until(({ deep }) => deep);
      await handle.signal(messages.pause);
      await handle.signal(messages.stageMoved, 'bucket', 'ready');
      expect(await until(() => true)).toMatchObject({ deep: true, paused: true });
      expect(account.suspended).toBe(true);
      // Somebody starts it by hand.
      account.suspended = false;
      while (!account.suspended) await new Promise((resolve) => setTimeout(resolve, 20));
    }));

  it('that the schedules do not take is told and tried again, and holds up no take-down', () =>
    withPipeline(async ({ account, acts, handle, up, until }) => {
      await up();
      await until(isRunning);
      acts({ 'schedules.pause': () => Promise.reject(final('the schedule is locked')) });
      await handle.signal(messages.pause);
      const told = 'the pause did not go through everywhere, and is tried again: the schedule is locked';
      expect(await until(({ reason }) => reason !== undefined)).toMatchObject({ state: 'running', paused: false, reason: told });
      acts({ 'schedules.pause': undefined });
      await handle.signal(messages.pause);
      expect(await until(({ state }) => state === 'paused')).not.toHaveProperty('reason');
      expect(account.paused).toBe(true);
      acts({ 'schedules.pause': () => Promise.reject(final('the schedule is locked')) });
      await handle.signal(messages.resume);
      await until(({ reason }) => reason !== undefined);
      expect(await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] })).toEqual({ left: [] });
      const { events } = await handle.fetchHistory();
      const pauses = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType?.name === 'schedules.pause' ? [Number(scheduled.scheduleToCloseTimeout?.seconds)] : [],
      );
      expect(new Set(pauses)).toEqual(new Set([600]));
    }));
});

describe('a generator that is quiet already', () => {
  it('says to each pause that the windows are closed, one that was started in place of a lost one, too', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      await handle.signal(messages.pause);
      await until(({ state, closed }) => state === 'paused' && closed);
      const changed = { ...pipeline, windowSeconds: 2 };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await until((now) => now.state === 'paused' && now.pipeline.windowSeconds === 2);
      await handle.signal(messages.pause, { deep: true });
      await until(({ deep }) => deep);
      await generatorOf(pipeline).terminate();
      await handle.executeUpdate(messages.apply, { args: [{ pipeline }] });
      await until((now) => now.state === 'paused' && now.pipeline.windowSeconds === 1);
      expect(account.paused).toBe(true);
    }));
});

describe('the next run of the same pipeline', () => {
  it('keeps the hash of the spec as it is now', () =>
    withPipeline(async ({ pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const { runId } = await handle.describe();
      const changed = { ...pipeline, generator: { ...pipeline.generator, rate: 50 } };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await until((now) => isRunning(now) && now.pipeline.generator.rate === 50);
      while ((await handle.describe()).runId === runId) {
        for (let i = 0; i < 50; i++) await handle.signal(messages.stageMoved, 'bucket', 'ready');
        // The server takes no end of a run that meets new signals.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect((await handle.describe()).memo).toEqual({ specHash: specHash(changed) });
    }));
});
