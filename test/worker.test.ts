import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { type Local, startLocal } from '../local/start.ts';
import { type Child, startChild } from '../processes/children.ts';
import { taskQueue } from '../worker/connect.ts';
import { temporalServer } from './temporal-server.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const tsx = import.meta.resolve('tsx');
const worker = ['--import', tsx, join(project, 'worker', 'main.ts')];

let env: TestWorkflowEnvironment;
let aws: Local;
let folder: string;
let keys: Record<string, string>;
const started: Child[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'worker-'));
  env = await temporalServer();
  aws = await startLocal({ dir: join(folder, 'aws'), log: () => undefined });
  keys = { AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey };
});
afterAll(async () => {
  await Promise.all(started.map((child) => child.stop()));
  await aws?.close();
  await env?.teardown();
  rmSync(folder, { recursive: true, force: true });
});

/** A program in an environment that has nothing of the user's own Temporal and AWS. */
function start(name: string, args: string[], own: Record<string, string>): { child: Child; said: string[] } {
  const said: string[] = [];
  const none = Object.fromEntries(Object.keys(process.env).flatMap((key) => (/^(TEMPORAL|AWS)_/.test(key) ? [[key, undefined]] : [])));
  const child = startChild({
    name,
    command: process.execPath,
    args,
    env: { ...none, NODE_OPTIONS: '', AWS_EC2_METADATA_DISABLED: 'true', ...own },
    logFile: join(folder, `${name}.log`),
    log: (line) => said.push(line),
    ready: { line: (line) => line === 'ready' },
  });
  started.push(child);
  return { child, said };
}

describe('a worker by itself', () => {
  it('says whom it works for, and ends when told', async () => {
    const { child, said } = start('local', worker, {
      TEMPORAL_ADDRESS: env.address,
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_REGION: 'eu-west-1',
      ...keys,
    });
    await child.ready;
    const queue = taskQueue({ target: 'local', region: 'eu-west-1' });
    expect(said[0]).toBe(
      `A worker for target local, region eu-west-1, the local AWS at ${aws.endpoint}, on task queue ${queue} of Temporal at ${env.address}, namespace default.`,
    );
    process.kill(child.pid!, 'SIGTERM');
    expect(await child.exited).toEqual({ code: 0 });
  });

  it('on AWS asks it for the account of the credentials, which is in the name of the task queue', async () => {
    const { child, said } = start('aws', worker, {
      TEMPORAL_ADDRESS: env.address,
      AWS_ENDPOINT_URL_STS: aws.endpoint,
      AWS_REGION: 'us-east-1',
      ...keys,
    });
    await child.ready;
    const queue = taskQueue({ target: 'aws', region: 'us-east-1', account: '000000000000' });
    expect(said[0]).toContain(`A worker for target aws, region us-east-1, account 000000000000, on task queue ${queue} of Temporal`);
  });

  it('ends with the program that started it, however that ended', async () => {
    const program = `
      import { startChild } from ${JSON.stringify(new URL('../processes/children.ts', import.meta.url).href)};
      const worker = startChild({
        name: 'worker', command: process.execPath, args: ${JSON.stringify(worker)}, logFile: ${JSON.stringify(join(folder, 'inner.log'))},
        ready: { line: (line) => line === 'ready' },
      });
      await worker.ready;
      console.log('worker is ' + worker.pid);
      console.log('ready');`;
    const { child, said } = start('parent', ['--import', tsx, '--input-type=module', '--eval', program], {
      TEMPORAL_ADDRESS: env.address,
      AWS_ENDPOINT_URL: aws.endpoint,
      ...keys,
    });
    await child.ready;
    const pid = Number(said.join(' ').match(/worker is (\d+)/)?.[1]);
    expect(isAlive(pid)).toBe(true);
    process.kill(child.pid!, 'SIGKILL');
    while (isAlive(pid)) await delay(50); // the test's own time bounds the waiting
  });

  it.each([
    [
      'a certificate that it names',
      { TEMPORAL_ADDRESS: 'set below', TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere' },
      /^TEMPORAL_TLS_SERVER_CA_CERT_PATH: ENOENT/,
    ],
    ['a Temporal server', {}, /^The worker needs a Temporal server: set TEMPORAL_ADDRESS/],
    [
      'a key pair for its endpoint',
      { TEMPORAL_ADDRESS: 'set below', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
      /^AWS_ENDPOINT_URL is set without a key pair: set /,
    ],
  ])('ends with exit code 2 and one line where the environment lacks %s', async (what, variables: Record<string, string>, words) => {
    const own = 'TEMPORAL_ADDRESS' in variables ? { ...variables, TEMPORAL_ADDRESS: env.address } : variables;
    const { child, said } = start(what.replaceAll(' ', '-'), worker, own);
    expect(await child.exited).toEqual({ code: 2 });
    expect(said).toEqual([expect.stringMatching(words)]);
  });
});

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
