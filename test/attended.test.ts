import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { whileAttended } from '../client/attended.ts';
import { audit } from '../client/audit.ts';
import { down } from '../client/down.ts';
import { plan } from '../client/plan.ts';
import { query } from '../client/query.ts';
import { up } from '../client/up.ts';
import { type Local, startLocal } from '../local/start.ts';
import { parseSpec } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import { env, type Stage, withPipeline } from './stage.ts';

const pipeline = { ...parseSpec({ name: 'alone' }), account: '000000000000' };
const queue = taskQueue(pipeline);
const refusal = `No worker answers on task queue ${queue}, which pipeline alone runs on. Start one: npm start`;
const ms = (wait: number) => new Promise<string>((resolve) => setTimeout(() => resolve('done'), wait));

describe('work that somebody takes up', () => {
  it('is waited for as long as it takes, though the worker is just starting', async () => {
    const answer = whileAttended(env.client, pipeline, ms(25_000), 20_000);
    await ms(4_000);
    const story = async ({ up }: Stage) => {
      await up();
      expect(await answer).toBe('done');
    };
    await withPipeline(story, {}, queue);
  });

  it('is given up a while after the worker has gone', async () => {
    await withPipeline(({ up }) => up().then(() => undefined), {}, queue);
    await expect(whileAttended(env.client, pipeline, ms(20_000), 2_000)).rejects.toThrow(refusal);
  });

  it('is waited for without looking where Temporal may not be asked for its workers, and that is said once', async () => {
    const refused = Object.assign(new Error('7 PERMISSION_DENIED: no'), { code: 7, details: 'no', metadata: {} });
    let looks = 0;
    const describeTaskQueue = async () => {
      looks++;
      throw refused;
    };
    const client = { workflowService: { describeTaskQueue }, options: { namespace: 'default' } } as unknown as Client;
    const told: string[] = [];
    expect(await whileAttended(client, pipeline, ms(3_000), 1_000, (line) => told.push(line))).toBe('done');
    expect(told).toEqual([
      `Temporal does not say whether a worker answers on task queue ${queue} (7 PERMISSION_DENIED: no): if none does, this waits for ever.`,
    ]);
    expect(looks).toBe(1);
  });

  it('fails as it fails', async () => {
    await expect(whileAttended(env.client, pipeline, Promise.reject(new Error('no such table')))).rejects.toThrow('no such table');
  });
});

describe('a verb whose work nobody takes up', () => {
  const environment = { ...process.env };
  const cwd = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'attended-'));
  let aws: Local;
  beforeAll(async () => {
    aws = await startLocal({ dir: join(folder, 'aws'), profile: 'instant' });
    process.chdir(folder);
    writeFileSync('data2dashboard.yaml', 'name: alone\n');
    const { accessKeyId, secretAccessKey } = aws.credentials;
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
    Object.assign(process.env, { TEMPORAL_ADDRESS: env.address, AWS_ENDPOINT_URL: aws.endpoint, DATA2DASHBOARD_STATE: folder });
  });
  afterAll(async () => {
    process.chdir(cwd);
    process.env = environment;
    await aws?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says so in a line after a minute, whether the pipeline’s workflow runs or not', async () => {
    const ended = (verb: Promise<unknown>) => verb.catch((error: Error) => error.message);
    const words = [down({}), plan({}), query('kills_total'), audit({})].map(ended);
    await ms(5_000);
    await env.client.workflow.start('operate', { taskQueue: queue, workflowId: 'alone', args: [{ pipeline }] });
    words.push(ended(down({})));
    await ms(5_000);
    writeFileSync('data2dashboard.yaml', 'name: other\n');
    const ofOther = await ended(up({}));
    expect(await Promise.all(words)).toEqual(words.map(() => refusal));
    expect(ofOther).toBe(refusal.replace('alone', 'other'));
  });
});
