import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Connection, QueryNotRegisteredError, WorkflowNotFoundError } from '@temporalio/client';
import { freePort } from '../client/free-port.ts';
import { isTransient, undefinedIfUnanswered } from '../client/transient.ts';
import { UserError } from '../client/user-error.ts';
import { env, withPipeline } from './stage.ts';

const failureOf = async (question: Promise<unknown>): Promise<unknown> =>
  question.then(
    () => {
      throw new Error('there was an answer');
    },
    (error: unknown) => error,
  );

/** An answer of Temporal's within two seconds, or none. */
const soon = <Value>(ask: () => Promise<Value>) => env.client.withDeadline(Date.now() + 2_000, ask);

/** A server that takes connections and then does this with each. */
async function serverThat(answers: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    answers(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}

let cutting: Awaited<ReturnType<typeof serverThat>>;
let silent: Awaited<ReturnType<typeof serverThat>>;
let nowhere: number;
let folder: string;
beforeAll(async () => {
  cutting = await serverThat((socket) => socket.once('data', () => socket.destroy()));
  silent = await serverThat(() => undefined);
  nowhere = await freePort(0);
  folder = mkdtempSync(join(tmpdir(), 'transient-'));
});
afterAll(() => {
  cutting.close();
  silent.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('nobody answers just now', () => {
  it('where no Temporal server listens', async () => {
    const connection = Connection.lazy({ address: `127.0.0.1:${nowhere}`, interceptors: [] }); // those would try again for 20 seconds
    const handle = new Client({ connection }).workflow.getHandle('any');
    expect(isTransient(await failureOf(handle.describe()))).toBe(true);
    expect(await undefinedIfUnanswered(handle.query('status'))).toBeUndefined();
  });

  it('while no worker takes up a workflow, or its latest task has failed', async () => {
    const unheard = await env.client.workflow.start('operate', { taskQueue: 'nobody', workflowId: 'unheard', args: [] });
    const failure = await failureOf(soon(() => unheard.query('status')));
    expect([failure, isTransient(failure)]).toEqual([failure, true]);
    await withPipeline(
      async ({ up, until }) => {
        await up();
        await until(() => true);
        const failing = await env.client.workflow.start('noSuchType', { taskQueue: 'transient', workflowId: 'failing', args: [] });
        let failure: unknown;
        do failure = await failureOf(soon(() => failing.query('status')));
        while (!String((failure as Error).cause).includes('FAILED_PRECONDITION'));
        expect(isTransient(failure)).toBe(true);
        await failing.terminate();
      },
      {},
      'transient',
    );
  });

  it('where an HTTP server does not listen, hangs up, or says nothing, and in what that caused', async () => {
    for (const question of [
      fetch(`http://127.0.0.1:${nowhere}/`),
      fetch(cutting.url),
      fetch(silent.url, { signal: AbortSignal.timeout(200) }),
    ]) {
      const failure = await failureOf(question);
      expect([failure, isTransient(failure)]).toEqual([failure, true]);
      expect(isTransient(new Error('the dashboard was not read', { cause: failure }))).toBe(true);
    }
  });

  // In a Node of its own: in one of jest's, the SDK does not know Node's errors as errors, and leaves their class and code out.
  it('where AWS does not listen, hangs up, says nothing, or is throttling', () => {
    const program = `
      import { ListStreamsCommand } from '@aws-sdk/client-kinesis';
      import { ListBucketsCommand } from '@aws-sdk/client-s3';
      import { clients } from './activities/aws.ts';
      import { isTransient } from './client/transient.ts';
      import { startLocal } from './local/start.ts';
      const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
      const dir = process.argv.pop();
      const told = [];
      const ask = async (target) => {
        const { kinesis, s3 } = clients({ region: 'us-east-1', credentials, answerWithin: 300, ...target });
        for (const question of [() => kinesis.send(new ListStreamsCommand({})), () => s3.send(new ListBucketsCommand({}))])
          await question().then(() => told.push('answered'), (error) => told.push(isTransient(error)));
      };
      for (const endpoint of process.argv.slice(1)) await ask({ endpoint });
      const local = await startLocal({ dir, log: () => undefined });
      const fault = (kind) => local.faults.put({ rules: [{ fault: { kind } }] });
      for (const kind of ['throttle', 'unavailable']) { fault(kind); await ask(local); }
      local.faults.put({ rules: [] });
      await ask({ endpoint: local.endpoint });
      console.log(JSON.stringify(told));
      await local.close();
      process.exit(0);`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program, `http://127.0.0.1:${nowhere}`, cutting.url, silent.url, folder],
      { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8', timeout: 60_000, env: { ...process.env, NODE_OPTIONS: '' } },
    );
    const unanswered = Array.from({ length: 10 }, () => true);
    expect([stdout, stderr]).toEqual([`${JSON.stringify([...unanswered, false, false])}\n`, '']);
  });
});

describe('an answer that stays as it is', () => {
  it('is that of a workflow which does not exist, or does not know the query', async () => {
    const absent = await failureOf(env.client.workflow.getHandle('absent').describe());
    expect(absent).toBeInstanceOf(WorkflowNotFoundError);
    expect(isTransient(absent)).toBe(false);
    await withPipeline(async ({ up, handle }) => {
      await up();
      const unknown = await failureOf(handle.query('no such query'));
      expect(unknown).toBeInstanceOf(QueryNotRegisteredError);
      expect(isTransient(unknown)).toBe(false);
      await expect(undefinedIfUnanswered(handle.query('no such query'))).rejects.toThrow(QueryNotRegisteredError);
    });
  });

  it('is no error of ours, whatever its words, and nothing that is no error', () => {
    for (const failure of [new UserError('the crawl is UNAVAILABLE, not yet ECONNREFUSED'), 'ECONNREFUSED', undefined, null, 14])
      expect([failure, isTransient(failure)]).toEqual([failure, false]);
  });
});
