import {
  type CreateCrawlerCommandInput,
  DeleteCrawlerCommand,
  GetCrawlerCommand,
  GetCrawlersCommand,
  GetPartitionsCommand,
  GetTablesCommand,
  ListCrawlsCommand,
  StartCrawlerCommand,
  StopCrawlerCommand,
  UpdateCrawlerCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import {
  Bucket,
  columnsOf,
  crawled,
  crawler,
  database,
  failsWith,
  glue,
  local,
  permit,
  put,
  READING,
  role,
  s3,
  settled,
  start,
  tableOf,
  valuesOf,
  WRITING,
} from './glue-lake.ts';

describe('a crawler', () => {
  test('is checked as Glue checks it', async () => {
    const refused: [string, Partial<CreateCrawlerCommandInput>][] = [
      ['InvalidInputException', { Schedule: 'rate(5 minutes)' }],
      ['InvalidInputException', { Schedule: 'cron(0/5 * * * * *)' }],
      ['InvalidInputException', { Schedule: 'cron(0/2 * * * ? *)' }],
      ['InvalidInputException', { Schedule: 'cron(61 * * * ? *)' }],
      ['InvalidInputException', { Role: 'arn:aws:iam::000000000000:role/nobody' }],
      ['InvalidInputException', { Targets: { S3Targets: [] } }],
      ['InvalidInputException', { Targets: { S3Targets: [{ Path: 's3://UPPER/x' }] } }],
      ['InvalidInputException', { DatabaseName: undefined }],
      ['InvalidInputException', { Configuration: '{"Version":2}' }],
      ['InvalidInputException', { Configuration: '{"Version":1,"CreatePartitionIndex":"no"}' }],
      ['InvalidInputException', { Configuration: '{"Version":1,"CreatePartitionIndexes":false}' }],
    ];
    for (const [name, more] of refused) await expect(crawler('bad', 'x/', more)).rejects.toEqual(failsWith(name));
    await crawler('checked', 'nothing/', { Schedule: 'cron(0/5 * * * ? *)', Role: role, Tags: { a: 'b' } });
    await expect(crawler('checked', 'nothing/')).rejects.toEqual(failsWith('AlreadyExistsException'));
    const { Crawler: found } = await glue.send(new GetCrawlerCommand({ Name: 'checked' }));
    expect(found).toMatchObject({
      Role: 'crawler',
      State: 'READY',
      Schedule: { ScheduleExpression: 'cron(0/5 * * * ? *)', State: 'SCHEDULED' },
      Version: 1,
    });
    await glue.send(new UpdateCrawlerCommand({ Name: 'checked', Description: 'changed' }));
    const { Crawlers: all } = await glue.send(new GetCrawlersCommand({}));
    expect(all).toEqual([
      expect.objectContaining({
        Name: 'checked',
        Description: 'changed',
        Version: 2,
        Targets: expect.objectContaining({ S3Targets: [{ Path: `s3://${Bucket}/nothing/` }] }),
      }),
    ]);
  });

  test('makes no table of an empty folder, and succeeds', async () => {
    expect(await crawled('checked')).toMatchObject({
      Status: 'SUCCEEDED',
      StartTime: expect.any(Date),
      MessagePrefix: expect.any(String),
      LogGroup: '/aws-glue/crawlers',
    });
    expect((await glue.send(new GetTablesCommand({ DatabaseName: database }))).TableList).toEqual([]);
    await glue.send(new DeleteCrawlerCommand({ Name: 'checked' }));
    await expect(glue.send(new GetCrawlerCommand({ Name: 'checked' }))).rejects.toEqual(failsWith('EntityNotFoundException'));
  });

  test('infers columns as Glue does and partitions from the folders', async () => {
    const event = {
      eventId: 'e1',
      kills: 3,
      total: 3000000000,
      at: '2026-11-23T18:00:00.000Z',
      won: true,
      gone: null,
      tags: ['a'],
      place: { X: 1, mapName: 'dust' },
    };
    await put('raw/Events/year=2026/month=11/day=23/a.gz', [JSON.stringify(event).replace('"kills":3', '"ratio":1.0,"kills":3')]);
    await put('raw/Events/year=2026/month=11/day=24/a.gz', [{ ...event, extra: 'x', place: { X: 1.5 } }]);
    await put('raw/Events/year=2026/month=11/day=24/_hidden', ['{"never":1}']);
    await crawler('events', 'raw/Events', {
      TablePrefix: 'p_',
      SchemaChangePolicy: { UpdateBehavior: 'UPDATE_IN_DATABASE', DeleteBehavior: 'DELETE_FROM_DATABASE' },
    });
    expect((await crawled('events')).Status).toBe('SUCCEEDED');
    const table = await tableOf('p_events');
    expect(table.StorageDescriptor).toMatchObject({
      Location: `s3://${Bucket}/raw/Events/`,
      SerdeInfo: { SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe' },
    });
    expect(table.StorageDescriptor!.SerdeInfo!.Parameters).toMatchObject({
      paths: expect.stringContaining('eventId'),
      'mapping.mapname': 'mapName',
    });
    expect(table.Parameters).toMatchObject({
      classification: 'json',
      compressionType: 'gzip',
      objectCount: '2',
      recordCount: '2',
      UPDATED_BY_CRAWLER: 'events',
      CrawlerSchemaSerializerVersion: '1.0',
    });
    expect(table.PartitionKeys).toEqual(['year', 'month', 'day'].map((Name) => ({ Name, Type: 'string' })));
    expect(await columnsOf('p_events')).toEqual({
      eventid: 'string',
      ratio: 'double',
      kills: 'int',
      total: 'bigint',
      at: 'string',
      won: 'boolean',
      gone: 'string',
      tags: 'array<string>',
      place: 'struct<x:double,mapname:string>',
      extra: 'string',
    });
    expect(await valuesOf('p_events')).toEqual(['2026/11/23', '2026/11/24']);
  });

  test('widens and appends at the next crawl, never narrows, and drops lost partitions only when told to', async () => {
    await put('raw/Events/year=2026/month=12/day=01/a.gz', [{ eventId: 'e3', kills: 5000000000, total: 1, ratio: 2, fresh: 1 }]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'raw/Events/year=2026/month=11/day=23/a.gz' }));
    expect((await crawled('events')).Status).toBe('SUCCEEDED');
    expect(await columnsOf('p_events')).toMatchObject({ kills: 'bigint', total: 'bigint', ratio: 'double', at: 'string', fresh: 'int' });
    expect(Object.keys(await columnsOf('p_events')).at(-1)).toBe('fresh');
    expect(await valuesOf('p_events')).toEqual(['2026/11/24', '2026/12/01']);
    const { Crawls: crawls } = await glue.send(new ListCrawlsCommand({ CrawlerName: 'events' }));
    expect(crawls!.map(({ State, DPUHour }) => [State, DPUHour])).toEqual([
      ['COMPLETED', 0],
      ['COMPLETED', 0],
    ]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'raw/Events/year=2026/month=12/day=01/a.gz' }));
    await glue.send(new UpdateCrawlerCommand({ Name: 'events', SchemaChangePolicy: { UpdateBehavior: 'LOG', DeleteBehavior: 'LOG' } }));
    await put('raw/Events/year=2026/month=12/day=02/a.gz', [{ eventId: 'e4', unseen: 1 }]);
    await crawled('events');
    expect(await columnsOf('p_events')).not.toHaveProperty('unseen');
    expect(await valuesOf('p_events')).toEqual(['2026/11/24', '2026/12/01', '2026/12/02']);
  });

  test('makes a table of each unlike folder, partition_0 of folders without names, and skips what is no JSON', async () => {
    await put('two/players/2026/11/a.gz', [{ player: 'p', kills: 1 }]);
    await put('two/teams/x/a.gz', [{ team: 'red', players: 2, rank: 1 }]);
    await put('two/teams/y/a.gz', [{ team: 'blue', players: 2, rank: 2 }]);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'two/noise/a.txt', Body: 'not json\n' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'two/broken/a.gz', Body: 'not gzip' }));
    await crawler('two', 'two');
    expect((await crawled('two')).Status).toBe('SUCCEEDED');
    expect((await tableOf('players')).PartitionKeys!.map(({ Name: name }) => name)).toEqual(['partition_0', 'partition_1']);
    expect(await valuesOf('players')).toEqual(['2026/11']);
    expect(await valuesOf('teams')).toEqual(['x', 'y']);
    const { TableList: list } = await glue.send(new GetTablesCommand({ DatabaseName: database, Expression: 'noise|broken' }));
    expect(list).toEqual([]);
  });

  test('infers columns from the lines that are JSON, where the first is', async () => {
    await put('cut/a.gz', [{ a: 1 }, '{"a":2,"b":"x', { c: 'y' }]);
    await put('uncut/a.gz', ['{"a":2,"b":"x', { a: 1 }]);
    for (const name of ['cut', 'uncut']) {
      await crawler(name, name);
      expect((await crawled(name)).Status).toBe('SUCCEEDED');
    }
    expect(await columnsOf('cut')).toEqual({ a: 'int', c: 'string' });
    expect((await tableOf('cut')).Parameters).toMatchObject({ recordCount: '3' });
    await expect(tableOf('uncut')).rejects.toEqual(failsWith('EntityNotFoundException'));
  });

  test('keeps SerDe parameters of others, and hands them on to partitions, only if configured to', async () => {
    const serde = async (name: string) => {
      const { Partitions } = await glue.send(new GetPartitionsCommand({ DatabaseName: database, TableName: name }));
      return [await tableOf(name), ...Partitions!].map(({ StorageDescriptor }) => {
        const { paths, 'ignore.malformed.json': ignore } = StorageDescriptor!.SerdeInfo!.Parameters!;
        return [paths, ignore];
      });
    };
    const configurations = {
      merging: { Tables: { AddOrUpdateBehavior: 'MergeNewColumns' }, Partitions: { AddOrUpdateBehavior: 'InheritFromTable' } },
      replacing: {},
    };
    for (const [name, CrawlerOutput] of Object.entries(configurations)) {
      await put(`${name}/day=1/a.gz`, [{ a: 1 }]);
      await crawler(name, name, { Configuration: JSON.stringify({ Version: 1, CrawlerOutput }) });
      await crawled(name);
      const { Name, StorageDescriptor, PartitionKeys, Parameters } = await tableOf(name);
      const SerdeInfo = { ...StorageDescriptor!.SerdeInfo, Parameters: { paths: 'a', 'ignore.malformed.json': 'true' } };
      const TableInput = { Name, PartitionKeys, Parameters, StorageDescriptor: { ...StorageDescriptor, SerdeInfo } };
      await glue.send(new UpdateTableCommand({ DatabaseName: database, TableInput }));
      await put(`${name}/day=2/a.gz`, [{ a: 1, b: 2 }]);
    }
    await crawled('replacing');
    expect(await serde('replacing')).toEqual([
      ['a,b', undefined],
      ['a', undefined],
      ['a,b', undefined],
    ]);

    await crawled('merging');
    expect(await serde('merging')).toEqual(Array(3).fill(['a,b', 'true']));
    const { Crawls } = await glue.send(new ListCrawlsCommand({ CrawlerName: 'merging', MaxResults: 1 }));
    expect(JSON.parse(Crawls![0]!.Summary!)).toMatchObject({ PARTITION: { UPDATE: { Count: 1 }, ADD: { Count: 1 } } });
  });

  test('may not change a partition without the right to it', async () => {
    await put('merging/day=2/a.gz', [{ a: 1, b: 2, c: 3 }]);
    await permit(...READING, { ...WRITING[0]!, Action: WRITING[0]!.Action.filter((action) => action !== 'glue:UpdatePartition') });
    expect(await crawled('merging')).toMatchObject({ Status: 'FAILED', ErrorMessage: expect.stringContaining('glue:UpdatePartition') });
    await permit(...READING, ...WRITING);
    expect((await crawled('merging')).Status).toBe('SUCCEEDED');
  });

  test('refuses a second start, stops when told, and fails in plain words where its bucket is gone', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => ({ i, text: 'x'.repeat(1000) }));
    for (let hour = 0; hour < 20; hour++) await put(`many/hour=${hour}/a.gz`, rows);
    await crawler('many', 'many');
    await glue.send(new StartCrawlerCommand({ Name: 'many' }));
    for (const again of [
      new StartCrawlerCommand({ Name: 'many' }),
      new DeleteCrawlerCommand({ Name: 'many' }),
      new UpdateCrawlerCommand({ Name: 'many' }),
    ])
      await expect(glue.send(again as StartCrawlerCommand)).rejects.toEqual(failsWith('CrawlerRunningException'));
    await glue.send(new StopCrawlerCommand({ Name: 'many' }));
    expect((await settled('many')).LastCrawl!.Status).toBe('CANCELLED');
    await expect(glue.send(new StopCrawlerCommand({ Name: 'events' }))).rejects.toEqual(failsWith('CrawlerNotRunningException'));
    await crawler('lost', '', { Targets: { S3Targets: [{ Path: 's3://no-such-bucket/x' }] } });
    expect(await crawled('lost')).toMatchObject({ Status: 'FAILED', ErrorMessage: expect.stringContaining('no-such-bucket') });
  });

  test('may do no more than its role', async () => {
    await put('guarded/hour=1/a.gz', [{ a: 1 }]);
    await crawler('guarded', 'guarded');
    const refusal = (action: string) => ({
      Status: 'FAILED',
      ErrorMessage: expect.stringContaining(`is not authorized to perform: ${action}`),
    });
    await permit(...READING.slice(1), ...WRITING);
    expect(await crawled('guarded')).toMatchObject(refusal('s3:ListBucket'));
    await permit(READING[0]!, { Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/other/*` }, ...READING.slice(2), ...WRITING);
    expect(await crawled('guarded')).toMatchObject(refusal('s3:GetObject'));
    await permit(...READING);
    expect(await crawled('guarded')).toMatchObject(refusal('glue:CreateTable'));
    await expect(tableOf('guarded')).rejects.toEqual(failsWith('EntityNotFoundException'));
    await permit(...READING, ...WRITING);
    expect((await crawled('guarded')).Status).toBe('SUCCEEDED');
  });

  test('finds its state again after a restart, and takes up a crawl that was under way', async () => {
    await put('again/hour=1/a.gz', [{ a: 1 }]);
    await crawler('again', 'again');
    await glue.send(new StartCrawlerCommand({ Name: 'again' }));
    await local.close();
    await start();
    expect((await settled('again')).LastCrawl!.Status).toBe('SUCCEEDED');
    expect(await valuesOf('again')).toEqual(['1']);
    expect(await valuesOf('p_events')).toHaveLength(3);
  });
});
