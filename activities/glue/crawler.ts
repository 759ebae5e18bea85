import {
  type Crawler,
  type CrawlerState,
  CreateCrawlerCommand,
  type CreateCrawlerRequest,
  DeleteCrawlerCommand,
  GetCrawlerCommand,
  GetTagsCommand,
  StopCrawlerCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateCrawlerCommand,
} from '@aws-sdk/client-glue';
import { LAKE_TABLES, names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { ofCrawler } from '../../pipeline/standing-cost.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfBusy, undefinedIfMissing } from '../errors.ts';
import { notYet, retryIfLost } from '../not-yet.ts';
import type { Found, Resource, Status } from '../resource.ts';
import { crawlerLog } from './crawler-log.ts';

type FoundCrawler = Found & Crawler;

const MISSING = 'EntityNotFoundException';
const STATUS = { READY: 'ready', RUNNING: 'ready', STOPPING: 'ready' } satisfies Record<CrawlerState, Status>;

/** The crawler that makes a table of each folder of the lake. It has no schedule in Glue: Temporal starts it. */
export function crawler(clients: Clients): Resource<FoundCrawler> {
  const { glue } = clients;
  const crawlerName = (pipeline: Pipeline) => names(pipeline).crawler;
  return {
    label: (pipeline) => `Glue crawler ${crawlerName(pipeline)}`,
    arn: (pipeline) => names(pipeline).crawlerArn,
    role: 'crawler',
    find: async (pipeline) => {
      const answer = await undefinedIfMissing(glue.send(new GetCrawlerCommand({ Name: crawlerName(pipeline) })), MISSING);
      if (!answer?.Crawler) return undefined;
      const tags = await undefinedIfMissing(glue.send(new GetTagsCommand({ ResourceArn: names(pipeline).crawlerArn })), MISSING);
      return tags && { ...answer.Crawler, tags: tags.Tags ?? {} };
    },
    create: async (pipeline) => {
      const creation = glue.send(new CreateCrawlerCommand({ ...configuration(pipeline), Tags: names(pipeline).tags }));
      await retryIfLost(creation, 'AlreadyExistsException');
    },
    differences: (pipeline, found) => [
      ...differences(comparable(configuration(pipeline)), comparable(found)),
      ...(found.Schedule?.ScheduleExpression ? [{ field: 'Schedule', is: found.Schedule.ScheduleExpression, wanted: undefined }] : []),
    ],
    change: async (pipeline) => {
      // A crawler that runs takes no changes.
      const busy = undefinedIfBusy(
        glue.send(new UpdateCrawlerCommand({ ...configuration(pipeline), Schedule: '' })).then(() => true),
        'CrawlerRunningException',
      );
      if (!(await busy)) throw notYet(`Glue crawler ${crawlerName(pipeline)} is crawling`);
    },
    tag: async (pipeline, _found, TagsToAdd) => {
      await glue.send(new TagResourceCommand({ ResourceArn: names(pipeline).crawlerArn, TagsToAdd }));
    },
    untag: async (pipeline, _found, TagsToRemove) => {
      await glue.send(new UntagResourceCommand({ ResourceArn: names(pipeline).crawlerArn, TagsToRemove }));
    },
    status: ({ State }) => STATUS[State!],
    costs: ({ State }) => ofCrawler(State === 'RUNNING'),
    remove: async (pipeline, { State }) => {
      const Name = crawlerName(pipeline);
      if (State === 'RUNNING') {
        await undefinedIfBusy(
          undefinedIfMissing(glue.send(new StopCrawlerCommand({ Name })), MISSING),
          'CrawlerNotRunningException',
          'CrawlerStoppingException',
        );
      } else if (State === 'READY') {
        // First, since nobody would look for it once the crawler is gone.
        await crawlerLog(clients).remove(pipeline);
        await undefinedIfBusy(undefinedIfMissing(glue.send(new DeleteCrawlerCommand({ Name })), MISSING), 'CrawlerRunningException');
      }
    },
  };
}

function configuration(pipeline: Pipeline): CreateCrawlerRequest {
  const { crawler: Name, roleArns, lakeDatabase, bucket, prefix } = names(pipeline);
  return {
    Name,
    Role: roleArns.crawler,
    DatabaseName: lakeDatabase,
    // Without a sample size each crawl reads every file of the lake, however old. What a sample does not tell of, `complete` adds.
    Targets: { S3Targets: LAKE_TABLES.map((table) => ({ Path: `s3://${bucket}/${prefix(table)}`, SampleSize: 1 })) },
    // An expired day, or a lake emptied by hand, must not take away the tables that the views stand on.
    SchemaChangePolicy: { UpdateBehavior: 'UPDATE_IN_DATABASE', DeleteBehavior: 'LOG' },
    RecrawlPolicy: { RecrawlBehavior: 'CRAWL_EVERYTHING' },
    Configuration: JSON.stringify({
      Version: 1,
      // Indexes, which the crawler makes unless told, would want rights of their own; queries here bound their partitions by an expression that no index serves.
      CreatePartitionIndex: false,
      Grouping: { TableGroupingPolicy: 'CombineCompatibleSchemas' },
      // A partition with columns of its own would be refused by Athena as HIVE_PARTITION_SCHEMA_MISMATCH.
      CrawlerOutput: { Partitions: { AddOrUpdateBehavior: 'InheritFromTable' }, Tables: { AddOrUpdateBehavior: 'MergeNewColumns' } },
    }),
  };
}

/** Glue gives a role back by its name, and the configuration as text. */
const comparable = ({ Role = '', Configuration = '{}', Targets, ...rest }: Crawler | CreateCrawlerRequest) => ({
  DatabaseName: rest.DatabaseName,
  SchemaChangePolicy: rest.SchemaChangePolicy,
  RecrawlPolicy: rest.RecrawlPolicy,
  Targets: { S3Targets: Targets?.S3Targets },
  Role: Role.split('/').at(-1),
  Configuration: JSON.parse(Configuration) as object,
});
