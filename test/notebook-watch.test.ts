import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { ScheduleReport } from '../client/schedule-report.ts';
import type { Snapshot } from '../client/snapshot.ts';
import { isWell, partWords, scheduleWords } from '../client/status.ts';
import { gameOf } from '../pipeline/lanes.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { keepNotebook } from '../workflows/index.ts';
import { type NotebookState, notebookQuery, resume, suspend, updateSpec } from '../workflows/messages.ts';
import { initialStatus } from '../workflows/status.ts';
import { generatorDetails, notebookDetails } from '../workflows/story.ts';
import { cancelled } from './cancelled.ts';
import { temporalServer, workerIn } from './temporal-server.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'watched', local: { speed: 5_000 } }), account: '000000000000' };
const WORDS = 'Keeps the SQL of the Studio notebook of pipeline **watched** running. It is **';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await temporalServer();
});
afterAll(() => env?.teardown());

/** What the notebook's activities are to find. */
const found: { start?: string; job?: string; gap?: string; flow?: string | Error } = {};
const activities = {
  'notebook.start': async () => ({ calls: 0, mutatingCalls: 0, found: found.start }),
  'notebook.awaitStarted': async () => undefined,
  'notebook.checkJob': async () => (found.job === undefined ? { running: true } : { running: false, reason: found.job }),
  'notebook.seed': async () => found.gap,
  'notebook.run': async () => {
    found.job = undefined;
  },
  'notebook.awaitRunning': async () => undefined,
  'notebook.checkFlow': async () => {
    if (found.flow instanceof Error) throw found.flow;
    return found.flow;
  },
  'notebook.stop': async () => undefined,
};

