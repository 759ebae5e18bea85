import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { controlOf } from '../../local/control-client.ts';
import { clientsOf, creation, delivered, prepare, put, someIds, until } from './deliveries.ts';

test('a local AWS that dies right before and right after it puts an object, again and again, neither loses nor doubles a record', async () => {
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
    const target = { endpoint: said.AWS_ENDPOINT_URL!, region: said.AWS_REGION!, credentials };
    return { ...clientsOf(target), control: controlOf(target) };
  };
  const destroy = ({ control: _, ...all }: Awaited<ReturnType<typeof launch>>) => {
    for (const client of Object.values(all)) client.destroy();
  };
  try {
    const acknowledged: string[] = [];
    let own = await launch();
    await prepare(own, 'killed');
    await own.firehose.send(creation('killed', { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 0 } }));
    for (const [round, when] of (['before', 'after', 'before', 'after'] as const).entries()) {
      const died = once(child!, 'exit');
      await own.control.faults({ rules: [{ service: 'firehose', operation: 'Deliver', times: 1, fault: { kind: 'crash', when } }] });
      const ids = someIds(`r${round}-`, 400);
      await put(own, 'killed', ids, 'x'.repeat(500));
      acknowledged.push(...ids);
      expect(await died).toEqual([null, 'SIGKILL']);
      destroy(own);
      own = await launch();
      expect(await own.control.counts()).toMatchObject([{ struck: 1 }]);
    }
    const { ids: found } = await until(
      () => delivered(own, 'killed'),
      ({ ids }) => ids.length >= acknowledged.length,
    );
    expect(found).toEqual(acknowledged.sort());
    destroy(own);
  } finally {
    const ended = once(child!, 'exit');
    if (child!.kill('SIGKILL')) await ended;
    await rm(state, { recursive: true });
  }
});
