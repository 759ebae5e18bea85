import { ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { ListDeliveryStreamsCommand } from '@aws-sdk/client-firehose';
import { ListCrawlersCommand } from '@aws-sdk/client-glue';
import { GetAccountSummaryCommand, GetRoleCommand } from '@aws-sdk/client-iam';
import { DescribeLimitsCommand, DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { ListApplicationsCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { streamShards } from '../pipeline/stream-shards.ts';
import type { Clients } from './aws.ts';
import { permissionAdvice } from './caller.ts';
import { isRefused, undefinedIfMissing } from './errors.ts';
import { pages } from './pages.ts';
import { ok, refused, type Verdict, warning } from './verdict.ts';

/** What AWS allows a new account in a region, buckets in all; what it has raised that to these services do not tell. */
const DEFAULTS = { deliveryStreams: 5_000, applications: 50, buckets: 10_000, crawlers: 1_000, workgroups: 1_000 };

/** Whether the account has room for what a pipeline has yet to make. A quota that AWS tells refuses; one that may have been raised only warns. */
export function quotas({ kinesis, iam, firehose, kinesisAnalyticsV2, s3, glue, athena }: Clients) {
  return {
    /** Only where it is tight does it matter which of the pipeline's shards are among the open ones already. */
    shards: async (pipeline: Pipeline): Promise<Verdict> => {
      const { ShardLimit = 0, OpenShardCount = 0 } = await kinesis.send(new DescribeLimitsCommand({}));
      const wanted = Object.fromEntries(LAKE_TABLES.map((table) => [table, streamShards(pipeline, table)]));
      const left = ShardLimit - OpenShardCount;
      const all = Object.values(wanted).reduce((sum, count) => sum + count);
      if (all <= left) return ok(`${OpenShardCount} of ${ShardLimit} shards are open`);
      const more = await Promise.all(LAKE_TABLES.map(async (table) => wanted[table]! - (await openShards(names(pipeline).streams[table]))));
      const further = more.reduce((sum, count) => sum + Math.max(0, count), 0);
      const open = `${OpenShardCount} of ${ShardLimit} shards are open in ${pipeline.region}`;
      if (further > left) return refused(`${open}, and the pipeline wants ${further} more; ask AWS for more, or lower 'shards'`);
      return further > 0 ? warning(`${open}, and the pipeline wants ${further} more`) : ok(open);
    },
    /** As with shards; the quota is the account's, for all regions. */
    roles: async (pipeline: Pipeline): Promise<Verdict> => {
      const { SummaryMap: { Roles = 0, RolesQuota = Number.POSITIVE_INFINITY } = {} } = await iam.send(new GetAccountSummaryCommand({}));
      const wanted = Object.values(names(pipeline).roles);
      const there = `${Roles} of ${RolesQuota} IAM roles of account ${pipeline.account} are there`;
      if (Roles + wanted.length <= RolesQuota) return ok(there);
      const missing = (await Promise.all(wanted.map(isMissing))).filter(Boolean).length;
      if (Roles + missing <= RolesQuota) return ok(there);
      return refused(`${there}, and the pipeline wants ${missing} more; ask AWS for more, or remove roles that nobody needs`);
    },
    deliveryStreams: (pipeline: Pipeline): Promise<Verdict> =>
      unlessRefused(pipeline, async () => {
        const all = await pages(
          (ExclusiveStartDeliveryStreamName) =>
            firehose.send(new ListDeliveryStreamsCommand({ ExclusiveStartDeliveryStreamName, Limit: 10_000 })),
          ({ DeliveryStreamNames = [] }) => DeliveryStreamNames,
          ({ HasMoreDeliveryStreams, DeliveryStreamNames = [] }) => (HasMoreDeliveryStreams ? DeliveryStreamNames.at(-1) : undefined),
        );
        return roomFor('delivery streams', Object.values(names(pipeline).deliveries), all, DEFAULTS.deliveryStreams, pipeline.region);
      }),
    applications: (pipeline: Pipeline): Promise<Verdict> =>
      unlessRefused(pipeline, async () => {
        const all = await pages(
          (NextToken) => kinesisAnalyticsV2.send(new ListApplicationsCommand({ NextToken, Limit: 50 })),
          ({ ApplicationSummaries = [] }) => ApplicationSummaries.map(({ ApplicationName = '' }) => ApplicationName),
          ({ NextToken }) => NextToken,
        );
        return roomFor('Managed Flink applications', [names(pipeline).application], all, DEFAULTS.applications, pipeline.region);
      }),
    /** The quota is the account's, for all regions. */
    buckets: (pipeline: Pipeline): Promise<Verdict> =>
      unlessRefused(pipeline, async () => {
        const all = await pages(
          (ContinuationToken) => s3.send(new ListBucketsCommand({ ContinuationToken, MaxBuckets: 10_000 })),
          ({ Buckets = [] }) => Buckets.map(({ Name = '' }) => Name),
          ({ ContinuationToken }) => ContinuationToken,
        );
        return roomFor('buckets', [names(pipeline).bucket], all, DEFAULTS.buckets, `account ${pipeline.account}`);
      }),
    crawlers: (pipeline: Pipeline): Promise<Verdict> =>
      unlessRefused(pipeline, async () => {
        const all = await pages(
          (NextToken) => glue.send(new ListCrawlersCommand({ NextToken, MaxResults: 1_000 })),
          ({ CrawlerNames = [] }) => CrawlerNames,
          ({ NextToken }) => NextToken,
        );
        return roomFor('crawlers', [names(pipeline).crawler], all, DEFAULTS.crawlers, pipeline.region);
      }),
    workgroups: (pipeline: Pipeline): Promise<Verdict> =>
      unlessRefused(pipeline, async () => {
        const all = await pages(
          (NextToken) => athena.send(new ListWorkGroupsCommand({ NextToken, MaxResults: 50 })),
          ({ WorkGroups = [] }) => WorkGroups.map(({ Name = '' }) => Name),
          ({ NextToken }) => NextToken,
        );
        return roomFor('workgroups', [names(pipeline).workgroup], all, DEFAULTS.workgroups, pipeline.region);
      }),
  };

  async function openShards(StreamName: string): Promise<number> {
    const answer = await undefinedIfMissing(kinesis.send(new DescribeStreamSummaryCommand({ StreamName })), 'ResourceNotFoundException');
    return answer?.StreamDescriptionSummary?.OpenShardCount ?? 0;
  }

  async function isMissing(RoleName: string): Promise<boolean> {
    return (await undefinedIfMissing(iam.send(new GetRoleCommand({ RoleName })), 'NoSuchEntityException')) === undefined;
  }
}

function roomFor(what: string, wanted: string[], all: string[], quota: number, place: string): Verdict {
  const missing = wanted.filter((name) => !all.includes(name)).length;
  const there = `${all.length} ${what} are in ${place}`;
  if (missing === 0 || all.length + missing <= quota) return ok(there);
  return warning(
    `${there}, and the pipeline wants ${missing} more; AWS allows ${quota} unless it was asked for more, so ask it if you have not`,
  );
}

/** What could at worst warn is no reason to refuse where it may not be looked at. */
async function unlessRefused(pipeline: Pipeline, look: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await look();
  } catch (error) {
    if (isRefused(error)) return warning(permissionAdvice(error as Error, pipeline));
    throw error;
  }
}
