import { describe, expect, it } from '@jest/globals';
import { whyNoResume } from '../client/pause.ts';
import * as messages from '../workflows/messages.ts';
import { outlook } from '../workflows/outlook.ts';
import { isHeld, isRunning, type Stage, soon, withPipeline } from './stage.ts';
import { final } from './world.ts';

/** The patience with the first delivery: nothing is delivered until it `end`s. */
function patienceOf(acts: Stage['acts']): { begun: Promise<void>; end(): void } {
  let end = (_error: Error) => {};
  const begun = new Promise<void>((looks) => {
    const look = () => {
      looks();
      return new Promise<void>((_, reject) => {
        end = reject;
      });
    };
    acts({ 'lake.delivered': look });
  });
  return { begun, end: () => end(final('nothing has been delivered')) };
}

const passing = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('a pipeline that stood and is held', () => {
  it('since what healed it failed, loses nothing to a rollback of that which was made anew before it failed', () =>
    withPipeline(async ({ account, handle, up, apply, until }) => {
      await up();
      await until(isRunning);
      account.broken.set('dashboard', final('too many visuals'));
      account.standing.delete('bucket');
      account.standing.delete('dashboard');
      await until(isHeld);
      expect(account.standing.has('bucket')).toBe(true);
      await apply({ rollback: true });
      await until(({ state, reason = '' }) => state === 'held' && reason.includes('rolling that back failed'));
      expect(account.log).not.toContain('bucket.remove');
      await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
    }, soon));

  it('since a request failed, sends on when a carrier of the data differs that carries it, and once one that was gone is back', () =>
    withPipeline(async ({ account, pipeline, apply, up, until }) => {
      await up();
      await until(isRunning);
      account.broken.set('dashboard', final('too many visuals'));
      await apply({ pipeline: { ...pipeline, keep: { ...pipeline.keep, logDays: 3 } } });
      await until(isHeld);
      const stood = account.standing.get('eventsDelivery')!;
      account.standing.set('eventsDelivery', 'another buffer');
      const differs = await until(({ stages }) => stages.eventsDelivery === 'drifted');
      expect(differs.eventsHeld).not.toBe(true);
      account.standing.delete('eventsDelivery');
      await until(({ eventsHeld, closed }) => eventsHeld === true && closed);
      const sent = account.sent.size;
      account.standing.set('eventsDelivery', stood);
      const back = await until(({ eventsHeld }) => !eventsHeld);
      expect(back).toMatchObject({ state: 'held', stages: { eventsDelivery: 'ready' } });
      while (account.sent.size === sent) await passing();
    }, soon));
});

describe('a take-down', () => {
  it('that failed while it was paused holds it, knows what is gone, and is gone on from by an up', () =>
    withPipeline(async ({ account, pipeline, handle, up, apply, until }) => {
      await up();
      await until(isRunning);
      await handle.signal(messages.pause);
      await until(({ state }) => state === 'paused');
      account.endless = final('Temporal is away');
      account.standing.delete('crawler');
      await expect(handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] })).rejects.toThrow();
      const failed = await until(() => true);
      expect(failed).toMatchObject({ state: 'held', teardownBegun: true, stages: { crawler: 'waiting', bucket: 'ready' } });
      expect(outlook(failed).next).toEqual(['npx d2d down', 'npx d2d up']);
      expect(whyNoResume(pipeline, failed)).toContain('half taken down; npx d2d down');
      account.endless = undefined;
      account.log.length = 0;
      await apply();
      await until(({ state, teardownBegun }) => state === 'paused' && !teardownBegun);
      // A take-down removes them first.
      expect(account.log).toContain('schedules.ensure');
    }));
});

describe('a first start that is paused before anything was delivered', () => {
  it('has all its patience once it goes on, however short it was paused', () =>
    withPipeline(async ({ acts, handle, up, until }) => {
      const patience = patienceOf(acts);
      await up();
      await patience.begun;
      await handle.signal(messages.pause);
      await until(({ paused }) => paused);
      await handle.signal(messages.resume);
      await until(({ paused }) => !paused);
      acts({ 'lake.delivered': undefined });
      patience.end();
      expect(await until((now) => isRunning(now) || isHeld(now))).toMatchObject({ state: 'running' });
    }));

  it('has no history that grows while it waits', () =>
    withPipeline(
      async ({ acts, handle, up, until }) => {
        const patience = patienceOf(acts);
        await up();
        await patience.begun;
        await handle.signal(messages.pause);
        await until(({ paused, closed }) => paused && closed);
        patience.end();
        const events = async () => (await handle.describe()).historyLength;
        for (let before = -1, now = await events(); now !== before; now = await events()) {
          before = now;
          // A pipeline that is paused would look at its cost ten times in this, with five events each.
          await new Promise((resolve) => setTimeout(resolve, 3_600));
        }
      },
      { local: { speed: 10_000 } },
    ));
});
