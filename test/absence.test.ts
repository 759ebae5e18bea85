import { describe, expect, it } from '@jest/globals';
import { absence, absenceFacts, absenceWords } from '../client/absence.ts';
import { startOnceFree } from '../client/bring-up.ts';
import { stillOf } from '../client/inventory.ts';
import { leftInTemporal } from '../client/left.ts';
import { requestTeardown, type Started, startPipeline } from '../client/pipeline.ts';
import { progressOn } from '../client/progress.ts';
import { names } from '../pipeline/names.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { removalPlan } from '../pipeline/stages.ts';
import type { tearDown } from '../workflows/index.ts';
import * as messages from '../workflows/messages.ts';
import { env, isHeld, isRunning, withPipeline } from './stage.ts';
import { final } from './world.ts';

describe('status of a pipeline whose workflow does not run', () => {
  it('tells one that was terminated from one that was taken down, and names what goes on', () =>
    withPipeline(async ({ pipeline, handle, up, until }) => {
      const { generate, notebook, teardown } = names(pipeline).workflows;
      const look = () => absence(env.client, pipeline);
      expect(await look()).toEqual({ state: 'down' });
      await up();
      await until(isRunning);
      await handle.terminate();
      const found = await look();
      expect(found).toEqual({
        state: 'unattended',
        reason: 'its workflow was terminated',
        goesOn: expect.arrayContaining([`workflow ${generate}`, `workflow ${notebook}`]),
      });
      expect(absenceFacts(found)).toMatchObject({ state: 'unattended', next: ['npx d2d up', 'npx d2d down'] });
      expect(absenceWords({ ...pipeline, target: 'aws' }, found)).toMatch(
        /is unattended, since its workflow was terminated: what it made may stand and be billed.*\n {2}still runs: workflow .*\/generate\n/s,
      );
      const left = await stillOf(env.client, pipeline.name);
      expect(leftInTemporal(left, true)).toEqual([
        ...[generate, notebook].map((id) => `  workflow ${id}: goes on in Temporal`),
        'To end them, once more: npx d2d down --keep-data',
      ]);
      const taskQueue = (await env.client.workflow.getHandle(generate).describe()).taskQueue;
      const down = await env.client.workflow.start<typeof tearDown>('tearDown', {
        taskQueue,
        workflowId: teardown,
        args: [{ pipeline, plan: removalPlan(false) }],
      });
      expect(await look()).toEqual({ state: 'taking down' });
      await down.result();
      expect(await look()).toEqual({ state: 'down' });
      expect(leftInTemporal(await stillOf(env.client, pipeline.name), false)).toEqual([]);
    }));

  it('says that it was cancelled, and of one that took back what it made that it is down', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      account.broken.set('crawler', final('no crawler'));
      await up();
      await until(isHeld);
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow('cancelled');
      expect(await absence(env.client, pipeline)).toMatchObject({ state: 'unattended', reason: 'its workflow was cancelled' });
      await up({ rollback: true });
      await expect(handle.result()).rejects.toThrow('failed');
      expect(await absence(env.client, pipeline)).toEqual({ state: 'down' });
      await up();
      await until(isHeld);
      await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
      await handle.result();
      expect(await absence(env.client, pipeline)).toEqual({ state: 'down' });
    }));
});

describe('status of a pipeline whose take-down left things standing', () => {
  it('says what and why, until a take-down leaves nothing', () =>
    withPipeline(async ({ account, pipeline, handle, up, until }) => {
      const left = [{ label: 'bucket', why: 'its objects are locked' }];
      const { teardown } = names(pipeline).workflows;
      const { taskQueue } = await up().then(() => handle.describe());
      const downAlone = () =>
        env.client.workflow.execute<typeof tearDown>('tearDown', {
          taskQueue,
          workflowId: teardown,
          args: [{ pipeline, plan: removalPlan(false) }],
        });
      await until(isRunning);
      account.stuck.set('bucket', final('its objects are locked'));
      await handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
      expect(await handle.result()).toEqual({ left });
      expect(await absence(env.client, pipeline)).toEqual({ state: 'down', left });
      await downAlone();
      expect(await absence(env.client, pipeline)).toEqual({ state: 'down', left });
      account.stuck.clear();
      await downAlone();
      expect(await absence(env.client, pipeline)).toEqual({ state: 'down' });
    }));

  it('says what that costs, and how to try again', () => {
    const costs = { perHour: 0.25, basis: '1 KPU' };
    const found = { state: 'down' as const, left: [{ label: 'application game-sql', why: 'it does not stop', costs }] };
    expect(absenceWords({ name: 'game', target: 'aws' }, found).split('\n')).toEqual([
      'pipeline game is down, but its take-down left these standing:',
      '  application game-sql: it does not stop; $0.250 an hour (1 KPU)',
      expect.stringMatching(/^Billed: together \$0.250 an hour/),
      'To try again to take them away: npx d2d down',
    ]);
    expect(absenceFacts(found)).toEqual({ ...found, perHour: 0.25, next: ['npx d2d down', 'npx d2d up'] });
  });
});

describe('a pipeline of that name in another account', () => {
  it('is neither changed nor taken down, nor its take-down joined', async () => {
    const theirs = {
      ...parseSpec({ name: 'shared', target: 'aws', quicksightPrincipal: 'arn:aws:quicksight:us-east-1:111111111111:user/default/ops' }),
      account: '111111111111',
    };
    const ours = { ...theirs, account: '222222222222' };
    const refusal =
      /^Pipeline shared runs on another target, region or account, or by an earlier version \(task queue .*-111111111111\), and is left alone\. /;
    await startPipeline(env.client, { pipeline: theirs });
    const handle = env.client.workflow.getHandle(theirs.name);
    await expect(startPipeline(env.client, { pipeline: ours })).rejects.toThrow(refusal);
    await expect(requestTeardown(env.client, ours)).rejects.toThrow(refusal);
    expect((await handle.describe()).historyLength).toBe(2);
    await handle.terminate();
    const end = requestTeardown(env.client, theirs).catch(() => 'terminated');
    while ((await absence(env.client, theirs)).state !== 'taking down') await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(requestTeardown(env.client, ours)).rejects.toThrow(refusal);
    await env.client.workflow.getHandle(names(theirs).workflows.teardown).terminate();
    expect(await end).toBe('terminated');
  });
});

describe('a take-down of its own', () => {
  it('is not crossed by an up, nor joined by one that does otherwise with the data; a start waits for its end', async () => {
    const pipeline = { ...parseSpec({ name: 'ending' }), account: '000000000000' };
    let started: Promise<Started> | undefined;
    // No worker takes it up, so it is under way until it is terminated.
    const end = requestTeardown(env.client, pipeline, true).catch(() => 'terminated');
    while ((await absence(env.client, pipeline)).state !== 'taking down') await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(startPipeline(env.client, { pipeline })).rejects.toThrow(
      'Pipeline ending is already being taken down; try again once that is done',
    );
    await expect(requestTeardown(env.client, pipeline)).rejects.toThrow('is already being taken down, all but its data; try again');
    const waited = new Promise<void>((resolve) => {
      const progress = { ...progressOn(process.stderr), now: () => resolve() };
      started = startOnceFree(env.client, pipeline, progress, new AbortController().signal);
    });
    await waited;
    await env.client.workflow.getHandle(names(pipeline).workflows.teardown).terminate();
    expect(await started).toEqual({ was: false });
    await env.client.workflow.getHandle(pipeline.name).terminate();
    expect(await end).toBe('terminated');
  });
});
