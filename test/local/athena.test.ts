import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  AthenaClient,
  BatchGetNamedQueryCommand,
  BatchGetQueryExecutionCommand,
  CreateNamedQueryCommand,
  CreateWorkGroupCommand,
  DeleteNamedQueryCommand,
  DeleteWorkGroupCommand,
  GetNamedQueryCommand,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  GetWorkGroupCommand,
  ListNamedQueriesCommand,
  ListQueryExecutionsCommand,
  ListTagsForResourceCommand,
  ListWorkGroupsCommand,
  StartQueryExecutionCommand,
  type StartQueryExecutionCommandInput,
  StopQueryExecutionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateNamedQueryCommand,
  UpdateWorkGroupCommand,
} from '@aws-sdk/client-athena';
import {
  BatchUpdatePartitionCommand,
  CreateDatabaseCommand,
  CreatePartitionCommand,
  CreateTableCommand,
  GetPartitionCommand,
  GetTableCommand,
  GlueClient,
} from '@aws-sdk/client-glue';
import { CreateBucketCommand, DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Local, startLocal } from '../../local/start.ts';

const Bucket = 'athena-lake';
const WorkGroup = 'game';
let dir: string;
let local: Local;
let athena: AthenaClient;
let glue: GlueClient;
let s3: S3Client;

const start = async () => {
  local = await startLocal({ dir });
  athena = new AthenaClient({ ...local, maxAttempts: 1 });
  glue = new GlueClient({ ...local, maxAttempts: 1 });
  s3 = new S3Client({ ...local, forcePathStyle: true, maxAttempts: 1 });
};
const failsWith = (name: string, text = '') => expect.objectContaining({ name, message: expect.stringContaining(text) });
const begin = async (QueryString: string, more: Partial<StartQueryExecutionCommandInput> = {}) =>
  (await athena.send(new StartQueryExecutionCommand({ QueryString, WorkGroup, QueryExecutionContext: { Database: 'game' }, ...more })))
    .QueryExecutionId!;

/** The execution, once it has ended. */
async function ended(QueryExecutionId: string) {
  for (;;) {
    const { QueryExecution: execution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    if (!['QUEUED', 'RUNNING'].includes(execution!.Status!.State!)) return execution!;
    await setTimeout(20);
  }
}

/** Runs a statement to its end and gives its rows as text; a failure gives its reason. */
async function rows(sql: string, more: Partial<StartQueryExecutionCommandInput> = {}) {
  const { QueryExecutionId: id, Status: status } = await ended(await begin(sql, more));
  if (status!.State !== 'SUCCEEDED') throw new Error(status!.StateChangeReason);
  const { ResultSet: set } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: id }));
  return set!.Rows!.map(({ Data: cells }) => cells!.map(({ VarCharValue: value }) => value));
}
const scanned = async (sql: string) => (await ended(await begin(sql))).Statistics!.DataScannedInBytes!;

const KILLS = [
  {
    hour: '17',
    rows: [{ eventId: 'a', player: 'ann', kills: 3, at: '2026-11-23T17:10:00.000Z', place: { mapName: 'dust', x: 1 }, tags: ['x', 'y'] }],
  },
  {
    hour: '18',
    rows: [
      { eventId: 'b', player: 'bob', kills: 4, at: '2026-11-23T18:10:00.000Z' },
      { eventId: 'b', player: 'bob', kills: 4, at: '2026-11-23T18:10:00.000Z' },
    ],
  },
];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'athena-'));
  await start();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await athena.send(
    new CreateWorkGroupCommand({
      Name: WorkGroup,
      Configuration: { ResultConfiguration: { OutputLocation: `s3://${Bucket}/results/` }, BytesScannedCutoffPerQuery: 10_000_000 },
    }),
  );
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'game' } }));
  const StorageDescriptor = {
    Location: `s3://${Bucket}/kills/`,
    Columns: [
      { Name: 'eventid', Type: 'string' },
      { Name: 'player', Type: 'string' },
      { Name: 'kills', Type: 'int' },
      { Name: 'at', Type: 'string' },
      { Name: 'place', Type: 'struct<mapname:string,x:int>' },
      { Name: 'tags', Type: 'array<string>' },
    ],
    SerdeInfo: {
      SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe',
      Parameters: { paths: 'eventId,player,kills,at', 'mapping.mapname': 'mapName' },
    },
  };
  await glue.send(
    new CreateTableCommand({
      DatabaseName: 'game',
      TableInput: { Name: 'kills', PartitionKeys: [{ Name: 'hour', Type: 'string' }], StorageDescriptor },
    }),
  );
  for (const { hour, rows: content } of [...KILLS, { hour: '19', rows: [{ eventId: 'unseen' }] }]) {
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: `kills/hour=${hour}/f.gz`,
        Body: gzipSync(content.map((row) => `${JSON.stringify(row)}\n`).join('')),
      }),
    );
    if (hour !== '19')
      await glue.send(
        new CreatePartitionCommand({
          DatabaseName: 'game',
          TableName: 'kills',
          PartitionInput: { Values: [hour], StorageDescriptor: { Location: `s3://${Bucket}/kills/hour=${hour}/` } },
        }),
      );
  }
});

