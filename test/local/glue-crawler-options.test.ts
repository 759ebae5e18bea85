import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, test } from '@jest/globals';
import { Bucket, columnsOf, crawled, crawler, local, permit, put, READING, tableOf, WRITING } from './glue-lake.ts';

describe('a crawler as it is configured', () => {
  test('looks into every file, or into as many of each folder as its sample size says', async () => {
    const files = 25;
    for (let file = 0; file < files; file++) await put(`rare/day=1/${10 + file}.gz`, [file === 12 ? { a: 1, rare: 1 } : { a: 1 }]);
    for (const [name, SampleSize] of Object.entries({ whole: undefined, sampled: 1 })) {
      await crawler(name, '', { Targets: { S3Targets: [{ Path: `s3://${Bucket}/rare`, SampleSize }] }, TablePrefix: `${name}_` });
      expect((await crawled(name)).Status).toBe('SUCCEEDED');
      expect((await tableOf(`${name}_rare`)).Parameters).toMatchObject({ objectCount: String(files), recordCount: String(files) });
    }
    expect(await columnsOf('whole_rare')).toEqual({ a: 'int', rare: 'int' });
    expect(await columnsOf('sampled_rare')).toEqual({ a: 'int' });
  });

  test('says in its log that it may not index the partitions, unless told not to index them', async () => {
    const logs = new CloudWatchLogsClient({ ...local, maxAttempts: 1 });
    const errorsOf = async (name: string, Configuration: object) => {
      await put(`${name}/day=1/a.gz`, [{ a: 1 }]);
      await crawler(name, name, { Configuration: JSON.stringify({ Version: 1, ...Configuration }) });
      const { Status, LogGroup, LogStream } = await crawled(name);
      expect(Status).toBe('SUCCEEDED');
      const { events } = await logs.send(new GetLogEventsCommand({ logGroupName: LogGroup, logStreamName: LogStream }));
      return events!.flatMap(({ message }) => (message!.includes('ERROR') ? [message] : []));
    };
    const logging = { Action: 'logs:*', Resource: '*' };
    await permit(...READING, ...WRITING, logging);
    expect(await errorsOf('indexed', {})).toEqual([expect.stringContaining('glue:CreatePartitionIndex')]);
    expect(await errorsOf('unindexed', { CreatePartitionIndex: false })).toEqual([]);
    await permit(...READING, ...WRITING, logging, { Action: 'glue:CreatePartitionIndex', Resource: '*' });
    expect(await errorsOf('indexable', {})).toEqual([]);
    await permit(...READING, ...WRITING);
  });
});
