import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CancelIngestionCommand,
  CreateAnalysisCommand,
  CreateDashboardCommand,
  CreateDataSetCommand,
  CreateDataSourceCommand,
  CreateIngestionCommand,
  type DashboardVersionDefinition,
  DeleteAnalysisCommand,
  DeleteDashboardCommand,
  DeleteDataSetCommand,
  DescribeAnalysisCommand,
  DescribeDashboardCommand,
  DescribeDashboardDefinitionCommand,
  DescribeDashboardPermissionsCommand,
  DescribeDataSetCommand,
  DescribeDataSourceCommand,
  DescribeIngestionCommand,
  ListDashboardsCommand,
  ListDashboardVersionsCommand,
  ListTagsForResourceCommand,
  RestoreAnalysisCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDashboardCommand,
  UpdateDashboardPermissionsCommand,
  UpdateDashboardPublishedVersionCommand,
} from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients as clientsOf } from '../../activities/aws.ts';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import { names } from '../../pipeline/names.ts';
import { pipeline, standUp, until, windowsFrom } from '../dashboard-lake.ts';
import { type LocalAws, localAws } from '../local-aws.ts';
import { BROKEN_DEFINITIONS } from './broken-definitions.ts';

const AwsAccountId = pipeline.account;
const { dataSourceArn, dataSets, dashboard: DashboardId, roleArns, workgroup } = names(pipeline);
/** Of yesterday: the dashboard looks back a month. */
const windows = windowsFrom(new Date(`${new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)}T18:00:00Z`), 12, 10);

let local: LocalAws;
let clients: Clients;
const send: Clients['quicksight']['send'] = ((command: never) => clients.quicksight.send(command)) as never;
const refused = (name: string, message: RegExp) => expect.objectContaining({ name, message: expect.stringMatching(message) });

beforeAll(async () => {
  local = await localAws();
  clients = clientsOf(local);
  await standUp(clients, windows);
});

afterAll(async () => {
  await local.close();
});

const custom = (SqlQuery: string, ImportMode: 'SPICE' | 'DIRECT_QUERY', DataSetId: string) =>
  new CreateDataSetCommand({
    AwsAccountId,
    DataSetId,
    Name: DataSetId,
    ImportMode,
    PhysicalTableMap: {
      one: { CustomSql: { DataSourceArn: dataSourceArn, Name: 'one', SqlQuery, Columns: [{ Name: 'n', Type: 'INTEGER' }] } },
    },
  });

async function ended(DataSetId: string, IngestionId: string) {
  const describe = async () => (await send(new DescribeIngestionCommand({ AwsAccountId, DataSetId, IngestionId }))).Ingestion!;
  await until(async () => !['INITIALIZED', 'QUEUED', 'RUNNING'].includes((await describe()).IngestionStatus!), 'the ingestion');
  return describe();
}

/** A copy to change; structuredClone would make dates of jest's outer world of them. */
const copyOf = <Value>(value: Value): Value => {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(copyOf) as Value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)])) as Value;
};

describe('data sources', () => {
  const source = (DataSourceId: string, AthenaParameters: { WorkGroup?: string; RoleArn?: string }) =>
    send(
      new CreateDataSourceCommand({ AwsAccountId, DataSourceId, Name: 'n', Type: 'ATHENA', DataSourceParameters: { AthenaParameters } }),
    );

  it('wants a role that QuickSight can assume', async () => {
    await expect(source('no-role', { RoleArn: `${roleArns.quicksight}-not` })).rejects.toEqual(
      refused('AccessDeniedException', /Failed to assume your role/),
    );
    await expect(source('other-role', { RoleArn: roleArns.crawler })).rejects.toEqual(refused('AccessDeniedException', /Failed to assume/));
  });

  it('fails in its own time where the workgroup is missing, and keeps the id', async () => {
    expect(await source('no-group', { WorkGroup: 'nowhere' })).toMatchObject({ Status: 202, CreationStatus: 'CREATION_IN_PROGRESS' });
    const { DataSource } = await send(new DescribeDataSourceCommand({ AwsAccountId, DataSourceId: 'no-group' }));
    expect(DataSource).toMatchObject({ Status: 'CREATION_FAILED', ErrorInfo: { Message: expect.stringMatching(/nowhere is not found/) } });
    await expect(source('no-group', { WorkGroup: workgroup })).rejects.toEqual(refused('ResourceExistsException', /already exists/));
  });

  it('is not found by another name, nor by another account', async () => {
    await expect(send(new DescribeDataSourceCommand({ AwsAccountId, DataSourceId: 'none' }))).rejects.toEqual(
      refused('ResourceNotFoundException', /datasource\/none is not found/),
    );
    await expect(send(new ListDashboardsCommand({ AwsAccountId: '111111111111' }))).rejects.toEqual(
      refused('AccessDeniedException', /111111111111/),
    );
  });
});

