import { describe, expect, it } from '@jest/globals';
import { startPipeline } from '../client/pipeline.ts';
import { STAGES } from '../pipeline/stages.ts';
import { taskQueue } from '../worker/connect.ts';
import * as messages from '../workflows/messages.ts';
import { env, gate, generatorOf, isHeld, isRunning, soon, withPipeline } from './stage.ts';
import { final } from './world.ts';

const ALL = Object.keys(STAGES).length;

describe('a look for drift, beside what else is wished,', () => {
  it('that is broken off with rollback takes away nothing that stood, and lets no request in meanwhile', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.broken.set('crawler', new Error('still thinking'));
      account.standing.delete('crawler');
      await until(({ state, stages }) => state === 'applying' && stages.crawler === 'working');
      account.stuck.set('crawler', new Error('still there'));
      await handle.signal(messages.breakOff, { rollback: true });
      await until(({ state }) => state === 'rolling back');
      await expect(handle.executeUpdate(messages.apply, { args: [{ pipeline }] })).rejects.toMatchObject({
        cause: { message: expect.stringContaining('is rolling back; try again once that is done') },
      });
      account.stuck.clear();
      account.broken.clear();
      await until(({ rolledBack }) => rolledBack !== undefined);
      expect(account.standing.size).toBe(ALL);
    }, soon));

  it('lets no request be lost: one that comes while it heals is told to come again', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      account.broken.set('crawler', new Error('still thinking'));
      account.standing.delete('crawler');
      await until(({ state, stages }) => state === 'applying' && stages.crawler === 'working');
      const changed = { ...pipeline, windowSeconds: 2 };
      await expect(handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] })).rejects.toMatchObject({
        cause: { message: expect.stringContaining('try again once that is done') },
      });
      account.broken.clear();
      await until(isRunning);
    }, soon));

  it('that heals is waited for by an up, which is not taken for done: the spec brings its rate back', () =>
    withPipeline(
      async ({ account, pipeline, up, until }) => {
        await up();
        await until(isRunning);
        await generatorOf(pipeline).executeUpdate(messages.setRate, { args: [50] });
        account.broken.set('crawler', new Error('still thinking'));
        account.standing.delete('crawler');
        await until(({ state, stages }) => state === 'applying' && stages.crawler === 'working');
        expect(await until(() => true)).toMatchObject({ healing: true, rateOverride: 50 });
        const told = new Set<string>();
        const answer = startPipeline(env.client, { pipeline, consent: { adopt: true } }, (what) => void told.add(what));
        while (told.size === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        expect([...told]).toEqual(['waiting until what has drifted is brought back']);
        account.broken.clear();
        expect(await answer).toMatchObject({ was: true, report: { stages: { crawler: { action: 'none' } } } });
        expect(await until((now) => isRunning(now) && now.rateOverride === undefined)).not.toHaveProperty('heals');
      },
      soon,
      taskQueue({ target: 'local', region: 'us-east-1' }),
    ));

  it('that fails holds up no request that was accepted meanwhile; a third is told what it has to wait for', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const changed = { ...pipeline, windowSeconds: 2 };
      const request = gate();
      account.surveying = ({ windowSeconds }) => (windowSeconds === 1 ? undefined : request.passed());
      const answer = handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await request.reached;
      await expect(handle.executeUpdate(messages.apply, { args: [{ pipeline }] })).rejects.toMatchObject({
        cause: { message: `another spec is being applied to pipeline ${pipeline.name}; try again once that is done` },
      });
      account.broken.set('crawler', new Error('still thinking'));
      account.standing.delete('crawler');
      await until(({ state, stages }) => state === 'applying' && stages.crawler === 'working');
      request.open();
      await answer;
      account.mend = { crawler: changed };
      account.broken.set('crawler', final('no crawler left'));
      expect(await until((now) => isHeld(now) || now.pipeline.windowSeconds === 2)).toMatchObject({ state: 'applying' });
      await until(isRunning);
    }, soon));

  it('that is broken off loses no request that is accepted before it has ended', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const changed = { ...pipeline, windowSeconds: 2 };
      const [request, healing] = [gate(), gate()];
      let looks = 0;
      account.surveying = ({ windowSeconds }) => {
        if (windowSeconds === 2) return request.passed();
        const isHealing = !account.standing.has('crawler') && ++looks === 2;
        return isHealing ? healing.passed() : undefined;
      };
      const answer = handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await request.reached;
      account.standing.delete('crawler');
      await healing.reached;
      await handle.signal(messages.breakOff, { rollback: false });
      request.open();
      await answer;
      healing.open();
      expect(await until(isRunning)).toMatchObject({ pipeline: { windowSeconds: 2 } });
      expect(account.standing.has('crawler')).toBe(true);
    }, soon));

  it('leaves the rate that the user set live; the spec that is applied again, unchanged, brings its own back', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const rate = async () => (await generatorOf(pipeline).query(messages.generatorQuery)).rate;
      await generatorOf(pipeline).executeUpdate(messages.setRate, { args: [77] });
      account.standing.delete('crawler');
      await until((now) => isRunning(now) && now.drifts.length > 0);
      expect(await rate()).toBe('77 events/s');
      await handle.executeUpdate(messages.apply, { args: [{ pipeline }] });
      await until((now) => isRunning(now) && !now.pending);
      expect(await rate()).toBe('100 events/s');
    }, soon));
});
