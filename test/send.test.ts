import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Sent, sendHeartbeats, sendRange } from '../activities/kinesis/send.ts';
import { type Local, startLocal } from '../local/start.ts';
import { type GameEvent, gameEvent } from '../pipeline/event.ts';

let dir: string;
let local: Local;
let kinesis: KinesisClient;
const game = { run: 'r', seed: 7, players: 40 };
const nothing: Sent = { next: 0, latest: 0, heartbeats: 0 };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-send-'));
  local = await startLocal({ dir });
  kinesis = new KinesisClient(local);
});
afterAll(async () => {
  await local.close();
  await rm(dir, { recursive: true });
});

const sendingTo = async (stream: string) => {
  await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 2 }));
  const control = new AbortController();
  const reports: Sent[] = [];
  return { control, reports, kinesis, stream, signal: control.signal, report: (sent: Sent) => void reports.push(sent) };
};

async function shards(StreamName: string): Promise<GameEvent[][]> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
  return Promise.all(
    Shards.map(async ({ ShardId }) => {
      const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }));
      const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
      return Records.map(({ Data }) => JSON.parse(Buffer.from(Data!).toString()) as GameEvent);
    }),
  );
}

it('sends exactly the events of the range, in order on every shard, though the stream refuses many of them', async () => {
  const sending = await sendingTo('throttled');
  const base = Date.now() - 60_000;
  const range = { game, from: 0, to: 4000, base, rate: 1000 };
  const sent = await sendRange(range, nothing, sending);
  const perShard = await shards('throttled');
  const wanted = Array.from({ length: 4000 }, (_, i) => gameEvent(game, i, base + i));
  const events = perShard.flat().filter(({ event_type }) => event_type !== 'heartbeat');
  expect(sent.next).toBe(4000);
  expect(new Map(events.map((event) => [event.event_id, event]))).toEqual(new Map(wanted.map((event) => [event.event_id, event])));
  expect(events).toHaveLength(4000);
  for (const shard of perShard) expect(shard.filter(({ event_type }) => event_type === 'heartbeat').length).toBe(sent.heartbeats / 2);
  expect(sent.heartbeats).toBeGreaterThan(0);
});

it('keeps to its pace, and when cut short has sent every event below where it stopped and none beyond', async () => {
  const sending = await sendingTo('cut');
  const began = Date.now();
  const going = sendRange({ game, from: 100, to: 10_000, base: began, rate: 200 }, nothing, sending);
  while ((sending.reports.at(-1)?.next ?? 0) < 200) await new Promise((resolve) => setTimeout(resolve, 20));
  const took = Date.now() - began;
  sending.control.abort();
  const { next } = await going;
  const ids = (await shards('cut'))
    .flat()
    .flatMap(({ event_id, event_type }) => (event_type === 'heartbeat' ? [] : [Number(event_id.split('-')[1])]));
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: next - 100 }, (_, i) => 100 + i));
  expect(took).toBeGreaterThan(400);
  expect(next).toBeLessThan(300);
});

it('sends heartbeats to every shard until the clock has passed the time asked for', async () => {
  const sending = await sendingTo('beats');
  const until = Date.now() + 1500;
  const sent = await sendHeartbeats('r', until, sending);
  const perShard = await shards('beats');
  expect(sent.latest).toBeGreaterThanOrEqual(until);
  for (const shard of perShard) {
    expect(shard.length).toBe(sent.heartbeats / 2);
    expect(Date.parse(`${shard.at(-1)!.event_time}Z`)).toBeGreaterThanOrEqual(until);
  }
});
