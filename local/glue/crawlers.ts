import type {
  Crawler,
  CrawlerHistory,
  CreateCrawlerRequest,
  DeleteCrawlerRequest,
  GetCrawlerRequest,
  GetCrawlerResponse,
  GetCrawlersRequest,
  GetCrawlersResponse,
  LastCrawlInfo,
  ListCrawlersRequest,
  ListCrawlersResponse,
  ListCrawlsRequest,
  ListCrawlsResponse,
  StartCrawlerRequest,
  StopCrawlerRequest,
  UpdateCrawlerRequest,
} from '@aws-sdk/client-glue';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { glueArn, tags } from './catalog.ts';
import { checkCrawler } from './crawler-input.ts';
import { pageOf } from './page.ts';
import { beginCrawl, cancelCrawl } from './run-crawl.ts';

/** A crawler as the catalog keeps it. While `running` is set a crawl is under way, also across a restart. */
export interface CrawlerRecord {
  name: string;
  input: Omit<CreateCrawlerRequest, 'Tags'>;
  created: Date;
  updated: Date;
  version: number;
  running?: { id: string; started: Date; isStopping?: true };
  /** When the last crawl ended. */
  ended?: Date;
  last?: LastCrawlInfo;
}

/** The catalog's crawlers, by name. */
export const crawlers = (aws: Aws) => aws.journal.table<CrawlerRecord>('glue.crawlers');

/** Every crawl, by `<crawler>/<start>`. */
export const crawls = (aws: Aws) => aws.journal.table<CrawlerHistory>('glue.crawls');

/** The crawler, or EntityNotFoundException. */
export function crawlerOf(aws: Aws, name = ''): Readonly<CrawlerRecord> {
  const crawler = crawlers(aws).get(name);
  if (!crawler) throw awsError('EntityNotFoundException', `Crawler with name ${name} does not exist`);
  return crawler;
}

export const createCrawler: Operation<CreateCrawlerRequest, void> = ({ Tags: given, ...input }, aws) => {
  const name = input.Name ?? '';
  checkCrawler(aws, input);
  if (crawlers(aws).has(name)) throw awsError('AlreadyExistsException', `Crawler with name ${name} already exists`);
  const now = new Date(aws.now());
  crawlers(aws).set(name, { name, input, created: now, updated: now, version: 1 });
  if (given && Object.keys(given).length > 0) tags(aws).set(glueArn(aws, `crawler/${name}`), given);
};

export const getCrawler: Operation<GetCrawlerRequest, GetCrawlerResponse> = ({ Name: name }, aws) => ({
  Crawler: shown(aws, crawlerOf(aws, name)),
});

export const getCrawlers: Operation<GetCrawlersRequest, GetCrawlersResponse> = ({ NextToken: token, MaxResults: size }, aws) => {
  const { items, next } = pageOf(inOrder(aws), { token, size });
  return { Crawlers: items.map((crawler) => shown(aws, crawler)), NextToken: next };
};

export const listCrawlers: Operation<ListCrawlersRequest, ListCrawlersResponse> = (
  { NextToken: token, MaxResults: size, Tags: wanted = {} },
  aws,
) => {
  const fitting = inOrder(aws).filter(({ name }) => {
    const own = tags(aws).get(glueArn(aws, `crawler/${name}`)) ?? {};
    return Object.entries(wanted).every(([key, value]) => own[key] === value);
  });
  const { items, next } = pageOf(fitting, { token, size });
  return { CrawlerNames: items.map(({ name }) => name), NextToken: next };
};

export const updateCrawler: Operation<UpdateCrawlerRequest, void> = (input, aws) => {
  const before = crawlerOf(aws, input.Name);
  refuseWhileRunning(aws, before);
  const next = { ...before.input, ...Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) };
  checkCrawler(aws, next);
  crawlers(aws).set(before.name, { ...before, input: next, updated: new Date(aws.now()), version: before.version + 1 });
};

export const deleteCrawler: Operation<DeleteCrawlerRequest, void> = ({ Name: name }, aws) => {
  const crawler = crawlerOf(aws, name);
  refuseWhileRunning(aws, crawler);
  crawlers(aws).delete(crawler.name);
  for (const key of crawls(aws).keys()) if (key.startsWith(`${crawler.name}/`)) crawls(aws).delete(key);
  tags(aws).delete(glueArn(aws, `crawler/${crawler.name}`));
};

