import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Positions, Progress } from '../../activities/kinesis/ack-tracker.ts';
import { type ProducerOptions, producer } from '../../activities/kinesis/producer.ts';
import { type Put, putting } from '../../activities/kinesis/put-records.ts';
import { lookUpIn } from '../../activities/kinesis/read-back.ts';
import type { Fault } from '../../local/faults.ts';
import type { Local } from '../../local/start.ts';
import { payloads, userRecords } from '../../pipeline/aggregation.ts';
import { localAws } from '../local-aws.ts';

const SHARDS = 4;
const KEYS = 24;
let local: Local;
let kinesis: KinesisClient;
let put: Put;
let close: () => void;

beforeAll(async () => {
  local = await localAws();
  kinesis = new KinesisClient(local);
  ({ put, close } = putting({ ...local, answerWithin: 5000 }));
});
afterEach(() => local.faults.put({ rules: [] }));
afterAll(async () => {
  close();
  kinesis.destroy();
  await local.close();
});

/** What of PutRecords goes wrong: of its calls a share each, by a seed. */
const trouble = (...faults: (Fault & { of: number })[]) =>
  local.faults.put({
    seed: 215,
    rules: faults.map(({ of, ...fault }) => ({ service: 'kinesis', operation: 'PutRecords', share: of, fault: fault as Fault })),
  });

/** A fifth of all records: a third of them in three calls of five. */
const REFUSED = { kind: 'partial', share: 1 / 3, of: 0.6 } as const;

const hashKey = (lane: number) => String((BigInt(2 * lane + 1) << 127n) / BigInt(SHARDS));

/** Sends `count` events a lane, each lane to its own shard; resends by event, the highest `held`. */
async function sent(stream: string, count: number, settings: Partial<ProducerOptions> = {}, maxBytes = 50_000) {
  await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: SHARDS }));
  const { lane: begin } = producer({ put, stream, aggregateBytes: 4000, callBytes: 20_000, ...settings });
  const resends = new Map<string, number>();
  let held = 0;
  const run = async (lane: number): Promise<Progress> => {
    const resent = (spans: Positions[]) => {
      for (const [from, to] of spans) for (let p = from; p < to; p++) resends.set(`${lane}-${p}`, (resends.get(`${lane}-${p}`) ?? 0) + 1);
    };
    const report = (progress: Progress) => {
      held = Math.max(held, progress.held);
    };
    const { send, reached, end } = begin({ maxBytes, resent, report });
    for (let position = 0; position < count; position++) {
      const data = JSON.stringify({ id: `${lane}-${position}`, pad: '.'.repeat(100) });
      const room = send({ data, partitionKey: `schütze "${lane}" ${position % KEYS}`, hashKey: hashKey(lane), position });
      reached(position + 1);
      if (room) await room;
    }
    return end();
  };
  const progress = await Promise.all(Array.from({ length: SHARDS }, (_, lane) => run(lane)));
  return { progress, resends, held };
}

/** The ids in each shard, in order; and how many records of the stream they came in. */
async function read(StreamName: string) {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
  let records = 0;
  const shards = await Promise.all(
    Shards.map(async ({ ShardId }) => {
      const ids: string[] = [];
      let { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }));
      while (ShardIterator) {
        const page = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
        for (const { Data } of page.Records ?? []) {
          records++;
          for (const data of payloads(Data!)) ids.push((JSON.parse(Buffer.from(data).toString()) as { id: string }).id);
        }
        ShardIterator = page.MillisBehindLatest ? page.NextShardIterator : undefined;
      }
      return ids;
    }),
  );
  return { shards, records };
}

const wanted = (count: number) => Array.from({ length: SHARDS }, (_, lane) => Array.from({ length: count }, (_, p) => `${lane}-${p}`));
const copiesOf = (ids: string[]) => ids.reduce((counts, id) => counts.set(id, (counts.get(id) ?? 0) + 1), new Map<string, number>());
const firsts = (ids: string[]) => [...new Set(ids)];

const EVERYTHING = [
  { kind: 'lostAnswer', of: 0.05 },
  { kind: 'cut', of: 0.05 },
  { kind: 'unavailable', of: 0.05 },
  { kind: 'throttle', of: 0.05 },
  REFUSED,
] as const;

