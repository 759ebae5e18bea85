import { ListNamedQueriesCommand, ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { DescribeLogGroupsCommand, DescribeLogStreamsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { ListDeliveryStreamsCommand } from '@aws-sdk/client-firehose';
import { GetCrawlersCommand, GetDatabasesCommand, GetTablesCommand } from '@aws-sdk/client-glue';
import { ListAttachedRolePoliciesCommand, ListRolePoliciesCommand, ListRolesCommand } from '@aws-sdk/client-iam';
import { ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { ListApplicationsCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { ListAnalysesCommand, ListDashboardsCommand, ListDataSetsCommand, ListDataSourcesCommand } from '@aws-sdk/client-quicksight';
import { ListBucketsCommand, ListMultipartUploadsCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import type { Clients } from '../activities/aws.ts';

/** Whatever the services hold, one line a thing: its kind, then its name. */
export async function everythingThereIs(aws: Clients, AwsAccountId: string): Promise<string[]> {
  const listings = [inS3(aws), inLogs(aws), inIam(aws), inGlue(aws), inAthena(aws), inStreams(aws), inQuickSight(aws, AwsAccountId)];
  const listed = (await Promise.all(listings)).flat();
  // The crawlers' own log group is Glue's, shared by all crawlers of the account; their log streams are not.
  return listed.filter((line) => !line.startsWith('log group /aws-glue/')).sort();
}

const lines = (kind: string, ...ofs: (string | undefined)[]): string[] => ofs.map((name) => `${kind} ${name}`);

async function inS3({ s3 }: Clients): Promise<string[]> {
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const inside = Buckets.map(async ({ Name: Bucket }) => {
    const [versions, { Uploads = [] }] = await Promise.all([
      pages(
        (page) => s3.send(new ListObjectVersionsCommand({ Bucket, ...page })),
        ({ IsTruncated, NextKeyMarker, NextVersionIdMarker }) =>
          IsTruncated ? { KeyMarker: NextKeyMarker, VersionIdMarker: NextVersionIdMarker } : undefined,
      ),
      s3.send(new ListMultipartUploadsCommand({ Bucket })),
    ]);
    const kept = versions.flatMap(({ Versions = [], DeleteMarkers = [] }) => [...Versions, ...DeleteMarkers]);
    return [
      ...lines('bucket', Bucket),
      ...lines('object', ...kept.map(({ Key, VersionId }) => `${Bucket}/${Key} ${VersionId}`)),
      ...lines('upload', ...Uploads.map(({ Key }) => `${Bucket}/${Key}`)),
    ];
  });
  return (await Promise.all(inside)).flat();
}

async function inLogs({ logs }: Clients): Promise<string[]> {
  const groups = await pages(
    (page) => logs.send(new DescribeLogGroupsCommand({ ...page })),
    ({ nextToken }) => nextToken && { nextToken },
  );
  const inside = groups
    .flatMap(({ logGroups = [] }) => logGroups)
    .map(async ({ logGroupName }) => {
      const { logStreams = [] } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }));
      return [
        ...lines('log group', logGroupName),
        ...lines('log stream', ...logStreams.map(({ logStreamName }) => `${logGroupName}/${logStreamName}`)),
      ];
    });
  return (await Promise.all(inside)).flat();
}

async function inIam({ iam }: Clients): Promise<string[]> {
  const roles = await pages(
    (page) => iam.send(new ListRolesCommand({ ...page })),
    ({ Marker }) => Marker && { Marker },
  );
  const inside = roles
    .flatMap(({ Roles = [] }) => Roles)
    .map(async ({ RoleName }) => {
      const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
      const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      const policies = [...PolicyNames, ...AttachedPolicies.map(({ PolicyArn }) => PolicyArn)];
      return [...lines('role', RoleName), ...lines('role policy', ...policies.map((policy) => `${RoleName}/${policy}`))];
    });
  return (await Promise.all(inside)).flat();
}

async function inGlue({ glue }: Clients): Promise<string[]> {
  const [databases, crawlers] = await Promise.all([
    pages(
      (page) => glue.send(new GetDatabasesCommand({ ...page })),
      ({ NextToken }) => NextToken && { NextToken },
    ),
    pages(
      (page) => glue.send(new GetCrawlersCommand({ ...page })),
      ({ NextToken }) => NextToken && { NextToken },
    ),
  ]);
  const inside = databases
    .flatMap(({ DatabaseList = [] }) => DatabaseList)
    .map(async ({ Name }) => {
      const { TableList = [] } = await glue.send(new GetTablesCommand({ DatabaseName: Name }));
      return [...lines('database', Name), ...lines('table', ...TableList.map((table) => `${Name}/${table.Name}`))];
    });
  const all = crawlers.flatMap(({ Crawlers = [] }) => Crawlers.map(({ Name }) => Name));
  return [...(await Promise.all(inside)).flat(), ...lines('crawler', ...all)];
}

async function inAthena({ athena }: Clients): Promise<string[]> {
  const groups = await pages(
    (page) => athena.send(new ListWorkGroupsCommand({ ...page })),
    ({ NextToken }) => NextToken && { NextToken },
  );
  const inside = groups
    .flatMap(({ WorkGroups = [] }) => WorkGroups)
    .map(async ({ Name: WorkGroup }) => {
      const { NamedQueryIds = [] } = await athena.send(new ListNamedQueriesCommand({ WorkGroup }));
      return [...lines('workgroup', WorkGroup), ...lines('named query', ...NamedQueryIds.map((id) => `${WorkGroup}/${id}`))];
    });
  return (await Promise.all(inside)).flat();
}

async function inStreams({ kinesis, firehose, kinesisAnalyticsV2 }: Clients): Promise<string[]> {
  const [streams, { DeliveryStreamNames = [] }, applications] = await Promise.all([
    pages(
      (page) => kinesis.send(new ListStreamsCommand({ ...page })),
      ({ HasMoreStreams, NextToken }) => (HasMoreStreams ? { NextToken } : undefined),
    ),
    firehose.send(new ListDeliveryStreamsCommand({ Limit: 10_000 })),
    pages(
      (page) => kinesisAnalyticsV2.send(new ListApplicationsCommand({ ...page })),
      ({ NextToken }) => NextToken && { NextToken },
    ),
  ]);
  const named = applications.flatMap(({ ApplicationSummaries = [] }) => ApplicationSummaries.map((each) => each.ApplicationName));
  return [
    ...lines('stream', ...streams.flatMap(({ StreamNames = [] }) => StreamNames)),
    ...lines('delivery stream', ...DeliveryStreamNames),
    ...lines('application', ...named),
  ];
}

async function inQuickSight({ quicksight }: Clients, AwsAccountId: string): Promise<string[]> {
  const account = { AwsAccountId, MaxResults: 100 };
  const next = ({ NextToken }: { NextToken?: string }) => NextToken && { NextToken };
  const [sources, sets, analyses, dashboards] = await Promise.all([
    pages((page) => quicksight.send(new ListDataSourcesCommand({ ...account, ...page })), next),
    pages((page) => quicksight.send(new ListDataSetsCommand({ ...account, ...page })), next),
    pages((page) => quicksight.send(new ListAnalysesCommand({ ...account, ...page })), next),
    pages((page) => quicksight.send(new ListDashboardsCommand({ ...account, ...page })), next),
  ]);
  return [
    ...lines('data source', ...sources.flatMap(({ DataSources = [] }) => DataSources.map(({ Arn }) => Arn))),
    ...lines('data set', ...sets.flatMap(({ DataSetSummaries = [] }) => DataSetSummaries.map(({ Arn }) => Arn))),
    ...lines('analysis', ...analyses.flatMap(({ AnalysisSummaryList = [] }) => AnalysisSummaryList.map(({ Arn }) => Arn))),
    ...lines('dashboard', ...dashboards.flatMap(({ DashboardSummaryList = [] }) => DashboardSummaryList.map(({ Arn }) => Arn))),
  ];
}

/** Every page of a listing; `next` says what the following one is asked with. */
async function pages<Page extends object>(
  ask: (page: object) => Promise<Page>,
  next: (page: Page) => object | '' | undefined,
): Promise<Page[]> {
  const all: Page[] = [];
  let following: object | '' | undefined = {};
  while (following) {
    const page: Page = await ask(following);
    all.push(page);
    following = next(page);
  }
  return all;
}
