import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { specHash } from '../activities/spec-hash.ts';
import { requestTeardown, startPipeline } from '../client/pipeline.ts';
import { snapshot } from '../client/snapshot.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { checkServer, taskQueue } from '../worker/connect.ts';
import * as messages from '../workflows/messages.ts';
import { initialStatus } from '../workflows/status.ts';
import { crawlDetails, details } from '../workflows/story.ts';
import { temporalServer, workerIn } from './temporal-server.ts';
import { activitiesOf, final, world } from './world.ts';

const pipelineOf = (spec: object): Pipeline => ({ ...parseSpec(spec), account: '000000000000' });

describe('the words of the story', () => {
  it('are a table of the stages, with what AWS said', () => {
    const status = { ...initialStatus(pipelineOf({ name: 'game' })), state: 'held' as const, reason: 'two\nlines' };
    status.stages = { bucket: 'ready', studio: 'failed' };
    status.faults = { studio: 'no KPU left | ask AWS' };
    const text = details(status);
    expect(text).toContain(
      'Operates pipeline **game**, which is **held** (local, us-east-1, account 000000000000): 100 events/s into 2 shards.',
    );
    expect(text).toContain('> two\n> lines');
    expect(text).toMatch(
      /^Nothing is billed here; on AWS this would cost \$0.00 an hour, .*\. Next: `npx d2d up`, `npx d2d up --rollback`, `npx d2d down`\.$/m,
    );
    expect(text).toContain(
      '| stage | state | what AWS said |\n|---|---|---|\n| bucket | ready |  |\n| studio | failed | no KPU left \\| ask AWS |',
    );
  });

  it('say of a held pipeline that it paused by itself, too, and how it goes on', () => {
    const held = {
      ...initialStatus(pipelineOf({ name: 'game' })),
      state: 'held' as const,
      reason: 'no KPU',
      overBudget: 'it costs too much',
    };
    const text = details(held);
    expect(text).toContain('> no KPU\n\n> paused by itself, since it costs too much\n');
    expect(text).toContain('Next: `npx d2d up`, `npx d2d up --rollback`, `npx d2d resume`, `npx d2d down`.');
    expect(details({ ...held, reason: held.overBudget })).not.toContain('paused by itself');
  });

  it('say what drifted', () => {
    const drifted = [{ table: 'events', column: 'weapon', expected: 'string' }];
    expect(crawlDetails({ tables: ['events'], drifted })).toContain('| events | weapon | string | nothing |');
    expect(crawlDetails({ tables: ['events'], drifted: [] })).toBe('Tables: events. All columns are as the SQL expects them.');
  });

  it('tell specs apart by what they say, not by how they are written', () => {
    const pipeline = pipelineOf({ name: 'game' });
    const reversed = Object.fromEntries(Object.entries(pipeline).reverse()) as Pipeline;
    expect(specHash(reversed)).toBe(specHash(pipeline));
    expect(specHash({ ...pipeline, shards: 3 })).not.toBe(specHash(pipeline));
    expect(specHash(pipeline)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the Temporal UI, through its API', () => {
  let env: TestWorkflowEnvironment;
  beforeAll(async () => {
    // A server that does not know our search attributes yet, as one of the user's.
    env = await temporalServer();
  });
  afterAll(() => env?.teardown());

  const currentDetails = async (handle: WorkflowHandle) =>
    (await handle.query<{ currentDetails?: string }, []>('__temporal_workflow_metadata')).currentDetails ?? '';
  const until = async <Value>(look: () => Promise<Value>, isSo: (value: Value) => boolean): Promise<Value> => {
    for (;;) {
      const value = await look();
      if (isSo(value)) return value;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const found = async (query: string) => {
    const ids: string[] = [];
    for await (const { workflowId } of env.client.workflow.list({ query })) ids.push(workflowId);
    return ids.sort();
  };
  /** The summaries of the events of one kind in a workflow's history. */
  const summaries = async (workflowId: string, kind: 'activityTaskScheduledEventAttributes' | 'timerStartedEventAttributes') => {
    const { events = [] } = await env.client.workflow.getHandle(workflowId).fetchHistory();
    return (events ?? [])
      .filter((event) => event[kind])
      .map(({ userMetadata }) => userMetadata?.summary && defaultPayloadConverter.fromPayload<string>(userMetadata.summary));
  };

  it('tells of a pipeline what it is, where it stands and what each step was for', async () => {
    await checkServer({ address: env.address, namespace: 'default' });
    await checkServer({ address: env.address, namespace: 'default' });
    const account = world();
    account.broken.set('studio', final('no KPU left'));
    const pipeline = pipelineOf({ name: 'told', windowSeconds: 1, local: { speed: 100 } });
    const ids = names(pipeline).workflows;
    const worker = await workerIn(env, {
      taskQueue: taskQueue(pipeline),
      activities: activitiesOf(account),
      maxHeartbeatThrottleInterval: 20,
    });
    await worker.runUntil(async () => {
      await startPipeline(env.client, { pipeline });
      const handle = env.client.workflow.getHandle(ids.pipeline);
      const state = () => handle.query(messages.statusQuery).then((status) => status.state);
      await until(state, (now) => now === 'held');

      const first = await handle.describe();
      expect(first.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toEqual(
        expect.arrayContaining([
          ['PipelineName', 'told'],
          ['PipelineTarget', 'local'],
          ['PipelineState', 'held'],
        ]),
      );
      expect(first.memo).toEqual({ specHash: specHash(pipeline) });
      expect(await first.staticSummary()).toBe('operates pipeline told');
      expect(await first.staticDetails()).toContain('Pipeline **told** in account 000000000000, us-east-1 (local)');
      expect(await currentDetails(handle)).toContain('| studio | failed | no KPU left |');
      await until(
        () => found(`PipelineName = 'told' AND PipelineState = 'held'`),
        ([id]) => id === ids.pipeline,
      );

      account.broken.clear();
      await startPipeline(env.client, { pipeline });
      await until(state, (now) => now === 'running');
      const all = await until(
        () => found(`PipelineName = 'told' AND PipelineTarget = 'local'`),
        (listed) => [ids.generate, ids.notebook, ids.provision, ids.reports, ids.crawl].every((id) => listed.includes(id)),
      );
      expect(all).toContain(ids.pipeline);
      await until(
        () => found(`PipelineState = 'running'`),
        ([id]) => id === ids.pipeline,
      );
      for (const id of all) {
        const described = await env.client.workflow.getHandle(id).describe();
        expect([id, await described.staticSummary()]).toEqual([id, expect.stringMatching(/^[a-z].{5,}/)]);
      }
      expect(await summaries(ids.provision, 'activityTaskScheduledEventAttributes')).toContain('studio');
      expect(await summaries(ids.reports, 'activityTaskScheduledEventAttributes')).toContain('dashboard');
      expect(await summaries(ids.generate, 'activityTaskScheduledEventAttributes')).toContain('lane 0: events 0 to 1501 at 50/s');
      expect(await summaries(ids.crawl, 'activityTaskScheduledEventAttributes')).toEqual([
        'the crawl before',
        'starts or joins a crawl',
        'what it left',
      ]);
      for (const id of all)
        for (const kind of ['activityTaskScheduledEventAttributes', 'timerStartedEventAttributes'] as const)
          expect([id, (await summaries(id, kind)).filter((summary) => typeof summary !== 'string').length]).toEqual([id, 0]);
      expect(await currentDetails(handle)).toContain('Operates pipeline **told**, which is **running**');

      // A workflow that has ended still answers with what it last knew: the status does not believe it.
      expect((await snapshot(env.client, 'told'))?.notebook).toMatchObject({ state: 'running' });
      await env.client.workflow.getHandle(ids.notebook).terminate();
      expect((await snapshot(env.client, 'told'))?.notebook).toMatchObject({
        state: 'stopped',
        reason: expect.stringContaining('has ended'),
      });
      expect(await requestTeardown(env.client, pipeline)).toEqual({ left: [] });
    });
  });
});