export const startCrawler: Operation<StartCrawlerRequest, void> = ({ Name: name }, aws) => {
  const crawler = crawlerOf(aws, name);
  refuseWhileRunning(aws, crawler);
  beginCrawl(aws, crawler);
};

export const stopCrawler: Operation<StopCrawlerRequest, void> = ({ Name: name }, aws) => {
  const crawler = crawlerOf(aws, name);
  const state = stateOf(aws, crawler);
  if (state === 'STOPPING') throw awsError('CrawlerStoppingException', `Crawler with name ${name} is already stopping`);
  if (state !== 'RUNNING') throw awsError('CrawlerNotRunningException', `Crawler with name ${name} isn't running`);
  cancelCrawl(aws, crawler);
};

export const listCrawls: Operation<ListCrawlsRequest, ListCrawlsResponse> = (
  { CrawlerName: name, MaxResults: size = 20, NextToken: token, Filters: filters },
  aws,
) => {
  if (filters && filters.length > 0) throw awsError('InvalidInputException', 'The local AWS lists crawls without filters only.');
  const crawler = crawlerOf(aws, name);
  const all = crawls(aws)
    .entries()
    .filter(([key]) => key.startsWith(`${crawler.name}/`))
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([, crawl]) => crawl);
  const { items, next } = pageOf(all, { token, size });
  return { Crawls: items, NextToken: next };
};

/** RUNNING while a crawl is under way; STOPPING when told to stop, and for the profile's settling time after its end; then READY. */
export function stateOf(aws: Aws, { name, running, ended }: Readonly<CrawlerRecord>): 'READY' | 'RUNNING' | 'STOPPING' {
  if (running) return running.isStopping ? 'STOPPING' : 'RUNNING';
  return ended && aws.now() - ended.getTime() < aws.takes('crawler stop', name) ? 'STOPPING' : 'READY';
}

function refuseWhileRunning(aws: Aws, crawler: Readonly<CrawlerRecord>): void {
  if (stateOf(aws, crawler) !== 'READY') throw awsError('CrawlerRunningException', `Crawler with name ${crawler.name} has already started`);
}

const inOrder = (aws: Aws) =>
  crawlers(aws)
    .values()
    .sort((a, b) => (a.name < b.name ? -1 : 1));

function shown(aws: Aws, crawler: Readonly<CrawlerRecord>): Crawler {
  const { Schedule: schedule, Role: role = '', Targets: targets, ...input } = crawler.input;
  const end = crawler.running ? aws.now() : (crawler.ended?.getTime() ?? 0);
  const start = (crawler.running?.started ?? crawler.last?.StartTime)?.getTime();
  return {
    ...input,
    Role: role.replace(/^arn:aws:iam::\d+:role\//, ''),
    Targets: { S3Targets: [], JdbcTargets: [], MongoDBTargets: [], DynamoDBTargets: [], CatalogTargets: [], DeltaTargets: [], ...targets },
    Classifiers: input.Classifiers ?? [],
    RecrawlPolicy: { RecrawlBehavior: 'CRAWL_EVERYTHING', ...input.RecrawlPolicy },
    SchemaChangePolicy: { UpdateBehavior: 'UPDATE_IN_DATABASE', DeleteBehavior: 'DEPRECATE_IN_DATABASE', ...input.SchemaChangePolicy },
    LineageConfiguration: { CrawlerLineageSettings: 'DISABLE', ...input.LineageConfiguration },
    LakeFormationConfiguration: { UseLakeFormationCredentials: false, AccountId: '', ...input.LakeFormationConfiguration },
    ...(schedule && { Schedule: { ScheduleExpression: schedule, State: 'SCHEDULED' as const } }),
    State: stateOf(aws, crawler),
    CrawlElapsedTime: start === undefined ? 0 : Math.max(0, end - start),
    CreationTime: crawler.created,
    LastUpdated: crawler.updated,
    LastCrawl: crawler.last,
    Version: crawler.version,
  };
}
