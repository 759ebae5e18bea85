import type { CreateCrawlerRequest } from '@aws-sdk/client-glue';
import { type Aws, awsError } from '../aws.ts';
import { assertAssumable } from '../iam/assume.ts';
import { glueArn } from './catalog.ts';
import { checkSchedule } from './schedule.ts';

/** Checks what CreateCrawler and UpdateCrawler are given; throws InvalidInputException in Glue's words. */
export function checkCrawler(aws: Aws, input: Omit<CreateCrawlerRequest, 'Tags'>): void {
  const name = input.Name ?? '';
  if (name === '' || name.length > 255 || /[\r\n\t]/.test(name))
    throw awsError('InvalidInputException', `Crawler name '${name}' is not valid.`);
  checkTargets(input);
  checkRole(aws, input);
  if (!input.DatabaseName) throw awsError('InvalidInputException', 'Database name cannot be empty for crawlers with S3 targets');
  if (input.Schedule) checkSchedule(input.Schedule);
  checkConfiguration(input.Configuration);
  if (input.Classifiers && input.Classifiers.length > 0)
    throw awsError('EntityNotFoundException', `Classifier ${input.Classifiers[0]} not found.`);
  const { RecrawlBehavior: recrawl } = input.RecrawlPolicy ?? {};
  if (recrawl === 'CRAWL_EVENT_MODE')
    throw awsError('InvalidInputException', 'Event mode needs an SQS queue: EventQueueArn is missing in the S3 target.');
  const { UpdateBehavior: update, DeleteBehavior: remove } = input.SchemaChangePolicy ?? {};
  if (recrawl === 'CRAWL_NEW_FOLDERS_ONLY' && !(update === 'LOG' && remove === 'LOG'))
    throw awsError(
      'InvalidInputException',
      'The SchemaChangePolicy for "Crawl new folders only" Amazon S3 target can have only LOG DeleteBehavior value and LOG UpdateBehavior value.',
    );
}

/** The ARN of a crawler's role, which may be given by its name. */
export const crawlerRole = (aws: Aws, role = ''): string => (role.startsWith('arn:') ? role : `arn:aws:iam::${aws.account}:role/${role}`);

/** Throws InvalidInputException unless Glue can assume the crawler's role. */
export function checkRole(aws: Aws, { Name: name = '', Role: role }: Pick<CreateCrawlerRequest, 'Name' | 'Role'>): void {
  assertAssumable(aws, crawlerRole(aws, role), 'glue.amazonaws.com', 'InvalidInputException', glueArn(aws, `crawler/${name}`));
}

/**
 * What a crawler's configuration says of its output: whether a table that is there keeps the parameters that are not the crawler's (MergeNewColumns), whether partitions
 * become as their table is (InheritFromTable), and whether tables get a partition index, as they do unless it says no.
 */
export function outputOf({ Configuration: text }: Pick<CreateCrawlerRequest, 'Configuration'>): {
  keepsParameters: boolean;
  inherits: boolean;
  indexes: boolean;
} {
  const { CrawlerOutput: output, CreatePartitionIndex: indexes = true } = JSON.parse(text || '{}') as CrawlerConfiguration;
  return {
    keepsParameters: output?.Tables?.AddOrUpdateBehavior === 'MergeNewColumns',
    inherits: output?.Partitions?.AddOrUpdateBehavior === 'InheritFromTable',
    indexes,
  };
}

interface CrawlerConfiguration {
  Version?: number;
  CrawlerOutput?: Record<string, { AddOrUpdateBehavior?: string }>;
  Grouping?: object;
  CreatePartitionIndex?: boolean;
}

function checkTargets({ Targets: targets = {} }: Omit<CreateCrawlerRequest, 'Tags'>): void {
  const { S3Targets: s3 = [], ...others } = targets;
  for (const [kind, list] of Object.entries(others))
    if (list && list.length > 0) throw awsError('InvalidInputException', `The local AWS crawls S3 targets only, not ${kind}.`);
  if (s3.length === 0) throw awsError('InvalidInputException', 'At least one target must be specified');
  for (const { Path: path = '', Exclusions: exclusions = [], SampleSize: size } of s3) {
    if (!/^(s3:\/\/)?[a-z0-9.-]{3,63}(\/.*)?$/.test(path)) throw awsError('InvalidInputException', `The S3 path '${path}' is not valid.`);
    if (size !== undefined && (size < 1 || size > 249)) throw awsError('InvalidInputException', 'SampleSize must be between 1 and 249.');
    if (exclusions.length > 100) throw awsError('InvalidInputException', 'At most 100 exclusions are allowed.');
  }
}

function checkConfiguration(text: string | undefined): void {
  if (text === undefined || text === '') return;
  let configuration: CrawlerConfiguration;
  try {
    configuration = JSON.parse(text) as CrawlerConfiguration;
  } catch {
    throw awsError('InvalidInputException', 'Crawler configuration is not valid JSON.');
  }
  const { Version: version, CreatePartitionIndex: index, Grouping: _grouping, CrawlerOutput: _output, ...others } = configuration;
  if (version !== 1) throw awsError('InvalidInputException', 'Crawler configuration must have Version 1.0.');
  if (index !== undefined && typeof index !== 'boolean')
    throw awsError('InvalidInputException', `CreatePartitionIndex must be true or false, not ${JSON.stringify(index)}.`);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw awsError('InvalidInputException', `Crawler configuration contains unsupported keys: ${unknown}.`);
}
