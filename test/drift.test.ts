import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as athena from '@aws-sdk/client-athena';
import * as logs from '@aws-sdk/client-cloudwatch-logs';
import * as firehose from '@aws-sdk/client-firehose';
import * as glue from '@aws-sdk/client-glue';
import * as iam from '@aws-sdk/client-iam';
import * as kinesis from '@aws-sdk/client-kinesis';
import * as studio from '@aws-sdk/client-kinesis-analytics-v2';
import * as quicksight from '@aws-sdk/client-quicksight';
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { counted } from '../activities/calls.ts';
import { youngRole } from '../activities/iam/young-role.ts';
import { resources } from '../activities/registry.ts';
import { type Resource, steps, survey } from '../activities/resource.ts';
import { type Local, startLocal } from '../local/start.ts';
import { dashboardDefinition } from '../pipeline/dashboard.ts';
import { names, OWNER_TAG } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { STAGES, type Stage } from '../pipeline/stages.ts';
import { eventually } from './eventually.ts';
import { crawlOneKill } from './lake.ts';
import { faultsOfAll, MENDING } from './service-model.ts';

const principal = 'arn:aws:quicksight:us-east-1:000000000000:user/default/ops';
const pipeline: Pipeline = {
  ...parseSpec({ name: 'drift', delivery: { seconds: 1 }, quicksightPrincipal: principal, tags: { team: 'live ops' } }),
  account: '000000000000',
};
const n = names(pipeline);
const account = { AwsAccountId: pipeline.account };

let dir: string;
let local: Local;
let aws: Clients;
let registry: Record<Stage, Resource>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'd2d-drift-'));
  local = await startLocal({ dir, log: () => {}, wholeCalls: true });
  aws = clients(local);
  registry = resources(aws) as unknown as Record<Stage, Resource>;
  for (const stage of Object.keys(STAGES) as Stage[]) {
    if (stage === 'views') await crawlOneKill(aws, pipeline);
    await heal(stage);
  }
}, 60_000);
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
  await rm(dir, { recursive: true });
});

const act = (stage: Stage) => steps(registry[stage], youngRole(aws));
async function heal(stage: Stage): Promise<void> {
  await eventually(() => act(stage).ensure(pipeline));
  await eventually(() => act(stage).ready(pipeline));
}

/** The fields that a change behind our back is seen in, exactly. */
type Row = [stage: Stage, fields: string[], change: () => Promise<unknown>];

const document = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] });
const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
const destination = async (ExtendedS3DestinationUpdate: firehose.ExtendedS3DestinationUpdate) => {
  const DeliveryStreamName = n.deliveries.events;
  const { DeliveryStreamDescription: found } = await aws.firehose.send(new firehose.DescribeDeliveryStreamCommand({ DeliveryStreamName }));
  await aws.firehose.send(
    new firehose.UpdateDestinationCommand({
      DeliveryStreamName,
      CurrentDeliveryStreamVersionId: found!.VersionId,
      DestinationId: found!.Destinations![0]!.DestinationId,
      ExtendedS3DestinationUpdate,
    }),
  );
};
const application = async (update: Partial<studio.UpdateApplicationRequest>) => {
  const ApplicationName = n.application;
  const { ApplicationDetail } = await aws.kinesisAnalyticsV2.send(new studio.DescribeApplicationCommand({ ApplicationName }));
  const { ConditionalToken } = ApplicationDetail!;
  await aws.kinesisAnalyticsV2.send(new studio.UpdateApplicationCommand({ ApplicationName, ConditionalToken, ...update }));
};
const unlogged = async () => {
  const ApplicationName = n.application;
  const { ApplicationDetail } = await aws.kinesisAnalyticsV2.send(new studio.DescribeApplicationCommand({ ApplicationName }));
  const { ConditionalToken, CloudWatchLoggingOptionDescriptions: [option] = [] } = ApplicationDetail!;
  const { CloudWatchLoggingOptionId } = option!;
  await aws.kinesisAnalyticsV2.send(
    new studio.DeleteApplicationCloudWatchLoggingOptionCommand({ ApplicationName, ConditionalToken, CloudWatchLoggingOptionId }),
  );
};
const configured = (ApplicationConfigurationUpdate: studio.ApplicationConfigurationUpdate) =>
  application({ ApplicationConfigurationUpdate });
const crawler = (change: Partial<glue.UpdateCrawlerRequest>) =>
  aws.glue.send(new glue.UpdateCrawlerCommand({ Name: n.crawler, ...change }));
