import {
  BatchGetNamedQueryCommand,
  CreateNamedQueryCommand,
  DeleteNamedQueryCommand,
  GetQueryExecutionCommand,
  ListNamedQueriesCommand,
  type NamedQuery,
  StartQueryExecutionCommand,
  UpdateNamedQueryCommand,
  UpdateWorkGroupCommand,
  type WorkGroupConfigurationUpdates,
} from '@aws-sdk/client-athena';
import {
  DeleteTableCommand,
  GetTableCommand,
  type StorageDescriptor,
  type TableInput,
  UpdateCrawlerCommand,
  type UpdateCrawlerRequest,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { pollUntil } from '../../activities/poll.ts';
import { QUESTIONS } from '../../pipeline/schedules.ts';
import { ground, n, other, type Pretence, type Row, row } from './ground.ts';

const crawler = (change: Partial<UpdateCrawlerRequest>) => () =>
  ground.aws.glue.send(new UpdateCrawlerCommand({ Name: n.crawler, ...change }));
const KEEP = 'UPDATE_IN_DATABASE';

const crawlers: Row[] = [
  row('crawler', ['Role'], crawler({ Role: other.roleArn })),
  row(
    'crawler',
    ['SchemaChangePolicy.DeleteBehavior'],
    crawler({ SchemaChangePolicy: { DeleteBehavior: 'DELETE_FROM_DATABASE', UpdateBehavior: KEEP } }),
  ),
  row(
    'crawler',
    ['RecrawlPolicy.RecrawlBehavior', 'SchemaChangePolicy.UpdateBehavior'],
    crawler({
      RecrawlPolicy: { RecrawlBehavior: 'CRAWL_NEW_FOLDERS_ONLY' },
      SchemaChangePolicy: { UpdateBehavior: 'LOG', DeleteBehavior: 'LOG' },
    }),
  ),
  row('crawler', ['Targets.S3Targets'], crawler({ Targets: { S3Targets: [{ Path: `s3://${n.bucket}/elsewhere/` }] } })),
  row('crawler', ['DatabaseName'], crawler({ DatabaseName: n.flinkDatabase })),
  row('crawler', ['Schedule'], crawler({ Schedule: 'cron(0/30 * * * ? *)' })),
  row(
    'crawler',
    [
      'Configuration.CreatePartitionIndex',
      'Configuration.Grouping.TableGroupingPolicy',
      'Configuration.CrawlerOutput.Partitions.AddOrUpdateBehavior',
      'Configuration.CrawlerOutput.Tables.AddOrUpdateBehavior',
    ],
    crawler({ Configuration: '{"Version":1}' }),
  ),
];

const workgroup = (ConfigurationUpdates: WorkGroupConfigurationUpdates) => () =>
  ground.aws.athena.send(new UpdateWorkGroupCommand({ WorkGroup: n.workgroup, ConfigurationUpdates }));
const RESULTS = 'ResultConfiguration';

const workgroups: Row[] = [
  row('workgroup', ['State'], () => ground.aws.athena.send(new UpdateWorkGroupCommand({ WorkGroup: n.workgroup, State: 'DISABLED' }))),
  row('workgroup', ['EnforceWorkGroupConfiguration'], workgroup({ EnforceWorkGroupConfiguration: false })),
  row('workgroup', ['PublishCloudWatchMetricsEnabled'], workgroup({ PublishCloudWatchMetricsEnabled: false })),
  row('workgroup', ['BytesScannedCutoffPerQuery'], workgroup({ BytesScannedCutoffPerQuery: 10_000_000 })),
  row('workgroup', [`${RESULTS}.OutputLocation`], workgroup({ ResultConfigurationUpdates: { OutputLocation: `s3://${other.bucket}/` } })),
  row(
    'workgroup',
    [`${RESULTS}.EncryptionConfiguration.EncryptionOption`],
    workgroup({ ResultConfigurationUpdates: { RemoveEncryptionConfiguration: true } }),
  ),
];

const queryOf = async (name: string): Promise<NamedQuery> => {
  const { NamedQueryIds } = await ground.aws.athena.send(new ListNamedQueriesCommand({ WorkGroup: n.workgroup }));
  const { NamedQueries = [] } = await ground.aws.athena.send(new BatchGetNamedQueryCommand({ NamedQueryIds }));
  return NamedQueries.find(({ Name }) => Name === name)!;
};
const query = (change: Partial<NamedQuery>) => async () => {
  const { NamedQueryId, Name, QueryString, Description } = await queryOf('kills_total');
  await ground.aws.athena.send(new UpdateNamedQueryCommand({ NamedQueryId, Name, QueryString, Description, ...change } as never));
};

const questions: Row[] = [
  row('questions', ['kills_total.QueryString'], query({ QueryString: 'SELECT 1' })),
  row('questions', ['kills_total.Description'], query({ Description: 'data2dashboard: another' })),
  row('questions', ['kills_total.Description'], query({ Description: 'as the team calls it' })),
  ...QUESTIONS.map((question) =>
    row('questions', [question], async () => {
      const { NamedQueryId } = await queryOf(question);
      await ground.aws.athena.send(new DeleteNamedQueryCommand({ NamedQueryId }));
    }),
  ),
  row('questions', ['named query surplus'], () =>
    ground.aws.athena.send(
      new CreateNamedQueryCommand({
        ...{ Name: 'surplus', Description: 'data2dashboard: no question of ours', QueryString: 'SELECT 2' },
        ...{ Database: n.lakeDatabase, WorkGroup: n.workgroup },
      }),
    ),
  ),
];

const DatabaseName = n.lakeDatabase;
const replaced = async (name: string) => {
  const QueryString = `CREATE OR REPLACE VIEW ${DatabaseName}.${name} AS SELECT * FROM ${DatabaseName}.player_metrics WHERE kills > 7`;
  const command = new StartQueryExecutionCommand({ QueryString, WorkGroup: n.workgroup });
  const { QueryExecutionId } = await ground.aws.athena.send(command);
  const look = async () => (await ground.aws.athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution?.Status?.State;
  const state = await pollUntil(look, (seen) => seen !== 'QUEUED' && seen !== 'RUNNING', { within: 20_000, what: 'the view' });
  if (state !== 'SUCCEEDED') throw new Error(`the view was not replaced: ${state}`);
};
/** The same text, but without the word of whoever made it so. */
const forgotten = async (Name: string) => {
  const { Table: table } = await ground.aws.glue.send(new GetTableCommand({ DatabaseName, Name }));
  const { StorageDescriptor, ViewOriginalText, ViewExpandedText, TableType } = table!;
  const { 'data2dashboard.sql': _, ...Parameters } = table!.Parameters!;
  const TableInput = { Name, StorageDescriptor, ViewOriginalText, ViewExpandedText, TableType, Parameters };
  await ground.aws.glue.send(new UpdateTableCommand({ DatabaseName, TableInput }));
};

/** The table of the last audit, with something in it that is not ours. */
const audited =
  (change: Partial<TableInput>, storage: Partial<StorageDescriptor> = {}) =>
  async () => {
    const { Table: table } = await ground.aws.glue.send(new GetTableCommand({ DatabaseName, Name: n.lastAudit.table }));
    const { Name, TableType, Parameters, StorageDescriptor } = table!;
    const TableInput = { Name, TableType, Parameters, StorageDescriptor: { ...StorageDescriptor, ...storage }, ...change };
    await ground.aws.glue.send(new UpdateTableCommand({ DatabaseName, TableInput }));
  };
const STORED = 'StorageDescriptor';
const LAZY = { SerializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe', Parameters: {} };

const audits: Row[] = [
  row('auditTable', ['TableType'], audited({ TableType: 'MANAGED_TABLE' })),
  row('auditTable', ['Parameters.classification'], audited({ Parameters: { classification: 'csv' } })),
  row('auditTable', [`${STORED}.Location`], audited({}, { Location: `s3://${other.bucket}/` })),
  row('auditTable', [`${STORED}.Columns`], audited({}, { Columns: [{ Name: 'lost', Type: 'bigint' }] })),
  row(
    'auditTable',
    [`${STORED}.InputFormat`, `${STORED}.OutputFormat`],
    audited({}, { InputFormat: 'an.InputFormat', OutputFormat: 'an.OutputFormat' }),
  ),
  row('auditTable', [`${STORED}.SerdeInfo.SerializationLibrary`, `${STORED}.SerdeInfo.Parameters.paths`], audited({}, { SerdeInfo: LAZY })),
];

const deleted = (Name: string) => () => ground.aws.glue.send(new DeleteTableCommand({ DatabaseName, Name }));
const views: Row[] = [
  ...[
    'team_windows',
    'late_arrivals',
    'player_days',
    'player_trends',
    'server_windows',
    'window_leaders',
    'team_scores',
    'late_players',
    'leaders_on_time',
  ].map((name) => row('views', [name], deleted(name))),
  row('views', ['player_windows'], () => replaced('player_windows')),
  row('views', ['game_events'], () => forgotten('game_events')),
];

export const rows: Row[] = [...crawlers, ...workgroups, ...questions, ...audits, ...views];

/** Glue knows one version of a crawler's configuration. */
export const pretences: Pretence[] = [
  {
    stage: 'crawler',
    fields: ['Configuration.Version'],
    command: 'GetCrawler',
    alter: (answer) => {
      const { Crawler: found } = answer as { Crawler: { Configuration: string } };
      return { ...answer, Crawler: { ...found, Configuration: found.Configuration.replace('"Version":1', '"Version":2') } };
    },
    mends: 'UpdateCrawler',
  },
];
