import { CreateNamedQueryCommand } from '@aws-sdk/client-athena';
import {
  CreateTableCommand,
  DeleteTableCommand,
  GetCrawlerCommand,
  GetTableCommand,
  StopCrawlerCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { CancelIngestionCommand, CreateIngestionCommand, DescribeDataSetCommand, UpdateDataSetCommand } from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { queryActivities } from '../activities/athena/query.ts';
import { type Clients, clients } from '../activities/aws.ts';
import { crawlActivities } from '../activities/glue/crawl.ts';
import { type Begun, refreshActivities } from '../activities/quicksight/refresh.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { bringUp, pipeline, standUp, windowsFrom } from './dashboard-lake.ts';
import { eventually } from './eventually.ts';
import { putRows } from './lake.ts';
import { localAws } from './local-aws.ts';

const n = names(pipeline);
const TAKES_MS = 600;

let local: Local;
let aws: Clients;

beforeAll(async () => {
  local = await localAws({
    durations: { crawl: TAKES_MS, 'crawler stop': TAKES_MS, ingestion: TAKES_MS, query: TAKES_MS },
  });
  aws = clients(local);
  // Questions ask of the last day.
  await standUp(aws, windowsFrom(new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS), 3, 4));
  await bringUp(aws, ['questions']);
});
beforeEach(() => {
  local.faults.put({ rules: [] });
  local.calls.clear();
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

/** How many calls of an operation had an effect, the answers lost included. */
const took = (operation: string) =>
  local.calls.all().filter((call) => call.operation === operation && ['ok', 'lost'].includes(call.outcome)).length;
const losesAnswer = (service: string, operation: string) =>
  local.faults.put({ rules: [{ service, operation, times: 1, fault: { kind: 'lostAnswer' } }] });

describe('a crawl', () => {
  const act = () => crawlActivities(aws);
  const whole = async () => {
    const since = await eventually(() => act()['crawl.since'](pipeline));
    await eventually(() => act()['crawl.start'](pipeline, since));
    return eventually(() => act()['crawl.finished'](pipeline, since));
  };

  it('leaves tables as the SQL expects them', async () => {
    const { tables, drifted } = await whole();
    expect(tables).toEqual(expect.arrayContaining(['events', 'player_metrics', 'team_metrics']));
    expect(drifted).toEqual([]);
  });

  it('is joined by whoever comes while it runs', async () => {
    await Promise.all([whole(), whole(), whole()]);
    expect(local.calls.all().filter(({ operation, outcome }) => operation === 'StartCrawler' && outcome === 'ok')).toHaveLength(1);
  });

  it('is not run again when the worker was killed, or the answer lost, right after it began', async () => {
    const since = await act()['crawl.since'](pipeline);
    losesAnswer('glue', 'StartCrawler');
    await act()['crawl.start'](pipeline, since);
    const done = await eventually(() => act()['crawl.finished'](pipeline, since));
    await act()['crawl.start'](pipeline, since); // as another worker would, much later
    expect(await act()['crawl.finished'](pipeline, since)).toEqual(done);
    expect(took('StartCrawler')).toBe(1);
  });

  it('is a new one while somebody stops the last', async () => {
    const since = await act()['crawl.since'](pipeline);
    await eventually(() => act()['crawl.start'](pipeline, since));
    await aws.glue.send(new StopCrawlerCommand({ Name: n.crawler }));
    await expect(whole()).resolves.toMatchObject({ drifted: [] });
    expect(took('StartCrawler')).toBe(2);
  });

  it('that began after the run was asked for is the one, however late one looks', async () => {
    const asked = Date.now();
    await whole();
    const since = await act()['crawl.since'](pipeline, asked);
    await act()['crawl.start'](pipeline, since);
    expect(await act()['crawl.finished'](pipeline, since)).toMatchObject({ drifted: [] });
    expect(took('StartCrawler')).toBe(1);
  });

  it('in its last phase has read what it reads, so that whoever comes then waits and has one of his own', async () => {
    const before = await act()['crawl.since'](pipeline);
    await act()['crawl.start'](pipeline, before);
    const state = async () => (await aws.glue.send(new GetCrawlerCommand({ Name: n.crawler }))).Crawler?.State;
    while ((await state()) === 'RUNNING') await new Promise((later) => setTimeout(later, 10));
    const asked = Date.now();
    const since = await eventually(() => act()['crawl.since'](pipeline, asked));
    await eventually(() => act()['crawl.start'](pipeline, since));
    await eventually(() => act()['crawl.finished'](pipeline, since));
    expect(took('StartCrawler')).toBe(2);
  });
});

describe('a question', () => {
  const ask = async (question: string, run: string) => {
    const id = await queryActivities(aws)['query.start'](pipeline, question, run);
    return eventually(() => queryActivities(aws)['query.finished'](pipeline, question, id));
  };

  it('is asked once a run, whatever becomes of the answer', async () => {
    losesAnswer('athena', 'StartQueryExecution');
    const [first, second] = [await ask('player_deaths', 'run-a'), await ask('player_deaths', 'run-a')];
    expect(second.execution).toBe(first.execution);
    expect((await ask('player_deaths', 'run-b')).execution).not.toBe(first.execution);
    expect(first.rows).toHaveLength(4);
  });

  it("fails with Athena's reason, and knows no question of somebody else", async () => {
    const theirs = { Name: 'theirs', Database: 'default', WorkGroup: n.workgroup, QueryString: 'SELECT 1' };
    await aws.athena.send(new CreateNamedQueryCommand(theirs));
    await expect(ask('theirs', 'run-c')).rejects.toThrow("has no named query 'theirs'");
    await aws.athena.send(
      new CreateNamedQueryCommand({ ...theirs, Name: 'broken', Database: n.lakeDatabase, QueryString: 'SELECT x FROM nowhere' }),
    );
    await expect(ask('broken', 'run-d')).rejects.toThrow(/question broken ended as FAILED: .*nowhere/);
  });
});

describe('a refresh', () => {
  const start = (run: string): Promise<Begun> => refreshActivities(aws)['refresh.start'](pipeline, 'history', run);
  const oldRole = { send: async () => ({ Role: { CreateDate: new Date(0) } }) } as unknown as Clients['iam'];
  const finish = (begun: Begun, iam = oldRole) =>
    eventually(() =>
      refreshActivities({ ...aws, iam })['refresh.finished'](pipeline, 'history', 'ingestion' in begun ? begun.ingestion : begun.skipped),
    );

  it('joins one under way, and is not made again when its answer was lost', async () => {
    losesAnswer('quicksight', 'CreateIngestion');
    const [first, second] = [await start('run-1'), await start('run-2')];
    expect([first, second]).toMatchObject([{ ingestion: 'run-1' }, { ingestion: 'run-1' }]);
    expect(await finish(first)).toBeGreaterThan(0);
    expect(await start('run-1')).toMatchObject({ ingestion: 'run-1' });
    expect(took('CreateIngestion')).toBe(1);
  });

  it('that QuickSight says exists, though it does not, is not waited for', async () => {
    const fault = { kind: 'error', name: 'ResourceExistsException' } as const;
    local.faults.put({ rules: [{ service: 'quicksight', operation: 'CreateIngestion', times: 1, fault }] });
    await expect(start('run-2')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    const begun = await start('run-2');
    expect(begun).toMatchObject({ ingestion: 'run-2' });
    expect(await finish(begun)).toBeGreaterThan(0);
  });

  it('knows how long those before took, unless it joins one that is under way', async () => {
    const begun = await start('run-long');
    expect(begun).toEqual({ ingestion: 'run-long', seen: { shortest: expect.any(Number), longest: expect.any(Number) } });
    expect(await start('run-joins')).toEqual({ ingestion: 'run-long' });
    await finish(begun);
  });

  it('that is cancelled fails in the words of QuickSight', async () => {
    const begun = await start('run-3');
    await aws.quicksight.send(
      new CancelIngestionCommand({ AwsAccountId: pipeline.account, DataSetId: n.dataSets.history, IngestionId: 'run-3' }),
    );
    await expect(finish(begun)).rejects.toMatchObject({
      type: 'IngestionFailed',
      message: 'ingestion run-3 ended as CANCELLED: INGESTION_CANCELED: The ingestion was cancelled.',
    });
  });

  it('that fails makes the run fail, in the words of QuickSight; while its role is young it is to be tried again', async () => {
    const of = { AwsAccountId: pipeline.account, DataSetId: n.dataSets.history };
    const { DataSet } = await aws.quicksight.send(new DescribeDataSetCommand(of));
    const { Name, ImportMode, PhysicalTableMap } = DataSet!;
    const [[id, { CustomSql } = {}] = []] = Object.entries(PhysicalTableMap!);
    const putSql = (SqlQuery: string) => {
      const table = { [id!]: { CustomSql: { ...CustomSql!, SqlQuery } } };
      return aws.quicksight.send(new UpdateDataSetCommand({ ...of, Name, ImportMode, PhysicalTableMap: table }));
    };
    await putSql(`${CustomSql!.SqlQuery!.replace(/FROM \w+/, 'FROM no_such_view')}`);
    const begun = await start('run-fails');
    const words = (advice: string) =>
      expect.stringMatching(new RegExp(`^ingestion .+ ended as FAILED: [A-Z_]+: .*no_such_view.* \\(role ${n.roles.quicksight}${advice}`));
    const late = { type: 'IngestionFailed', nonRetryable: true, message: words(': action glue:GetDatabase, which its policy') };
    await expect(finish(begun)).rejects.toMatchObject(late);
    const early = { type: 'RoleNotSpread', nonRetryable: true, message: words(' is new and may not have spread yet') };
    await expect(finish(begun, aws.iam)).rejects.toMatchObject(early);
    await putSql(CustomSql!.SqlQuery!);
  });

  it('beyond the quota is left out, and those of others count', async () => {
    const others = Array.from({ length: 40 }, (_, i) => `others-${i}`);
    for (const IngestionId of others) {
      const begun = await aws.quicksight
        .send(new CreateIngestionCommand({ AwsAccountId: pipeline.account, DataSetId: n.dataSets.history, IngestionId }))
        .catch((error: Error) => error);
      if (begun instanceof Error) break;
      await finish({ ingestion: IngestionId });
    }
    local.calls.clear();
    expect(await start('run-4')).toEqual({
      skipped: expect.stringMatching(/refreshed 3\d times in the last 24 hours; QuickSight allows 32/),
    });
    expect(took('CreateIngestion')).toBe(0);
  });
});

describe('a crawl of a lake that changed', () => {
  it('says which expected tables are missing, once there have been all of them', async () => {
    const bare: Pipeline = { ...pipeline, name: 'bare' };
    await bringUp(aws, ['bucket', 'crawlerRole', 'lakeDatabase', 'crawler'], bare);
    const crawled = async (of: Pipeline) => {
      const since = await eventually(() => crawlActivities(aws)['crawl.since'](of));
      await eventually(() => crawlActivities(aws)['crawl.start'](of, since));
      return { since, ...(await eventually(() => crawlActivities(aws)['crawl.finished'](of, since))) };
    };
    expect(await crawled(bare)).toMatchObject({ tables: [], drifted: [] });

    const { since } = await crawled(pipeline);
    await aws.glue.send(new DeleteTableCommand({ DatabaseName: n.lakeDatabase, Name: 'events' }));
    const { drifted } = await crawlActivities(aws)['crawl.finished'](pipeline, since);
    expect(drifted).toEqual([{ table: 'events', column: '*', expected: 'a table' }]);
    expect((await crawled(pipeline)).drifted).toEqual([]);
  });

  it('says which columns drifted, and which tables nobody expects, and gives back what a view cannot do without', async () => {
    const { Table } = await aws.glue.send(new GetTableCommand({ DatabaseName: n.lakeDatabase, Name: 'team_metrics' }));
    await putRows(aws, pipeline, 'team_metrics', 'drift', [
      { window_start: '2026-11-23T18:00:00', window_end: '2026-11-23T18:00:10', team: 'red', kills: 'many', deaths: 1, players: 1 },
    ]);
    const { Name, StorageDescriptor, PartitionKeys, Parameters, TableType } = Table!;
    const Columns = StorageDescriptor!.Columns!.filter((column) => column.Name !== 'players');
    const TableInput = { Name, StorageDescriptor: { ...StorageDescriptor, Columns }, PartitionKeys, Parameters, TableType };
    const since = await crawlActivities(aws)['crawl.since'](pipeline);
    await eventually(() => crawlActivities(aws)['crawl.start'](pipeline, since));
    const { drifted } = await eventually(() => crawlActivities(aws)['crawl.finished'](pipeline, since));
    expect(drifted).toContainEqual({ table: 'team_metrics', column: 'kills', expected: 'int or bigint', found: 'string' });
    // A column that somebody takes away behind the crawler's back is given back; what the crawler makes of a stray folder is told.
    await aws.glue.send(new UpdateTableCommand({ DatabaseName: n.lakeDatabase, TableInput }));
    const stray = { ...TableInput, Name: 'year_2026' };
    await aws.glue.send(new CreateTableCommand({ DatabaseName: n.lakeDatabase, TableInput: stray }));
    const again = await crawlActivities(aws)['crawl.finished'](pipeline, since);
    expect(again.drifted.map(({ column }) => column)).not.toContain('players');
    const { Table: mended } = await aws.glue.send(new GetTableCommand({ DatabaseName: n.lakeDatabase, Name: 'team_metrics' }));
    expect(mended!.StorageDescriptor!.Columns).toContainEqual({ Name: 'players', Type: 'bigint' });
    expect(again.drifted).toContainEqual({ table: 'year_2026', column: '*', expected: 'no such table', found: 'a table' });
  });
});
