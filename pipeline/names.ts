import type { Pipeline } from './spec.ts';
import { remembered } from './tags.ts';

/** The tag that says whose a resource is: its value is the pipeline's name. */
export const OWNER_TAG = 'data2dashboard:pipeline';

/** The streams that are delivered, and with them the tables of the lake. */
export const LAKE_TABLES = ['events', 'player_metrics', 'team_metrics', 'leaderboards', 'server_metrics', 'late_events'] as const;
export type LakeTable = (typeof LAKE_TABLES)[number];

/** Every name, ARN and S3 prefix of a pipeline. Computed, so that nothing is handed from stage to stage and take-down needs no saved state. */
export function names({ name, region, account, tags = {} }: Pick<Pipeline, 'name' | 'region' | 'account'> & { tags?: Pipeline['tags'] }) {
  const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  const role = (service: string) => `${name}-${region}-${service}`;
  const roleArn = (service: string) => `arn:aws:iam::${account}:role/${role(service)}`;
  const bucket = `${name}-lake-${account}-${region}`;
  const snake = name.replaceAll('-', '_');
  const streams: Record<LakeTable, string> = {
    events: name,
    player_metrics: `${name}-player-metrics`,
    team_metrics: `${name}-team-metrics`,
    leaderboards: `${name}-leaderboards`,
    server_metrics: `${name}-server-metrics`,
    late_events: `${name}-late-events`,
  };
  const deliveries: Record<LakeTable, string> = {
    events: `${name}-events`,
    player_metrics: `${name}-player-metrics`,
    team_metrics: `${name}-team-metrics`,
    leaderboards: `${name}-leaderboards`,
    server_metrics: `${name}-server-metrics`,
    late_events: `${name}-late-events`,
  };
  return {
    /** On everything that carries tags. */
    tags: { ...remembered(tags), [OWNER_TAG]: name } as Record<string, string>,
    bucket,
    bucketArn: `arn:aws:s3:::${bucket}`,
    streams,
    streamArn: (table: LakeTable) => arn('kinesis', `stream/${streams[table]}`),
    deliveries,
    deliveryArn: (table: LakeTable) => arn('firehose', `deliverystream/${deliveries[table]}`),
    /** Where a table's objects lie; the crawler names the table after the last folder. */
    prefix: (table: LakeTable) => `lake/${table}/`,
    datedPrefix: (table: LakeTable) =>
      `lake/${table}/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/`,
    errorPrefix: (table: LakeTable) => `errors/${table}/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/`,
    /** The last audit lies beside the tables of the streams, where roles and expiry already know it, but where no crawl comes. */
    lastAudit: { table: 'last_audit', prefix: 'lake/last_audit/', key: 'lake/last_audit/audit.json' },
    resultsPrefix: 'athena-results/',
    ledgerPrefix: 'ledger/',
    roles: { firehose: role('firehose'), studio: role('studio'), crawler: role('crawler'), quicksight: role('quicksight') },
    roleArns: { firehose: roleArn('firehose'), studio: roleArn('studio'), crawler: roleArn('crawler'), quicksight: roleArn('quicksight') },
    firehoseLogGroup: `/aws/kinesisfirehose/${name}`,
    studioLogGroup: `/aws/kinesis-analytics/${name}`,
    logGroupArn: (group: string) => arn('logs', `log-group:${group}`),
    studioLogStream: 'studio',
    studioLogStreamArn: arn('logs', `log-group:/aws/kinesis-analytics/${name}:log-stream:studio`),
    application: `${name}-studio`,
    applicationArn: arn('kinesisanalytics', `application/${name}-studio`),
    /** The note's id is chosen by whoever seeds it; nine capitals, as Zeppelin's own. */
    noteId: 'D2DMETRIC',
    flinkDatabase: `${snake}_flink`,
    lakeDatabase: `${snake}_lake`,
    databaseArn: (database: string) => arn('glue', `database/${database}`),
    crawler: `${name}-lake`,
    crawlerArn: arn('glue', `crawler/${name}-lake`),
    workgroup: name,
    workgroupArn: arn('athena', `workgroup/${name}`),
    dataSource: `${name}-athena`,
    dataSourceArn: arn('quicksight', `datasource/${name}-athena`),
    dataSets: { players: `${name}-players`, teams: `${name}-teams`, history: `${name}-history`, audits: `${name}-audits` },
    dataSetArn: (dataSet: 'players' | 'teams' | 'history' | 'audits') => arn('quicksight', `dataset/${name}-${dataSet}`),
    analysis: name,
    analysisArn: arn('quicksight', `analysis/${name}`),
    dashboard: name,
    dashboardArn: arn('quicksight', `dashboard/${name}`),
    workflows: workflowIds(name),
  };
}

/** The ids of a pipeline's workflows, which need no more than its name. The id of a schedule is that of the workflow it starts. */
export const workflowIds = (name: string) => ({
  pipeline: name,
  provision: `${name}/provision`,
  reports: `${name}/reports`,
  generate: `${name}/generate`,
  notebook: `${name}/notebook`,
  crawl: `${name}/crawl`,
  query: `${name}/query`,
  refresh: `${name}/refresh`,
  audit: `${name}/audit`,
  survey: `${name}/survey`,
  teardown: `${name}/teardown`,
});

/** All names of one pipeline. */
export type Names = ReturnType<typeof names>;
