import { describe, expect, it } from '@jest/globals';
import { startOnceFree } from '../client/bring-up.ts';
import { mustBeFresh } from '../client/once.ts';
import { tellPipeline } from '../client/pause.ts';
import { startPipeline } from '../client/pipeline.ts';
import { progressOn } from '../client/progress.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import * as messages from '../workflows/messages.ts';
import { env, gate, isHeld, isRunning, withPipeline } from './stage.ts';

const queue = taskQueue({ ...parseSpec({ name: 'any' }), account: '000000000000' });

describe('a start with another spec while the one before still comes up', () => {
  it('waits for that to end, which may be broken off; an up says so', () =>
    withPipeline(
      async ({ account, pipeline, handle, up, until }) => {
        account.broken.set('studio', new Error('still thinking'));
        await up();
        await until(({ stages }) => stages.studio === 'working');
        const changed = { ...pipeline, windowSeconds: 2 };
        await expect(startPipeline(env.client, { pipeline: changed })).rejects.toThrow(
          `Pipeline ${pipeline.name} is starting by another spec; try again once that is done, or break that off: npx d2d break-off`,
        );
        const waiting = gate();
        const progress = { ...progressOn(process.stderr), now: () => void waiting.passed() };
        const started = startOnceFree(env.client, changed, progress, new AbortController().signal);
        await waiting.reached;
        account.broken.clear();
        await handle.signal(messages.breakOff, { rollback: false });
        expect(await started).toMatchObject({ was: true });
        expect(await until((now) => isRunning(now) || isHeld(now))).toMatchObject({ state: 'running', pipeline: { windowSeconds: 2 } });
      },
      {},
      queue,
    ));
});

describe('a start that takes everything down in the end', () => {
  it('is refused where the pipeline runs', () =>
    withPipeline(
      async ({ pipeline, up, until }) => {
        await up();
        await until(isRunning);
        await expect(mustBeFresh(env.client, pipeline)).rejects.toThrow(`pipeline ${pipeline.name} is already there`);
      },
      {},
      queue,
    ));

  it('is refused where things of the pipeline stand on AWS, which names them', () => {
    const onAws = { target: 'aws', quicksightPrincipal: 'arn:aws:quicksight:us-east-1:000000000000:user/default/dev' };
    const awsQueue = taskQueue({ ...parseSpec({ name: 'any', ...onAws }), account: '000000000000' });
    return withPipeline(
      async ({ account, pipeline, up, until }) => {
        await mustBeFresh(env.client, pipeline);
        account.standing.set('bucket', 'an earlier life');
        await expect(mustBeFresh(env.client, pipeline)).rejects.toThrow(
          `there is already: the bucket of ${pipeline.name}. Take it down first`,
        );
        await up();
        await until(isRunning);
      },
      onAws,
      awsQueue,
    );
  });
});

describe('a pause', () => {
  it('that is taken back from another terminal before it stands says so, and does not wait for ever', () =>
    withPipeline(
      async ({ acts, pipeline, up, until }) => {
        await up();
        await until(isRunning);
        const stop = gate();
        acts({ 'notebook.stop': () => stop.passed() });
        const paused = tellPipeline(env.client, pipeline, 'paused', true);
        await stop.reached;
        expect(await tellPipeline(env.client, pipeline, 'running', false)).toMatchObject({ ok: true });
        expect(await paused).toMatchObject({
          ok: false,
          words: 'not paused: meanwhile it was resumed by somebody else. See: npx d2d status',
        });
        stop.open();
      },
      {},
      queue,
    ));
});
