import { describe, expect, it } from '@jest/globals';
import { brokenOff } from '../client/break-off.ts';
import { stillRuns, untilStands, whyItRuns } from '../client/pause.ts';
import { type Picture, refusedStop } from '../client/picture.ts';
import { underWay } from '../client/watch.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { PipelineStatus } from '../workflows/messages.ts';
import { born } from '../workflows/picture.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'game' }), account: '000000000000' };
const now = (of: Partial<PipelineStatus>): PipelineStatus => ({ ...born(pipeline), ...of });

describe('break-off', () => {
  it.each([
    ['what was made stays', false, now({ state: 'held', reason: 'it was broken off' }), true],
    ['what this run made is gone, and pipeline game is down', true, { state: 'down' as const }, true],
    ['what this run made is gone, and pipeline game is running', true, now({ state: 'running', rolledBack: 'it was broken off' }), true],
    [
      'is not gone: pipeline game is held: rolling that back failed',
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
    const rests = { wanted: { paused: true, deep: false }, overBudget: 'it costs too much' };
    expect(underWay({ pipeline: now(rests) })).toBe('paused, nothing is sent; to go on: npx d2d resume (it costs too much)');
    expect(underWay({ pipeline: now({ paused: true, stages: { events: 'working' } }) })).toBe('provisioning events');
    expect(underWay({ pipeline: now({ paused: true, tables: true }) })).toBe('provisioning');
  });
});

describe('a deep pause', () => {
  const reached = now({ state: 'paused', paused: true, deep: true });
  const refused: Picture = { pipeline: reached, notebook: { state: 'stopped', restarts: 0, reason: 'AccessDenied: no StopApplication' } };
  const suspended: Picture = { pipeline: reached, notebook: { state: 'suspended', restarts: 0 } };
  const stands = ({ notebook }: Picture) => notebook?.state === 'suspended';

  it('that AWS refuses says so once, waits a while, and then says that the application is billed', async () => {
    const told: string[] = [];
    const last = await untilStands(
      refused,
      async () => refused,
      stands,
      whyItRuns,
      (line) => told.push(line),
      250,
    );
    expect(last).toBe(refused);
    expect(told).toEqual(['The Studio application does not stop: AccessDenied: no StopApplication']);
    expect(stillRuns(refused, 'AccessDenied: no StopApplication')).toMatchObject({
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