describe('whoever keeps the notebook', () => {
  it('says why it last restarted, what will be missing and why no windows come, in status and in the Temporal UI, and goes on saying it turn after turn', async () => {
    const worker = await workerIn(env, {
      taskQueue: 'watch',
      activities,
    });
    await worker.runUntil(async () => {
      found.job = 'the note was never run';
      const handle = await env.client.workflow.start<typeof keepNotebook>('keepNotebook', {
        taskQueue: 'watch',
        workflowId: 'watched/notebook',
        args: [{ pipeline }],
      });
      const any = env.client.workflow.getHandle('watched/notebook');
      const details = async () => (await any.query<{ currentDetails?: string }, []>('__temporal_workflow_metadata')).currentDetails ?? '';
      const until = async (isSo: (now: NotebookState) => boolean): Promise<NotebookState> => {
        for (;;) {
          const now = await any.query(notebookQuery);
          if (isSo(now)) return now;
          await new Promise((later) => setTimeout(later, 20));
        }
      };
      expect(await until(({ state }) => state === 'running')).toEqual({ state: 'running', restarts: 0 });
      expect(await details()).toBe(`${WORDS}running**.`);

      found.start = 'application watched-studio was gone';
      found.job = 'the note was never run';
      const anew = await until(({ state, restarts }) => state === 'running' && restarts === 1);
      expect(anew.lastRestart?.reason).toBe('application watched-studio was gone');
      found.start = undefined;

      found.gap = 'the stream keeps 24 hours';
      found.job = 'paragraph 8 is ABORT';
      const again = await until(({ state, restarts }) => state === 'running' && restarts === 2);
      const lastRestart = { at: expect.any(Number), reason: 'paragraph 8 is ABORT' };
      expect(again).toEqual({ state: 'running', restarts: 2, lastRestart, gap: 'the stream keeps 24 hours' });

      found.flow = 'nothing comes into shard 2';
      const dry = await until(({ reason }) => reason !== undefined);
      expect(dry).toEqual({ ...again, reason: 'nothing comes into shard 2' });

      // Signals fill the history sooner than looks.
      const { runId } = await any.describe();
      await Promise.all(Array.from({ length: 1_000 }, () => any.signal(updateSpec, pipeline)));
      while ((await any.describe()).runId === runId) await new Promise((later) => setTimeout(later, 50));
      expect(await any.query(notebookQuery)).toEqual(dry);
      const told = await details();
      expect(told.startsWith(`${WORDS}running**.\n\n> nothing comes into shard 2\n`)).toBe(true);
      expect(told).toContain('Windows will be missing:\n\n> the stream keeps 24 hours');
      expect(told).toMatch(/Restarted 2 times, the last time 20\d\d-.*Z, since paragraph 8 is ABORT\.$/);

      found.flow = ApplicationFailure.nonRetryable('no dashboard answers');
      const unseen = await until((now) => now.reason !== dry.reason);
      expect(unseen).toEqual({ ...again, reason: 'whether windows come out could not be seen: no dashboard answers' });

      found.flow = undefined;
      const { reason, ...flowing } = await until((now) => now.reason === undefined);
      expect(flowing).toEqual(again);

      // A stop that was asked for is no restart.
      await handle.signal(suspend);
      expect(await until(({ state }) => state === 'suspended')).toEqual({ ...again, state: 'suspended' });
      expect(await details()).toContain(`${WORDS}suspended**.`);
      found.job = 'the application was stopped';
      await handle.signal(resume);
      expect(await until(({ state }) => state === 'running')).toEqual(again);
      await cancelled(any);
    });
  });

  it.each([
    ['has the SQL read what came since its last look before it is suspended', false, ['run', 'stop']],
    ['does not suspend it when it is resumed meanwhile', true, ['run']],
  ])('%s', async (_what, isResumed, wanted) => {
    const done: string[] = [];
    /** Looks that come to no end until they are let go. */
    const hanging: (() => void)[] = [];
    let hangs = 0;
    let runs = true;
    const worker = await workerIn(env, {
      taskQueue: 'lagging',
      activities: {
        ...activities,
        'notebook.checkJob': async () => {
          if (hangs > 0) {
            hangs--;
            runs = false;
            await new Promise<void>((go) => void hanging.push(go));
          }
          return runs ? { running: true } : { running: false, reason: 'the shards are others' };
        },
        'notebook.run': async () => {
          runs = true;
          done.push('run');
        },
        'notebook.stop': async () => void done.push('stop'),
      },
    });
    await worker.runUntil(async () => {
      const options = { taskQueue: 'lagging', workflowId: 'lagging/notebook', args: [{ pipeline, ran: true }] as [object] };
      const handle = await env.client.workflow.start('keepNotebook', options);
      const until = async (isSo: () => Promise<boolean> | boolean) => {
        while (!(await isSo())) await new Promise((later) => setTimeout(later, 20));
      };
      const comesTo = (wanted: NotebookState['state']) => until(async () => (await handle.query(notebookQuery)).state === wanted);
      await comesTo('running');
      hangs = isResumed ? 2 : 1;
      await until(() => hanging.length === 1);
      await handle.signal(suspend);
      await until(() => hangs === 0);
      if (isResumed) await handle.signal(resume);
      await (isResumed ? until(() => done.length > 0) : comesTo('suspended'));
      for (const go of hanging) go();
      await cancelled(handle);
    });
    expect(done).toEqual(wanted);
  });

  it('has rows that are lost made anew by each SQL that it begins, until they are out, and then no more', async () => {
    const seeded: (number | undefined)[] = [];
    const job = { runs: false, isCaughtUp: false, looks: 0 };
    const worker = await workerIn(env, {
      taskQueue: 'remaking',
      activities: {
        ...activities,
        'notebook.checkJob': async () => ({ running: job.runs }),
        'notebook.seed': async (_pipeline: Pipeline, rowsLostFrom?: number) => void seeded.push(rowsLostFrom),
        'notebook.run': async () => {
          job.runs = true;
        },
        'notebook.isCaughtUp': async () => {
          job.looks++;
          return job.isCaughtUp;
        },
      },
    });
    await worker.runUntil(async () => {
      const options = { taskQueue: 'remaking', workflowId: 'remaking/notebook', args: [{ pipeline }] as [object] };
      const handle = await env.client.workflow.start('keepNotebook', options);
      const until = async (isSo: () => boolean) => {
        while (!isSo()) await new Promise((later) => setTimeout(later, 20));
      };
      const dies = async () => {
        const { length } = seeded;
        job.runs = false;
        await until(() => seeded.length > length);
      };
      await until(() => job.runs);
      await handle.signal(updateSpec, pipeline, { applied: false, rowsLostFrom: 5 });
      await until(() => job.looks > 0);
      await dies();
      const { looks } = job;
      await until(() => job.looks > looks);
      job.isCaughtUp = true;
      const seen = job.looks;
      await until(() => job.looks > seen);
      await dies();
      await cancelled(handle);
    });
    expect(seeded).toEqual([undefined, 5, 5, undefined]);
  });

  it('says it in Markdown, and so does the generator', () => {
    expect(notebookDetails(pipeline, { state: 'stopped', restarts: 0, reason: 'no KPU\nleft' })).toBe(
      `${WORDS}stopped**.\n\n> no KPU\n> left`,
    );
    const state = { state: 'paused' as const, game: gameOf(parseSpec({}), 'r'), lanes: [6, 6], acknowledged: 12, total: 20, heartbeats: 3 };
    expect(generatorDetails(pipeline, { ...state, resent: 0, oversized: 0, rate: '100 events/s' })).toBe(
      'Sends the events of the game of pipeline **watched**. It is **paused**: 12 of 20 events of run r acknowledged at 100 events/s, 3 heartbeats.',
    );
  });
});

