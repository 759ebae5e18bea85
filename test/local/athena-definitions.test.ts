import { gzipSync } from 'node:zlib';
import {
  BatchUpdatePartitionCommand,
  CreateTableCommand,
  GetPartitionCommand,
  GetTableCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import { Bucket, glue, rows, s3 } from './athena-lake.ts';

describe('definitions', () => {
  test('a view is kept in Glue as Athena keeps it, and is queried with its names', async () => {
    await rows('CREATE OR REPLACE VIEW events_once AS\nSELECT DISTINCT eventid, player AS Who, kills, hour FROM kills;');
    expect(await rows('SELECT count(*) AS n FROM events_once')).toEqual([['n'], ['2']]);
    expect(await rows('SELECT e.who FROM game.events_once e WHERE kills = 3', { QueryExecutionContext: undefined })).toEqual([
      ['who'],
      ['ann'],
    ]);
    await rows('CREATE VIEW twice AS SELECT who, kills * 2 AS kills FROM events_once');
    expect(await rows('SELECT sum(kills) AS k FROM twice')).toEqual([['k'], ['14']]);
    const { Table: view } = await glue.send(new GetTableCommand({ DatabaseName: 'game', Name: 'events_once' }));
    expect(view).toMatchObject({ TableType: 'VIRTUAL_VIEW', ViewExpandedText: '/* Presto View */', Parameters: { presto_view: 'true' } });
    const stored = JSON.parse(Buffer.from(/Presto View: (\S+)/.exec(view!.ViewOriginalText!)![1]!, 'base64').toString());
    expect(stored).toMatchObject({
      catalog: 'awsdatacatalog',
      schema: 'game',
      columns: [
        { name: 'eventid', type: 'varchar' },
        { name: 'who', type: 'varchar' },
        { name: 'kills', type: 'integer' },
        { name: 'hour', type: 'varchar' },
      ],
    });
    await expect(rows('CREATE VIEW events_once AS SELECT 1 AS a')).rejects.toThrow('already exists');
    await expect(rows('CREATE VIEW unnamed AS SELECT count(*) FROM kills')).rejects.toThrow('Column name not specified at position 1');
    expect((await rows('SHOW CREATE VIEW events_once')).flat().join('\n')).toContain('SELECT DISTINCT eventid');
    await rows('CREATE OR REPLACE VIEW events_once AS SELECT 1 AS who, 1 AS kills FROM twice');
    await expect(rows('SELECT * FROM twice')).rejects.toThrow('recursive');
    for (const name of ['twice', 'events_once']) await rows(`DROP VIEW ${name}`);
    await rows('DROP VIEW IF EXISTS twice');
    await expect(rows('SELECT * FROM twice')).rejects.toThrow('TABLE_NOT_FOUND');
  });

  test('external tables: JSON by hand, MSCK REPAIR, ADD and DROP PARTITION, SHOW and DESCRIBE', async () => {
    await rows(`CREATE EXTERNAL TABLE IF NOT EXISTS game.by_hand (
        eventId string COMMENT 'its id', kills bigint, place struct<mapname:string>)
      PARTITIONED BY (hour int) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
      LOCATION 's3://${Bucket}/kills/' TBLPROPERTIES ('classification' = 'json')`);
    expect(await rows('SELECT * FROM by_hand')).toEqual([['eventid', 'kills', 'place', 'hour']]);
    await rows(`ALTER TABLE by_hand ADD IF NOT EXISTS PARTITION (hour = 17) LOCATION 's3://${Bucket}/kills/hour=17/'`);
    expect(await rows('SELECT eventid FROM by_hand WHERE hour = 17')).toEqual([['eventid'], ['a']]);
    expect((await rows('MSCK REPAIR TABLE by_hand')).flat()).toContain('Repair: Added partition to metastore by_hand:hour=19');
    expect(await rows('SHOW PARTITIONS by_hand')).toEqual([['hour=17'], ['hour=18'], ['hour=19']]);
    expect(await rows('SELECT count(*) AS n FROM by_hand WHERE hour BETWEEN 17 AND 18')).toEqual([['n'], ['3']]);
    await rows('ALTER TABLE by_hand DROP PARTITION (hour = 19)');
    expect((await rows('DESCRIBE by_hand'))[0]![0]).toMatch(/^eventid +\tstring +\tits id/);
    expect(await rows("SHOW TABLES IN game '*hand'")).toEqual([['by_hand']]);
    expect(await rows('SHOW DATABASES')).toEqual([['game']]);
    await rows('DROP TABLE by_hand');
    await expect(rows('DROP TABLE by_hand')).rejects.toThrow('Table not found');
    await rows('CREATE DATABASE scratch');
    await rows('DROP DATABASE scratch CASCADE');
  });

  test('a line that is no JSON fails the query, or is a row of NULLs where the SerDe of its partition says so', async () => {
    const put = (hour: number, lines: string[]) =>
      s3.send(new PutObjectCommand({ Bucket, Key: `lines/hour=${hour}/f.gz`, Body: gzipSync(lines.map((line) => `${line}\n`).join('')) }));
    const whole = ['{"id":"a","kills":1,"place":{"mapName":"dust"}}', '{"id":"b","kills":2,"tags":["x"]}'];
    // Behind a colon, an opening bracket and within a string; and JSON that is no object.
    const cut = ['{"id":"cx","kills":', '{"id":"dx","tags":[', '{"id":"ex","pla', '12'];
    await put(1, whole);
    await put(2, [whole[0]!, cut[0]!, whole[1]!, cut[1]!, whole[1]!, cut[2]!, cut[3]!, whole[1]!]);
    const make = (table: string, properties = '') =>
      rows(`CREATE EXTERNAL TABLE ${table} (id string, kills int, place struct<mapname:string>, tags array<string>)
        PARTITIONED BY (hour int) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
        WITH SERDEPROPERTIES ('paths' = 'id,kills,place,tags', 'mapping.mapname' = 'mapName'${properties}) LOCATION 's3://${Bucket}/lines/'`);
    await make('strict');
    await make('lenient', ", 'ignore.malformed.json' = 'true'");
    for (const table of ['strict', 'lenient']) await rows(`MSCK REPAIR TABLE ${table}`);
    expect(await rows('SELECT id, kills FROM strict WHERE hour = 1')).toEqual([
      ['id', 'kills'],
      ['a', '1'],
      ['b', '2'],
    ]);
    const broken = 'HIVE_CURSOR_ERROR: Row is not a valid JSON Object - JSONException: ';
    await expect(rows('SELECT count(*) FROM strict')).rejects.toThrow(broken);
    expect(await rows('SELECT id, kills, place.mapname, tags[1], hour FROM lenient WHERE hour = 2')).toEqual([
      ['id', 'kills', 'mapname', '_col3', 'hour'],
      ...[
        ['a', '1', 'dust', undefined, '2'],
        [undefined, undefined, undefined, undefined, '2'],
        ['b', '2', undefined, 'x', '2'],
      ],
      ...[
        [undefined, undefined, undefined, undefined, '2'],
        ['b', '2', undefined, 'x', '2'],
        ...cut.slice(2).map(() => [undefined, undefined, undefined, undefined, '2']),
      ],
      ['b', '2', undefined, 'x', '2'],
    ]);
    expect(await rows("SELECT count(*), count(id), count(CASE WHEN id <> 'a' THEN 1 END) FROM lenient")).toEqual([
      ['_col0', '_col1', '_col2'],
      ['10', '6', '4'],
    ]);

    const of = { DatabaseName: 'game', TableName: 'strict' };
    const { Partition: { Values, StorageDescriptor } = {} } = await glue.send(new GetPartitionCommand({ ...of, PartitionValues: ['2'] }));
    const serde = {
      ...StorageDescriptor!.SerdeInfo,
      Parameters: { ...StorageDescriptor!.SerdeInfo!.Parameters, 'ignore.malformed.json': 'TRUE' },
    };
    const PartitionInput = { Values, StorageDescriptor: { ...StorageDescriptor, SerdeInfo: serde } };
    await glue.send(new BatchUpdatePartitionCommand({ ...of, Entries: [{ PartitionValueList: Values, PartitionInput }] }));
    expect(await rows('SELECT count(id) FROM strict')).toEqual([['_col0'], ['6']]);
    await put(1, [...whole, cut[0]!]);
    await expect(rows('SELECT count(id) FROM strict')).rejects.toThrow(broken);
    // Values of another type than the column's are no malformed JSON.
    await put(1, ['{"id":"f","kills":"many"}']);
    for (const table of ['strict', 'lenient'])
      await expect(rows(`SELECT sum(kills) FROM ${table}`)).rejects.toThrow(
        /^HIVE_BAD_DATA: Error Parsing a column in the table: .*"many"/,
      );
    for (const table of ['strict', 'lenient']) await rows(`DROP TABLE ${table}`);
  });

  test('a table that the API made is read only with a list of partition keys, if an empty one', async () => {
    const StorageDescriptor = {
      Location: `s3://${Bucket}/kills/hour=18/`,
      Columns: [{ Name: 'player', Type: 'string' }],
      SerdeInfo: { SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe', Parameters: { paths: 'player' } },
    };
    const TableInput = { Name: 'unkeyed', StorageDescriptor };
    await glue.send(new CreateTableCommand({ DatabaseName: 'game', TableInput }));
    await expect(rows('SELECT DISTINCT player FROM unkeyed')).rejects.toThrow(/NullPointerException: .*PartitionKeys/);
    await glue.send(new UpdateTableCommand({ DatabaseName: 'game', TableInput: { ...TableInput, PartitionKeys: [] } }));
    expect(await rows('SELECT DISTINCT player FROM unkeyed')).toEqual([['player'], ['bob']]);
    await rows('DROP TABLE unkeyed');
  });

  test('projected partitions need no catalog entry', async () => {
    await glue.send(
      new CreateTableCommand({
        DatabaseName: 'game',
        TableInput: {
          Name: 'projected',
          PartitionKeys: [{ Name: 'hour', Type: 'string' }],
          Parameters: {
            'projection.enabled': 'true',
            'projection.hour.type': 'integer',
            'projection.hour.range': '18,23',
            'projection.hour.digits': '2',
            'storage.location.template': `s3://${Bucket}/kills/hour=\${hour}/`,
          },
          StorageDescriptor: {
            Location: `s3://${Bucket}/kills/`,
            Columns: [{ Name: 'eventid', Type: 'string' }],
            SerdeInfo: { SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe', Parameters: { paths: 'eventId' } },
          },
        },
      }),
    );
    expect(await rows('SELECT DISTINCT hour, eventid FROM projected ORDER BY 1')).toEqual([
      ['hour', 'eventid'],
      ['18', 'b'],
      ['19', 'unseen'],
    ]);
  });
});
