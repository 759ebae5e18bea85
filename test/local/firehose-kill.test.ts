import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { controlOf } from '../../local/control-client.ts';
import { clientsOf, creation, delivered, prepare, put, someIds, until } from './deliveries.ts';
import { type AwsProcess, endAws, startAws } from './studio-process.ts';

test('a local AWS that dies right before and right after it puts an object, again and again, neither loses nor doubles a record', async () => {
  const state = await mkdtemp(join(tmpdir(), 'firehose-kill-'));
  let aws: AwsProcess | undefined;
  const launch = async () => {
    aws = await startAws(state);
    return { ...clientsOf(aws.config), control: controlOf(aws.config) };
  };
  const destroy = ({ control: _, ...all }: Awaited<ReturnType<typeof launch>>) => {
    for (const client of Object.values(all)) client.destroy();
  };
  try {
    const acknowledged: string[] = [];
    /** It may die before it has answered. */
    const doubtful: string[] = [];
    const send = (ids: string[]) => put(own, 'killed', ids, 'x'.repeat(500));
    let own = await launch();
    await prepare(own, 'killed');
    await own.firehose.send(creation('killed', { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 0 } }));
    for (const [round, when] of (['before', 'after', 'before', 'after'] as const).entries()) {
      const died = once(aws!.process, 'exit');
      await own.control.faults({ rules: [{ service: 'firehose', operation: 'Deliver', times: 1, fault: { kind: 'crash', when } }] });
      const ids = someIds(`r${round}-`, 400);
      await send(ids).then(
        () => acknowledged.push(...ids),
        () => doubtful.push(...ids),
      );
      expect(await died).toEqual([null, 'SIGKILL']);
      destroy(own);
      own = await launch();
      expect(await own.control.counts()).toMatchObject([{ struck: 1 }]);
    }
    const last = someIds('last-', 400);
    await send(last);
    acknowledged.push(...last);
    const { ids: found } = await until(
      () => delivered(own, 'killed'),
      ({ ids }) => acknowledged.every((id) => ids.includes(id)),
    );
    expect(found.filter((id) => !doubtful.includes(id))).toEqual(acknowledged.sort());
    expect(new Set(found).size).toBe(found.length);
    destroy(own);
  } finally {
    if (aws?.process.signalCode === null) await endAws(aws, 'SIGKILL');
    await rm(state, { recursive: true });
  }
});
