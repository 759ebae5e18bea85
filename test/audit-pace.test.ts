import { GetRecordsCommand, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { expect, it } from '@jest/globals';
import { READERS } from '../activities/audit/places.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';

const aws: Pipeline = {
  ...parseSpec({ target: 'aws', quicksightPrincipal: 'arn:aws:quicksight:us-east-1:111122223333:user/default/x' }),
  account: '111122223333',
};
const MB = 2 ** 20;
const READS = 4;
const KILOBYTE = new Uint8Array(1024);

/** A stream of two shards that are full of records of a kilobyte, and refuse their third read; each read is written down. */
function kinesis(isEndless: boolean, most = READS) {
  const reads: { shard: string; at: number; bytes: number }[] = [];
  const refused = new Set<string>();
  const send = async (command: object) => {
    if (command instanceof ListShardsCommand) return { Shards: [{ ShardId: 'a' }, { ShardId: 'b' }] };
    if (!(command instanceof GetRecordsCommand)) return { ShardIterator: (command as { input: { ShardId: string } }).input.ShardId };
    const { ShardIterator: shard = '', Limit = 10_000 } = command.input;
    const at = performance.now();
    const before = reads.filter((read) => read.shard === shard).length;
    if (before === 2 && !refused.has(shard)) {
      refused.add(shard);
      reads.push({ shard, at, bytes: 0 });
      throw Object.assign(new Error('slow down'), { name: 'ProvisionedThroughputExceededException' });
    }
    const ApproximateArrivalTimestamp = new Date(before * 60_000);
    const Records = Array(Limit).fill({ Data: KILOBYTE, ApproximateArrivalTimestamp });
    reads.push({ shard, at, bytes: Limit * 1024 });
    return { Records, NextShardIterator: shard, MillisBehindLatest: isEndless || before < most - 1 ? 1 : 0 };
  };
  return { reads, clients: { kinesis: { send } } as never };
}

it('an audit reads a shard on AWS once a second, at a quarter of what it gives, all shards side by side, and no further than it counts', async () => {
  const { reads, clients } = kinesis(true);
  const began = performance.now();
  // Never at the end of the stream: what came after a minute behind this is not read.
  for await (const records of READERS.stream(clients, aws, 1, (READS - 2) * 60_000 - 1)) expect(records.length).toBeLessThanOrEqual(512);
  for (const shard of ['a', 'b']) {
    const own = reads.filter((read) => read.shard === shard);
    expect(own.length).toBe(READS);
    for (const [i, { at }] of own.slice(1).entries()) expect(at - own[i]!.at).toBeGreaterThan(990);
    const seconds = (performance.now() - began) / 1000;
    expect(own.reduce((sum, { bytes }) => sum + bytes, 0) / seconds).toBeLessThan(0.55 * MB);
  }
  expect(performance.now() - began).toBeLessThan(READS * 1_500);
});

it('on the laptop it reads as fast as it can', async () => {
  const many = 12;
  const { reads, clients } = kinesis(false, many);
  const began = performance.now();
  for await (const records of READERS.stream(clients, { ...aws, target: 'local' }, 1, 0)) expect(records.length).toBe(10_000);
  expect(reads.length).toBe(2 * many);
  // On AWS it would take as many seconds; this is what a machine may take that has much else to do.
  expect(performance.now() - began).toBeLessThan((many * 1_000) / 2);
});