it.each([
  { aggregate: false, ordered: false },
  { aggregate: true, ordered: false },
  { aggregate: false, ordered: true },
  { aggregate: 'queued', ordered: true },
  { aggregate: true, ordered: true },
] as const)('loses nothing and names each further copy, whatever goes wrong: %j', async (settings) => {
  const count = 400;
  const name = `trouble-${settings.aggregate}-${settings.ordered}`;
  trouble(...EVERYTHING);
  const { progress, resends, held } = await sent(name, count, settings);
  const { shards } = await read(name);
  expect(shards.map((ids) => firsts(ids).sort())).toEqual(wanted(count).map((ids) => ids.sort()));
  for (const [id, copies] of copiesOf(shards.flat())) expect([id, copies <= 1 + (resends.get(id) ?? 0)]).toEqual([id, true]);
  expect(progress.map(({ next, acknowledged }) => [next, acknowledged])).toEqual(Array(SHARDS).fill([count, count]));
  expect(progress.reduce((sum, { resent }) => sum + resent, 0)).toBe([...resends.values()].reduce((sum, times) => sum + times, 0));
  expect(held).toBeGreaterThan(0);
  expect(held).toBeLessThanOrEqual(50_000 + 200);
  expect(local.faults.counts().every(({ struck }) => struck > 0)).toBe(true);
  expect(shards.flat().length).toBeGreaterThan(SHARDS * count); // of lost answers there are copies
  if (!settings.ordered) return;
  const keyOf = (id: string) => Number(id.split('-')[1]) % KEYS;
  for (const [lane, ids] of shards.entries())
    for (let key = 0; key < KEYS; key++)
      expect(firsts(ids).filter((id) => keyOf(id) === key)).toEqual(wanted(count)[lane]!.filter((id) => keyOf(id) === key));
});

it('sends nothing twice when a fifth of the records is refused and a twentieth of the calls fails before its effect', async () => {
  trouble({ kind: 'throttle', of: 0.05 }, REFUSED);
  const { resends } = await sent('refused', 400);
  const { shards } = await read('refused');
  expect(shards.map((ids) => ids.length)).toEqual(Array(SHARDS).fill(400));
  expect(resends.size).toBe(0);
});

it.each([{ aggregate: false }, { aggregate: true }])(
  'sends nothing twice of calls whose answers were lost, as it looks what they have stored: %j',
  async (settings) => {
    const stream = `looked-up-${settings.aggregate}`;
    const lost = { service: 'kinesis', operation: 'PutRecords', after: 20, times: 12, share: 0.5 };
    // By then something of every shard is acknowledged, behind which the rest may be looked for.
    local.faults.put({ seed: 3, rules: (['lostAnswer', 'cut'] as const).map((kind) => ({ ...lost, fault: { kind } })) });
    const { resends } = await sent(stream, 2400, { ...settings, lookUp: lookUpIn(local) });
    const { shards } = await read(stream);
    expect(shards.map((ids) => ids.sort())).toEqual(wanted(2400).map((ids) => ids.sort()));
    expect(local.faults.counts().map(({ struck }) => struck >= 6)).toEqual([true, true]);
    // What a cut kept from the stream is sent once more.
    expect(resends.size).toBeGreaterThan(0);
  },
);

it('takes a call that is never answered for one that may have had its effect', async () => {
  local.faults.put({ rules: [{ service: 'kinesis', operation: 'PutRecords', times: 1, fault: { kind: 'timeout' } }] });
  const { resends } = await sent('silent', 50);
  const { shards } = await read('silent');
  expect(shards.map((ids) => ids.length)).toEqual(Array(SHARDS).fill(50));
  expect(resends.size).toBeGreaterThan(0);
});

it('puts thousands of events into few records by aggregation, and each finds its shard again by its keys', async () => {
  const { resends } = await sent(
    'dense',
    4000,
    { aggregate: true, ordered: true, aggregateBytes: undefined, callBytes: undefined },
    1 << 20,
  );
  const { shards, records } = await read('dense');
  // On a machine that is too busy to answer in time there may be copies; each is named.
  expect(shards.map(firsts)).toEqual(wanted(4000));
  for (const [id, copies] of copiesOf(shards.flat())) expect([id, copies <= 1 + (resends.get(id) ?? 0)]).toEqual([id, true]);
  expect(records).toBeLessThan(SHARDS * 40);

  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: 'dense' }));
  for (const { ShardId, HashKeyRange } of Shards) {
    const { ShardIterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName: 'dense', ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    // Flink's connector and the KCL drop an aggregate in which a record does not lie within its shard's range.
    for (const { Data, PartitionKey } of Records)
      for (const record of userRecords({ partitionKey: PartitionKey!, data: Data! })) {
        expect(BigInt(record.hashKey!)).toBeGreaterThanOrEqual(BigInt(HashKeyRange!.StartingHashKey!));
        expect(BigInt(record.hashKey!)).toBeLessThanOrEqual(BigInt(HashKeyRange!.EndingHashKey!));
      }
  }
});

it('shares a shard with another producer, within what the shard takes', async () => {
  await kinesis.send(new CreateStreamCommand({ StreamName: 'shared', ShardCount: 1 }));
  const run = async (who: number) => {
    const { send, end } = producer({ put, stream: 'shared' }).lane();
    for (let position = 0; position < 1500; position++) {
      const room = send({ data: JSON.stringify({ id: `${who}-${position}` }), partitionKey: 'k', hashKey: '0', position });
      if (room) await room;
    }
    return end();
  };
  await Promise.all([run(0), run(1)]);
  const { shards } = await read('shared');
  expect(firsts(shards[0]!)).toHaveLength(3000);
  expect(shards[0]).toHaveLength(3000);
});
