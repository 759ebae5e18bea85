import { ListTagsForResourceCommand as ListAthenaTags, ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { DescribeLogGroupsCommand, ListTagsForResourceCommand as ListLogTags } from '@aws-sdk/client-cloudwatch-logs';
import { ListDeliveryStreamsCommand } from '@aws-sdk/client-firehose';
import { GetDatabasesCommand, GetTagsCommand, ListCrawlersCommand } from '@aws-sdk/client-glue';
import { ListRolesCommand, ListRoleTagsCommand } from '@aws-sdk/client-iam';
import { DescribeStreamSummaryCommand, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import {
  DescribeApplicationCommand,
  ListApplicationsCommand,
  ListTagsForResourceCommand as ListApplicationTags,
} from '@aws-sdk/client-kinesis-analytics-v2';
import {
  ListAnalysesCommand,
  ListDashboardsCommand,
  ListDataSetsCommand,
  ListDataSourcesCommand,
  ListTagsForResourceCommand as ListQuickSightTags,
} from '@aws-sdk/client-quicksight';
import { GetBucketTaggingCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Standing } from '../pipeline/standing-cost.ts';
import type { Clients } from './aws.ts';
import { deliveryStreamTags } from './firehose/delivery-stream.ts';
import { streamCosts, streamTags } from './kinesis/stream.ts';
import { studioCosts } from './kinesis-analytics-v2/application.ts';
import { pages } from './pages.ts';
import { tagMap } from './tags.ts';

/** Something in the account that can carry tags, and how to learn which. */
export interface Thing {
  name: string;
  arn: string;
  tags(): Promise<Record<string, string>>;
  /** What it costs while it stands; left out where AWS bills only its use. */
  costs?(): Promise<Standing>;
}

/** A kind of thing that pipelines are made of, and all of that kind in the account's region. */
export interface Kind {
  what: string;
  list(): Promise<Thing[]>;
}

/** Every kind that carries tags. */
export function kinds(aws: Clients, { region, account }: Pick<Pipeline, 'region' | 'account'>): Kind[] {
  const arnOf = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  const page = { AwsAccountId: account };
  const kind = <Item>(what: string, list: () => Promise<Item[]>, thing: (item: Item) => Thing): Kind => ({
    what,
    list: async () => (await list()).map(thing),
  });
  const asset = ({ Arn: arn = '' }: { Arn?: string }): Thing => ({
    name: arn.split('/').at(-1)!,
    arn,
    tags: async () => tagMap((await aws.quicksight.send(new ListQuickSightTags({ ResourceArn: arn }))).Tags),
  });
  const glueThing = (what: string) => (name: string) => {
    const arn = arnOf('glue', `${what}/${name}`);
    return { name, arn, tags: async () => (await aws.glue.send(new GetTagsCommand({ ResourceArn: arn }))).Tags ?? {} };
  };
  return [
    kind(
      'Kinesis stream',
      () =>
        pages(
          (ExclusiveStartStreamName) => aws.kinesis.send(new ListStreamsCommand({ ExclusiveStartStreamName })),
          ({ StreamNames = [] }) => StreamNames,
          ({ HasMoreStreams, StreamNames = [] }) => (HasMoreStreams ? StreamNames.at(-1) : undefined),
        ),
      (StreamName) => ({
        name: StreamName,
        arn: arnOf('kinesis', `stream/${StreamName}`),
        tags: () => streamTags(aws, StreamName),
        costs: async () => {
          const { StreamDescriptionSummary: found } = await aws.kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
          return streamCosts(found!);
        },
      }),
    ),
    kind(
      'delivery stream',
      () =>
        pages(
          (ExclusiveStartDeliveryStreamName) =>
            aws.firehose.send(new ListDeliveryStreamsCommand({ ExclusiveStartDeliveryStreamName, Limit: 10_000 })),
          ({ DeliveryStreamNames = [] }) => DeliveryStreamNames,
          ({ HasMoreDeliveryStreams, DeliveryStreamNames = [] }) => (HasMoreDeliveryStreams ? DeliveryStreamNames.at(-1) : undefined),
        ),
      (DeliveryStreamName) => ({
        name: DeliveryStreamName,
        arn: arnOf('firehose', `deliverystream/${DeliveryStreamName}`),
        tags: () => deliveryStreamTags(aws, DeliveryStreamName),
      }),
    ),
    kind(
      'log group',
      () =>
        pages(
          (nextToken) => aws.logs.send(new DescribeLogGroupsCommand({ nextToken })),
          ({ logGroups = [] }) => logGroups,
          ({ nextToken }) => nextToken,
        ),
      ({ logGroupName: name = '' }) => {
        const arn = arnOf('logs', `log-group:${name}`);
        return { name, arn, tags: async () => (await aws.logs.send(new ListLogTags({ resourceArn: arn }))).tags ?? {} };
      },
    ),
    kind(
      'IAM role',
      async () => {
        const roles = await pages(
          (Marker) => aws.iam.send(new ListRolesCommand({ Marker })),
          ({ Roles = [] }) => Roles,
          ({ Marker }) => Marker,
        );
        return roles.filter(({ RoleName = '', Path = '/' }) => !Path.startsWith('/aws-') && !isElsewhere(RoleName, region));
      },
      ({ RoleName: name = '', Arn: arn = '' }) => ({
        name,
        arn,
        tags: async () => tagMap((await aws.iam.send(new ListRoleTagsCommand({ RoleName: name }))).Tags),
      }),
    ),
    kind(
      'Glue database',
      async () => {
        const databases = await pages(
          (NextToken) => aws.glue.send(new GetDatabasesCommand({ NextToken })),
          ({ DatabaseList = [] }) => DatabaseList,
          ({ NextToken }) => NextToken,
        );
        return databases.map(({ Name = '' }) => Name);
      },
      glueThing('database'),
    ),
    kind(
      'Glue crawler',
      () =>
        pages(
          (NextToken) => aws.glue.send(new ListCrawlersCommand({ NextToken })),
          ({ CrawlerNames = [] }) => CrawlerNames,
          ({ NextToken }) => NextToken,
        ),
      glueThing('crawler'),
    ),
    kind(
      'Athena workgroup',
      () =>
        pages(
          (NextToken) => aws.athena.send(new ListWorkGroupsCommand({ NextToken })),
          ({ WorkGroups = [] }) => WorkGroups,
          ({ NextToken }) => NextToken,
        ),
      ({ Name: name = '' }) => {
        const arn = arnOf('athena', `workgroup/${name}`);
        return { name, arn, tags: async () => tagMap((await aws.athena.send(new ListAthenaTags({ ResourceARN: arn }))).Tags) };
      },
    ),
    kind(
      'Studio application',
      () =>
        pages(
          (NextToken) => aws.kinesisAnalyticsV2.send(new ListApplicationsCommand({ NextToken })),
          ({ ApplicationSummaries = [] }) => ApplicationSummaries,
          ({ NextToken }) => NextToken,
        ),
      ({ ApplicationName: name = '', ApplicationARN: arn = '' }) => ({
        name,
        arn,
        tags: async () => tagMap((await aws.kinesisAnalyticsV2.send(new ListApplicationTags({ ResourceARN: arn }))).Tags),
        costs: async () => {
          const { ApplicationDetail } = await aws.kinesisAnalyticsV2.send(new DescribeApplicationCommand({ ApplicationName: name }));
          return studioCosts(ApplicationDetail!);
        },
      }),
    ),
    kind(
      'QuickSight data source',
      () =>
        pages(
          (NextToken) => aws.quicksight.send(new ListDataSourcesCommand({ ...page, NextToken })),
          ({ DataSources = [] }) => DataSources,
          ({ NextToken }) => NextToken,
        ),
      asset,
    ),
    kind(
      'QuickSight data set',
      () =>
        pages(
          (NextToken) => aws.quicksight.send(new ListDataSetsCommand({ ...page, NextToken })),
          ({ DataSetSummaries = [] }) => DataSetSummaries,
          ({ NextToken }) => NextToken,
        ),
      asset,
    ),
    kind(
      'QuickSight analysis',
      () =>
        pages(
          (NextToken) => aws.quicksight.send(new ListAnalysesCommand({ ...page, NextToken })),
          ({ AnalysisSummaryList = [] }) => AnalysisSummaryList.filter(({ Status }) => Status !== 'DELETED'),
          ({ NextToken }) => NextToken,
        ),
      asset,
    ),
    kind(
      'QuickSight dashboard',
      () =>
        pages(
          (NextToken) => aws.quicksight.send(new ListDashboardsCommand({ ...page, NextToken })),
          ({ DashboardSummaryList = [] }) => DashboardSummaryList,
          ({ NextToken }) => NextToken,
        ),
      asset,
    ),
    kind(
      'S3 bucket',
      () =>
        pages(
          (ContinuationToken) => aws.s3.send(new ListBucketsCommand({ ContinuationToken, BucketRegion: region, MaxBuckets: 1_000 })),
          ({ Buckets = [] }) => Buckets,
          ({ ContinuationToken }) => ContinuationToken,
        ),
      ({ Name: Bucket = '' }) => ({
        name: Bucket,
        arn: `arn:aws:s3:::${Bucket}`,
        tags: async () => tagMap((await aws.s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet),
      }),
    ),
  ];
}

/** IAM is everywhere: a role that is named for another region serves the pipeline of the same name there. */
const isElsewhere = (role: string, region: string): boolean => {
  const named = /-([a-z]{2}(?:-[a-z]+)+-\d)-(?:firehose|studio|crawler|quicksight)$/.exec(role)?.[1];
  return named !== undefined && !`-${named}`.endsWith(`-${region}`);
};