describe('data sets', () => {
  it('gives back what it was made of', async () => {
    const { DataSet } = await send(new DescribeDataSetCommand({ AwsAccountId, DataSetId: dataSets.players }));
    expect(DataSet).toMatchObject({
      ImportMode: 'DIRECT_QUERY',
      PhysicalTableMap: { players: { CustomSql: { DataSourceArn: dataSourceArn } } },
    });
    expect(DataSet?.OutputColumns).toContainEqual({ Name: 'window_start', Type: 'DATETIME' });
  });

  it('loads SPICE when made, with as many rows as the query gives', async () => {
    const { IngestionId } = await send(custom('SELECT x AS n FROM (VALUES 1, 2, 3) AS t(x)', 'SPICE', 'three'));
    expect(await ended('three', IngestionId!)).toMatchObject({
      IngestionStatus: 'COMPLETED',
      RequestType: 'INITIAL_INGESTION',
      RowInfo: { RowsIngested: 3 },
    });
    expect(await readdir(join(local.dir, 'quicksight', 'three'))).toEqual([`${IngestionId}.json`]);
    await send(new DeleteDataSetCommand({ AwsAccountId, DataSetId: 'three' }));
    expect(await readdir(join(local.dir, 'quicksight'))).not.toContain('three');
  });

  it('fails an ingestion with the reason', async () => {
    const broken = await send(custom(`SELECT 1 AS n FROM ${names(pipeline).lakeDatabase}.nothing`, 'SPICE', 'broken'));
    expect(await ended('broken', broken.IngestionId!)).toMatchObject({
      IngestionStatus: 'FAILED',
      ErrorInfo: { Type: 'SQL_TABLE_NOT_FOUND', Message: expect.stringMatching(/nothing' does not exist/) },
    });
    const other = await send(custom('SELECT 1 AS m', 'SPICE', 'other'));
    expect(await ended('other', other.IngestionId!)).toMatchObject({ ErrorInfo: { Type: 'SQL_SCHEMA_MISMATCH_ERROR' } });
    await expect(send(new CancelIngestionCommand({ AwsAccountId, DataSetId: 'other', IngestionId: other.IngestionId }))).rejects.toEqual(
      refused('InvalidParameterValueException', /FAILED/),
    );
  });

  it('refreshes 32 times a day, each id once, and only SPICE', async () => {
    await send(custom('SELECT 1 AS n', 'SPICE', 'often'));
    const refresh = (DataSetId: string, i: number) =>
      send(new CreateIngestionCommand({ AwsAccountId, DataSetId, IngestionId: `run-${i}` }));
    for (let i = 0; i < 32; i++) await refresh('often', i);
    await expect(refresh('often', 5)).rejects.toEqual(refused('ResourceExistsException', /run-5/));
    await expect(refresh('often', 32)).rejects.toEqual(refused('LimitExceededException', /32 times/));
    await expect(refresh(dataSets.players, 1)).rejects.toEqual(refused('InvalidParameterValueException', /not a SPICE/));
    await send(new DeleteDataSetCommand({ AwsAccountId, DataSetId: 'often' }));
  });

  it('stops an ingestion that is cancelled, query and all', async () => {
    const table = `${names(pipeline).lakeDatabase}.player_metrics`;
    const { IngestionId = '' } = await send(
      custom(`SELECT count(*) AS n FROM ${table} a, ${table} b, ${table} c, ${table} d, ${table} e, ${table} f`, 'SPICE', 'endless'),
    );
    const id = { AwsAccountId, DataSetId: 'endless', IngestionId };
    await until(async () => (await send(new DescribeIngestionCommand(id))).Ingestion?.IngestionStatus === 'RUNNING', 'the query');
    await send(new CancelIngestionCommand(id));
    expect(await ended('endless', IngestionId)).toMatchObject({ IngestionStatus: 'CANCELLED', ErrorInfo: { Type: 'INGESTION_CANCELED' } });
    await send(new DeleteDataSetCommand({ AwsAccountId, DataSetId: 'endless' }));
  });

  it('wants a data source that is there, and one table', async () => {
    const wrong = custom('SELECT 1 AS n', 'DIRECT_QUERY', 'wrong');
    wrong.input.PhysicalTableMap!.one!.CustomSql!.DataSourceArn = `${dataSourceArn}-not`;
    await expect(send(wrong)).rejects.toEqual(refused('InvalidParameterValueException', /DataSourceArn/));
  });
});

describe('definitions', () => {
  const made = async (id: string, change: (definition: DashboardVersionDefinition) => void, Mode: 'STRICT' | 'LENIENT' = 'STRICT') => {
    const Definition = copyOf(dashboardDefinition(pipeline));
    change(Definition);
    await send(new CreateDashboardCommand({ AwsAccountId, DashboardId: id, Name: id, Definition, ValidationStrategy: { Mode } }));
    const { Dashboard } = await send(new DescribeDashboardCommand({ AwsAccountId, DashboardId: id }));
    await send(new DeleteDashboardCommand({ AwsAccountId, DashboardId: id }));
    return Dashboard!.Version!;
  };

  it("accepts the product's own, for the dashboard and the analysis", async () => {
    const { Definition, ResourceStatus, Errors } = await send(new DescribeDashboardDefinitionCommand({ AwsAccountId, DashboardId }));
    expect({ ResourceStatus, Errors }).toEqual({ ResourceStatus: 'CREATION_SUCCESSFUL', Errors: undefined });
    expect(Definition).toEqual(dashboardDefinition(pipeline));
    const { Analysis } = await send(new DescribeAnalysisCommand({ AwsAccountId, AnalysisId: names(pipeline).analysis }));
    expect(Analysis).toMatchObject({ Status: 'CREATION_SUCCESSFUL' });
  });

  it.each(BROKEN_DEFINITIONS)('lists %s, and fails', async (what, change, Type, message, Path) => {
    const id = what.replaceAll(/\W/g, '-');
    const strict = await made(id, change);
    expect(strict.Status).toBe('CREATION_FAILED');
    expect(strict.Errors).toContainEqual({ Type, Message: expect.stringMatching(message), ViolatedEntities: [{ Path }] });
    expect(await made(`${id}-lenient`, change, 'LENIENT')).toMatchObject({ Status: 'CREATION_SUCCESSFUL', Errors: expect.any(Array) });
  });
});

describe('dashboards', () => {
  it('shows a new version only once it is published', async () => {
    const id = { AwsAccountId, DashboardId: 'versions' };
    const Definition = dashboardDefinition(pipeline);
    await send(new CreateDashboardCommand({ ...id, Name: 'one', Definition }));
    const { VersionArn } = await send(
      new UpdateDashboardCommand({ ...id, Name: 'two', Definition: { ...Definition, CalculatedFields: [] } }),
    );
    expect(VersionArn).toMatch(/dashboard\/versions\/version\/2$/);
    expect((await send(new DescribeDashboardCommand(id))).Dashboard?.Version?.VersionNumber).toBe(1);
    await expect(send(new UpdateDashboardPublishedVersionCommand({ ...id, VersionNumber: 2 }))).rejects.toEqual(
      refused('ConflictException', /CREATION_FAILED/),
    );
    await send(new UpdateDashboardCommand({ ...id, Name: 'three', Definition }));
    await send(new UpdateDashboardPublishedVersionCommand({ ...id, VersionNumber: 3 }));
    expect((await send(new DescribeDashboardCommand(id))).Dashboard?.Version?.VersionNumber).toBe(3);
    const { DashboardVersionSummaryList: list } = await send(new ListDashboardVersionsCommand({ ...id, MaxResults: 2 }));
    expect(list?.map(({ VersionNumber }) => VersionNumber)).toEqual([3, 2]);
    await expect(send(new DescribeDashboardCommand({ ...id, VersionNumber: 9 }))).rejects.toEqual(
      refused('ResourceNotFoundException', /Version 9/),
    );
    await send(new DeleteDashboardCommand(id));
    await expect(send(new DescribeDashboardCommand(id))).rejects.toEqual(refused('ResourceNotFoundException', /versions/));
  });

  it('grants and revokes, tags and untags', async () => {
    const id = { AwsAccountId, DashboardId };
    const Principal = `arn:aws:quicksight:us-east-1:${AwsAccountId}:user/default/local`;
    const Actions = ['quicksight:DescribeDashboard', 'quicksight:QueryDashboard'];
    await send(new UpdateDashboardPermissionsCommand({ ...id, GrantPermissions: [{ Principal, Actions }] }));
    expect((await send(new DescribeDashboardPermissionsCommand(id))).Permissions).toEqual([{ Principal, Actions }]);
    await send(new UpdateDashboardPermissionsCommand({ ...id, RevokePermissions: [{ Principal, Actions }] }));
    expect((await send(new DescribeDashboardPermissionsCommand(id))).Permissions).toEqual([]);
    const ResourceArn = `arn:aws:quicksight:us-east-1:${AwsAccountId}:dashboard/${DashboardId}`;
    await send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: 'colour', Value: 'green' }] }));
    expect((await send(new ListTagsForResourceCommand({ ResourceArn }))).Tags).toContainEqual({ Key: 'colour', Value: 'green' });
    await send(new UntagResourceCommand({ ResourceArn, TagKeys: ['colour'] }));
    expect((await send(new ListTagsForResourceCommand({ ResourceArn }))).Tags).toEqual([
      { Key: 'data2dashboard:pipeline', Value: 'data2dashboard' },
    ]);
  });
});

it('keeps a deleted analysis for its recovery window, unless forced', async () => {
  const id = { AwsAccountId, AnalysisId: 'draft' };
  const create = () => send(new CreateAnalysisCommand({ ...id, Name: 'draft', Definition: dashboardDefinition(pipeline) }));
  await create();
  await send(new DeleteAnalysisCommand(id));
  expect((await send(new DescribeAnalysisCommand(id))).Analysis?.Status).toBe('DELETED');
  await expect(create()).rejects.toEqual(refused('ResourceExistsException', /draft/));
  await send(new RestoreAnalysisCommand(id));
  expect((await send(new DescribeAnalysisCommand(id))).Analysis?.Status).toBe('CREATION_SUCCESSFUL');
  await send(new DeleteAnalysisCommand({ ...id, ForceDeleteWithoutRecovery: true }));
  await expect(send(new DescribeAnalysisCommand(id))).rejects.toEqual(refused('ResourceNotFoundException', /draft/));
});
