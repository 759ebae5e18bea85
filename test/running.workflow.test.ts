import { describe, expect, it } from '@jest/globals';
import { STAGES } from '../pipeline/stages.ts';
import * as messages from '../workflows/messages.ts';
import { env, isRunning, withPipeline } from './stage.ts';
import { final } from './world.ts';

const ALL = Object.keys(STAGES).length;

describe('a running pipeline', () => {
  it('applies a changed spec live, refuses what cannot change, and counts only what it changed', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      const changed = { ...pipeline, windowSeconds: 2, generator: { ...pipeline.generator, rate: 50 } };
      const report = await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      expect(report.stages.studio).toMatchObject({ action: 'change' });
      const { tally, pipeline: now } = await until((status) => isRunning(status) && status.pipeline.windowSeconds === 2);
      expect(now).toEqual(changed);
      expect(tally).toMatchObject({ created: 0, changed: ALL, unchanged: 0 });
      const elsewhere = { ...pipeline, region: 'eu-west-1' };
      await expect(handle.executeUpdate(messages.apply, { args: [{ pipeline: elsewhere }] })).rejects.toMatchObject({
        cause: { message: expect.stringContaining('region cannot change') },
      });
      expect(Math.max(...account.sent.values())).toBe(1);
    }));

  it.each(['heal', 'report'] as const)('with drift: %s', (drift) =>
    withPipeline(
      async ({ account, up, until }) => {
        await up();
        await until(isRunning);
        account.standing.delete('crawler');
        account.standing.set('workgroup', 'something else');
        const seen = await until(({ drifts, state }) => drifts.length >= 2 && state === 'running');
        expect(seen.drifts.slice(0, 2)).toMatchObject([
          { label: expect.stringContaining('crawler'), missing: true, done: drift === 'heal' ? 'healed' : 'reported' },
          { label: expect.stringContaining('workgroup'), missing: false, done: drift === 'heal' ? 'healed' : 'reported' },
        ]);
        expect(account.standing.has('crawler')).toBe(drift === 'heal');
      },
      { drift, schedules: { drift: '30 seconds' } },
    ),
  );

  it('pauses and goes on without loss or repeat, and stays under 2,000 events of history however long it runs', () =>
    withPipeline(
      async ({ account, handle, up, until }) => {
        await up();
        await until(isRunning);
        const { runId } = await handle.describe();
        for (let turn = 0; turn < 3 || (await handle.describe()).runId === runId; turn++) {
          await handle.signal(messages.pause, { deep: turn % 5 === 0 });
          await until(({ paused, state }) => paused && state === 'paused');
          await handle.signal(messages.resume);
          await until(({ paused, deep, state }) => !paused && !deep && state === 'running');
          for (let i = 0; i < 40; i++) await handle.signal(messages.stageMoved, 'bucket', 'ready');
        }
        expect((await env.client.workflow.getHandle((await until(isRunning)).pipeline.name, runId).describe()).historyLength).toBeLessThan(
          2000,
        );
        expect(new Set(account.sent.values())).toEqual(new Set([1]));
        const runs = new Set([...account.sent.keys()].map((id) => id.split('-')[0]));
        expect(runs.size).toBe(1);
        for (const lane of ['0', '1']) {
          const own = [...account.sent.keys()].map((id) => id.split('-')).filter(([, where]) => where === lane);
          const numbers = own.map(([, , number]) => Number(number)).sort((a, b) => a - b);
          expect(numbers).toEqual(numbers.map((_, i) => i));
        }
      },
      { generator: { rate: 500 } },
    ));

  it('continues as new while a pause cannot go through, and pauses once it can', () =>
    withPipeline(async ({ acts, handle, up, until }) => {
      await up();
      await until(isRunning);
      acts({
        'schedules.pause': async () => {
          throw final('no right to');
        },
      });
      await handle.signal(messages.pause, { deep: false });
      await until(({ reason = '' }) => reason.includes('no right to'));
      const { runId } = await handle.describe();
      for (let sent = 0; sent < 1_600; sent += 50)
        await Promise.all(Array.from({ length: 50 }, () => handle.signal(messages.stageMoved, 'bucket', 'ready')));
      while ((await handle.describe()).runId === runId) await new Promise((resolve) => setTimeout(resolve, 50));
      acts({ 'schedules.pause': undefined });
      await handle.signal(messages.pause, { deep: false });
      await until(({ paused, state }) => paused && state === 'paused');
    }));

  it('is taken down with or without its data, and says what is left', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      await up();
      await until(isRunning);
      expect(await handle.executeUpdate(messages.teardown, { args: [{ keepData: true }] })).toEqual({ left: [] });
      expect([...account.standing.keys()].sort()).toEqual(['bucket', 'lakeDatabase']);
    }));
});
