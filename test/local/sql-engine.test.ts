import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type SqlEngine, startSqlEngine } from '../../local/athena/engine.ts';

let dir: string;
let lake: string;
let engine: SqlEngine;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sql-engine-'));
  lake = join(dir, 'lake');
  await mkdir(lake);
  await writeFile(join(lake, 'in.json'), '{"a":1}\n{"a":2}\n');
  await writeFile(join(dir, 'secret.json'), '{"a":"secret"}\n');
  await symlink(join(dir, 'secret.json'), join(lake, 'link.json'));
  engine = await startSqlEngine({ readable: [lake], spill: join(dir, 'spill'), log: () => undefined });
});

afterAll(async () => {
  await engine.close();
  await rm(dir, { recursive: true });
});

const view = () => `CREATE VIEW t AS SELECT * FROM read_json('${lake}/in.json', columns = {a: 'INTEGER'})`;

/** Every file below the test's folder with its content's hash. */
async function contents(): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Promise.all(
    files.map(
      async (file) =>
        `${file} ${createHash('sha256')
          .update(await readFile(file))
          .digest('hex')}`,
    ),
  );
}

describe('values', () => {
  test('come as JSON, exact where a number would not be', async () => {
    const sql = `SELECT 9007199254740993 AS big, 42::BIGINT AS small, sum(1), 1.50::DECIMAL(5,2), 0.5::DOUBLE, 'NaN'::DOUBLE, TIMESTAMP '2026-01-02 03:04:05.678',
      TIMESTAMPTZ '2026-01-02 03:04:05+02', DATE '2026-01-02', NULL, true, [1, NULL], {a: 1, b: 'x'}, MAP {'k': 1}, 'é'`;
    expect((await engine.query({ sql })).rows).toEqual([
      [
        '9007199254740993',
        42,
        1,
        '1.50',
        0.5,
        'NaN',
        '2026-01-02 03:04:05.678',
        '2026-01-02 01:04:05.000 UTC',
        '2026-01-02',
        null,
        true,
        [1, null],
        { a: 1, b: 'x' },
        { k: 1 },
        'é',
      ],
    ]);
    expect(await engine.query({ sql: 'SELECT a, 7 / 2 AS b FROM t ORDER BY a', setup: [view()] })).toMatchObject({
      columns: [
        { name: 'a', type: 'INTEGER' },
        { name: 'b', type: 'INTEGER' },
      ],
      rows: [
        [1, 3],
        [2, 3],
      ],
      filesRead: [`${lake}/in.json`],
    });
    expect((await engine.query({ sql: 'SELECT i FROM range(100000) r(i)' })).rows).toHaveLength(100_000);
  });

  test('come from one query alone: views of another are not seen', async () => {
    await engine.query({ sql: 'SELECT * FROM t', setup: [view()] });
    await expect(engine.query({ sql: 'SELECT * FROM t' })).rejects.toThrow('does not exist');
  });
});

