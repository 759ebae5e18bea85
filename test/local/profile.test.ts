import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateCrawlerCommand, GetCrawlerCommand, GlueClient, ListCrawlsCommand, StartCrawlerCommand } from '@aws-sdk/client-glue';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  PutRecordCommand as PutRecord,
} from '@aws-sdk/client-kinesis';
import {
  CreateApplicationCommand,
  DescribeApplicationCommand,
  KinesisAnalyticsV2Client,
  StartApplicationCommand,
  StopApplicationCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { durations, type Transition } from '../../local/profile.ts';
import { type Local, type LocalOptions, startLocal } from '../../local/start.ts';
import { clientsOf, creation, delivered, prepare } from './deliveries.ts';
import { type SteeredClock, steeredClock } from './steered-clock.ts';

/** How many processes share a processor just now. */
const crowd = () => Math.max(1, loadavg()[0]! / availableParallelism());

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

  it('draws each creation, update and deletion of the same thing anew, and goes on so after a restart', async () => {
    await begin();
    const retained = async (RetentionPeriodHours: number) => {
      await kinesis.send(new IncreaseStreamRetentionPeriodCommand({ StreamName: 's', RetentionPeriodHours }));
      await clock.advance(60_000);
    };
    await kinesis.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }));
    await clock.advance(60_000);
    for (const hours of [25, 26]) await retained(hours);
    await local.close();
    await begin();
    await retained(27);
    await status();
    await kinesis.send(new DeleteStreamCommand({ StreamName: 's' }));
    await clock.advance(60_000);
    await kinesis.send(new CreateStreamCommand({ StreamName: 's', ShardCount: 1 }));
    expect(await status()).toBe('CREATING');
    const ofAnother = durations({ profile: 'aws', seed: 3 });
    expect(local.drawn()).toEqual(
      [
        ['stream create', 's'],
        ['stream update', 's/2'],
        ['stream update', 's/3'],
        ['stream delete', 's'],
        ['stream create', 's/2'],
      ].map(([transition, id]) => ({ transition, id, milliseconds: ofAnother.takes(transition as Transition, id!) })),
    );
    expect(new Set(local.drawn().map(({ milliseconds }) => milliseconds)).size).toBe(5);
  });

  it('draws each start, stop and update of an application anew', async () => {
    await begin({ durations: { 'role spread': 0 } });
    const [studio, iam] = [new KinesisAnalyticsV2Client(local), new IAMClient(local)];
    const trust = { Effect: 'Allow', Principal: { Service: 'kinesisanalytics.amazonaws.com' }, Action: 'sts:AssumeRole' };
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [trust] });
    const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'studio', AssumeRolePolicyDocument }));
    const ApplicationName = 'a';
    await studio.send(
      new CreateApplicationCommand({
        ApplicationName,
        RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0',
        ApplicationMode: 'INTERACTIVE',
        ServiceExecutionRole: Role!.Arn,
      }),
    );
    const status = async () =>
      (await studio.send(new DescribeApplicationCommand({ ApplicationName }))).ApplicationDetail!.ApplicationStatus;
    const ready = async () => {
      while ((await status()) !== 'READY') await clock.advance(10_000);
    };
    for (const version of [1, 2]) {
      await studio.send(new UpdateApplicationCommand({ ApplicationName, CurrentApplicationVersionId: version }));
      await ready();
      await studio.send(new StartApplicationCommand({ ApplicationName }));
      await studio.send(new StopApplicationCommand({ ApplicationName, Force: true }));
      await ready();
    }
    expect(local.drawn().map(({ transition, id }) => `${transition} ${id}`)).toEqual([
      ...['application update a', 'application start a', 'application stop a'],
      ...['application update a/2', 'application start a/2', 'application stop a/2'],
    ]);
    for (const client of [studio, iam]) client.destroy();
  });

  it('draws every crawl of a crawler anew', async () => {
    await begin({ durations: { 'role spread': 0 } });
    const [glue, iam, s3] = [new GlueClient(local), new IAMClient(local), new S3Client({ ...local, forcePathStyle: true })];
    const document = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
    const AssumeRolePolicyDocument = document({ Effect: 'Allow', Principal: { Service: 'glue.amazonaws.com' }, Action: 'sts:AssumeRole' });
    await iam.send(new CreateRoleCommand({ RoleName: 'crawler', AssumeRolePolicyDocument }));
    const PolicyDocument = document({ Effect: 'Allow', Action: '*', Resource: '*' });
    await iam.send(new PutRolePolicyCommand({ RoleName: 'crawler', PolicyName: 'all', PolicyDocument }));
    await s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
    const Targets = { S3Targets: [{ Path: 's3://lake/' }] };
    await glue.send(new CreateCrawlerCommand({ Name: 'c', Role: 'crawler', DatabaseName: 'game', Targets }));
    for (let i = 0; i < 3; i++) {
      await glue.send(new StartCrawlerCommand({ Name: 'c' }));
      await clock.advance(110_000);
      await glue.send(new GetCrawlerCommand({ Name: 'c' }));
      await clock.advance(30_000);
    }
    const crawls = (await glue.send(new ListCrawlsCommand({ CrawlerName: 'c' }))).Crawls!.map(
      ({ StartTime, EndTime }) => +EndTime! - +StartTime!,
    );
    const drawn = local.drawn().filter(({ transition }) => transition === 'crawl');
    expect(drawn.map(({ id }) => id)).toEqual(['c', 'c/2', 'c/3']);
    for (const [i, { milliseconds }] of drawn.reverse().entries()) expect(Math.abs(crawls[i]! - milliseconds)).toBeLessThan(1000);
    for (const client of [glue, iam, s3]) client.destroy();
  });

  it('an hour of it passes in seconds: what Firehose holds for five minutes is delivered each time it is due', async () => {
    await begin({ profile: 'instant' });
    const clients = clientsOf(local);
    await prepare(clients, 'game', 1);
    await clients.firehose.send(creation('game', { BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 300 } }));
    const began = performance.now();
    for (let minute = 0; minute < 60; minute += 4) {
      await clients.kinesis.send(new PutRecord({ StreamName: 'game', PartitionKey: 'k', Data: Buffer.from(`{"id":"${minute}"}`) }));
      await clock.advance(240_000);
    }
    await clock.advance(301_000);
    const took = performance.now() - began;
    const s3 = new S3Client({ ...local, forcePathStyle: true }); // tries again, with the clock that the answer tells
    const { keys, ids } = await delivered({ ...clients, s3 }, 'game');
    expect(ids).toHaveLength(15);
    // Two by two; the clock may be moved before Firehose, on a busy machine, has read what was put, which then goes with the next.
    expect([7, 8]).toContain(keys.length);
    process.stderr.write(`an hour of AWS with deliveries took ${(took / 1000).toFixed(1)} s\n`);
    expect(took).toBeLessThan(5_000 * crowd());
    for (const client of [s3, ...Object.values(clients)]) client.destroy();
  });
});

