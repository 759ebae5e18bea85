import { GetPartitionsCommand, GetTableCommand, UpdateTableCommand } from '@aws-sdk/client-glue';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { blocksInAthena } from '../activities/athena/blocks.ts';
import { queryActivities } from '../activities/athena/query.ts';
import { type Clients, clients } from '../activities/aws.ts';
import { crawlActivities } from '../activities/glue/crawl.ts';
import { stageActivities } from '../activities/registry.ts';
import type { Local } from '../local/start.ts';
import { LAKE_TABLES, type LakeTable, names } from '../pipeline/names.ts';
import { QUESTIONS } from '../pipeline/schedules.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { malformed } from '../pipeline/trouble.ts';
import { eventually } from './eventually.ts';
import { crawl, metricsRows, putRows } from './lake.ts';
import { localAws } from './local-aws.ts';
import { scenario, sentBy, toldApart } from './scenarios.ts';

const named = (name: string): Pipeline => ({ ...parseSpec({ name, windowSeconds: 10 }), account: '000000000000' });
const [clean, dirty] = [named('clean'), named('dirty')];
/** The last full hour: within every range that is asked for. */
const HOUR = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;

const scene = { ...scenario('lines', 1, 1, { trouble: { late: 0.05, duplicate: 0.05 } }), base: HOUR + 3_000 };
const sent = sentBy(scene, 0);
const cut = sent.filter((_, i) => i % 20 === 7).map(malformed);
const { onTime, late } = toldApart(scene);
const metrics = metricsRows(onTime, late, clean.windowSeconds);

