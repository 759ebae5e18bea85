import {
  BatchGetQueryExecutionCommand,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  ListQueryExecutionsCommand,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { DeleteObjectCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import { athena, Bucket, begin, ended, failsWith, local, rows, s3, scanned, start, WorkGroup } from './athena-lake.ts';

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
      'SELECT k.hour, "player", count(*) AS n FROM kills k GROUP BY GROUPING SETS ((k.hour, "player"), (k.hour), ()) ORDER BY 1, 2',
      [
        ['hour', 'player', 'n'],
        ['17', 'ann', '1'],
        ['17', undefined, '1'],
        ['18', 'bob', '2'],
        ['18', undefined, '2'],
        [undefined, undefined, '3'],
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
    [
      'SELECT hour, count(*) FROM kills GROUP BY\nGROUPING SETS ((hour, kills / 2), (player))',
      'INVALID_COLUMN_REFERENCE: line 2:23: GROUP BY expression must be a column reference: kills / 2',
    ],
    ['SELECT count(*) FROM kills GROUP BY ROLLUP (hour, lower(player))', 'INVALID_COLUMN_REFERENCE: line 1:51'],
    ['SELECT count(*) FROM kills GROUP BY CUBE (1)', 'INVALID_COLUMN_REFERENCE: line 1:43'],
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
