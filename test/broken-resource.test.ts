import { UpdateWorkGroupCommand } from '@aws-sdk/client-athena';
import type { DeleteDeliveryStreamInput, DeliveryStreamDescription, DeliveryStreamStatus } from '@aws-sdk/client-firehose';
import { CreateTableCommand, DeleteTableCommand, GetTableCommand } from '@aws-sdk/client-glue';
import { AttachRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateIngestionCommand,
  DeleteAnalysisCommand,
  DescribeDashboardCommand,
  DescribeIngestionCommand,
  UpdateDashboardCommand,
} from '@aws-sdk/client-quicksight';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clients } from '../activities/aws.ts';
import { ROLE_POLICY } from '../activities/iam/policies.ts';
import { notYet } from '../activities/not-yet.ts';
import { resources, type StageActivities, stageActivities } from '../activities/registry.ts';
import type { Local } from '../local/start.ts';
import { dashboardDefinition } from '../pipeline/dashboard.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { eventually } from './eventually.ts';
import { crawlOneKill } from './lake.ts';
import { localAws } from './local-aws.ts';
import { onePerPage } from './one-per-page.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'broken' }), account: '000000000000' };
const n = names(pipeline);

let local: Local;
let aws: ReturnType<typeof clients>;
let act: StageActivities;

beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
  act = stageActivities(aws);
  for (const stage of ['bucket', 'crawlerRole', 'quicksightRole', 'lakeDatabase', 'crawler', 'workgroup'] as const)
    await act[`${stage}.ensure`](pipeline);
  await crawlOneKill(aws, pipeline);
  await act['views.ensure'](pipeline);
});

afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

/** Takes a table away; gives what puts it back, without its partitions. */
async function taken(Name: string): Promise<() => Promise<unknown>> {
  const DatabaseName = n.lakeDatabase;
  const { Table } = await aws.glue.send(new GetTableCommand({ DatabaseName, Name }));
  await aws.glue.send(new DeleteTableCommand({ DatabaseName, Name }));
  const { StorageDescriptor, PartitionKeys, TableType, Parameters } = Table!;
  return () =>
    aws.glue.send(new CreateTableCommand({ DatabaseName, TableInput: { Name, StorageDescriptor, PartitionKeys, TableType, Parameters } }));
}