describe('the sandbox', () => {
  const probes = (folder: string) => [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    `SELECT * FROM read_json('${folder}/../secret.json')`,
    `SELECT * FROM read_json('${folder}/in.json')`,
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/etc/passwd.csv'",
    `SELECT * FROM '${folder}/in.json'`,
    `SELECT * FROM '${folder}/link.json'`,
    "SELECT * FROM glob('/**')",
    `SELECT * FROM glob('${folder}/../*')`,
    "SELECT * FROM read_json('http://127.0.0.1:9/x.json')",
    "SELECT * FROM 'https://example.com/x.parquet'",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    'SELECT * FROM duckdb_settings()',
    'SELECT * FROM duckdb_secrets()',
    'SELECT * FROM duckdb_logs',
    'SELECT * FROM pragma_version()',
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('t')",
    "SELECT getenv('PATH')",
    "SELECT current_setting('allowed_directories')",
    "SELECT write_log('x')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "SELECT 1 UNION ALL SELECT content FROM read_text('/etc/passwd')",
    "SELECT * FROM t WHERE EXISTS (FROM read_text('/etc/passwd'))",
    `COPY (SELECT 1) TO '${folder}/out.csv'`,
    `COPY t FROM '${folder}/in.json'`,
    `ATTACH '${folder}/new.db'`,
    `ATTACH '${folder}/in.json' AS x`,
    `EXPORT DATABASE '${folder}/export'`,
    `IMPORT DATABASE '${folder}'`,
    'INSTALL httpfs',
    'LOAD httpfs',
    "LOAD '/tmp/x.duckdb_extension'",
    "SET memory_limit = '64GB'",
    'SET enable_external_access = true',
    "SET home_directory = '/'",
    'RESET lock_configuration',
    'PRAGMA database_list',
    "PRAGMA enable_profiling = 'json'",
    'CALL enable_logging()',
    'CREATE TABLE x (a INTEGER)',
    'CREATE VIEW v AS SELECT 1',
    'CREATE SECRET (TYPE s3)',
    'DROP VIEW t',
    'INSERT INTO t VALUES (1)',
    'UPDATE t SET a = 1',
    'DELETE FROM t',
    'BEGIN',
    'CHECKPOINT',
    'VACUUM',
    'DETACH memory',
    'USE memory',
    'EXPLAIN ANALYZE SELECT 1',
    'DESCRIBE t',
    'SHOW TABLES',
    'SELECT 1; SELECT 2',
    `SELECT 1; COPY (SELECT 1) TO '${folder}/out.csv'`,
    '',
  ];

  test('refuses every way out, and the folders stay as they were', async () => {
    const before = await contents();
    const through: string[] = [];
    for (const sql of probes(lake)) {
      const { rows } = await engine.query({ sql, setup: [view()] }).catch(() => ({ rows: undefined }));
      if (rows) through.push(sql);
      // Through the translation from Trino's dialect it is no easier.
      const known = await engine.analyse(sql, 'game').then(
        ({ tables }) => tables.every(({ database, table }) => database === 'game' && table === 't'),
        () => false,
      );
      if (known) through.push(`translated: ${sql}`);
    }
    expect(through).toEqual([]);
    expect(await contents()).toEqual(before);
  });

  test.each([
    ['outside', () => `CREATE VIEW v AS SELECT * FROM read_text('${dir}/secret.json')`],
    ['above', () => `CREATE VIEW v AS SELECT * FROM read_text('${lake}/../secret.json')`],
    ['behind a link', () => `CREATE VIEW v AS SELECT * FROM read_text('${lake}/link.json')`],
    ['on the network', () => "CREATE VIEW v AS SELECT * FROM read_json('http://127.0.0.1:9/x.json')"],
  ])('holds even for a view of our own that would read %s', async (_where, setup) => {
    await expect(engine.query({ sql: 'SELECT * FROM v', setup: [setup()] })).rejects.toThrow();
  });

  test('makes nothing but schemas, views and macros', async () => {
    for (const setup of [
      'CREATE TABLE x AS SELECT 1',
      `COPY (SELECT 1) TO '${lake}/x'`,
      `${view()}; COPY (SELECT 1) TO '${lake}/x'`,
      'SET threads = 9',
    ])
      await expect(engine.query({ sql: 'SELECT 1', setup: [setup] })).rejects.toThrow(/set-up/);
  });

  test('bounds memory', async () => {
    await expect(engine.query({ sql: "SELECT length(list(i::VARCHAR || repeat('x', 200))) FROM range(50000000) r(i)" })).rejects.toThrow(
      /Out of Memory/,
    );
  });
});

describe('the process', () => {
  test('lets a query go when told, and two others run beside it', async () => {
    const abort = new AbortController();
    const slow = engine.query({
      sql: 'SELECT count(*) FROM range(10000000) a(x), range(1000000) b(y) WHERE x % 7 = y % 3',
      signal: abort.signal,
    });
    const outcome = expect(slow).rejects.toThrow(/Interrupted/);
    expect(await Promise.all([1, 2, 3].map(async (i) => (await engine.query({ sql: `SELECT ${i} AS i` })).rows))).toEqual([
      [[1]],
      [[2]],
      [[3]],
    ]);
    abort.abort();
    await outcome;
    await expect(engine.query({ sql: 'SELECT 1', signal: abort.signal })).rejects.toThrow();
  });

  test('puts onto the disk what its memory cannot hold, and leaves nothing there', async () => {
    const texts = ['a', 'b'].map((column, i) => `md5((i + ${i})::VARCHAR) AS ${column}`);
    const events = `SELECT md5(i::VARCHAR) AS id, i AS n, ${texts} FROM range(4000000) r(i)`;
    const copies = `SELECT *, row_number() OVER (PARTITION BY id ORDER BY n) AS copy FROM (${events})`;
    const once = `SELECT count(*), max(a) > 'f', max(b) > 'f' FROM (${copies}) WHERE copy = 1`;
    let most = 0;
    const looking = setInterval(async () => {
      const there = await readdir(join(dir, 'spill'), { recursive: true }).catch(() => []);
      most = Math.max(most, there.length);
    }, 100);
    expect(await engine.query({ sql: once })).toMatchObject({ rows: [[4_000_000, true, true]], filesRead: [] });
    clearInterval(looking);
    expect(most).toBeGreaterThan(0);
    // It goes with the query's database, which is closed after the answer.
    while ((await readdir(join(dir, 'spill'))).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  test('starts anew after its death, and says so to the query under way', async () => {
    let pid = 0;
    const other = await startSqlEngine({
      readable: [lake],
      spill: join(dir, 'other-spill'),
      log: () => undefined,
      started: (id) => {
        pid = id;
      },
    });
    try {
      const slow = other.query({ sql: 'SELECT count(*) FROM range(10000000) a(x), range(1000000) b(y) WHERE x % 7 = y % 3' });
      const outcome = expect(slow).rejects.toThrow('The SQL engine ended (SIGKILL) while the query ran.');
      await other.query({ sql: 'SELECT 1' });
      process.kill(pid, 'SIGKILL');
      await outcome;
      expect((await other.query({ sql: 'SELECT 1 AS one' })).rows).toEqual([[1]]);
    } finally {
      await other.close();
    }
  });
});