const workgroup = (ConfigurationUpdates: athena.WorkGroupConfigurationUpdates) =>
  aws.athena.send(new athena.UpdateWorkGroupCommand({ WorkGroup: n.workgroup, ConfigurationUpdates }));
const query = async (change: object) => {
  const { NamedQueryIds } = await aws.athena.send(new athena.ListNamedQueriesCommand({ WorkGroup: n.workgroup }));
  const { NamedQueries = [] } = await aws.athena.send(new athena.BatchGetNamedQueryCommand({ NamedQueryIds }));
  const { NamedQueryId, Name, QueryString, Description } = NamedQueries.find((each) => each.Name === 'kills_total')!;
  await aws.athena.send(new athena.UpdateNamedQueryCommand({ NamedQueryId, Name, QueryString, Description, ...change } as never));
};
const dataSet = async (DataSetId: string, change: Partial<quicksight.UpdateDataSetRequest>) => {
  const { DataSet } = await aws.quicksight.send(new quicksight.DescribeDataSetCommand({ ...account, DataSetId }));
  const { Name, ImportMode, PhysicalTableMap } = DataSet!;
  await aws.quicksight.send(new quicksight.UpdateDataSetCommand({ ...account, DataSetId, Name, ImportMode, PhysicalTableMap, ...change }));
};
const otherSql = async (DataSetId: string, which: string) => {
  const { DataSet } = await aws.quicksight.send(new quicksight.DescribeDataSetCommand({ ...account, DataSetId }));
  const table = DataSet!.PhysicalTableMap![which]!.CustomSql!;
  const CustomSql = { ...table, SqlQuery: `${table.SqlQuery}\nLIMIT 1` };
  await dataSet(DataSetId, { PhysicalTableMap: { [which]: { CustomSql } } as never });
};
const wholeRevoked = (look: { Permissions?: quicksight.ResourcePermission[] }) => ({ RevokePermissions: look.Permissions });
const lifecycleWithout = async () => {
  const { Rules = [] } = await aws.s3.send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket: n.bucket }));
  await aws.s3.send(new s3.PutBucketLifecycleConfigurationCommand({ Bucket: n.bucket, LifecycleConfiguration: { Rules: Rules.slice(1) } }));
};

const ROLES: [Stage, string][] = [
  ['firehoseRole', n.roles.firehose],
  ['studioRole', n.roles.studio],
  ['crawlerRole', n.roles.crawler],
  ['quicksightRole', n.roles.quicksight],
];