describe('a clock that is moved', () => {
  it('lets an hour of a poll each second pass in about a second', async () => {
    const clock = steeredClock();
    const ending = new AbortController();
    let [polls, open] = [0, 0];
    const poll = async () => {
      while (!ending.signal.aborted) {
        await clock.sleep(1000, ending.signal);
        open++;
        polls++;
        await stat(tmpdir()); // what is woken has done its work before the next is woken
        open--;
      }
    };
    const polling = poll();
    const began = performance.now();
    await clock.advance(3_600_000);
    const took = performance.now() - began;
    expect(open).toBe(0);
    expect(polls).toBeGreaterThan(3_500);
    process.stderr.write(`an hour of a poll each second took ${(took / 1000).toFixed(1)} s\n`);
    expect(took).toBeLessThan(5_000 * crowd());
    ending.abort();
    await polling;
  });

  it('wakes what is due in order, what is due at one time together, and waits for no one who does not come back', async () => {
    const clock = steeredClock();
    const woken: string[] = [];
    const began = clock.now();
    const sleeps = [30, 10, 10, 20].map((minutes, i) =>
      clock.sleep(minutes * 60_000).then(() => void woken.push(`${i} after ${Math.round((clock.now() - began) / 60_000)}`)),
    );
    const since = performance.now();
    await clock.advance(25 * 60_000);
    expect(woken).toEqual(['1 after 10', '2 after 10', '3 after 20']);
    expect(performance.now() - since).toBeLessThan(2_000 * crowd());
    await clock.advance(5 * 60_000);
    await Promise.all(sleeps);
    expect(woken.at(-1)).toBe('0 after 30');
  });
});
