import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateStreamCommand, KinesisClient, ListStreamsCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clients } from '../../activities/aws.ts';
import { type Call, callLog, type OpenCall } from '../../local/call-log.ts';
import { openJournal } from '../../local/journal.ts';
import { type Local, startLocal } from '../../local/start.ts';
import { faultsInFile } from '../service-model.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'call-log-'));
  file = join(dir, 'calls.jsonl');
});
afterEach(() => rm(dir, { recursive: true }));

const logged = async (): Promise<Call[]> =>
  (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Call);

describe('the call log', () => {
  let local: Local;
  beforeEach(async () => {
    local = await startLocal({ dir, callLog: file, log: () => undefined });
  });
  afterEach(() => local.close());

  it('has every call, in memory and on disk, data by its size', async () => {
    const kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
    const create = () => kinesis.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }));
    await create();
    await kinesis.send(new PutRecordsCommand({ StreamName: 's', Records: [{ PartitionKey: 'k', Data: Buffer.from('12345') }] }));
    await create().catch(() => undefined);
    expect(local.calls.all()).toMatchObject([
      { service: 'kinesis', operation: 'CreateStream', input: { StreamName: 's', ShardCount: 1 }, outcome: 'ok', caller: 'user/local' },
      { operation: 'PutRecords', input: { StreamName: 's', records: 1, bytes: 5 } },
      { operation: 'CreateStream', outcome: 'ResourceInUseException' },
    ]);
    expect(await logged()).toEqual(JSON.parse(JSON.stringify(local.calls.all())));
    kinesis.destroy();
  });

  it('tells our programs apart, over HTTP/1 and HTTP/2, by what their User-Agent says', async () => {
    for (const app of ['worker', undefined, 'test'] as const) {
      const { kinesis, glue, ...others } = clients({ ...local, app });
      await kinesis.send(new ListStreamsCommand({}));
      for (const client of [kinesis, glue, ...Object.values(others)]) client.destroy();
    }
    expect(local.calls.all().map(({ app }) => app)).toEqual(['worker', 'client', 'test']);
  });
});

it('has its file judged by the service models: of our programs every call, of others what was taken', async () => {
  const about = { id: '1', at: 1, took: 1, service: 'kinesis', caller: 'user/local' };
  const bytes = { type: 'Buffer', data: [1, 2] };
  const lines: Call[] = [
    { ...about, operation: 'CreateStream', input: { StreamName: 'not good' }, app: 'worker', outcome: 'ValidationException' },
    { ...about, operation: 'DeleteStream', input: { StreamName: 'not good' }, outcome: 'ValidationException' },
    { ...about, operation: 'ListStreams', input: { Limit: 0 }, outcome: 'ok' },
    { ...about, operation: 'PutRecord', input: { StreamName: 's', PartitionKey: 'k', Data: bytes }, outcome: 'ok' },
    { ...about, operation: 'PutRecords', input: { StreamName: 's', bytes: 2 }, outcome: 'ok' },
    { ...about, operation: 'ListShards', input: { StreamName: 's', StreamCreationTimestamp: new Date(0) }, outcome: 'lost' },
  ];
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  expect(faultsInFile(file)).toEqual([
    "CreateStream.StreamName: 'not good' does not match [a-zA-Z0-9_.-]+",
    'ListStreams.Limit has size 0, not 1 to 10000',
  ]);
});

describe('a call whose process is killed', () => {
  const call = (id: string, operation = 'CreateStream'): OpenCall => ({
    id,
    at: 1,
    service: 's',
    operation,
    caller: 'user/local',
    input: { id },
  });
  const life = async (work: (log: ReturnType<typeof callLog>, commit: () => Promise<void>) => Promise<void>) => {
    const journal = await openJournal(join(dir, 'catalog.log'));
    await work(callLog(file, false, journal.table('calls')), journal.commit);
    await journal.close();
  };

  it('is logged as lost by the next one if it took effect, and once only', async () => {
    await life(async (log, commit) => {
      log.tookEffect(call('answered'));
      await commit();
      log.add({ ...call('answered'), took: 1, outcome: 'ok' });
      log.tookEffect(call('cut off'));
      log.tookEffect(call('read', 'GetThing'));
      await commit();
    });
    for (let i = 0; i < 2; i++) await life(async () => undefined);
    expect((await logged()).map(({ id, outcome }) => [id, outcome])).toEqual([
      ['answered', 'ok'],
      ['cut off', 'lost'],
    ]);
  });

  it('is not logged again if only the note of its effect outlived it', async () => {
    await life(async (log, commit) => {
      log.tookEffect(call('a'));
      await commit();
    });
    await writeFile(file, `${JSON.stringify({ ...call('a'), took: 1, outcome: 'ok' })}\n`);
    await life(async () => undefined);
    expect(await logged()).toHaveLength(1);
  });

  it('leaves neither a stream that no call made nor a call whose stream is not there, whenever the kill comes', async () => {
    for (let round = 0; round < 3; round++) {
      const { child, kinesis } = await started();
      let [alive, answers] = [true, 0];
      const creating = Array.from({ length: 4 }, async (_, i) => {
        for (let n = 0; alive; n++) {
          const creation = kinesis.send(new CreateStreamCommand({ StreamName: `s-${round}-${i}-${n}`, ShardCount: 1 }));
          await creation.then(
            () => answers++,
            () => undefined,
          );
        }
      });
      while (answers < 8) await delay(5);
      await delay(50 * Math.random());
      child.kill('SIGKILL');
      await once(child, 'exit');
      alive = false;
      await Promise.all(creating);
      kinesis.destroy();
    }
    const { child, kinesis } = await started();
    const there: string[] = [];
    for (let more = true; more; ) {
      const page = await kinesis.send(new ListStreamsCommand({ ExclusiveStartStreamName: there.at(-1) }));
      there.push(...page.StreamNames!);
      more = page.HasMoreStreams!;
    }
    kinesis.destroy();
    child.kill('SIGTERM');
    await once(child, 'exit');
    const made = (await logged())
      .filter(({ operation, outcome }) => operation === 'CreateStream' && ['ok', 'lost'].includes(outcome))
      .map(({ input }) => (input as { StreamName: string }).StreamName);
    expect(made.length).toBeGreaterThan(10);
    expect(made.sort()).toEqual(there.sort());
  });

  async function started(): Promise<{ child: ChildProcess; kinesis: KinesisClient }> {
    const args = ['--import', 'tsx', 'local/main.ts', '--port', '0', '--state', dir, '--call-log', file];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const printed: Record<string, string> = {};
    for await (const line of createInterface({ input: child.stdout! })) {
      const [key = '', value = ''] = line.split('=');
      printed[key] = value;
      if (key === 'AWS_REGION') break;
    }
    const credentials = { accessKeyId: printed.AWS_ACCESS_KEY_ID!, secretAccessKey: printed.AWS_SECRET_ACCESS_KEY! };
    const kinesis = new KinesisClient({ endpoint: printed.AWS_ENDPOINT_URL!, region: printed.AWS_REGION!, credentials, maxAttempts: 1 });
    return { child, kinesis };
  }
});