const ROWS: Row[] = [
  ['bucket', ['policy'], () => aws.s3.send(new s3.DeleteBucketPolicyCommand({ Bucket: n.bucket }))],
  ['bucket', ['lifecycle.Rules'], lifecycleWithout],
  ...(['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const).map((flag): Row => {
    const all = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };
    const PublicAccessBlockConfiguration = { ...all, [flag]: false };
    return [
      'bucket',
      [`public access block.${flag}`],
      () => aws.s3.send(new s3.PutPublicAccessBlockCommand({ Bucket: n.bucket, PublicAccessBlockConfiguration })),
    ];
  }),
  [
    'bucket',
    ['Tags.team'],
    () => aws.s3.send(new s3.PutBucketTaggingCommand({ Bucket: n.bucket, Tagging: { TagSet: [{ Key: OWNER_TAG, Value: 'drift' }] } })),
  ],
  [
    'firehoseLogs',
    ['retentionInDays'],
    () => aws.logs.send(new logs.PutRetentionPolicyCommand({ logGroupName: n.firehoseLogGroup, retentionInDays: 1 })),
  ],
  [
    'firehoseLogs',
    ['log stream events'],
    () => aws.logs.send(new logs.DeleteLogStreamCommand({ logGroupName: n.firehoseLogGroup, logStreamName: 'events' })),
  ],
  [
    'studioLogs',
    ['retentionInDays'],
    () => aws.logs.send(new logs.PutRetentionPolicyCommand({ logGroupName: n.studioLogGroup, retentionInDays: 90 })),
  ],
  ...ROLES.flatMap(([stage, RoleName]): Row[] => [
    [stage, ['Description'], () => aws.iam.send(new iam.UpdateRoleCommand({ RoleName, Description: 'mine' }))],
    [stage, ['AssumeRolePolicyDocument'], () => aws.iam.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trust }))],
    [
      stage,
      ['inline policy least-privilege'],
      () => aws.iam.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'least-privilege', PolicyDocument: document })),
    ],
    [
      stage,
      ['inline policy least-privilege'],
      () => aws.iam.send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 'least-privilege' })),
    ],
    [
      stage,
      ['inline policy more'],
      () => aws.iam.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'more', PolicyDocument: document })),
    ],
    [
      stage,
      ['managed policy arn:aws:iam::aws:policy/AdministratorAccess'],
      () => aws.iam.send(new iam.AttachRolePolicyCommand({ RoleName, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' })),
    ],
    [stage, ['Tags.team'], () => aws.iam.send(new iam.UntagRoleCommand({ RoleName, TagKeys: ['team'] }))],
  ]),
  ...(['events', 'playerMetrics', 'teamMetrics'] as const).flatMap((stage): Row[] => {
    const StreamName = { events: n.streams.events, playerMetrics: n.streams.player_metrics, teamMetrics: n.streams.team_metrics }[stage];
    return [
      [
        stage,
        ['RetentionPeriodHours'],
        () => aws.kinesis.send(new kinesis.IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 48 })),
      ],
      [stage, ['Tags.team'], () => aws.kinesis.send(new kinesis.RemoveTagsFromStreamCommand({ StreamName, TagKeys: ['team'] }))],
    ];
  }),
  [
    'flinkDatabase',
    ['Tags.team'],
    () => aws.glue.send(new glue.UntagResourceCommand({ ResourceArn: n.databaseArn(n.flinkDatabase), TagsToRemove: ['team'] })),
  ],
  [
    'lakeDatabase',
    ['Tags.team'],
    () => aws.glue.send(new glue.UntagResourceCommand({ ResourceArn: n.databaseArn(n.lakeDatabase), TagsToRemove: ['team'] })),
  ],
  [
    'eventsDelivery',
    ['BufferingHints.SizeInMBs', 'BufferingHints.IntervalInSeconds'],
    () => destination({ BufferingHints: { SizeInMBs: 9, IntervalInSeconds: 99 } }),
  ],
  ['eventsDelivery', ['Prefix'], () => destination({ Prefix: 'elsewhere/!{timestamp:yyyy}/', ErrorOutputPrefix: n.errorPrefix('events') })],
  ['eventsDelivery', ['ErrorOutputPrefix'], () => destination({ ErrorOutputPrefix: 'wrong/!{firehose:error-output-type}/' })],
  ['eventsDelivery', ['CompressionFormat'], () => destination({ CompressionFormat: 'UNCOMPRESSED' })],
  [
    'eventsDelivery',
    ['CloudWatchLoggingOptions.Enabled', 'CloudWatchLoggingOptions.LogGroupName', 'CloudWatchLoggingOptions.LogStreamName'],
    () => destination({ CloudWatchLoggingOptions: { Enabled: false } }),
  ],
  [
    'eventsDelivery',
    ['ProcessingConfiguration.Enabled', 'ProcessingConfiguration.Processors'],
    () => destination({ ProcessingConfiguration: { Enabled: false, Processors: [] } }),
  ],
  [
    'eventsDelivery',
    ['Tags.team'],
    () => aws.firehose.send(new firehose.UntagDeliveryStreamCommand({ DeliveryStreamName: n.deliveries.events, TagKeys: ['team'] })),
  ],
  [
    'studio',
    ['Parallelism'],
    () => configured({ FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: { ParallelismUpdate: 3 } } }),
  ],
  [
    'studio',
    ['ParallelismPerKPU'],
    () => configured({ FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: { ParallelismPerKPUUpdate: 2 } } }),
  ],
  [
    'studio',
    ['AutoScalingEnabled'],
    () => configured({ FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: { AutoScalingEnabledUpdate: true } } }),
  ],
  [
    'studio',
    ['TextContent'],
    () =>
      configured({
        ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { TextContentUpdate: '{"paragraphs":[],"id":"D2DMETRIC","name":"x"}' } },
      }),
  ],
  [
    'studio',
    ['LogLevel'],
    () => configured({ ZeppelinApplicationConfigurationUpdate: { MonitoringConfigurationUpdate: { LogLevelUpdate: 'DEBUG' } } }),
  ],
  [
    'studio',
    ['DatabaseARN'],
    () =>
      configured({
        ZeppelinApplicationConfigurationUpdate: {
          CatalogConfigurationUpdate: { GlueDataCatalogConfigurationUpdate: { DatabaseARNUpdate: n.databaseArn(n.lakeDatabase) } },
        },
      }).catch(allowed),
  ],
  ['studio', ['CloudWatchLoggingOptions'], unlogged],
  ['studio', ['CustomArtifacts'], () => configured({ ZeppelinApplicationConfigurationUpdate: { CustomArtifactsConfigurationUpdate: [] } })],
  [
    'studio',
    ['Tags.team'],
    () => aws.kinesisAnalyticsV2.send(new studio.UntagResourceCommand({ ResourceARN: n.applicationArn, TagKeys: ['team'] })),
  ],
  [
    'crawler',
    ['SchemaChangePolicy.DeleteBehavior'],
    () => crawler({ SchemaChangePolicy: { DeleteBehavior: 'DELETE_FROM_DATABASE', UpdateBehavior: 'UPDATE_IN_DATABASE' } }),
  ],
  [
    'crawler',
    ['RecrawlPolicy.RecrawlBehavior', 'SchemaChangePolicy.UpdateBehavior'],
    () =>
      crawler({
        RecrawlPolicy: { RecrawlBehavior: 'CRAWL_NEW_FOLDERS_ONLY' },
        SchemaChangePolicy: { UpdateBehavior: 'LOG', DeleteBehavior: 'LOG' },
      }),
  ],
  ['crawler', ['Targets.S3Targets'], () => crawler({ Targets: { S3Targets: [{ Path: `s3://${n.bucket}/elsewhere/` }] } })],
  ['crawler', ['DatabaseName'], () => crawler({ DatabaseName: n.flinkDatabase })],
  ['crawler', ['Schedule'], () => crawler({ Schedule: 'cron(0/30 * * * ? *)' })],
  [
    'crawler',
    [
      'Configuration.Grouping.TableGroupingPolicy',
      'Configuration.CrawlerOutput.Partitions.AddOrUpdateBehavior',
      'Configuration.CrawlerOutput.Tables.AddOrUpdateBehavior',
    ],
    () => crawler({ Configuration: '{"Version":1}' }),
  ],
  ['crawler', ['Tags.team'], () => aws.glue.send(new glue.UntagResourceCommand({ ResourceArn: n.crawlerArn, TagsToRemove: ['team'] }))],
  ['workgroup', ['State'], () => aws.athena.send(new athena.UpdateWorkGroupCommand({ WorkGroup: n.workgroup, State: 'DISABLED' }))],
  ['workgroup', ['EnforceWorkGroupConfiguration'], () => workgroup({ EnforceWorkGroupConfiguration: false })],
  ['workgroup', ['PublishCloudWatchMetricsEnabled'], () => workgroup({ PublishCloudWatchMetricsEnabled: false })],
  ['workgroup', ['BytesScannedCutoffPerQuery'], () => workgroup({ BytesScannedCutoffPerQuery: 10_000_000 })],
  [
    'workgroup',
    ['ResultConfiguration.OutputLocation'],
    () => workgroup({ ResultConfigurationUpdates: { OutputLocation: `s3://${n.bucket}/other/` } }),
  ],
  ['workgroup', ['Tags.team'], () => aws.athena.send(new athena.UntagResourceCommand({ ResourceARN: n.workgroupArn, TagKeys: ['team'] }))],
  ['questions', ['kills_total.QueryString'], () => query({ QueryString: 'SELECT 1' })],
  ['questions', ['kills_total.Description'], () => query({ Description: 'data2dashboard: another' })],
  [
    'dataSource',
    ['Name'],
    () =>
      aws.quicksight.send(
        new quicksight.UpdateDataSourceCommand({
          ...account,
          DataSourceId: n.dataSource,
          Name: 'mine',
          DataSourceParameters: { AthenaParameters: { WorkGroup: n.workgroup, RoleArn: n.roleArns.quicksight } },
        }),
      ),
  ],
  [
    'dataSource',
    ['DataSourceParameters.AthenaParameters.RoleArn'],
    () =>
      aws.quicksight.send(
        new quicksight.UpdateDataSourceCommand({
          ...account,
          DataSourceId: n.dataSource,
          Name: n.dataSource,
          DataSourceParameters: { AthenaParameters: { WorkGroup: n.workgroup } },
        }),
      ),
  ],
  [
    'dataSource',
    ['Permissions'],
    async () =>
      aws.quicksight.send(
        new quicksight.UpdateDataSourcePermissionsCommand({
          ...account,
          DataSourceId: n.dataSource,
          ...wholeRevoked(
            await aws.quicksight.send(new quicksight.DescribeDataSourcePermissionsCommand({ ...account, DataSourceId: n.dataSource })),
          ),
        }),
      ),
  ],
  [
    'dataSource',
    ['Tags.team'],
    () => aws.quicksight.send(new quicksight.UntagResourceCommand({ ResourceArn: n.dataSourceArn, TagKeys: ['team'] })),
  ],
  ['views', ['team_windows'], () => aws.glue.send(new glue.DeleteTableCommand({ DatabaseName: n.lakeDatabase, Name: 'team_windows' }))],
  ...(['players', 'teams', 'history'] as const).flatMap((stage): Row[] => [
    [stage, ['Name'], () => dataSet(n.dataSets[stage], { Name: 'mine' })],
    [stage, [`PhysicalTableMap.${stage}.CustomSql.SqlQuery`], () => otherSql(n.dataSets[stage], stage)],
    [
      stage,
      ['Permissions'],
      async () =>
        aws.quicksight.send(
          new quicksight.UpdateDataSetPermissionsCommand({
            ...account,
            DataSetId: n.dataSets[stage],
            ...wholeRevoked(
              await aws.quicksight.send(new quicksight.DescribeDataSetPermissionsCommand({ ...account, DataSetId: n.dataSets[stage] })),
            ),
          }),
        ),
    ],
    [
      stage,
      ['Tags.team'],
      () => aws.quicksight.send(new quicksight.UntagResourceCommand({ ResourceArn: n.dataSetArn(stage), TagKeys: ['team'] })),
    ],
  ]),
  ['players', ['ImportMode'], () => dataSet(n.dataSets.players, { ImportMode: 'SPICE' })],
  [
    'analysis',
    ['Name'],
    () =>
      aws.quicksight.send(
        new quicksight.UpdateAnalysisCommand({
          ...account,
          AnalysisId: n.analysis,
          Name: 'mine',
          Definition: dashboardDefinition(pipeline),
        }),
      ),
  ],
  [
    'analysis',
    ['Permissions'],
    async () =>
      aws.quicksight.send(
        new quicksight.UpdateAnalysisPermissionsCommand({
          ...account,
          AnalysisId: n.analysis,
          ...wholeRevoked(
            await aws.quicksight.send(new quicksight.DescribeAnalysisPermissionsCommand({ ...account, AnalysisId: n.analysis })),
          ),
        }),
      ),
  ],
  [
    'analysis',
    ['Tags.team'],
    () => aws.quicksight.send(new quicksight.UntagResourceCommand({ ResourceArn: n.analysisArn, TagKeys: ['team'] })),
  ],
  [
    'dashboard',
    ['Name', 'Definition', 'published version'],
    () =>
      aws.quicksight.send(
        new quicksight.UpdateDashboardCommand({
          ...account,
          DashboardId: n.dashboard,
          Name: 'mine',
          Definition: dashboardDefinition(pipeline),
        }),
      ),
  ],
  [
    'dashboard',
    ['Permissions'],
    async () =>
      aws.quicksight.send(
        new quicksight.UpdateDashboardPermissionsCommand({
          ...account,
          DashboardId: n.dashboard,
          ...wholeRevoked(
            await aws.quicksight.send(new quicksight.DescribeDashboardPermissionsCommand({ ...account, DashboardId: n.dashboard })),
          ),
        }),
      ),
  ],
  [
    'dashboard',
    ['Tags.team'],
    () => aws.quicksight.send(new quicksight.UntagResourceCommand({ ResourceArn: n.dashboardArn, TagKeys: ['team'] })),
  ],
];

