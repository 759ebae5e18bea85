import { ApplicationFailure } from '@temporalio/common';
import { unsent } from '../activities/kinesis/stretch.ts';
import type { Consent } from '../activities/resource.ts';
import { names } from '../pipeline/names.ts';
import { everything, removalPlan } from '../pipeline/stages.ts';
import { begin } from '../workflows/cursor.ts';
import * as messages from '../workflows/messages.ts';
import { cancelled } from './cancelled.ts';
import { after, failed, type Scene, type Stage } from './scene.ts';
import { SCHEDULED } from './scheduled-scenes.ts';
import { final } from './world.ts';

const operate = async ({ pipeline, start, until }: Stage, request: object = {}) => {
  const handle = await start('operate', pipeline.name, { pipeline, ...request });
  const status = () => handle.query(messages.statusQuery);
  return {
    handle,
    is: (state: string, isSo: (now: messages.PipelineStatus) => boolean = () => true) =>
      until(status, (now) => now.state === state && isSo(now)),
    apply: (consent?: Consent) => handle.executeUpdate(messages.apply, { args: [{ pipeline, consent }] }),
    down: () => handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] }),
  };
};
/** Events after which a pipeline's run has long turned over. */
const ENOUGH = 1_700;

/** Every workflow type and branch, by name. */
export const SCENES: Record<string, Scene> = {
  life: {
    keeps: ['operate', 'provision', 'generate', 'keepNotebook', 'crawl'],
    play: async (stage) => {
      const { handle, is, down } = await operate(stage);
      await is('running');
      await handle.signal(messages.pause);
      await is('paused');
      await handle.signal(messages.resume);
      await is('running');
      await handle.signal(messages.pause, { deep: true });
      await is('paused', ({ deep }) => deep);
      await handle.signal(messages.resume);
      await is('running', ({ deep }) => !deep);
      const changed = { ...stage.pipeline, windowSeconds: 2, generator: { ...stage.pipeline.generator, rate: 50 } };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: changed }] });
      await is('running', ({ pipeline }) => pipeline.windowSeconds === 2);
      await down();
    },
  },
  held: {
    keeps: ['operate', 'provision'],
    spec: { schedules: { drift: '30 seconds' } },
    play: async (stage) => {
      stage.account.broken.set('dataSource', final('QuickSight says no'));
      const { apply, is, down } = await operate(stage);
      const { lookedAt = 0 } = await is('held');
      await is('held', (now) => (now.lookedAt ?? 0) > lookedAt);
      stage.account.broken.clear();
      await apply();
      await is('running');
      await down();
    },
  },
  adopted: {
    keeps: ['operate'],
    play: async (stage) => {
      stage.account.foreign.add('bucket');
      stage.account.refused.push('no shards left');
      const { apply, is, down } = await operate(stage);
      await is('held');
      stage.account.refused.length = 0;
      await apply({ adopt: true });
      await is('running');
      await down();
    },
  },
  'rolled-back': {
    keeps: ['operate', 'provision'],
    play: async (stage) => {
      stage.account.broken.set('studio', final('no KPU left'));
      const { handle } = await operate(stage, { rollback: true });
      await failed(handle.result());
    },
  },
  'broken-off': {
    keeps: ['operate', 'provision'],
    play: async (stage) => {
      stage.account.broken.set('studio', new Error('still thinking'));
      const { handle, apply, is } = await operate(stage);
      await is('starting', ({ stages }) => stages.studio === 'working' && stages.eventsDelivery === 'ready');
      await handle.signal(messages.breakOff, { rollback: false });
      await is('held');
      await apply();
      await is('starting', ({ stages }) => stages.studio === 'working');
      await handle.signal(messages.breakOff, { rollback: true });
      await failed(handle.result());
    },
  },
  healed: {
    keeps: ['operate'],
    spec: { schedules: { drift: '30 seconds' } },
    play: async (stage) => {
      const { is, down } = await operate(stage);
      await is('running');
      stage.account.standing.delete('crawler');
      await is('running', ({ drifts }) => drifts.length > 0);
      await down();
    },
  },
  reported: {
    keeps: ['operate'],
    spec: { drift: 'report', schedules: { drift: '30 seconds' } },
    play: async (stage) => {
      const { is, down } = await operate(stage);
      await is('running');
      stage.account.standing.delete('crawler');
      await is('running', ({ drifts }) => drifts.length > 0);
      await down();
    },
  },
  stayed: {
    keeps: ['operate'],
    play: async (stage) => {
      const { is, down } = await operate(stage);
      await is('running');
      stage.account.endless = final('it does not end');
      await failed(down());
      await is('held');
      stage.account.endless = undefined;
      await down();
    },
  },
  'rows-lost': {
    keeps: ['operate', 'keepNotebook'],
    spec: { schedules: { drift: '30 seconds' } },
    play: async (stage) => {
      const { handle, is, down } = await operate(stage);
      await is('running');
      stage.account.standing.delete('playerDelivery');
      await is('running', ({ drifts, rowsLostFrom }) => drifts.length > 0 && rowsLostFrom === undefined);
      stage.account.broken.set('dashboard', final('too many visuals'));
      stage.account.mend = { dashboard: stage.pipeline };
      await handle.executeUpdate(messages.apply, { args: [{ pipeline: { ...stage.pipeline, windowSeconds: 2 }, rollback: true }] });
      await is('running', ({ rolledBack }) => rolledBack !== undefined);
      await down();
    },
  },
  'paused-early': {
    keeps: ['operate'],
    play: async (stage) => {
      let isDelivered = false;
      stage.acts({
        'lake.delivered': async () => {
          if (!isDelivered) throw new Error('nothing has been delivered yet');
        },
      });
      const { handle, is, down } = await operate(stage);
      await is('starting', ({ generating }) => generating === true);
      await handle.signal(messages.pause);
      await is('starting', ({ paused }) => paused);
      await handle.signal(messages.resume);
      await is('starting', ({ paused }) => !paused);
      isDelivered = true;
      await is('running');
      await down();
    },
  },
  turned: {
    keeps: ['operate'],
    play: async (stage) => {
      const { until } = stage;
      const { handle, is, down } = await operate(stage);
      await is('running');
      const first = await handle.describe();
      // No more than it takes: under signals that never cease a run cannot end.
      for (
        let { historyLength, runId } = first;
        historyLength < ENOUGH && runId === first.runId;
        { historyLength, runId } = await handle.describe()
      )
        await Promise.all(Array.from({ length: 100 }, () => handle.signal(messages.stageMoved, 'bucket', 'ready')));
      await until(
        () => handle.describe(),
        ({ runId }) => runId !== first.runId,
      );
      await is('running');
      await down();
    },
  },
  mended: {
    keeps: ['provision'],
    play: async ({ pipeline, start, acts }) => {
      const broken = () => ApplicationFailure.nonRetryable('it came out broken', 'BrokenResource');
      const young = ApplicationFailure.nonRetryable('it came out broken', 'BrokenWhileRoleSpreads');
      acts({ 'bucket.ready': after([broken(), young]), 'events.ready': after([broken(), broken(), broken(), broken()]) });
      const plan = everything().filter(({ stage }) => ['bucket', 'events'].includes(stage));
      await (await start('provision', `${pipeline.name}/provision`, { pipeline, plan })).result();
    },
  },
  generated: {
    keeps: ['generate'],
    spec: { generator: { rate: 1000, total: 400 } },
    play: async ({ pipeline, start, until, acts, account }) => {
      let breaks = 3;
      acts({
        'kinesis.generate': async ({ from, to }: { from: number; to: number }) => {
          account.sent.set('any', 1);
          if (breaks-- > 0) throw ApplicationFailure.nonRetryable('it broke off');
          return { ...unsent(from), next: to, latest: Date.now(), heartbeats: 1 };
        },
      });
      breaks = 1;
      const handle = await start('generate', `${pipeline.name}/generate`, { pipeline, cursor: begin(pipeline, 'r', false) });
      const state = async () => (await handle.query(messages.generatorQuery)).state;
      await until(state, (now) => now === 'finished');
      await handle.signal(messages.pause);
      await until(state, (now) => now === 'paused');
      await handle.executeUpdate(messages.setRate, { args: [500] });
      const more = { ...pipeline, generator: { ...pipeline.generator, total: 800, players: 41 } };
      await handle.signal(messages.updateSpec, more);
      await handle.signal(messages.resume);
      await until(
        () => handle.query(messages.generatorQuery),
        (now) => now.state === 'finished' && now.total === 800,
      );
      await cancelled(handle);
    },
  },
  kept: {
    keeps: ['keepNotebook'],
    play: async ({ pipeline, start, until, acts }) => {
      let looks = 0;
      acts({
        'notebook.checkJob': async () => ({ running: looks++ % 2 === 1, reason: 'the job is not there' }),
        'notebook.checkFlow': async () => 'no output although input flows',
        'notebook.awaitRunning': after([final('SQL has an error')]),
      });
      const handle = await start('keepNotebook', `${pipeline.name}/notebook`, { pipeline });
      const notebook = () => handle.query(messages.notebookQuery);
      await until(notebook, ({ state }) => state === 'stopped');
      await until(notebook, ({ state, restarts }) => state === 'running' && restarts > 2);
      await handle.signal(messages.suspend);
      await until(notebook, ({ state }) => state === 'suspended');
      await handle.signal(messages.resume);
      await until(notebook, ({ state }) => state === 'running');
      await handle.signal(messages.updateSpec, { ...pipeline, windowSeconds: 2 });
      await cancelled(handle);
    },
  },
  ...SCHEDULED,
  ended: {
    keeps: ['tearDown', 'plan'],
    play: async ({ pipeline, start, account }) => {
      for (const { stage } of everything()) account.standing.set(stage, 'by somebody');
      await (await start('plan', names(pipeline).workflows.survey, { pipeline })).result();
      await (await start('tearDown', `${pipeline.name}/teardown`, { pipeline, plan: removalPlan(true), keepData: true })).result();
      await (await start('tearDown', `${pipeline.name}/teardown/all`, { pipeline, plan: removalPlan(false) })).result();
    },
  },
};
