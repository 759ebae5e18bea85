import { describe, expect, it } from '@jest/globals';
import { brokenOff } from '../client/break-off.ts';
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
