import { describe, expect, it } from '@jest/globals';
import { notYet } from '../activities/not-yet.ts';
import * as messages from '../workflows/messages.ts';
import { gate, generatorOf, isHeld, isRunning, withPipeline } from './stage.ts';
import { final, type World } from './world.ts';

/** Has the survey wait at the gate that comes `nth` from now on. */
function atSurvey(account: World, nth: number) {
  const survey = gate();
  let count = 0;
  account.surveying = () => (++count === nth ? survey.passed() : undefined);
  return survey;
}

describe('what the status says is what is so', () => {
  it('of events that are held where that is broken off while it is surveyed', () =>
    withPipeline(async ({ account, pipeline, handle, up, apply, until }) => {
      await up();
      await until(isRunning);
      account.standing.delete('eventsDelivery');
      // The first is for the answer.
      const survey = atSurvey(account, 2);
      await apply();
      await survey.reached;
      await handle.signal(messages.breakOff, { rollback: false });
      survey.open();
      expect(await until(isHeld)).toMatchObject({ eventsHeld: true });
      while ((await generatorOf(pipeline).query(messages.generatorQuery)).state !== 'paused')
        await new Promise((resolve) => setTimeout(resolve, 20));
    }));

  it('of a pause that went through only in part, which the user takes back', () =>
    withPipeline(async ({ acts, account, pipeline, handle, up, until }) => {
      await up();
      await until(isRunning);
      acts({ 'schedules.pause': () => Promise.reject(final('the schedule is locked')) });
      await handle.signal(messages.pause);
      await until(({ reason }) => reason !== undefined);
      acts({ 'schedules.pause': undefined });
      await handle.signal(messages.resume);
      await until((now) => isRunning(now) && now.reason === undefined);
      const before = account.sent.size;
      while ((await generatorOf(pipeline).query(messages.generatorQuery)).state !== 'running' || account.sent.size === before)
        await new Promise((resolve) => setTimeout(resolve, 20));
    }));

  it('of schedules that the user pauses while a change that is broken off sets them going', () =>
    withPipeline(async ({ acts, account, handle, up, apply, until }) => {
      await up();
      await until(isRunning);
      account.standing.delete('crawler');
      const setting = gate();
      acts({
        'schedules.pause': async (_pipeline: unknown, paused: boolean) => {
          if (!paused) await setting.passed();
          account.paused = paused;
        },
      });
      await apply();
      await setting.reached;
      await handle.signal(messages.pause, { deep: true });
      await until(({ paused }) => paused);
      expect(account.paused).toBe(true);
      await handle.signal(messages.breakOff, { rollback: false });
      setting.open();
      await until(isHeld);
      while (!account.paused) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(account.paused).toBe(true);
    }));

  it('of a SQL that is stopped deeply while it is looked after: it gets to its last events first', () =>
    withPipeline(async ({ acts, account, handle, up, until }) => {
      let ran = false;
      acts({
        'notebook.checkJob': async () => ({ running: ran }),
        'notebook.run': async () => {
          ran = true;
        },
      });
      await up();
      await until((now) => isRunning(now) && ran);
      const look = gate();
      acts({
        'notebook.start': async () => {
          await look.passed();
          throw notYet('the application is stopping');
        },
      });
      await look.reached;
      const { starts } = account;
      await handle.signal(messages.pause, { deep: true });
      await until(({ deep }) => deep);
      acts({ 'notebook.start': undefined });
      look.open();
      await until(({ studioRuns }) => !studioRuns);
      expect(account.starts).toBe(starts + 1);
    }));

  it('of a take-down that comes while the last step of a change ends', () =>
    withPipeline(async ({ acts, account, handle, up, apply, until }) => {
      await up();
      await until(isRunning);
      account.standing.delete('crawler');
      const [last, removal] = [gate(), gate()];
      acts({ 'schedules.pause': () => last.passed(), 'schedules.remove': () => removal.passed() });
      await apply();
      await last.reached;
      const down = handle.executeUpdate(messages.teardown, { args: [{ keepData: false }] });
      await until(({ state }) => state === 'taking down');
      last.open();
      await removal.reached;
      expect(await handle.query(messages.statusQuery)).toMatchObject({ state: 'taking down' });
      removal.open();
      expect(await down).toEqual({ left: [] });
    }));

  it('of a roll-back, which no break-off breaks off', () =>
    withPipeline(async ({ account, pipeline, handle, up, apply, until }) => {
      await up();
      await until(isRunning);
      account.broken.set('dashboard', final('too many visuals'));
      account.mend = { dashboard: pipeline };
      // Of the answer, of the change, of the roll-back.
      const survey = atSurvey(account, 3);
      await apply({ pipeline: { ...pipeline, windowSeconds: 2 }, rollback: true });
      await survey.reached;
      await handle.signal(messages.breakOff, { rollback: true });
      survey.open();
      expect(await until((now) => isHeld(now) || now.rolledBack !== undefined)).toMatchObject({ state: 'running', pipeline });
    }));
});
