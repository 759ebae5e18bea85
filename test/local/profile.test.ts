import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  PutRecordCommand as PutRecord,
} from '@aws-sdk/client-kinesis';
import { ListObjectsV2Command as ListObjects, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type SteeredClock, steeredClock } from '../../local/clock.ts';
import { durations } from '../../local/profile.ts';
import { type Local, type LocalOptions, startLocal } from '../../local/start.ts';
import { clientsOf, creation, prepare } from './deliveries.ts';

describe('durations', () => {
  it('are drawn within 40 % of what AWS takes, by the seed, the same each time, and shortened by the speed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.string(), fc.integer({ min: 1, max: 1000 }), (seed, id, speed) => {
        const base = durations({ profile: 'aws', seed }).takes('stream create', id);
        expect(base).toBeGreaterThanOrEqual(9_000);
        expect(base).toBeLessThanOrEqual(21_000);
        const run = durations({ profile: 'aws', seed, speed });
        expect(run.takes('stream create', id)).toBeCloseTo(base / speed, 6);
        expect(run.takes('stream create', id)).toBe(run.takes('stream create', id));
        expect(run.drawn()).toHaveLength(1);
      }),
    );
    expect(durations({}).takes('application start', 'x')).toBe(0);
    const spread = Array.from({ length: 200 }, (_, i) => durations({ profile: 'aws', seed: 7 }).takes('crawl', `${i}`));
    expect(Math.max(...spread) / Math.min(...spread)).toBeGreaterThan(2);
  });
});

describe('an AWS that takes its time, by a clock that is moved', () => {
  let dir: string;
  let clock: SteeredClock;
  let local: Local;
  let kinesis: KinesisClient;
  const begin = async (more: Partial<LocalOptions> = {}) => {
    local = await startLocal({ dir, clock, profile: 'aws', seed: 3, log: () => undefined, ...more });
    kinesis = new KinesisClient(local);
  };
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'profile-'));
    clock = steeredClock();
  });
  afterEach(async () => {
    kinesis.destroy();
    await local.close();
    await rm(dir, { recursive: true });
  });
  const status = async () =>
    (
      await kinesis
        .send(new DescribeStreamSummaryCommand({ StreamName: 's' }))
        .catch((error: Error) => ({ StreamDescriptionSummary: { StreamStatus: error.name } }))
    ).StreamDescriptionSummary!.StreamStatus;

  it('shows the states between, and refuses what AWS refuses in them', async () => {
    await begin();
    await kinesis.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }));
    expect(await status()).toBe('CREATING');
    const more = () => kinesis.send(new IncreaseStreamRetentionPeriodCommand({ StreamName: 's', RetentionPeriodHours: 48 }));
    await expect(more()).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await clock.advance(30_000);
    expect(await status()).toBe('ACTIVE');
    await more();
    expect(await status()).toBe('UPDATING');
    await clock.advance(60_000);
    await kinesis.send(new DeleteStreamCommand({ StreamName: 's' }));
    expect(await status()).toBe('DELETING');
    await expect(kinesis.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    await clock.advance(60_000);
    expect(await status()).toBe('ResourceNotFoundException');
  });

  it('keeps its seed over a restart, so that what is under way takes as long as it would have', async () => {
    await begin({ seed: undefined });
    const { seed } = local;
    await local.close();
    await begin({ seed: undefined });
    expect(local.seed).toBe(seed);
  });

  it.each(['known', 'unseen'] as const)(
    'lets a role work only once it has spread, refusing in %s words; a change of policy later too',
    async (roleWording) => {
      await begin({ durations: { 'role spread': 60_000, 'stream create': 0, 'delivery create': 0 }, roleWording });
      const clients = clientsOf(local);
      await prepare(clients, 'game');
      const make = () =>
        clients.firehose.send(creation('game')).then(
          () => 'made',
          (error: Error) => error.name,
        );
      expect(await make()).not.toBe('made');
      await clock.advance(61_000);
      expect(await make()).toBe('made');
      for (const client of Object.values(clients)) client.destroy();
    },
  );

  it('an hour of it passes in seconds: what Firehose holds for five minutes is delivered twelve times', async () => {
    await begin({ profile: 'instant' });
    const clients = clientsOf(local);
    await prepare(clients, 'game', 1);
    await clients.firehose.send(creation('game', { BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 300 } }));
    const began = performance.now();
    for (let minute = 0; minute < 60; minute += 4) {
      await clients.kinesis.send(new PutRecord({ StreamName: 'game', PartitionKey: 'k', Data: Buffer.from(`${minute}`) }));
      await clock.advance(240_000);
    }
    await clock.advance(301_000);
    const s3 = new S3Client({ ...local, forcePathStyle: true }); // tries again, with the clock that the answer tells
    const keys = (await s3.send(new ListObjects({ Bucket: 'game-lake' }))).Contents ?? [];
    expect(keys.length).toBeGreaterThanOrEqual(7);
    expect(keys.length).toBeLessThanOrEqual(13);
    expect(performance.now() - began).toBeLessThan(60_000);
    for (const client of [s3, ...Object.values(clients)]) client.destroy();
  }, 90_000);
});
