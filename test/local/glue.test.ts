import {
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  BatchDeleteTableCommand,
  BatchUpdatePartitionCommand,
  CreateDatabaseCommand,
  CreatePartitionCommand,
  CreateTableCommand,
  DeleteDatabaseCommand,
  DeleteTableCommand,
  GetDatabaseCommand,
  GetDatabasesCommand,
  GetPartitionCommand,
  GetPartitionsCommand,
  GetTablesCommand,
  GetTagsCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDatabaseCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { describe, expect, test } from '@jest/globals';
import { database, failsWith, glue, tableOf, valuesOf } from './glue-lake.ts';

describe('the catalog', () => {
  test('keeps databases, tells what is missing or there already, and forgets tables with their database', async () => {
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'Other', Description: 'one' } }));
    await expect(glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'other' } }))).rejects.toEqual(
      failsWith('AlreadyExistsException'),
    );
    await glue.send(new UpdateDatabaseCommand({ Name: 'other', DatabaseInput: { Name: 'other', Description: 'two' } }));
    const { Database: found } = await glue.send(new GetDatabaseCommand({ Name: 'OTHER' }));
    expect(found).toMatchObject({ Name: 'other', Description: 'two', CreateTime: expect.any(Date) });
    const { DatabaseList: list } = await glue.send(new GetDatabasesCommand({}));
    expect(list!.map(({ Name: name }) => name)).toEqual([database, 'other']);
    await glue.send(new CreateTableCommand({ DatabaseName: 'other', TableInput: { Name: 'T' } }));
    await glue.send(new DeleteDatabaseCommand({ Name: 'other' }));
    await expect(glue.send(new GetDatabaseCommand({ Name: 'other' }))).rejects.toEqual(failsWith('EntityNotFoundException'));
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'other' } }));
    expect((await glue.send(new GetTablesCommand({ DatabaseName: 'other' }))).TableList).toEqual([]);
    await glue.send(new DeleteDatabaseCommand({ Name: 'other' }));
  });

  test('keeps tables with versions and lists them by pattern', async () => {
    const TableInput = {
      Name: 'Kills',
      StorageDescriptor: { Columns: [{ Name: 'Player', Type: 'string' }], Location: 's3://b/k/' },
      PartitionKeys: [{ Name: 'day', Type: 'string' }],
    };
    await glue.send(new CreateTableCommand({ DatabaseName: database, TableInput }));
    await expect(glue.send(new CreateTableCommand({ DatabaseName: database, TableInput }))).rejects.toEqual(
      failsWith('AlreadyExistsException'),
    );
    await glue.send(new UpdateTableCommand({ DatabaseName: database, TableInput: { ...TableInput, Description: 'new' } }));
    expect(await tableOf('KILLS')).toMatchObject({
      Name: 'kills',
      Description: 'new',
      VersionId: '1',
      StorageDescriptor: { Columns: [{ Name: 'player' }] },
    });
    const stale = new UpdateTableCommand({ DatabaseName: database, TableInput, VersionId: '0' });
    await expect(glue.send(stale)).rejects.toEqual(failsWith('ConcurrentModificationException'));
    const named = async (Expression: string) =>
      (await glue.send(new GetTablesCommand({ DatabaseName: database, Expression }))).TableList!.length;
    expect([await named('k*s'), await named('kill'), await named('x|kills'), await named('k.*')]).toEqual([1, 0, 1, 1]);
    await expect(glue.send(new DeleteTableCommand({ DatabaseName: database, Name: 'no' }))).rejects.toEqual(
      failsWith('EntityNotFoundException'),
    );
  });

  test('keeps partitions, filters them, and answers batches one by one', async () => {
    const at = { DatabaseName: database, TableName: 'kills' };
    const PartitionInputList = ['01', '02', '03'].map((day) => ({
      Values: [day],
      StorageDescriptor: { Location: `s3://b/k/day=${day}/` },
    }));
    await glue.send(new CreatePartitionCommand({ ...at, PartitionInput: PartitionInputList[0] }));
    const { Errors: errors } = await glue.send(new BatchCreatePartitionCommand({ ...at, PartitionInputList }));
    expect(errors).toEqual([
      { PartitionValues: ['01'], ErrorDetail: { ErrorCode: 'AlreadyExistsException', ErrorMessage: expect.any(String) } },
    ]);
    expect(await valuesOf('kills', "day >= '02' AND day <> '03'")).toEqual(['02']);
    await expect(valuesOf('kills', "day = (SELECT content FROM read_text('/etc/passwd'))")).rejects.toEqual(
      failsWith('InvalidInputException'),
    );
    const first = await glue.send(new GetPartitionsCommand({ ...at, MaxResults: 2 }));
    const second = await glue.send(new GetPartitionsCommand({ ...at, MaxResults: 2, NextToken: first.NextToken }));
    expect([first.Partitions!.length, second.Partitions!.length, second.NextToken]).toEqual([2, 1, undefined]);
    const entry = (Values: string[], day: string) => ({
      PartitionValueList: [day],
      PartitionInput: { Values, StorageDescriptor: { Location: 's3://b/moved/' } },
    });
    const Entries = [entry(['01'], '01'), entry(['09'], '09'), entry(['04'], '03')];
    const { Errors: refused } = await glue.send(new BatchUpdatePartitionCommand({ ...at, Entries }));
    expect(refused!.map(({ PartitionValueList: values, ErrorDetail: detail }) => [values, detail!.ErrorCode])).toEqual([
      [['09'], 'EntityNotFoundException'],
      [['03'], 'InvalidInputException'],
    ]);
    const { Partition: moved } = await glue.send(new GetPartitionCommand({ ...at, PartitionValues: ['01'] }));
    expect(moved).toMatchObject({ Values: ['01'], StorageDescriptor: { Location: 's3://b/moved/' }, CreationTime: expect.any(Date) });
    await glue.send(new BatchDeletePartitionCommand({ ...at, PartitionsToDelete: [{ Values: ['02'] }] }));
    await expect(glue.send(new GetPartitionCommand({ ...at, PartitionValues: ['02'] }))).rejects.toEqual(
      failsWith('EntityNotFoundException'),
    );
    const { Errors: missing } = await glue.send(new BatchDeleteTableCommand({ DatabaseName: database, TablesToDelete: ['kills', 'no'] }));
    expect(missing!.map(({ TableName: name }) => name)).toEqual(['no']);
  });

  test('tags what exists', async () => {
    const ResourceArn = `arn:aws:glue:us-east-1:000000000000:database/${database}`;
    await glue.send(new TagResourceCommand({ ResourceArn, TagsToAdd: { cost: 'low' } }));
    await glue.send(new UntagResourceCommand({ ResourceArn, TagsToRemove: ['team'] }));
    expect((await glue.send(new GetTagsCommand({ ResourceArn }))).Tags).toEqual({ cost: 'low' });
    const missing = new GetTagsCommand({ ResourceArn: `${ResourceArn}x` });
    await expect(glue.send(missing)).rejects.toEqual(failsWith('EntityNotFoundException'));
  });
});
