import { ListTagsForResourceCommand as ListAthenaTags, ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { DescribeLogGroupsCommand, ListTagsForResourceCommand as ListLogTags } from '@aws-sdk/client-cloudwatch-logs';
import { ListDeliveryStreamsCommand, ListTagsForDeliveryStreamCommand } from '@aws-sdk/client-firehose';
import { GetDatabasesCommand, GetTagsCommand, ListCrawlersCommand } from '@aws-sdk/client-glue';
import { ListRolesCommand, ListRoleTagsCommand } from '@aws-sdk/client-iam';
import { ListStreamsCommand, ListTagsForStreamCommand } from '@aws-sdk/client-kinesis';
import { ListApplicationsCommand, ListTagsForResourceCommand as ListApplicationTags } from '@aws-sdk/client-kinesis-analytics-v2';
import {
  ListAnalysesCommand,
  ListDashboardsCommand,
  ListDataSetsCommand,
  ListDataSourcesCommand,
  ListTagsForResourceCommand as ListQuickSightTags,
} from '@aws-sdk/client-quicksight';
import { GetBucketTaggingCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import { OWNER_TAG } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Clients } from './aws.ts';
import { isNamed } from './errors.ts';
import { tagMap } from './tags.ts';

/** A thing with an ARN, and how to learn its tags. */
interface Tagged {
  arn: string;
  tags(): Promise<Record<string, string>>;
}

/** The ARNs of everything in the account's region that carries the pipeline's tag, whatever its name. Only names that begin with the pipeline's are asked. */
export async function carryingTag(clients: Clients, pipeline: Pipeline): Promise<string[]> {
  const listed = await Promise.all(listings(clients, pipeline).map((list) => list()));
  const owned = await Promise.all(
    listed.flat().map(async ({ arn, tags }) => ((await unlessGone(tags))[OWNER_TAG] === pipeline.name ? [arn] : [])),
  );
  return owned.flat();
}

/** What goes between the listing and the question for its tags has no tags. */
async function unlessGone(tags: Tagged['tags']): Promise<Record<string, string>> {
  try {
    return await tags();
  } catch (error) {
    if (isNamed(error, ...GONE)) return {};
    throw error;
  }
}

const GONE = [
  'ResourceNotFoundException',
  'EntityNotFoundException',
  'NoSuchEntityException',
  'NoSuchBucket',
  'NoSuchTagSet',
  'AccessDenied',
];

/** One listing for each service; all pages of each. */
function listings(aws: Clients, { name, region, account: AwsAccountId }: Pipeline): (() => Promise<Tagged[]>)[] {
  const snake = name.replaceAll('-', '_');
  const mayBeOurs = (found = '') => found.startsWith(name) || found.startsWith(snake) || found.endsWith(`/${name}`);
  const arnOf = (service: string, resource: string) => `arn:aws:${service}:${region}:${AwsAccountId}:${resource}`;
  const asset = (Arn = ''): Tagged => ({
    arn: Arn,
    tags: async () => tagMap((await aws.quicksight.send(new ListQuickSightTags({ ResourceArn: Arn }))).Tags),
  });
  const glueThing = (ResourceArn: string): Tagged => ({
    arn: ResourceArn,
    tags: async () => (await aws.glue.send(new GetTagsCommand({ ResourceArn }))).Tags ?? {},
  });
  return [
    async () =>
      (
        await pages(
          (NextToken) => aws.kinesis.send(new ListStreamsCommand({ NextToken })),
          ({ StreamNames = [] }) => StreamNames,
        )
      )
        .filter(mayBeOurs)
        .map((StreamName) => ({
          arn: arnOf('kinesis', `stream/${StreamName}`),
          tags: async () => tagMap((await aws.kinesis.send(new ListTagsForStreamCommand({ StreamName }))).Tags),
        })),
    async () =>
      ((await aws.firehose.send(new ListDeliveryStreamsCommand({ Limit: 10_000 }))).DeliveryStreamNames ?? [])
        .filter(mayBeOurs)
        .map((DeliveryStreamName) => ({
          arn: arnOf('firehose', `deliverystream/${DeliveryStreamName}`),
          tags: async () => tagMap((await aws.firehose.send(new ListTagsForDeliveryStreamCommand({ DeliveryStreamName }))).Tags),
        })),
    async () =>
      (
        await pages(
          (nextToken) => aws.logs.send(new DescribeLogGroupsCommand({ nextToken })),
          ({ logGroups = [] }) => logGroups,
        )
      )
        .filter(({ logGroupName }) => mayBeOurs(logGroupName))
        .map(({ logGroupName }) => {
          const resourceArn = arnOf('logs', `log-group:${logGroupName}`);
          return { arn: resourceArn, tags: async () => (await aws.logs.send(new ListLogTags({ resourceArn }))).tags ?? {} };
        }),
    async () =>
      (
        await pages(
          (Marker) => aws.iam.send(new ListRolesCommand({ Marker })),
          ({ Roles = [] }) => Roles,
        )
      )
        .filter(({ RoleName }) => mayBeOurs(RoleName))
        .map(({ RoleName, Arn = '' }) => ({
          arn: Arn,
          tags: async () => tagMap((await aws.iam.send(new ListRoleTagsCommand({ RoleName }))).Tags),
        })),
    async () =>
      (
        await pages(
          (NextToken) => aws.glue.send(new GetDatabasesCommand({ NextToken })),
          ({ DatabaseList = [] }) => DatabaseList,
        )
      )
        .filter(({ Name }) => mayBeOurs(Name))
        .map(({ Name }) => glueThing(arnOf('glue', `database/${Name}`))),
    async () =>
      (
        await pages(
          (NextToken) => aws.glue.send(new ListCrawlersCommand({ NextToken })),
          ({ CrawlerNames = [] }) => CrawlerNames,
        )
      )
        .filter(mayBeOurs)
        .map((crawler) => glueThing(arnOf('glue', `crawler/${crawler}`))),
    async () =>
      (
        await pages(
          (NextToken) => aws.athena.send(new ListWorkGroupsCommand({ NextToken })),
          ({ WorkGroups = [] }) => WorkGroups,
        )
      )
        .filter(({ Name }) => mayBeOurs(Name))
        .map(({ Name }) => {
          const ResourceARN = arnOf('athena', `workgroup/${Name}`);
          return { arn: ResourceARN, tags: async () => tagMap((await aws.athena.send(new ListAthenaTags({ ResourceARN }))).Tags) };
        }),
    async () =>
      (
        await pages(
          (NextToken) => aws.kinesisAnalyticsV2.send(new ListApplicationsCommand({ NextToken })),
          ({ ApplicationSummaries = [] }) => ApplicationSummaries,
        )
      )
        .filter(({ ApplicationName }) => mayBeOurs(ApplicationName))
        .map(({ ApplicationARN: ResourceARN = '' }) => ({
          arn: ResourceARN,
          tags: async () => tagMap((await aws.kinesisAnalyticsV2.send(new ListApplicationTags({ ResourceARN }))).Tags),
        })),
    async () => {
      const page = { AwsAccountId };
      const [sources, sets, analyses, dashboards] = await Promise.all([
        pages(
          (NextToken) => aws.quicksight.send(new ListDataSourcesCommand({ ...page, NextToken })),
          ({ DataSources = [] }) => DataSources,
        ),
        pages(
          (NextToken) => aws.quicksight.send(new ListDataSetsCommand({ ...page, NextToken })),
          ({ DataSetSummaries = [] }) => DataSetSummaries,
        ),
        pages(
          (NextToken) => aws.quicksight.send(new ListAnalysesCommand({ ...page, NextToken })),
          ({ AnalysisSummaryList = [] }) => AnalysisSummaryList.filter(({ Status }) => Status !== 'DELETED'),
        ),
        pages(
          (NextToken) => aws.quicksight.send(new ListDashboardsCommand({ ...page, NextToken })),
          ({ DashboardSummaryList = [] }) => DashboardSummaryList,
        ),
      ]);
      return [...sources, ...sets, ...analyses, ...dashboards]
        .filter(({ Arn = '' }) => mayBeOurs(Arn.split('/').at(-1)))
        .map(({ Arn }) => asset(Arn));
    },
    async () =>
      ((await aws.s3.send(new ListBucketsCommand({}))).Buckets ?? [])
        .filter(({ Name }) => mayBeOurs(Name))
        .map(({ Name: Bucket = '' }) => ({
          arn: `arn:aws:s3:::${Bucket}`,
          tags: async () => tagMap((await aws.s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet),
        })),
  ];
}

/** The items of all pages. Services name the token by their own words; each answer's is found among them. */
async function pages<Page extends object, Item>(ask: (token?: string) => Promise<Page>, itemsOf: (page: Page) => Item[]): Promise<Item[]> {
  const items: Item[] = [];
  let token: string | undefined;
  do {
    const page = (await ask(token)) as Page & { NextToken?: string; nextToken?: string; Marker?: string };
    items.push(...itemsOf(page));
    token = page.NextToken ?? page.nextToken ?? page.Marker;
  } while (token);
  return items;
}
