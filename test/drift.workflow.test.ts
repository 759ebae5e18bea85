import { describe, expect, it } from '@jest/globals';
import { names } from '../pipeline/names.ts';
import { STAGES } from '../pipeline/stages.ts';
import * as messages from '../workflows/messages.ts';
import { env, isRunning, soon, withPipeline } from './stage.ts';

const ALL = Object.keys(STAGES).length;

describe('a look for drift', () => {
  it(
    'that is broken off with rollback takes away nothing that stood, and lets no wish in meanwhile',
    () =>
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
      }, soon),
    60_000,
  );

  it(
    'lets no wish be lost: one that comes while it heals is told to come again',
    () =>
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
      }, soon),
    60_000,
  );

  it(
    'under way while all is taken down makes nothing anew',
    () =>
      withPipeline(async ({ account, handle, up, until }) => {
        await up();
        await until(isRunning);
        let letGo = () => {};
        account.surveying = new Promise<void>((resolve) => {
          letGo = resolve;
        });
        account.surveysBegun = 0;
        while (account.surveysBegun === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        const down = handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
        while (account.standing.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
        letGo();
        expect(await down).toEqual({ left: [] });
        await handle.result();
        expect(account.standing.size).toBe(0);
      }, soon),
    60_000,
  );

  it(
    'starts the generator and the notebook that somebody has ended, and says so',
    () =>
      withPipeline(async ({ pipeline, up, until }) => {
        await up();
        await until(isRunning);
        const { generate, notebook } = names(pipeline).workflows;
        for (const id of [generate, notebook]) await env.client.workflow.getHandle(id).terminate();
        const { drifts } = await until((now) => now.drifts.length >= 2);
        expect(drifts.map(({ label }) => label)).toEqual([`workflow ${generate}`, `workflow ${notebook}`]);
        for (const id of [generate, notebook]) expect((await env.client.workflow.getHandle(id).describe()).status.name).toBe('RUNNING');
      }, soon),
    60_000,
  );

  it(
    'reports once what stays as it is, and nothing any more once it is undone',
    () =>
      withPipeline(
        async ({ account, up, until }) => {
          await up();
          const { lookedAt: first = 0 } = await until(isRunning);
          const made = account.standing.get('workgroup')!;
          account.standing.set('workgroup', 'something else');
          await until(({ drifts, lookedAt = 0 }) => drifts.length > 0 && lookedAt > first);
          const { lookedAt: second = 0 } = await until(() => true);
          const seen = await until(({ lookedAt = 0 }) => lookedAt > second);
          expect(seen.drifts).toHaveLength(1);
          expect(seen.stages.workgroup).toBe('drifted');
          account.standing.set('workgroup', made);
          await until(({ stages }) => stages.workgroup === 'ready');
        },
        { drift: 'report', ...soon },
      ),
    60_000,
  );
});
