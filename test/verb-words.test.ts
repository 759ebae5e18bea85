import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { brokenOff } from '../client/break-off.ts';
import { inTheWay, stillGoes, untilStands, whyItRuns } from '../client/pause.ts';
import { progressOn } from '../client/progress.ts';
import { refusedStop, type Snapshot } from '../client/snapshot.ts';
import { carriedOut, tallyOf } from '../client/up.ts';
import { underWay } from '../client/watch.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { PipelineStatus, PlanReport } from '../workflows/messages.ts';
import { initialStatus } from '../workflows/status.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'game' }), account: '000000000000' };
const now = (of: Partial<PipelineStatus>): PipelineStatus => ({ ...initialStatus(pipeline), ...of });

describe('break-off', () => {
  it.each([
    ['what was made stays', false, now({ state: 'held', reason: 'it was broken off' }), true],
    ['what this run made is gone, and pipeline game is down', true, { state: 'down' as const }, true],
    [
      'broken off; pipeline game is running by the spec that stood before',
      true,
      now({ state: 'running', rolledBack: 'it was broken off' }),
      true,
    ],
    [
      'taking it back failed: pipeline game is held: rolling that back failed',
      true,
      now({ state: 'held', reason: 'rolling that back failed' }),
      false,
    ],
    ['it was up before it could be broken off', true, now({ state: 'running' }), false],
    ['is unattended, since its end', true, { state: 'unattended' as const, reason: 'its end', goesOn: [] }, false],
  ])('says how the pipeline stands then: %s', (words, rollback, found, ok) => {
    expect(brokenOff(pipeline, rollback, found)).toMatchObject({
      ok,
      facts: { state: found.state },
      words: expect.stringContaining(words),
    });
  });
});

describe('an up that waits', () => {
  it('says that the pipeline is paused, why, and how it goes on', () => {
    const rests = { desired: { paused: true, deep: false }, overBudget: 'it costs too much' };
    expect(underWay({ pipeline: now(rests) })).toBe('paused, nothing is sent; to go on: npx d2d resume (it costs too much)');
    expect(underWay({ pipeline: now({ paused: true, stages: { events: 'working' } }) })).toBe('provisioning events');
    const waits = { pipeline: now({ stages: { events: 'working' } }), waitsFor: ['no room yet\nfor a stream'] };
    expect(underWay(waits)).toBe('provisioning events; no room yet');
    expect(underWay({ pipeline: now({ paused: true, tables: true }) })).toBe('provisioning');
  });
});

describe('an up', () => {
  const plan = (...actions: string[]) =>
    ({ stages: Object.fromEntries(actions.map((action, i) => [i, { action }])), calls: 9, mutatingCalls: 0 }) as unknown as PlanReport;
  const own = { created: 1, changed: 0, unchanged: 1, calls: 12, mutatingCalls: 3, seconds: 5 };

  it('did nothing only where its plan had nothing to do: what is on its way out is made anew', () => {
    expect(tallyOf(plan('none', 'none'), own)).toEqual({ created: 0, changed: 0, unchanged: 2, calls: 9, mutatingCalls: 0 });
    expect(tallyOf(plan('none', 'wait'), own)).toBe(own);
    expect(tallyOf(undefined, own)).toBe(own);
  });

  it('waits for nothing where the answer says that all is as the spec wants it', async () => {
    const client = new Proxy({} as Client, {
      get: () => {
        throw new Error('it asks');
      },
    });
    const did = (isSettled?: boolean) => carriedOut(client, pipeline, { ...plan('none'), isSettled }, progressOn(new PassThrough()));
    expect(await did(true)).toEqual({ created: 0, changed: 0, unchanged: 1, calls: 9, mutatingCalls: 0 });
    await expect(did()).rejects.toThrow('it asks');
    await expect(did(false)).rejects.toThrow('it asks');
  });
});

describe('a pause', () => {
  const failing = 'kinesis.generate has failed 9 times: ResourceNotFoundException';
  const sends: Snapshot = { pipeline: now({ state: 'running' }), generator: { state: 'running', failing } as Snapshot['generator'] };

  it.each([true, false])(
    'of a generator that keeps failing says so, waits a while, and then that it is not done; deep: %s',
    async (deep) => {
      const told: string[] = [];
      const last = await untilStands(
        sends,
        async () => sends,
        () => false,
        (seen) => inTheWay(seen, deep),
        (line) => told.push(line),
        250,
      );
      expect(told).toEqual([`The generator does not come to rest: ${failing}`]);
      expect(stillGoes(last!, deep)).toMatchObject({
        ok: false,
        facts: { state: 'running', deep, reason: failing },
        words: expect.stringMatching(
          /^not paused yet, since the generator does not come to rest: kinesis.generate has failed 9 times: Resource/,
        ),
      });
    },
  );
});

describe('a deep pause', () => {
  const reached = now({ state: 'paused', paused: true, deep: true });
  const refused: Snapshot = { pipeline: reached, notebook: { state: 'stopped', restarts: 0, reason: 'AccessDenied: no StopApplication' } };
  const suspended: Snapshot = { pipeline: reached, notebook: { state: 'suspended', restarts: 0 } };
  const stands = ({ notebook }: Snapshot) => notebook?.state === 'suspended';

  it('that AWS refuses says so once, waits a while, and then says that the application is billed', async () => {
    const told: string[] = [];
    const last = await untilStands(
      refused,
      async () => refused,
      stands,
      (seen) => inTheWay(seen, true),
      (line) => told.push(line),
      250,
    );
    expect(last).toBe(refused);
    expect(told).toEqual(['The Studio application does not stop: AccessDenied: no StopApplication']);
    expect(inTheWay(refused, false)).toBeUndefined();
    expect(stillGoes(refused, true)).toMatchObject({
      ok: false,
      words: expect.stringContaining('the Studio application still runs and is billed: AccessDenied: no StopApplication'),
    });
  });

  it('hears of the refusal while its keeper still tries, and not of a stop that is under way', () => {
    const stop = (type: string, attempt: number) =>
      refusedStop([{ activityType: { name: 'notebook.stop' }, attempt, lastFailure: { message: 'no', applicationFailureInfo: { type } } }]);
    expect([stop('AccessDeniedException', 9), stop('AccessDeniedException', 2), stop('NotYet', 9), refusedStop([])]).toEqual([
      'no',
      undefined,
      undefined,
      undefined,
    ]);
    expect(whyItRuns({ ...suspended, notebook: { state: 'running', restarts: 0 }, unstopped: 'no' })).toBe('no');
    expect(whyItRuns({ pipeline: now({ paused: true }), unstopped: 'no' })).toBeUndefined();
  });

  it('goes on waiting where the application stops after all', async () => {
    const looks = [refused, refused, suspended];
    expect(
      await untilStands(
        refused,
        async () => looks.shift(),
        stands,
        whyItRuns,
        () => undefined,
      ),
    ).toBe(suspended);
  });
});
