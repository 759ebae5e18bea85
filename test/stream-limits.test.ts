import { CreateStreamCommand, DeleteStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SHARD_LIMIT } from '../local/kinesis/streams.ts';
import { type LocalAws, localAws } from './local-aws.ts';

const NO_ROOM =
  'This request would have exceed the limit on the number of streams that can simultaneously be in CREATING or DELETING for the account 000000000000. Limit: 5.';
const NO_SHARDS =
  'This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for the account: 20000. Limit: 20000. Number of additional shards that would have resulted from this request: 1.';

let local: LocalAws;
let ahead: number;
const begin = async (durations = {}) => {
  ahead = 0;
  local = await localAws({ durations, now: () => Date.now() + ahead });
};
afterEach(() => local.close());

/** Streams of other people, which take up all the shards of the account. */
async function allShardsOpen(kinesis: KinesisClient): Promise<void> {
  for (let i = 0; i < SHARD_LIMIT / 200; i++) await kinesis.send(new CreateStreamCommand({ StreamName: `other-${i}`, ShardCount: 200 }));
}

describe('the local AWS', () => {
  let kinesis: KinesisClient;
  const started = async (durations = {}) => {
    await begin(durations);
    kinesis = new KinesisClient({ ...local, maxAttempts: 1 });
  };
  afterEach(() => kinesis.destroy());
  const create = (StreamName: string) => kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const remove = (StreamName: string) => kinesis.send(new DeleteStreamCommand({ StreamName }));

  it('makes and deletes five streams at once, and refuses a further one until one of them is done', async () => {
    await started({ 'stream create': 15_000, 'stream delete': 20_000 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    await expect(create('f')).rejects.toMatchObject({ name: 'LimitExceededException', message: NO_ROOM });
    await expect(create('a')).rejects.toMatchObject({ name: 'ResourceInUseException' });
    ahead += 15_000;
    await create('f');
    for (const name of ['a', 'b', 'c', 'd', 'e']) await remove(name);
    await expect(create('g')).rejects.toMatchObject({ name: 'LimitExceededException', message: NO_ROOM });
    ahead += 20_000;
    await create('g');
  });

  it('has no such limit where they take no time, and refuses what would open more shards than the account may have', async () => {
    await started();
    await allShardsOpen(kinesis);
    await expect(create('more')).rejects.toMatchObject({ name: 'LimitExceededException', message: NO_SHARDS });
    await remove('other-0');
    await create('more');
  });
});
