import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Row, rows } from '../activities/kinesis/shards.ts';
import type { Local } from '../local/start.ts';
import { aggregate } from '../pipeline/aggregation.ts';
import { localAws } from './local-aws.ts';

let local: Local;
let kinesis: KinesisClient;

beforeAll(async () => {
  local = await localAws();
  kinesis = new KinesisClient(local);
});
afterAll(async () => {
  kinesis.destroy();
  await local.close();
});

it('reads the events of a shard one by one, those of aggregates too, and leaves out what is no JSON', async () => {
  const StreamName = 'rows';
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const event = (event_type: string) => JSON.stringify({ event_type, event_time: '2026-11-26T12:00:00.000' });
  const into = aggregate();
  for (const text of [event('kill'), event('objective').slice(0, 20), event('respawn')]) into.add('k', '0', text);
  const Records = [event('match_start'), into.finish(), event('match_end'), '{"event_type":'].map((data) => ({
    PartitionKey: 'k',
    Data: Buffer.from(data as string),
  }));
  await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
  const found: Row[] = [];
  for await (const page of rows(kinesis, { StreamName, ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' }))
    found.push(...page);
  expect(found.map((row) => row.event_type)).toEqual(['match_start', 'kill', 'respawn', 'match_end']);
  for (const { arrival } of found) expect(Math.abs(arrival - Date.now())).toBeLessThan(60_000);
});
