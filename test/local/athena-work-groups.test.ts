import { gzipSync } from 'node:zlib';
import {
  BatchGetNamedQueryCommand,
  CreateNamedQueryCommand,
  CreateWorkGroupCommand,
  DeleteNamedQueryCommand,
  DeleteWorkGroupCommand,
  GetNamedQueryCommand,
  GetWorkGroupCommand,
  ListNamedQueriesCommand,
  ListTagsForResourceCommand,
  ListWorkGroupsCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateNamedQueryCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import { athena, Bucket, begin, ended, failsWith, rows, s3, WorkGroup } from './athena-lake.ts';

describe('work groups and named queries', () => {
  test('a work group is changed in part, tagged, and deleted with its contents only when told', async () => {
    const Configuration = { ResultConfiguration: { OutputLocation: `s3://${Bucket}/other/` } };
    await athena.send(new CreateWorkGroupCommand({ Name: 'other', Configuration, Tags: [{ Key: 'a', Value: 'b' }] }));
    await expect(athena.send(new CreateWorkGroupCommand({ Name: 'other' }))).rejects.toEqual(
      failsWith('InvalidRequestException', 'already created'),
    );
    await expect(
      athena.send(new UpdateWorkGroupCommand({ WorkGroup: 'other', ConfigurationUpdates: { BytesScannedCutoffPerQuery: 1 } })),
    ).rejects.toEqual(failsWith('InvalidRequestException'));
    await athena.send(new UpdateWorkGroupCommand({ WorkGroup: 'other', ConfigurationUpdates: { BytesScannedCutoffPerQuery: 10_000_000 } }));
    const { WorkGroup: group } = await athena.send(new GetWorkGroupCommand({ WorkGroup: 'other' }));
    expect(group).toMatchObject({
      State: 'ENABLED',
      Configuration: { ...Configuration, BytesScannedCutoffPerQuery: 10_000_000, EnforceWorkGroupConfiguration: true },
    });
    expect((await athena.send(new ListWorkGroupsCommand({}))).WorkGroups!.map(({ Name: name }) => name)).toEqual([
      'game',
      'other',
      'primary',
    ]);
    const ResourceARN = 'arn:aws:athena:us-east-1:000000000000:workgroup/other';
    await athena.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'c', Value: 'd' }] }));
    await athena.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['a'] }));
    expect((await athena.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags).toEqual([{ Key: 'c', Value: 'd' }]);
    await ended(await begin('SELECT 1', { WorkGroup: 'other' }));
    await expect(athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'other' }))).rejects.toEqual(
      failsWith('InvalidRequestException', 'is not empty'),
    );
    await athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'other', RecursiveDeleteOption: true }));
    await expect(athena.send(new GetWorkGroupCommand({ WorkGroup: 'other' }))).rejects.toEqual(
      failsWith('InvalidRequestException', 'is not found'),
    );
    await expect(athena.send(new DeleteWorkGroupCommand({ WorkGroup: 'primary' }))).rejects.toEqual(failsWith('InvalidRequestException'));
    await expect(begin('SELECT 1', { WorkGroup: 'primary' })).rejects.toEqual(failsWith('InvalidRequestException', 'No output location'));
  });

  test('a query that reads more than its work group allows is cancelled', async () => {
    const big = gzipSync(
      Array.from(
        { length: 25_000 },
        (_, i) =>
          `{"t":"${Array.from({ length: 40 }, (_, k) =>
            Math.sin(i * 41 + k)
              .toString(36)
              .slice(2),
          ).join('')}"}\n`,
      ).join(''),
      { level: 0 },
    );
    expect(big.length).toBeGreaterThan(10_000_000);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'big/f.gz', Body: big }));
    await rows(`CREATE EXTERNAL TABLE big (t string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://${Bucket}/big/'`);
    const { Status: status, Statistics: statistics } = await ended(await begin('SELECT max(t) FROM big'));
    expect([status!.State, status!.StateChangeReason, statistics!.DataScannedInBytes]).toEqual([
      'CANCELLED',
      'Bytes scanned limit was exceeded',
      big.length,
    ]);
  });

  test('named queries are kept by id', async () => {
    const input = { Name: 'top', Database: 'game', QueryString: 'SELECT 1', WorkGroup, ClientRequestToken: 'token-'.padEnd(40, 'y') };
    const { NamedQueryId: id } = await athena.send(new CreateNamedQueryCommand(input));
    expect((await athena.send(new CreateNamedQueryCommand(input))).NamedQueryId).toBe(id);
    await expect(athena.send(new CreateNamedQueryCommand({ ...input, QueryString: 'SELECT 2' }))).rejects.toEqual(
      failsWith('InvalidRequestException'),
    );
    await athena.send(new UpdateNamedQueryCommand({ NamedQueryId: id, Name: 'best', QueryString: 'SELECT 3' }));
    expect((await athena.send(new GetNamedQueryCommand({ NamedQueryId: id }))).NamedQuery).toMatchObject({
      Name: 'best',
      QueryString: 'SELECT 3',
      Database: 'game',
      WorkGroup,
    });
    expect((await athena.send(new ListNamedQueriesCommand({ WorkGroup }))).NamedQueryIds).toEqual([id]);
    const { NamedQueries: found, UnprocessedNamedQueryIds: missing } = await athena.send(
      new BatchGetNamedQueryCommand({ NamedQueryIds: [id!, 'no'] }),
    );
    expect([found!.length, missing!.length]).toEqual([1, 1]);
    await athena.send(new DeleteNamedQueryCommand({ NamedQueryId: id }));
    await expect(athena.send(new GetNamedQueryCommand({ NamedQueryId: id }))).rejects.toEqual(
      failsWith('InvalidRequestException', 'was not found'),
    );
  });
});
