import { describe, expect, it } from '@jest/globals';
import * as messages from '../workflows/messages.ts';
import { outlook } from '../workflows/outlook.ts';
import { generatorOf, isRunning, soon, withPipeline } from './stage.ts';

const onAws = { target: 'aws', quicksightPrincipal: 'arn:aws:quicksight:us-east-1:000000000000:user/default/dev' };

describe('the budget of a day', () => {
  it('pauses the pipeline, the application too, until the user lets it go on for the rest of it', () =>
    withPipeline(
      async ({ account, pipeline, handle, up, until }) => {
        await up();
        const now = await until(({ deep }) => deep);
        expect(now).toMatchObject({
          state: 'paused',
          paused: true,
          overBudget: expect.stringMatching(/^it has cost \$0\.\d\d today, more than maxDailyCost/),
        });
        expect(now.reason).toBe(now.overBudget);
        while (!account.suspended) await new Promise((resolve) => setTimeout(resolve, 20));
        await handle.signal(messages.resume);
        expect(await until((now) => isRunning(now) && !now.deep)).toMatchObject({ paused: false, spent: { waived: 0.00001 } });
        await handle.executeUpdate(messages.apply, { args: [{ pipeline: { ...pipeline, maxDailyCost: 0.000011 } }] });
        expect(await until(({ overBudget, deep }) => overBudget !== undefined && deep)).toMatchObject({ paused: true });
      },
      { ...onAws, maxDailyCost: 0.00001, ...soon },
    ));
});

describe('a budget', () => {
  it('goes by the rate that the user has set live', () =>
    withPipeline(
      async ({ pipeline, up, until }) => {
        await up();
        const before = await until((now) => isRunning(now) && now.spent.perHour > 0);
        await generatorOf(pipeline).executeUpdate(messages.setRate, { args: [7000] });
        const over = await until(({ deep }) => deep);
        expect(over.overBudget).toMatch(/^it costs \$\d/);
        expect(before.spent.perHour).toBeLessThan(3);
        expect(outlook({ ...over, paused: false }).onAws).toBeGreaterThan(3);
      },
      { ...onAws, maxHourlyCost: 3, ...soon },
    ));

  it('is judged by an activity, so that other prices do not change what the workflow did', () =>
    withPipeline(
      async ({ account, up, until }) => {
        await up();
        await until(isRunning);
        account.excess = 'prices have risen';
        expect(await until(({ deep }) => deep)).toMatchObject({ overBudget: 'prices have risen' });
      },
      { ...onAws, maxDailyCost: 1000, ...soon },
    ));
});
