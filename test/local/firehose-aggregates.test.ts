import { gunzipSync } from 'node:zlib';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Local } from '../../local/start.ts';
import { aggregate } from '../../pipeline/aggregation.ts';
import { localAws } from '../local-aws.ts';
import { type Clients, clientsOf, creation, delivered, prepare, someIds, until } from './deliveries.ts';

let local: Local;
let clients: Clients;

beforeAll(async () => {
  local = await localAws();
  clients = clientsOf(local);
});

afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await local.close();
});

/** One record of the stream with all these ids in it. */
function together(ids: string[], pad = ''): Buffer {
  const into = aggregate(1 << 20);
  for (const id of ids) expect(into.add('match', '0', JSON.stringify({ id, pad }))).toBe(true);
  return into.finish();
}

const put = (StreamName: string, data: Uint8Array[]) =>
  clients.kinesis.send(new PutRecordsCommand({ StreamName, Records: data.map((Data) => ({ PartitionKey: 'match', Data })) }));

/** The objects of a lake as text, by key. */
async function objects(name: string): Promise<string[]> {
  const Bucket = `${name}-lake`;
  const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket }));
  return Promise.all(
    Contents.map(async ({ Key }) => {
      const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket, Key }));
      return gunzipSync(await Body!.transformToByteArray()).toString('latin1');
    }),
  );
}

test('the records of an aggregate are delivered one by one, among those that came alone', async () => {
  await prepare(clients, 'mixed');
  await clients.firehose.send(creation('mixed'));
  const ids = someIds('m', 500);
  const { FailedRecordCount } = await put('mixed', [
    Buffer.from(JSON.stringify({ id: ids[0] })),
    together(ids.slice(1, 400)),
    Buffer.from(JSON.stringify({ id: ids[400] })),
    together(ids.slice(401)),
  ]);
  expect(FailedRecordCount).toBe(0);
  const found = await until(
    () => delivered(clients, 'mixed'),
    (all) => all.ids.length >= 500,
  );
  expect(found.ids).toEqual(ids);
});

test('a damaged aggregate is delivered as it is', async () => {
  await prepare(clients, 'damaged');
  await clients.firehose.send(creation('damaged'));
  const damaged = together(['a', 'b']);
  damaged[damaged.length - 1]! ^= 1;
  await put('damaged', [damaged]);
  const found = await until(
    () => objects('damaged'),
    (all) => all.length > 0,
  );
  expect(found).toEqual([`${damaged.toString('latin1')}\n`]);
});

test('the buffer counts the records of aggregates, and a record of the stream stays whole', async () => {
  await prepare(clients, 'sized', 1);
  await clients.firehose.send(creation('sized', { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 900 } }));
  const pad = 'x'.repeat(1000);
  const groups = [0, 1, 2].map((i) => someIds(`s${i}-`, 600));
  for (const ids of groups) {
    await put('sized', [together(ids, pad)]);
    await new Promise((later) => setTimeout(later, 1100)); // a shard takes 1 MiB a second
  }
  const [object] = await until(
    () => objects('sized'),
    (all) => all.length > 0,
  );
  const found = object!.trim().split('\n');
  // The second takes it over 1 MiB; the third waits for the interval.
  expect(found.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(groups.slice(0, 2).flat());
});
