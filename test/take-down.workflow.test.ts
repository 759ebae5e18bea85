import { describe, expect, it } from '@jest/globals';
import { notYet } from '../activities/not-yet.ts';
import { names } from '../pipeline/names.ts';
import * as messages from '../workflows/messages.ts';
import { env, generatorOf, isHeld, isRunning, type Stage, soon, withPipeline } from './stage.ts';
import { final } from './world.ts';

describe('taking down', () => {
  it('says why what would not go is still there', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.stuck.set('studio', final('the application hangs'));
      const { left } = await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
      expect(left).toContainEqual({ label: 'studio', why: 'the application hangs' });
      expect(account.standing.has('dashboard')).toBe(false);
    }));
});

describe('a bucket that holds more than one call deletes', () => {
  it('is emptied for as long as objects go, and what stops that is told with how far it came', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.full.set('bucket', [150_000, 100_000]);
      account.stuck.set('bucket', final('an object is locked'));
      const { left } = await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
      expect(account.log.filter((what) => what === 'bucket.remove')).toHaveLength(3);
      expect(left).toContainEqual({ label: 'bucket', why: 'an object is locked (250,000 objects deleted so far)' });
    }));
});

describe('a take-down', () => {
  it('that failed is not undone by a look for drift', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.endless = final('Temporal is away');
      await expect(handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] })).rejects.toThrow();
      account.standing.delete('crawler');
      const { spent } = await until(() => true);
      const [surveys, made] = [account.surveysBegun, account.log.length];
      // Cost is added up at each look around.
      await until(({ spent: now }) => now.at > spent.at + 500);
      expect([account.surveysBegun, account.log.length]).toEqual([surveys, made]);
      account.endless = undefined;
      expect(await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] })).toEqual({ left: [] });
    }, soon));

  it('that keeps the data pauses a generator that had sent its total and then got a larger one', () =>
    withPipeline(
      async ({ pipeline, handle, up, until }) => {
        await up();
        await until(({ state, closed }) => state === 'running' && closed);
        const more = { ...pipeline, generator: { ...pipeline.generator, total: 1_000_000 } };
        await handle.executeUpdate(messages.apply, { args: [{ pipeline: more }] });
        const state = async () => (await generatorOf(pipeline).query(messages.generatorQuery)).state;
        while ((await state()) !== 'running') await new Promise((resolve) => setTimeout(resolve, 20));
        const down = handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] });
        while ((await generatorOf(pipeline).describe()).status.name === 'RUNNING' && (await state()) === 'running')
          await new Promise((resolve) => setTimeout(resolve, 20));
        expect(await state()).toBe('paused');
        await down;
      },
      { generator: { rate: 100, total: 50 }, delivery: { seconds: 0 } },
    ));

  it('that failed while it came up holds it, until it is asked for again', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      account.broken.set('crawler', new Error('still thinking'));
      await up();
      await until(({ stages }) => stages.crawler === 'working');
      account.endless = final('Temporal is away');
      await expect(handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] })).rejects.toThrow();
      expect(await until(() => true)).toMatchObject({ state: 'held', reason: 'taking it down failed: Temporal is away' });
      account.endless = undefined;
      account.broken.clear();
      await handle.executeUpdate(messages.apply, { args: [{ pipeline }] });
      await until(isRunning);
    }));

  it('is joined by one that asks the same, and by none that does otherwise with the data', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.stuck.set('studio', new Error('still stopping'));
      const down = (keepData: boolean) => handle.executeUpdate(messages.teardown, { args: [{ keepData }] });
      const first = down(false);
      await until(({ state }) => state === 'taking down');
      await expect(down(true)).rejects.toMatchObject({
        cause: { message: `Pipeline ${pipeline.name} is already being taken down, its data too; try again once that is done` },
      });
      const second = handle.startUpdate(messages.teardown, { args: [{ keepData: false }], waitForStage: 'ACCEPTED' });
      const joined = (await second).result();
      account.stuck.clear();
      expect(await Promise.all([first, joined])).toEqual([{ left: [] }, { left: [] }]);
      await handle.result();
      expect(account.log.filter((step) => step === 'bucket.remove')).toHaveLength(1);
    }));

  it('lets nobody start the generator or the notebook again', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.stuck.set('studio', new Error('still stopping'));
      const down = handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
      while (!account.log.includes('studio.remove')) await new Promise((resolve) => setTimeout(resolve, 20));
      await handle.signal(messages.pause);
      await handle.signal(messages.resume);
      await handle.signal(messages.pause);
      expect(await until(() => true)).toMatchObject({ state: 'taking down' });
      account.stuck.clear();
      expect(await down).toEqual({ left: [] });
      await handle.result();
      expect((await generatorOf(pipeline).describe()).status.name).not.toBe('RUNNING');
    }));

  it('that keeps the data lets it through first', () =>
    withPipeline(
      async ({ account, pipeline, handle, up, until }) => {
        await up();
        await until(isRunning);
        const down = handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] });
        await until(({ closed }) => closed);
        expect(await generatorOf(pipeline).query(messages.generatorQuery)).toMatchObject({ state: 'paused' });
        expect(account.log).not.toContain('eventsDelivery.remove');
        expect(await down).toEqual({ left: [] });
        expect(account.standing.has('bucket')).toBe(true);
      },
      { delivery: { seconds: 0 } },
    ));

  it('that keeps the data waits until all rows are out of the SQL, and all events are in the lake', () =>
    withPipeline(
      async ({ account, handle, up, until }) => {
        await up();
        await until(isRunning);
        account.undrained = notYet('windows are open');
        account.undelivered = notYet('events are on their way');
        const down = handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] });
        await tried(handle, 'notebook.drained');
        account.undrained = undefined;
        await tried(handle, 'audit.arrived');
        expect(account.log.filter((step) => step.endsWith('.remove'))).toEqual([]);
        account.undelivered = undefined;
        expect(await down).toEqual({ left: [] });
        expect(account.log).toContain('all out to the last');
      },
      { delivery: { seconds: 0 } },
    ));

  it('that keeps the data and fails behind that lets nothing through once more, and remembers what was not', () =>
    withPipeline(
      async ({ account, pipeline, handle, up, until }) => {
        await up();
        await until(isRunning);
        account.restless = true;
        account.endless = final('Temporal is away');
        const down = () => handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] });
        await expect(down()).rejects.toThrow();
        await generatorOf(pipeline).terminate();
        account.endless = undefined;
        account.undrained = final('the application is gone');
        expect(await down()).toEqual({ left: [], unsaved: ['perhaps the latest events: the generator does not come to rest'] });
        expect((await generatorOf(pipeline).describe()).status.name).toBe('TERMINATED');
      },
      { delivery: { seconds: 0 } },
    ));

  it('that keeps the data lets that through which an earlier life still sends, though the new one never came so far', () =>
    withPipeline(
      async ({ account, handle, up, until }) => {
        await up();
        await until(isRunning);
        await handle.terminate();
        account.standing.delete('eventsDelivery');
        account.broken.set('eventsDelivery', final('no delivery'));
        await up();
        expect(await until(isHeld)).toMatchObject({ generating: false });
        expect(await handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] })).toEqual({ left: [] });
        expect(account.log).toContain('all out to the last');
      },
      { delivery: { seconds: 0 } },
    ));

  it('that keeps the data says what of it did not come through in time, and goes on', () =>
    withPipeline(
      async ({ account, handle, up, until }) => {
        await up();
        await until(isRunning);
        account.undrained = final('the job restarts');
        account.undelivered = final('3 events are not in the lake');
        expect(await handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] })).toEqual({
          left: [],
          unsaved: ['perhaps the latest windows: the job restarts', 'perhaps the latest events: 3 events are not in the lake'],
        });
      },
      { delivery: { seconds: 0 } },
    ));

  it.each(['', ', though nobody keeps it any more'])('that keeps the data lets the SQL run once more after a deep pause%s', (gone) =>
    withPipeline(
      async ({ account, pipeline, handle, up, until }) => {
        await up();
        await until(isRunning);
        await handle.signal(messages.pause, { deep: true });
        await until(({ deep }) => deep);
        while (!account.suspended) await new Promise((resolve) => setTimeout(resolve, 20));
        if (gone) await env.client.workflow.getHandle(names(pipeline).workflows.notebook).terminate();
        expect(await handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] })).toEqual({ left: [] });
        expect(account.log).toContain('all out to the last');
      },
      { delivery: { seconds: 0 } },
    ),
  );
});

/** Once an activity of the pipeline has been tried in vain. */
async function tried(handle: Stage['handle'], name: string): Promise<void> {
  for (;;) {
    const { pendingActivities = [] } = (await handle.describe()).raw;
    if (pendingActivities?.some(({ activityType, attempt }) => activityType?.name === name && (attempt ?? 0) > 1)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