/** The role may not read that database, so AWS refuses this change: then nothing has drifted. */
async function allowed(error: Error): Promise<void> {
  expect(error.message).toContain('glue:GetDatabase');
  refused = true;
}
let refused = false;

describe('what somebody changed behind our back is seen in exactly its field, and healed', () => {
  it.each(ROWS)('%s: %j', async (stage, fields, change) => {
    refused = false;
    await change();
    await eventually(async () => {
      const seen = await survey(registry[stage], pipeline);
      if (refused) return;
      expect({ action: seen.action, fields: seen.differences.map(({ field }) => field).sort() }).toEqual({
        action: 'change',
        fields: [...fields].sort(),
      });
    });
    await heal(stage);
    const { value, mutatingCalls } = await counted(() => survey(registry[stage], pipeline));
    expect({ ...value, mutatingCalls }).toMatchObject({ action: 'none', differences: [], mutatingCalls: 0 });
  });

  it('every stage has its rows', () => {
    const covered = new Set(ROWS.map(([stage]) => stage));
    // The two delivery streams of the metrics are made by the very function of the first.
    expect((Object.keys(STAGES) as Stage[]).filter((stage) => !covered.has(stage))).toEqual(['playerDelivery', 'teamDelivery']);
  });

  it('every request on the way was one that the model of its service takes', () => {
    const calls = local.calls.all();
    expect(faultsOfAll(calls)).toEqual([]);
    const judged = new Set(calls.map(({ operation }) => operation));
    expect(MENDING.filter((operation) => !judged.has(operation))).toEqual([]);
  });
});