let local: Local;
let aws: Clients;

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
  const act = stageActivities(aws);
  for (const pipeline of [clean, dirty]) {
    for (const stage of ['bucket', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup', 'questions'] as const)
      await act[`${stage}.ensure`](pipeline);
    await put(
      pipeline,
      'events',
      'a',
      pipeline === clean ? sent : sent.flatMap((json, i) => (i % 20 === 7 ? [json, malformed(json)] : [json])),
    );
    for (const [table, rows] of Object.entries(metrics)) await put(pipeline, table as LakeTable, 'a', rows);
  }
  await crawled(clean);
  await act['views.ensure'](clean);
  await crawl(aws, dirty);
  await act['views.ensure'](dirty);
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

const put = (pipeline: Pipeline, table: LakeTable, name: string, rows: (object | string)[], hour = HOUR) =>
  putRows(aws, pipeline, table, name, rows, hour);

/** One crawl of the product's; gives what it left, and the operations that changed something. */
async function crawled(pipeline: Pipeline) {
  local.calls.clear();
  const act = crawlActivities(aws);
  const since = await eventually(() => act['crawl.since'](pipeline));
  await eventually(() => act['crawl.start'](pipeline, since));
  const left = await eventually(() => act['crawl.finished'](pipeline, since));
  const operations = local.calls.all().map(({ operation }) => operation);
  return { ...left, changes: operations.filter((operation) => /^(Batch)?(Create|Update|Delete)/.test(operation)) };
}

let asked = 0;
async function ask(pipeline: Pipeline, question: string): Promise<(string | null)[][]> {
  const { 'query.start': start, 'query.finished': finished } = queryActivities(aws);
  const execution = await start(pipeline, question, `run-${asked++}`);
  return (await eventually(() => finished(pipeline, question, execution))).rows;
}

const serdeOf = async (name: LakeTable) => {
  const of = { DatabaseName: names(dirty).lakeDatabase };
  const { Table } = await aws.glue.send(new GetTableCommand({ ...of, Name: name }));
  const { Partitions = [] } = await aws.glue.send(new GetPartitionsCommand({ ...of, TableName: name }));
  return [Table!, ...Partitions].map(({ StorageDescriptor }) => StorageDescriptor?.SerdeInfo?.Parameters?.['ignore.malformed.json']);
};

describe('a line that is no JSON', () => {
  it('fails every question over a table that the crawler alone has made', async () => {
    expect(cut.length).toBeGreaterThan(50);
    await expect(ask(dirty, 'kills_total')).rejects.toThrow(/ended as FAILED: HIVE_CURSOR_ERROR: Row is not a valid JSON Object/);
  });

  it('is forgiven once the crawl has been looked after, by table and partition, and everything else stays as it was', async () => {
    const table = async () =>
      (await aws.glue.send(new GetTableCommand({ DatabaseName: names(dirty).lakeDatabase, Name: 'events' }))).Table!;
    const before = await table();
    const { changes, drifted, mutatingCalls } = await crawled(dirty);
    expect(drifted).toEqual([]);
    expect(changes.sort()).toEqual([...LAKE_TABLES.map(() => 'BatchUpdatePartition'), ...LAKE_TABLES.map(() => 'UpdateTable')]);
    expect(mutatingCalls).toBe(2 * LAKE_TABLES.length);
    for (const name of LAKE_TABLES) expect(await serdeOf(name)).toEqual(['true', 'true']);
    const { UpdateTime, VersionId, StorageDescriptor: storage, ...after } = await table();
    const { SerdeInfo: serde, ...others } = before.StorageDescriptor!;
    expect({ ...before, StorageDescriptor: undefined }).toMatchObject(after);
    expect(storage).toEqual({ ...others, SerdeInfo: { ...serde, Parameters: { ...serde!.Parameters, 'ignore.malformed.json': 'true' } } });
  });

  it('changes no answer, and nothing that the audit counts', async () => {
    for (const question of QUESTIONS.filter((name) => name !== 'pipeline_operations'))
      expect([question, await ask(dirty, question)]).toEqual([question, await ask(clean, question)]);
    const [withAge, without] = [await ask(dirty, 'pipeline_operations'), await ask(clean, 'pipeline_operations')];
    expect(withAge.map((row) => row.slice(0, -2))).toEqual(without.map((row) => row.slice(0, -2)));
    const [run = ''] = (JSON.parse(sent[0]!) as { event_id: string }).event_id.split('-');
    const ends = [{ run, lane: 0, end: 1_000_000 }];
    const { blocks } = await blocksInAthena(aws.athena, dirty, { since: HOUR, ends }, 'dirty');
    expect(blocks).toEqual((await blocksInAthena(aws.athena, clean, { since: HOUR, ends }, 'clean')).blocks);
    expect(blocks[0]!.events).toBe(onTime.length + late.length);
  });

  it('stays forgiven at later crawls, in what they add too, and costs them no change', async () => {
    expect(await crawled(dirty)).toMatchObject({ changes: [], mutatingCalls: 0, drifted: [] });
    const Key = await put(dirty, 'events', 'b', [{ ...(JSON.parse(sent[0]!) as object), new_column: 1 }, ...cut], HOUR - 3_600_000);
    expect(await crawled(dirty)).toMatchObject({ changes: [], mutatingCalls: 0 });
    expect(await serdeOf('events')).toEqual(['true', 'true', 'true']);
    expect(await ask(dirty, 'pipeline_counts')).not.toEqual([]);
    await aws.s3.send(new DeleteObjectCommand({ Bucket: names(dirty).bucket, Key }));
  });

  it('is forgiven again where somebody took the property away', async () => {
    const { Table } = await aws.glue.send(new GetTableCommand({ DatabaseName: names(dirty).lakeDatabase, Name: 'team_metrics' }));
    const { Name, StorageDescriptor: storage, PartitionKeys, Parameters, TableType } = Table!;
    const { 'ignore.malformed.json': _, ...rest } = storage!.SerdeInfo!.Parameters!;
    const StorageDescriptor = { ...storage, SerdeInfo: { ...storage!.SerdeInfo, Parameters: rest } };
    const TableInput = { Name, StorageDescriptor, PartitionKeys, Parameters, TableType };
    await aws.glue.send(new UpdateTableCommand({ DatabaseName: names(dirty).lakeDatabase, TableInput }));
    // The crawl gives the partitions what their table has, so both are to be mended.
    expect((await crawled(dirty)).changes).toEqual(['BatchUpdatePartition', 'UpdateTable']);
    expect(await serdeOf('team_metrics')).toEqual(['true', 'true']);
  });

  it('is no window in the metrics, where only `windows_wrong` speaks of it', async () => {
    const before = await ask(dirty, 'windows_wrong');
    for (const table of LAKE_TABLES.filter((name) => name !== 'events'))
      await put(dirty, table, 'cut', ['{"window_start":"2026-11-23T18:']);
    for (const question of ['kills_total', 'team_performance', 'server_operations', 'leaderboard', 'player_form'])
      expect([question, await ask(dirty, question)]).toEqual([question, await ask(clean, question)]);
    const [[checked, wrong] = []] = await ask(dirty, 'windows_wrong');
    expect([checked, Number(wrong)]).toEqual([before[0]![0], 2]);
  });
});