describe('status is as it should be', () => {
  const now = (notebook: Partial<NotebookState>, of: Partial<Snapshot['pipeline']> = {}): Snapshot => ({
    pipeline: { ...initialStatus(pipeline), state: 'running', ...of },
    notebook: { state: 'running', restarts: 2, ...notebook },
  });
  const schedule = (of: Partial<ScheduleReport>) => [{ failing: false, failed: 3, drifted: [], ...of } as ScheduleReport];

  it.each([
    ['while windows come out, whatever was before', now({ gap: 'some' }), schedule({}), true],
    ['while the SQL is starting again', now({ state: 'starting', reason: 'the job ended' }), schedule({}), true],
    ['but not while none come out', now({ reason: 'no window has come out' }), schedule({}), false],
    ['nor while the SQL does not start', now({ state: 'stopped', reason: 'no KPU' }), schedule({}), false],
    [
      'nor while events do not get through',
      { ...now({}), generator: { failing: 'no such stream' } as Snapshot['generator'] },
      schedule({}),
      false,
    ],
    ['nor while the application does not stop', { ...now({}), unstopped: 'no StopApplication' }, schedule({}), false],
    ['nor while it is held', now({}, { state: 'held' }), schedule({}), false],
    ['nor when a stage has drifted', now({}, { stages: { crawler: 'drifted' } }), schedule({}), false],
    ['nor when a schedule’s latest run failed', now({}), schedule({ failing: true }), false],
    ['nor when the tables drifted', now({}), schedule({ drifted: [{ table: 't', column: 'c', expected: 'x' }] }), false],
  ])('%s', (_when, status, schedules, ok) => {
    expect(isWell(status, schedules)).toBe(ok);
  });

  it('and says why it is held, why it paused by itself, what is waited for, and that the application does not stop', () => {
    const held = now({}, { state: 'held', reason: 'no KPU\nleft', overBudget: 'it costs too much' });
    expect(partWords({ ...held, unstopped: 'no StopApplication', waitsFor: ['room for a stream'] }).slice(2)).toEqual([
      ...['no KPU', 'left', 'paused by itself, since it costs too much', 'room for a stream'],
      'the Studio application does not stop, and its cost goes on: no StopApplication',
    ]);
    expect(partWords(now({}, { state: 'paused', reason: 'it costs too much', overBudget: 'it costs too much' })).slice(2)).toEqual([
      'it costs too much',
    ]);
  });

  it('and says of the generator how many records were too large, if any was', () => {
    const sent = { acknowledged: 12, heartbeats: 3, resent: 0, rate: '100 events/s' };
    const words = (oversized: number) =>
      partWords({ ...now({}), generator: { ...sent, oversized } as Snapshot['generator'] })
        .join('\n')
        .replaceAll(/[│\s]+/g, ' ');
    expect(words(2)).toContain('3 heartbeats, 2 records too large and refused');
    expect(words(0)).not.toContain('too large');
  });

  it('and says of each schedule how its runs ended, and what the latest crawl found amiss', () => {
    const drifted = [
      { table: 'events', column: '*', expected: 'a table' },
      { table: 'year_2026', column: '*', expected: 'no such table', found: 'a table' },
      { table: 'team_metrics', column: 'kills', expected: 'int or bigint', found: 'string' },
    ];
    const counts = { what: 'crawl', every: 60_000, paused: false, runs: 9, skipped: 1, missed: 2, overtaken: 4, failed: 5 };
    const lastFailure = { at: 0, message: 'no role' };
    const [table, ...faults] = scheduleWords(schedule({ ...counts, drifted, lastFailure }));
    expect(table).toMatch(/crawl +│ every 60 s │ 9 +│ 3 +│ 4 +│ 5 /);
    expect(faults).toEqual([
      'crawl failed at 1970-01-01T00:00:00.000Z, and went well since: no role',
      'table events is missing',
      'table year_2026 is there, and nothing expects it',
      'table team_metrics: column kills is string, not int or bigint',
    ]);
  });
});
