import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { CreateStreamCommand, DescribeStreamSummaryCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { embedded } from '../../client/embedded.ts';
import { announce } from '../../client/state.ts';
import { type Local, startLocal } from '../../local/start.ts';
import { d2d } from '../product.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-command-'));
});
afterEach(() => rm(dir, { recursive: true }));

const PLAN = { rules: [{ service: 'kinesis', operation: 'CreateStream', times: 1, fault: { kind: 'throttle' } }] };
const planFile = async (plan: unknown): Promise<string> => {
  const file = join(dir, 'plan.json');
  await writeFile(file, typeof plan === 'string' ? plan : JSON.stringify(plan));
  return file;
};
const creation = (StreamName: string) => new CreateStreamCommand({ StreamName, ShardCount: 1 });

/** Runs the local AWS as a process, until it has printed the variables of an AWS client. */
async function localAws(args: string[], env: Record<string, string> = {}, heard: (said: string) => void = () => undefined) {
  const all = ['--import', 'tsx', 'local/main.ts', '--port', '0', '--state', join(dir, 'aws'), ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    heard(said);
  });
  const printed = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = '', value = ''] = line.split('=');
    printed.set(key, value);
    if (key === 'AWS_REGION') break;
  }
  const region = printed.get('AWS_REGION')!;
  const credentials = { accessKeyId: printed.get('AWS_ACCESS_KEY_ID')!, secretAccessKey: printed.get('AWS_SECRET_ACCESS_KEY')! };
  const kinesis = new KinesisClient({ endpoint: printed.get('AWS_ENDPOINT_URL'), region, credentials, maxAttempts: 1 });
  const end = async () => {
    kinesis.destroy();
    child.kill('SIGTERM');
    await once(child, 'close');
  };
  return { kinesis, region, end, said: () => said };
}

describe('npm run local --', () => {
  it('--faults makes calls fail by the plan in the file, and says that it does', async () => {
    const { kinesis, end, said } = await localAws(['--faults', await planFile(PLAN)]);
    await expect(kinesis.send(creation('s'))).rejects.toMatchObject({ name: 'LimitExceededException' });
    await kinesis.send(creation('s'));
    await end();
    expect(said()).toContain('faults are in force, by 1 rule; npx d2d faults --clear ends them\n');
  });

  it('waits for another one that still works on its state folder, and says so', async () => {
    const first = await localAws([]);
    await first.kinesis.send(creation('s'));
    let second: ReturnType<typeof localAws> | undefined;
    const words = await new Promise<string>((resolve) => {
      second = localAws([], {}, (said) => /waiting .*\n/.test(said) && resolve(said));
    });
    expect(words).toMatch(/waiting until the local AWS of process \d+ ends: it holds .*aws\n/);
    await first.end();
    const { kinesis, end } = await second!;
    await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 's' }));
    await end();
  });

  it('is in the region of AWS_REGION, as its ARNs are', async () => {
    const { kinesis, region, end } = await localAws([], { AWS_REGION: 'eu-west-1' });
    await kinesis.send(creation('s'));
    const { StreamDescriptionSummary: stream } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 's' }));
    await end();
    expect({ region, arn: stream?.StreamARN }).toEqual({ region: 'eu-west-1', arn: 'arn:aws:kinesis:eu-west-1:000000000000:stream/s' });
  });

  it.each([
    ['no JSON', /^The fault plan .*plan\.json cannot be used: Unexpected token.*\n$/],
    [
      { rules: [{ fault: { kind: 'fire' } }] },
      /^The fault plan .*plan\.json cannot be used: rules\[0\]\.fault\.kind must be one of throttle, .*\n$/,
    ],
  ])('--faults with %j starts nothing and says why in one line', async (plan, line) => {
    const args = ['--import', 'tsx', 'local/main.ts', '--state', join(dir, 'aws'), '--faults', await planFile(plan)];
    const refusal = await promisify(execFile)(process.execPath, args).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(line) });
  });
});

it('npm start prints on the terminal by which seed its durations are drawn, and which faults are in force', async () => {
  const lines: string[] = [];
  const local = { profile: 'aws' as const, speed: 20, seed: 4711, faults: await planFile(PLAN), callLog: join(dir, 'calls.jsonl') };
  const note = (line: string) => lines.push(line);
  const parts = embedded({ state: dir, region: 'us-east-1', local, tell: () => undefined, note });
  const { endpoint, ...credentials } = await parts.localAws();
  const kinesis = new KinesisClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  await expect(kinesis.send(creation('s'))).rejects.toMatchObject({ name: 'LimitExceededException' });
  kinesis.destroy();
  await parts.stop();
  expect(lines).toEqual(
    expect.arrayContaining(['durations are drawn by seed 4711', expect.stringMatching(/^faults are in force, by 1 rule;/)]),
  );
  expect(await readFile(local.callLog, 'utf8')).toContain('"outcome":"LimitExceededException"');
});

describe('npx d2d faults', () => {
  let local: Local;
  let cwd: string;
  beforeEach(async () => {
    cwd = join(dir, 'work');
    await mkdir(cwd);
    local = await startLocal({ dir: join(dir, 'aws'), log: () => undefined });
    const aws = { endpoint: local.endpoint, region: local.region, ...local.credentials };
    await announce(join(cwd, '.data2dashboard'), { pid: process.pid, temporal: { address: 'none:1', namespace: 'none' }, aws });
  });
  afterEach(() => local.close());

  it('puts a plan, tells what it has done, and ends it', async () => {
    const [rule] = PLAN.rules;
    expect(await d2d(cwd, 'faults', await planFile(PLAN))).toEqual({
      code: 0,
      facts: { v: 1, ok: true, faults: [{ rule, met: 0, struck: 0 }] },
    });
    const kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
    await expect(kinesis.send(creation('s'))).rejects.toMatchObject({ name: 'LimitExceededException' });
    kinesis.destroy();
    expect((await d2d(cwd, 'faults')).facts).toMatchObject({ faults: [{ rule, met: 1, struck: 1 }] });
    expect(await d2d(cwd, 'faults', '--clear')).toEqual({ code: 0, facts: { v: 1, ok: true, faults: [] } });
    expect(local.faults.counts()).toEqual([]);
  });

  it('refuses a bad plan as asked wrongly', async () => {
    const bad = await d2d(cwd, 'faults', await planFile({ rules: [{ fault: { kind: 'fire' } }] }));
    expect(bad).toMatchObject({
      code: 2,
      facts: { ok: false, error: expect.stringMatching(/plan\.json has 1 fault:\n {2}rules\[0\]\.fault\.kind must be/) },
    });
    expect(await d2d(cwd, 'faults', await planFile(PLAN), '--clear')).toMatchObject({ code: 2 });
  });
});
