import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { clientsOf, creation, delivered, prepare, put, someIds, until } from './deliveries.ts';

test('kill -9 in mid-delivery, again and again, neither loses nor doubles a record', async () => {
  const state = await mkdtemp(join(tmpdir(), 'firehose-kill-'));
  let child: ChildProcess | undefined;
  const launch = async () => {
    const args = ['--import', 'tsx', 'local/main.ts', '--port', '0', '--state', state];
    const env = { ...process.env, DATA2DASHBOARD_STDIN_HELD_BY_PARENT: '1' };
    const started = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    child = started;
    const said: Record<string, string> = {};
    for await (const line of createInterface({ input: started.stdout })) {
      const [name = '', value = ''] = line.split('=');
      said[name] = value;
      if (name === 'AWS_REGION') break;
    }
    const credentials = { accessKeyId: said.AWS_ACCESS_KEY_ID!, secretAccessKey: said.AWS_SECRET_ACCESS_KEY! };
    return clientsOf({ endpoint: said.AWS_ENDPOINT_URL!, region: said.AWS_REGION!, credentials });
  };
  const kill = async () => {
    const ended = once(child!, 'exit');
    child!.kill('SIGKILL');
    await ended;
  };
  try {
    const acknowledged: string[] = [];
    let own = await launch();
    await prepare(own, 'killed');
    await own.firehose.send(creation('killed', { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 0 } }));
    for (let round = 0; round < 4; round++) {
      const ids = someIds(`r${round}-`, 400);
      await put(own, 'killed', ids, 'x'.repeat(500));
      acknowledged.push(...ids);
      // Killed while an object is on its way: some of this round's records are on disk as objects, or about to be.
      await new Promise((later) => setTimeout(later, 150 * round + 13));
      await kill();
      for (const client of Object.values(own)) client.destroy();
      own = await launch();
    }
    const { ids: found } = await until(
      () => delivered(own, 'killed'),
      ({ ids }) => ids.length >= acknowledged.length,
    );
    expect(found).toEqual(acknowledged.sort());
    for (const client of Object.values(own)) client.destroy();
  } finally {
    await kill();
    await rm(state, { recursive: true });
  }
});
