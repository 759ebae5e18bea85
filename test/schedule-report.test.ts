import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { temporal } from '../activities/temporal/schedules.ts';
import { scheduleReport } from '../client/schedule-report.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { temporalServer, workerIn } from './temporal-server.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await temporalServer();
});
afterAll(() => env?.teardown());

async function until<Value>(look: () => Promise<Value>, isSo: (value: Value) => boolean): Promise<Value> {
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it('counts what the next run cut short, and judges by the latest run that came to its own end', async () => {
  const each = {
    player_deaths: { every: '10 seconds', overlap: 'cancel other' },
    team_performance: { every: '10 seconds', overlap: 'terminate other' },
    kills_total: { every: '10 seconds' },
  };
  const pipeline: Pipeline = {
    ...parseSpec({ name: 'four', local: { speed: 10 }, schedules: { queries: '1 hour', each } }),
    account: '000000000000',
  };
  const act = temporal(env.client, 'four');
  let isBroken = true;
  const worker = await workerIn(env, {
    taskQueue: 'four',
    activities: {
      ...act,
      'crawl.since': async () => 0,
      'crawl.start': async () => undefined,
      'crawl.finished': async () => ({ tables: ['events'], drifted: [] }),
      'query.start': async (_pipeline: Pipeline, question: string) => {
        if (question !== 'kills_total') await Context.current().sleep('1 minute');
        return question;
      },
      'query.finished': async (_pipeline: Pipeline, question: string) => {
        if (isBroken) throw ApplicationFailure.nonRetryable('SYNTAX_ERROR: no such column', 'QueryFailed');
        return { question, execution: 'x', columns: ['n'], rows: [['1']], more: false, bytesScanned: 0, milliseconds: 1 };
      },
    },
    shutdownGraceTime: 1,
  });
  const of = async (question: string) => (await scheduleReport(env.client, pipeline)).find(({ what }) => what === `query ${question}`)!;
  await worker.runUntil(async () => {
    await act['schedules.ensure'](pipeline);
    for (const question of ['player_deaths', 'team_performance'])
      expect(
        await until(
          () => of(question),
          ({ overtaken }) => overtaken > 0,
        ),
      ).toMatchObject({ failed: 0, failing: false, skipped: 0 });
    const failing = await until(
      () => of('kills_total'),
      (report) => report.failing,
    );
    expect(failing.failed).toBeGreaterThan(0);
    expect(failing).toMatchObject({ overtaken: 0, lastFailure: { message: 'SYNTAX_ERROR: no such column' } });
    isBroken = false;
    const mended = await until(
      () => of('kills_total'),
      (report) => !report.failing,
    );
    expect(mended).toMatchObject({ failing: false, lastFailure: { message: 'SYNTAX_ERROR: no such column' } });
    expect(mended.failed).toBeGreaterThan(0);

    // Temporal drops what a full buffer cannot take: after a thousand runs, so here it only says so.
    const getHandle = (id: string) => ({
      describe: async () => {
        const is = await env.client.schedule.getHandle(id).describe();
        return { ...is, raw: { ...is.raw, info: { ...is.raw.info, bufferDropped: 3 } } };
      },
    });
    const full = await scheduleReport({ workflow: env.client.workflow, schedule: { getHandle } } as unknown as typeof env.client, pipeline);
    expect(full.find(({ what }) => what === 'query player_deaths')).toMatchObject({ skipped: 3, failed: 0 });

    // The next life of a schedule of that name has a count of its own.
    await act['schedules.remove'](pipeline);
    await act['schedules.ensure'](pipeline, true);
    expect(await of('kills_total')).toMatchObject({ failed: 0, failing: false, lastFailure: undefined });
    await act['schedules.remove'](pipeline);
  });
});
