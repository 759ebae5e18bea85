import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowBundle } from '@temporalio/worker';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { provision, removeStages } from '../workflows/provision.ts';
import { temporalServer, workerIn } from './temporal-server.ts';
import { bundleOf } from './workflow-bundle.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'patient', local: { speed: 100 } }), account: '000000000000' };
const plan = [{ stage: 'bucket' as const, needs: [], patience: '2 seconds' as const }];
const CALLS = { calls: 1, mutatingCalls: 0 };

let env: TestWorkflowEnvironment;
let workflowBundle: WorkflowBundle;
beforeAll(async () => {
  env = await temporalServer();
  workflowBundle = await bundleOf('workflows/provision.ts');
});
afterAll(() => env?.teardown());

/** What comes of it when the first so many looks of one step outlast all patience, as without a worker. */
async function comes(work: 'provision' | 'removeStages', step: string, silent: number) {
  let left = silent;
  const outlasting = (name: string, answer: object) => async () => {
    if (name === step && left-- > 0) await delay(6_000, undefined, { signal: Context.current().cancellationSignal });
    return answer;
  };
  const worker = await workerIn(env, {
    taskQueue: `${step}-${silent}`,
    workflowBundle,
    activities: {
      'bucket.ensure': outlasting('ensure', { outcome: 'created', ...CALLS }),
      'bucket.ready': outlasting('ready', CALLS),
      'bucket.remove': outlasting('remove', CALLS),
      'bucket.gone': outlasting('gone', CALLS),
    },
  });
  const options = {
    taskQueue: `${step}-${silent}`,
    workflowId: `${step}-${silent}`,
    args: [{ pipeline, plan }] as [{ pipeline: Pipeline; plan: typeof plan }],
  };
  return worker.runUntil(async () => {
    if (work === 'removeStages') return env.client.workflow.execute<typeof removeStages>(work, options);
    return (await env.client.workflow.execute<typeof provision>(work, options)).failed;
  });
}

describe('patience that ran out without a word', () => {
  const STEPS = [
    ['provision', 'ensure', 'be as wanted'],
    ['provision', 'ready', 'become ready'],
    ['removeStages', 'remove', 'take its removal'],
    ['removeStages', 'gone', 'be gone'],
  ] as const;

  it.each(STEPS)('is given once more: %s, %s', async (work, step, _what) => {
    expect(await comes(work, step, 1)).toEqual({});
  });

  it.each(STEPS)('twice is told with what was waited for: %s, %s', async (work, step, what) => {
    const told = `stage bucket: twice 2 seconds passed without an answer while it was to ${what}; is a worker running?`;
    expect(await comes(work, step, 2)).toEqual({ bucket: told });
  });
});
