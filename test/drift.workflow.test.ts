import { describe, expect, it } from '@jest/globals';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import * as messages from '../workflows/messages.ts';
import { outlook } from '../workflows/outlook.ts';
import { env, generatorOf, isHeld, isRunning, soon, withPipeline } from './stage.ts';
import { final, type World } from './world.ts';

describe('a look for drift', () => {
  it('that heals something else lets nothing be sent while a delivery is on its way out', () =>
    withPipeline(async ({ account, up, until }) => {
      await up();
      await until(isRunning);
      account.leaving.add('eventsDelivery');
      account.broken.set('eventsDelivery', new Error('it is being deleted'));
      account.standing.delete('dashboard');
      await until(({ eventsHeld, closed, stages }) => eventsHeld === true && closed && stages.eventsDelivery === 'working');
      const sent = account.sent.size;
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(account.sent.size).toBe(sent);
      account.leaving.clear();
      account.broken.clear();
      expect(await until(isRunning)).toMatchObject({ eventsHeld: false });
      while (account.sent.size === sent) await new Promise((resolve) => setTimeout(resolve, 20));
    }, soon));

  it.each(['events', 'eventsDelivery'] as const)(
    'that finds somebody deleting the %s lets nothing be sent until it has been made anew, and says so',
    (stage) =>
      withPipeline(async ({ account, up, until }) => {
        await up();
        await until(isRunning);
        account.broken.set(stage, new Error('it is being deleted'));
        account.leaving.add(stage);
        await until(({ eventsHeld, stages }) => eventsHeld === true && stages[stage] === 'working');
        account.leaving.clear();
        account.standing.delete(stage);
        account.broken.clear();
        const { drifts } = await until((now) => isRunning(now) && now.eventsHeld === false);
        expect(drifts[0]).toMatchObject({ label: expect.stringContaining(`the ${stage} of`), missing: false, done: 'healed' });
        expect(account.standing.has(stage)).toBe(true);
        const sent = account.sent.size;
        while (account.sent.size === sent) await new Promise((resolve) => setTimeout(resolve, 20));
      }, soon),
  );

  it.each([
    ['leaderboards', true],
    ['playerDelivery', true],
    ['events', true],
    ['eventsDelivery', false],
  ] as const)('that makes the %s anew has the SQL make its rows anew, of when all was last seen to stand: %s', (stage, isAgain) =>
    withPipeline(async ({ account, acts, up, until }) => {
      const seeded: { from?: number; stood: boolean }[] = [];
      acts({
        'notebook.seed': async (_pipeline: Pipeline, from?: number) => {
          seeded.push({ from, stood: account.standing.has(stage) });
        },
      });
      await up();
      const { readyAt = 0 } = await until(isRunning);
      const deleted = Date.now();
      account.standing.delete(stage);
      await until((now) => isRunning(now) && now.drifts.length > 0);
      const { lookedAt = 0 } = await until((now) => isRunning(now) && now.rowsLostFrom === undefined);
      // A look of the notebook's keeper takes less than two of the pipeline's.
      await until((now) => (now.lookedAt ?? 0) > lookedAt + 1_000);
      expect(seeded).toEqual(isAgain ? [{ from: expect.any(Number), stood: true }] : []);
      for (const { from } of seeded) {
        expect(from).toBeGreaterThanOrEqual(readyAt - 5_000);
        expect(from).toBeLessThanOrEqual(deleted);
      }
    }, soon),
  );

  it('tells of schedules and workflows that it made anew, whether or not it healed something else', () =>
    withPipeline(async ({ account, pipeline, up, until }) => {
      await up();
      await until(isRunning);
      account.lostSchedules.push('game/crawl');
      await until(({ drifts }) => drifts.length === 1);
      account.lostSchedules.push('game/audit');
      await generatorOf(pipeline).terminate();
      account.standing.delete('dashboard');
      const { drifts } = await until((now) => isRunning(now) && now.drifts.length > 3);
      const told = drifts.map(({ label, missing, done }) => ({ label, missing, done }));
      const labels = ['schedule game/crawl', 'schedule game/audit', `workflow ${generatorOf(pipeline).workflowId}`];
      for (const label of labels) expect(told).toContainEqual({ label, missing: true, done: 'healed' });
    }, soon));

  it('leaves alone what moves and carries no data, and reports once a carrier that moves', () =>
    withPipeline(
      async ({ account, up, until }) => {
        await up();
        await until(isRunning);
        account.leaving.add('workgroup');
        account.moving.add('events');
        const { lookedAt = 0 } = await until(({ drifts }) => drifts.length > 0);
        const { drifts, eventsHeld, stages, rowsLostFrom } = await until((now) => (now.lookedAt ?? 0) > lookedAt);
        // What moves may go on carrying all.
        expect(rowsLostFrom).toBeUndefined();
        expect(drifts).toMatchObject([{ label: expect.stringContaining('the events of'), done: 'reported' }]);
        expect({ events: stages.events, workgroup: stages.workgroup, eventsHeld }).toEqual({ events: 'drifted', workgroup: 'ready' });
        account.moving.clear();
        await until((now) => now.stages.events === 'ready');
        account.leaving.add('playerMetrics');
        await until((now) => now.rowsLostFrom !== undefined);
        // Made again by somebody else; the SQL hears of it all the same.
        account.leaving.clear();
        await until((now) => now.rowsLostFrom === undefined);
      },
      { drift: 'report', ...soon },
    ));

  it.each([
    ['that is gone', ({ standing }: World) => standing.delete('eventsDelivery')],
    ['that has failed', ({ dead }: World) => dead.add('eventsDelivery')],
  ])(
    'that cannot make a delivery anew %s lets nothing be sent, whatever the user says, until it can, and says once that it cannot',
    (_which, breakIt) =>
      withPipeline(async ({ account, handle, up, until }) => {
        await up();
        await until(isRunning);
        account.broken.set('eventsDelivery', final('no delivery stream left'));
        breakIt(account);
        const held = await until(isHeld);
        expect(outlook(held).words).toContain('No events are sent until the stream and all deliveries stand');
        const sent = account.sent.size;
        const again = await until(({ lookedAt = 0 }) => lookedAt > held.lookedAt! + 1_000);
        expect(again.drifts.map(({ done }) => done)).toEqual(['failed']);
        expect(account.sent.size).toBe(sent);
        account.broken.set('eventsDelivery', new Error('still thinking'));
        await until(({ state, stages, closed }) => state === 'applying' && stages.eventsDelivery === 'working' && closed);
        await handle.signal(messages.pause);
        await until(({ paused }) => paused);
        await handle.signal(messages.resume);
        await until(({ paused }) => !paused);
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(account.sent.size).toBe(sent);
        expect(await until(() => true)).toMatchObject({ state: 'applying', closed: true });
        account.broken.clear();
        await until(isRunning);
        while (account.sent.size === sent) await new Promise((resolve) => setTimeout(resolve, 20));
      }, soon),
  );

  it('under way while all is taken down makes nothing anew', () =>
    withPipeline(async ({ account, handle, up, until }) => {
      await up();
      await until(isRunning);
      let letGo = () => {};
      const isLetGo = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      account.surveying = () => isLetGo;
      account.surveysBegun = 0;
      while (account.surveysBegun === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      const down = handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
      while (account.standing.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      letGo();
      expect(await down).toEqual({ left: [] });
      await handle.result();
      expect(account.standing.size).toBe(0);
    }, soon));

  it('starts the generator and the notebook that somebody has ended, and says so', () =>
    withPipeline(async ({ pipeline, up, until }) => {
      await up();
      await until(isRunning);
      const { generate, notebook } = names(pipeline).workflows;
      await generatorOf(pipeline).executeUpdate(messages.setRate, { args: [77] });
      await until(({ rateOverride }) => rateOverride === 77);
      for (const id of [generate, notebook]) await env.client.workflow.getHandle(id).terminate();
      const { drifts, rateOverride } = await until((now) => now.drifts.length >= 2);
      // A new generator sends at the rate of the spec.
      expect(rateOverride).toBeUndefined();
      expect(drifts.map(({ label }) => label)).toEqual([`workflow ${generate}`, `workflow ${notebook}`]);
      for (const id of [generate, notebook]) expect((await env.client.workflow.getHandle(id).describe()).status.name).toBe('RUNNING');
    }, soon));

  it('reports once what stays as it is, and nothing any more once it is undone', () =>
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
    ));
});