describe('what is broken says why, for good, and is mended by the next ensure', () => {
  it('a data source that failed is made anew', async () => {
    await workgroup('DISABLED');
    await act['dataSource.ensure'](pipeline);
    const failure = await act['dataSource.ready'](pipeline).catch((error: unknown) => error);
    expect(failure).toMatchObject({ nonRetryable: true, type: 'BrokenWhileRoleSpreads', message: expect.stringContaining('disabled') });
    await workgroup('ENABLED');
    expect(await eventually(() => act['dataSource.ensure'](pipeline))).toMatchObject({ outcome: 'created' });
    await act['dataSource.ready'](pipeline);
  });

  it('a delivery stream whose deletion failed is deleted by force, as one whose creation failed need not be', async () => {
    const forced = async (DeliveryStreamStatus: DeliveryStreamStatus) => {
      local.calls.clear();
      await resources(aws).eventsDelivery.remove(pipeline, { DeliveryStreamStatus } as DeliveryStreamDescription);
      const deletion = local.calls.all()[0]!;
      return { ...deletion, force: (deletion.input as DeleteDeliveryStreamInput).AllowForceDelete };
    };
    expect(await forced('DELETING_FAILED')).toMatchObject({ operation: 'DeleteDeliveryStream', force: true });
    expect(await forced('CREATING_FAILED')).toMatchObject({ operation: 'DeleteDeliveryStream', force: undefined });
  });

  it('a data set that could not be loaded is loaded again, and serves what it has when a later load fails', async () => {
    let putBack = await taken('team_metrics');
    await act['history.ensure'](pipeline);
    const failure = await eventually(() => act['history.ready'](pipeline)).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      nonRetryable: true,
      type: 'BrokenWhileRoleSpreads',
      message: expect.stringMatching(/^ingestion .*team_metrics/s),
    });
    await putBack();
    expect(await act['history.ensure'](pipeline)).toMatchObject({ outcome: 'changed' });
    await eventually(() => act['history.ready'](pipeline));
    putBack = await taken('team_metrics');
    await aws.quicksight.send(
      new CreateIngestionCommand({ AwsAccountId: pipeline.account, DataSetId: n.dataSets.history, IngestionId: 'in-vain' }),
    );
    await act['history.ready'](pipeline);
    await putBack();
  });

  it('a data set that fails to load ever again is loaded ever again, whatever becomes of an answer or of the pages before', async () => {
    const paged = clients(local);
    onePerPage(paged.quicksight, 'MaxResults');
    const { 'history.ensure': ensure, 'history.ready': ready, 'history.remove': remove } = stageActivities(paged);
    let putBack = await taken('team_metrics');
    await remove(pipeline);
    await ensure(pipeline);
    for (let failures = 0; failures < 3; failures++) {
      await expect(eventually(() => ready(pipeline))).rejects.toMatchObject({ type: 'BrokenWhileRoleSpreads' });
      local.faults.put({ rules: [{ operation: 'CreateIngestion', times: 1, fault: { kind: 'lostAnswer' } }] });
      expect(await ensure(pipeline)).toMatchObject({ outcome: 'changed' });
    }
    await expect(eventually(() => ready(pipeline))).rejects.toMatchObject({ type: 'BrokenWhileRoleSpreads' });
    await putBack();
    await ensure(pipeline);
    await eventually(() => ready(pipeline));
    putBack = await taken('team_metrics');
    const { quicksight } = aws;
    const id = { AwsAccountId: pipeline.account, DataSetId: n.dataSets.history };
    await quicksight.send(new CreateIngestionCommand({ ...id, IngestionId: 'in-vain-too' }));
    await eventually(async () => {
      const { Ingestion: latest } = await quicksight.send(new DescribeIngestionCommand({ ...id, IngestionId: 'in-vain-too' }));
      if (latest?.IngestionStatus !== 'FAILED') throw notYet('it is being loaded');
    });
    await ready(pipeline);
    await putBack();
    paged.quicksight.destroy();
  });

  it.each([
    ['views', 'glue', 'GetTags', 'EntityNotFoundException'],
    ['auditTable', 'glue', 'GetTags', 'EntityNotFoundException'],
    ['questions', 'athena', 'ListTagsForResource', 'ResourceNotFoundException'],
  ] as const)(
    '%s, whose parent does not show for a moment, are looked at again, and not taken for those of somebody else',
    async (stage, service, operation, name) => {
      const ensure = () => act[`${stage}.ensure`](pipeline);
      await ensure();
      local.faults.put({ rules: [{ service, operation, times: 1, fault: { kind: 'error', name } }] });
      await expect(ensure()).rejects.toMatchObject({
        type: 'NotYet',
        message: expect.stringMatching(/is there, and what holds it is not$/),
      });
      expect(await ensure()).toMatchObject({ outcome: 'unchanged' });
    },
  );

  it('a policy that a role should not have is taken away, even if AWS calls it missing once', async () => {
    const RoleName = n.roles.crawler;
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] });
    await aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'mine', PolicyDocument }));
    await aws.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }));
    const missing = { times: 1, fault: { kind: 'error', name: 'NoSuchEntityException' } } as const;
    local.faults.put({ rules: ['DetachRolePolicy', 'DeleteRolePolicy'].map((operation) => ({ service: 'iam', operation, ...missing })) });
    await eventually(() => act['crawlerRole.ensure'](pipeline));
    expect(local.faults.counts().map(({ struck }) => struck)).toEqual([1, 1]);
    const found = await resources(aws).crawlerRole.find(pipeline);
    expect(found).toMatchObject({ attached: [], inline: { [ROLE_POLICY]: expect.any(String) } });
    expect(Object.keys(found!.inline)).toHaveLength(1);
  });

  it('a dashboard whose newest version was refused gets a good one, which is published', async () => {
    for (const stage of ['players', 'teams', 'auditTable', 'audits', 'dashboard'] as const) await act[`${stage}.ensure`](pipeline);
    await act['dashboard.ready'](pipeline);
    const id = { AwsAccountId: pipeline.account, DashboardId: n.dashboard };
    const { DataSetIdentifierDeclarations, ...definition } = dashboardDefinition(pipeline);
    const [players, ...others] = DataSetIdentifierDeclarations!;
    const Definition = {
      ...definition,
      DataSetIdentifierDeclarations: [{ ...players!, DataSetArn: n.dataSetArn('history') }, ...others],
    };
    await aws.quicksight.send(new UpdateDashboardCommand({ ...id, Name: n.dashboard, Definition }));
    const failure = await act['dashboard.ready'](pipeline).catch((error: unknown) => error);
    expect(failure).toMatchObject({ nonRetryable: true, type: 'BrokenResource', message: expect.stringMatching(/player_id/) });
    expect(await act['dashboard.ensure'](pipeline)).toMatchObject({ outcome: 'changed' });
    await act['dashboard.ready'](pipeline);
    const { Dashboard: dashboard } = await aws.quicksight.send(new DescribeDashboardCommand(id));
    expect(dashboard?.Version).toMatchObject({ VersionNumber: 3, Status: 'CREATION_SUCCESSFUL' });
  });

  it('an analysis that was put into the bin is taken out again', async () => {
    await act['analysis.ensure'](pipeline);
    await act['analysis.ready'](pipeline);
    await aws.quicksight.send(new DeleteAnalysisCommand({ AwsAccountId: pipeline.account, AnalysisId: n.analysis }));
    await eventually(() => act['analysis.ensure'](pipeline));
    await act['analysis.ready'](pipeline);
    await act['analysis.remove'](pipeline);
    await act['analysis.gone'](pipeline);
    expect(await resources(aws).analysis.find(pipeline)).toBeUndefined();
  });
});

const workgroup = (State: 'ENABLED' | 'DISABLED') => aws.athena.send(new UpdateWorkGroupCommand({ WorkGroup: n.workgroup, State }));