afterAll(async () => {
  await local.close();
  await rm(dir, { recursive: true });
});

describe('a query', () => {
  test('sees exactly the files of the catalogued partitions, with columns by their Glue types', async () => {
    expect(await rows('SELECT * FROM kills ORDER BY eventid, hour')).toEqual([
      ['eventid', 'player', 'kills', 'at', 'place', 'tags', 'hour'],
      ['a', 'ann', '3', '2026-11-23T17:10:00.000Z', '{mapname=dust, x=1}', '[x, y]', '17'],
      ['b', 'bob', '4', '2026-11-23T18:10:00.000Z', undefined, undefined, '18'],
      ['b', 'bob', '4', '2026-11-23T18:10:00.000Z', undefined, undefined, '18'],
    ]);
    expect(await rows('SELECT place.mapName FROM "awsdatacatalog".game.KILLS k WHERE k.place.x = 1')).toEqual([['mapname'], ['dust']]);
  });

  test('reads only the partitions it asks for, and says how many bytes', async () => {
    const [all, one, none] = [
      await scanned('SELECT * FROM kills'),
      await scanned("SELECT * FROM kills WHERE hour = '17'"),
      await scanned("SELECT * FROM kills WHERE hour > '18'"),
    ];
    expect(none).toBe(0);
    expect(one).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(one);
    expect(await scanned('SELECT 1')).toBe(0);
  });

  test.each([
    [
      "SELECT date_trunc('hour', from_iso8601_timestamp(at)) AS h, sum(kills) FROM kills GROUP BY 1 ORDER BY 1",
      [
        ['h', '_col1'],
        ['2026-11-23 17:00:00.000 UTC', '3'],
        ['2026-11-23 18:00:00.000 UTC', '8'],
      ],
    ],
    [
      'SELECT eventId FROM (SELECT *, row_number() OVER (PARTITION BY eventid ORDER BY at) AS copy FROM kills) WHERE copy = 1 ORDER BY 1',
      [['eventid'], ['a'], ['b']],
    ],
    [
      'SELECT a.player, count(*) AS n FROM kills a JOIN kills b ON a.eventid = b.eventid GROUP BY a.player ORDER BY n',
      [
        ['player', 'n'],
        ['ann', '1'],
        ['bob', '4'],
      ],
    ],
    [
      'WITH kills AS (SELECT DISTINCT eventid, kills FROM kills) SELECT sum(kills) AS s, avg(kills) AS m FROM kills',
      [
        ['s', 'm'],
        ['7', '3.5'],
      ],
    ],
    [
      'SELECT approx_distinct(player), max_by(player, kills), min_by(player, kills), approx_percentile(kills, 0.5) FROM kills',
      [
        ['_col0', '_col1', '_col2', '_col3'],
        ['2', 'bob', 'ann', '4'],
      ],
    ],
    [
      "SELECT CAST(kills AS double) / 2, CAST('7' AS bigint) / 2, 7 / 2, TRY_CAST('x' AS integer) FROM kills WHERE hour = '17'",
      [
        ['_col0', '_col1', '_col2', '_col3'],
        ['1.5', '3', '3', undefined],
      ],
    ],
    [
      "SELECT json_extract_scalar('{\"a\":{\"b\":5}}', '$.a.b'), element_at(MAP(ARRAY['k'], ARRAY[1]), 'k'), element_at(ARRAY[4, 5], 2), cardinality(ARRAY[1, 2])",
      [
        ['_col0', '_col1', '_col2', '_col3'],
        ['5', '1', '5', '2'],
      ],
    ],
    [
      "SELECT date_diff('hour', timestamp '2026-01-01 10:59:00', timestamp '2026-01-01 11:01:00'), date_add('day', 1, timestamp '2026-01-31 00:00:00')",
      [
        ['_col0', '_col1'],
        ['0', '2026-02-01 00:00:00.000'],
      ],
    ],
    [
      "SELECT to_hex(md5(to_utf8('a'))), lower(to_hex(sha256(to_utf8('a')))), typeof(1)",
      [
        ['_col0', '_col1', '_col2'],
        ['0CC175B9C0F1B6A831C399E269772661', 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb', 'integer'],
      ],
    ],
    [
      'SELECT player, t FROM kills CROSS JOIN UNNEST(tags) AS u (t) ORDER BY t',
      [
        ['player', 't'],
        ['ann', 'x'],
        ['ann', 'y'],
      ],
    ],
    [
      'SELECT sum(kills) OVER (ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s FROM kills ORDER BY 1',
      [['s'], ['3'], ['7'], ['11']],
    ],
    [
      'SELECT count(*) FILTER (WHERE kills > 3) AS many, count_if(kills > 3), bool_or(kills > 3), array_agg(DISTINCT player ORDER BY player) FROM kills',
      [
        ['many', '_col1', '_col2', '_col3'],
        ['2', '2', 'true', '[ann, bob]'],
      ],
    ],
    [
      "VALUES (1, 'a\"b,c'), (2, '')",
      [
        ['_col0', '_col1'],
        ['1', 'a"b,c'],
        ['2', ''],
      ],
    ],
    [
      "SELECT 1e10, 0.5e0, 100.0e0, CAST(1.5 AS decimal(10,2)), true, DATE '2026-01-02', CAST(NULL AS varchar), transform(ARRAY[1, 2], x -> x + 1)",
      [
        ['_col0', '_col1', '_col2', '_col3', '_col4', '_col5', '_col6', '_col7'],
        ['1.0E10', '0.5', '100.0', '1.50', 'true', '2026-01-02', undefined, '[2, 3]'],
      ],
    ],
    ["SELECT table_name FROM information_schema.tables WHERE table_schema = 'game' AND table_name = 'kills'", [['table_name'], ['kills']]],
  ])('%s', async (sql, expected) => {
    expect(await rows(sql)).toEqual(expected);
  });

  test.each([
    ['SELECT * FROM nowhere', "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.game.nowhere' does not exist"],
    ['SELECT *\nFROM lost.kills', "SCHEMA_NOT_FOUND: line 2:6: Schema 'lost' does not exist"],
    ['SELECT wrong FROM kills', "COLUMN_NOT_FOUND: line 1:8: Column 'wrong' cannot be resolved"],
    ['SELECT frobnicate(1)', "FUNCTION_NOT_FOUND: line 1:8: Function 'frobnicate' not registered"],
    ['SELEC 1', "SYNTAX_ERROR: line 1:1: mismatched input 'SELEC'"],
    ['SELECT 1; SELECT 2', 'SYNTAX_ERROR'],
    [
      'SELECT player, count(*) FROM kills',
      "EXPRESSION_NOT_AGGREGATE: line 1:8: 'player' must be an aggregate expression or appear in GROUP BY clause",
    ],
    ["SELECT CAST('x' AS integer)", 'INVALID_CAST_ARGUMENT'],
    ['INSERT INTO kills VALUES (1)', 'NOT_SUPPORTED'],
    ['CREATE TABLE copy AS SELECT 1 AS a', 'NOT_SUPPORTED'],
    ['DELETE FROM kills', 'NOT_SUPPORTED'],
  ])('%s fails as in Athena', async (sql, reason) => {
    const { Status: status } = await ended(await begin(sql));
    expect(status).toMatchObject({
      State: 'FAILED',
      StateChangeReason: expect.stringContaining(reason),
      AthenaError: { ErrorCategory: 2, Retryable: false },
    });
  });

  test('leaves its result in S3 as CSV with metadata, and pages through it', async () => {
    const id = await begin(
      'SELECT n, CASE WHEN n = 1 THEN NULL ELSE CAST(n AS varchar) END AS t FROM UNNEST(sequence(1, 2500)) AS s (n) ORDER BY n',
    );
    const { ResultConfiguration: result, StatementType: type } = await ended(id);
    expect([result!.OutputLocation, type]).toEqual([`s3://${Bucket}/results/${id}.csv`, 'DML']);
    const { Body: body } = await s3.send(new GetObjectCommand({ Bucket, Key: `results/${id}.csv` }));
    expect((await body!.transformToString()).split('\n').slice(0, 3)).toEqual(['"n","t"', '"1",', '"2","2"']);
    await s3.send(new GetObjectCommand({ Bucket, Key: `results/${id}.csv.metadata` }));
    const sizes: number[] = [];
    for (let NextToken: string | undefined, first = true; first || NextToken; first = false) {
      const page = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: id, NextToken }));
      sizes.push(page.ResultSet!.Rows!.length);
      expect(page.ResultSet!.ResultSetMetadata!.ColumnInfo!.map(({ Name, Type }) => [Name, Type])).toEqual([
        ['n', 'bigint'],
        ['t', 'varchar'],
      ]);
      NextToken = page.NextToken;
    }
    expect(sizes).toEqual([1000, 1000, 501]);
    await expect(athena.send(new GetQueryResultsCommand({ QueryExecutionId: id, MaxResults: 1001 }))).rejects.toEqual(
      failsWith('InvalidRequestException'),
    );
    await s3.send(new DeleteObjectCommand({ Bucket, Key: `results/${id}.csv` }));
    await expect(athena.send(new GetQueryResultsCommand({ QueryExecutionId: id }))).rejects.toEqual(
      failsWith('InvalidRequestException', 'Could not find results'),
    );
  });

  test('is started once for one token, stopped when told, and reused when allowed', async () => {
    const ClientRequestToken = 'once-'.padEnd(40, 'x');
    const [first, second] = [await begin('SELECT 1', { ClientRequestToken }), await begin('SELECT 1', { ClientRequestToken })];
    expect(second).toBe(first);
    await expect(begin('SELECT 2', { ClientRequestToken })).rejects.toEqual(failsWith('InvalidRequestException', 'Idempotent'));
    const slow = await begin(
      'SELECT count(*) FROM UNNEST(sequence(1, 10000000)) a (x) CROSS JOIN UNNEST(sequence(1, 100000)) b (y) WHERE x % 7 = y % 3',
    );
    await expect(athena.send(new GetQueryResultsCommand({ QueryExecutionId: slow }))).rejects.toEqual(
      failsWith('InvalidRequestException', 'Query has not yet finished. Current state:'),
    );
    await athena.send(new StopQueryExecutionCommand({ QueryExecutionId: slow }));
    expect((await ended(slow)).Status!.State).toBe('CANCELLED');
    const ResultReuseConfiguration = { ResultReuseByAgeConfiguration: { Enabled: true, MaxAgeInMinutes: 5 } };
    const fresh = await ended(await begin('SELECT count(*) FROM kills', { ResultReuseConfiguration }));
    const reused = await ended(await begin('SELECT count(*) FROM kills', { ResultReuseConfiguration }));
    expect(
      [fresh, reused].map(({ Statistics: s }) => [s!.ResultReuseInformation!.ReusedPreviousResult, s!.DataScannedInBytes! > 0]),
    ).toEqual([
      [false, true],
      [true, false],
    ]);
    expect(await rows("SELECT ? + ?, '?'", { ExecutionParameters: ['1', '2'] })).toEqual([
      ['_col0', '_col1'],
      ['3', '?'],
    ]);
  });

  test('is listed, newest first, and told apart from what was never started', async () => {
    const id = await begin('SELECT 9');
    await ended(id);
    const { QueryExecutionIds: ids } = await athena.send(new ListQueryExecutionsCommand({ WorkGroup, MaxResults: 5 }));
    expect(ids![0]).toBe(id);
    const { QueryExecutions: found, UnprocessedQueryExecutionIds: missing } = await athena.send(
      new BatchGetQueryExecutionCommand({ QueryExecutionIds: [id, 'no'] }),
    );
    expect([found!.length, missing!.length]).toEqual([1, 1]);
    await expect(athena.send(new GetQueryExecutionCommand({ QueryExecutionId: 'no' }))).rejects.toEqual(
      failsWith('InvalidRequestException', 'QueryExecution no was not found'),
    );
  });
});

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

test('results, history and views are there again after a restart', async () => {
  await rows('CREATE OR REPLACE VIEW kept AS SELECT player FROM kills');
  const id = await begin('SELECT 42 AS answer');
  await ended(id);
  await local.close();
  await start();
  const { ResultSet: set } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: id }));
  expect(set!.Rows!.map(({ Data: cells }) => cells![0]!.VarCharValue)).toEqual(['answer', '42']);
  expect(await rows('SELECT count(*) AS n FROM kept')).toEqual([['n'], ['3']]);
});
