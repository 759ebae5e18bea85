import { ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { ListDeliveryStreamsCommand } from '@aws-sdk/client-firehose';
import { GetCrawlersCommand, GetDatabasesCommand } from '@aws-sdk/client-glue';
import { ListRolesCommand } from '@aws-sdk/client-iam';
import { ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { ListApplicationsCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { ListAnalysesCommand, ListDashboardsCommand, ListDataSetsCommand, ListDataSourcesCommand } from '@aws-sdk/client-quicksight';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import type { Clients } from '../activities/aws.ts';

/** Whatever the services hold, one line a thing. */
export async function everythingThereIs(aws: Clients, AwsAccountId: string): Promise<string[]> {
  const listed = await Promise.all([
    aws.s3.send(new ListBucketsCommand({})).then(({ Buckets = [] }) => Buckets.map(({ Name }) => Name)),
    aws.logs.send(new DescribeLogGroupsCommand({})).then(({ logGroups = [] }) => logGroups.map(({ logGroupName }) => logGroupName)),
    aws.iam.send(new ListRolesCommand({})).then(({ Roles = [] }) => Roles.map(({ Arn }) => Arn)),
    aws.kinesis.send(new ListStreamsCommand({})).then(({ StreamNames = [] }) => StreamNames),
    aws.glue.send(new GetDatabasesCommand({})).then(({ DatabaseList = [] }) => DatabaseList.map(({ Name }) => Name)),
    aws.glue.send(new GetCrawlersCommand({})).then(({ Crawlers = [] }) => Crawlers.map(({ Name }) => Name)),
    aws.firehose.send(new ListDeliveryStreamsCommand({})).then(({ DeliveryStreamNames = [] }) => DeliveryStreamNames),
    aws.kinesisAnalyticsV2
      .send(new ListApplicationsCommand({}))
      .then(({ ApplicationSummaries = [] }) => ApplicationSummaries.map(({ ApplicationName }) => ApplicationName)),
    aws.athena.send(new ListWorkGroupsCommand({})).then(({ WorkGroups = [] }) => WorkGroups.map(({ Name }) => Name)),
    aws.quicksight.send(new ListDataSourcesCommand({ AwsAccountId })).then(({ DataSources = [] }) => DataSources.map(({ Arn }) => Arn)),
    aws.quicksight
      .send(new ListDataSetsCommand({ AwsAccountId }))
      .then(({ DataSetSummaries = [] }) => DataSetSummaries.map(({ Arn }) => Arn)),
    aws.quicksight
      .send(new ListAnalysesCommand({ AwsAccountId }))
      .then(({ AnalysisSummaryList = [] }) => AnalysisSummaryList.map(({ Arn }) => Arn)),
    aws.quicksight
      .send(new ListDashboardsCommand({ AwsAccountId }))
      .then(({ DashboardSummaryList = [] }) => DashboardSummaryList.map(({ Arn }) => Arn)),
  ]);
  // The crawler's own log group is Glue's, shared by all crawlers of the account.
  return listed
    .flat()
    .map(String)
    .filter((name) => !name.startsWith('/aws-glue/'))
    .sort();
}
