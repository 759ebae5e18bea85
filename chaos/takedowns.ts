import { setTimeout as delay } from 'node:timers/promises';
import { GetQueryExecutionCommand, ListQueryExecutionsCommand } from '@aws-sdk/client-athena';
import { GetCrawlerCommand } from '@aws-sdk/client-glue';
import { DescribeApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { CreateIngestionCommand, DescribeIngestionCommand, ListIngestionsCommand } from '@aws-sdk/client-quicksight';
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { scheduled, scheduleOptions } from '../activities/temporal/scheduled.ts';
import { startPipeline } from '../client/pipeline.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { taskQueue } from '../worker/connect.ts';
import { ACCOUNT, type Account } from './account.ts';
import { cleared } from './clearing.ts';
import { applyAndWait, awaitFlow, expectNothingLeft, inventoryOf, pauseAndWait, seen, smallGame, tearDown } from './life.ts';
import { randomOf } from './random.ts';
import { type Course, lived, type Run, until } from './run.ts';
import { stubbornly } from './somebody.ts';

/** How long something takes that is to be under way when the pipeline is taken down, in milliseconds. */
const LONG_MS = 60_000;
/** The same of what AWS lets nobody delete before it is made. */
const MAKING_MS = 4_000;
/** From the first create to well after the first refresh. */
const LIFE_MS = 14_000;
/** More than one page of a listing, and more than one call deletes. */
const FULL = 1_100;

/** A state that a pipeline may be in when it is taken down. */
interface State {
  /** Brings it there, from nothing. */
  reach(account: Account, course: Course, pipeline: Pipeline): Promise<unknown>;
  /** True if it is in that state now, as AWS says. */
  isMet(account: Account, pipeline: Pipeline): Promise<boolean>;
}

/** Has the pipeline come up, then goes on. */
const up =
  (then: State['reach']): State['reach'] =>
  async (account, course, pipeline) => {
    await applyAndWait(account, course, pipeline);
    await awaitFlow(account, course, pipeline);
    await then(account, course, pipeline);
  };

/** Starts what a schedule would, and waits for nothing. */
const begun = async ({ client }: Account, pipeline: Pipeline, what: string): Promise<void> => {
  const queue = taskQueue(pipeline);
  const each = scheduled(pipeline).find(({ name }) => name === what)!;
  const { workflowType, args } = scheduleOptions(pipeline, queue, each).action;
  await client.workflow.start(workflowType, { taskQueue: queue, workflowId: `${each.id}/by-hand`, args });
};

const applicationOf = async ({ aws }: Account, pipeline: Pipeline) => {
  const asked = new DescribeApplicationCommand({ ApplicationName: names(pipeline).application });
  return (await aws.kinesisAnalyticsV2.send(asked)).ApplicationDetail?.ApplicationStatus;
};

const half: State['isMet'] = async (account, { name }) => {
  const { state, stages = {} } = (await seen(account, name))?.pipeline ?? {};
  const all = Object.values(stages);
  return state === 'starting' && all.includes('ready') && all.includes('working') && all.includes('waiting');
};

/** The states by name, each held for as long as it takes. */
export const STATES: Record<string, State> = {
  'half provisioned': {
    reach: async (account, { signal }, pipeline) => {
      account.takes['delivery create'] = MAKING_MS;
      await startPipeline(account.client, { pipeline });
      await until(signal, async () => (await half(account, pipeline)) || undefined);
    },
    isMet: half,
  },
  'Flink starting': {
    reach: async (account, { signal }, pipeline) => {
      account.takes['application start'] = LONG_MS;
      await startPipeline(account.client, { pipeline });
      await until(signal, async () => ((await seen(account, pipeline.name))?.pipeline.stages.studio === 'ready' ? true : undefined));
      await until(signal, async () => ((await applicationOf(account, pipeline)) === 'STARTING' ? true : undefined));
    },
    isMet: async (account, pipeline) => (await applicationOf(account, pipeline)) === 'STARTING',
  },
  'Flink running': {
    reach: up(async () => undefined),
    isMet: async (account, pipeline) => {
      const { notebook } = (await seen(account, pipeline.name)) ?? {};
      return notebook?.state === 'running' && (await applicationOf(account, pipeline)) === 'RUNNING';
    },
  },
  'crawler running': {
    reach: up(async (account, { signal }, pipeline) => {
      account.takes.crawl = LONG_MS;
      await begun(account, pipeline, 'crawl');
      await until(signal, async () => (await STATES['crawler running']!.isMet(account, pipeline)) || undefined);
    }),
    isMet: async ({ aws }, pipeline) =>
      (await aws.glue.send(new GetCrawlerCommand({ Name: names(pipeline).crawler }))).Crawler?.State === 'RUNNING',
  },
  'bucket full': {
    reach: up(async ({ aws }, { signal }, pipeline) => {
      const Bucket = names(pipeline).bucket;
      const put = (i: number) => stubbornly(signal, () => aws.s3.send(new PutObjectCommand({ Bucket, Key: `lake/more/${i}`, Body: 'x' })));
      for (let i = 0; i < FULL; i += 100) await Promise.all(Array.from({ length: 100 }, (_, k) => put(i + k)));
    }),
    isMet: async ({ aws }, pipeline) =>
      (await aws.s3.send(new ListObjectVersionsCommand({ Bucket: names(pipeline).bucket }))).IsTruncated === true,
  },
  'bucket versioned, with an unfinished upload': {
    reach: up(async ({ aws }, { signal }, pipeline) => {
      const Bucket = names(pipeline).bucket;
      const which = { Bucket, Key: 'lake/more/versioned' };
      const versioned = { Bucket, VersioningConfiguration: { Status: 'Enabled' as const } };
      await stubbornly(signal, () => aws.s3.send(new PutBucketVersioningCommand(versioned)));
      for (const Body of ['one', 'two']) await stubbornly(signal, () => aws.s3.send(new PutObjectCommand({ ...which, Body })));
      await stubbornly(signal, () => aws.s3.send(new DeleteObjectCommand(which)));
      await stubbornly(signal, () => aws.s3.send(new CreateMultipartUploadCommand(which)));
    }),
    isMet: async ({ aws }, pipeline) => {
      const Bucket = names(pipeline).bucket;
      const { DeleteMarkers = [] } = await aws.s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'lake/more/' }));
      const { Uploads = [] } = await aws.s3.send(new ListMultipartUploadsCommand({ Bucket }));
      return DeleteMarkers.length > 0 && Uploads.length > 0;
    },
  },
  'refresh queued': {
    reach: up(async (account, { signal }, pipeline) => {
      account.takes.ingestion = LONG_MS;
      await begun(account, pipeline, 'history');
      await until(signal, async () => (await loads(account, pipeline)) || undefined);
      await account.aws.quicksight.send(new CreateIngestionCommand(second(pipeline)));
      await until(signal, async () => (await STATES['refresh queued']!.isMet(account, pipeline)) || undefined);
    }),
    isMet: async ({ aws }, pipeline) => {
      const { Ingestion } = await aws.quicksight.send(new DescribeIngestionCommand(second(pipeline)));
      return Ingestion?.IngestionStatus === 'INITIALIZED' || Ingestion?.IngestionStatus === 'QUEUED';
    },
  },
  'query running': {
    reach: up(async (account, { signal }, pipeline) => {
      account.takes.query = LONG_MS;
      await begun(account, pipeline, 'kills_total');
      await until(signal, async () => (await STATES['query running']!.isMet(account, pipeline)) || undefined);
    }),
    isMet: async ({ aws }, pipeline) => {
      const { QueryExecutionIds: [id] = [] } = await aws.athena.send(
        new ListQueryExecutionsCommand({ WorkGroup: names(pipeline).workgroup }),
      );
      const { QueryExecution } = await aws.athena.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
      return QueryExecution?.Status?.State === 'RUNNING' || QueryExecution?.Status?.State === 'QUEUED';
    },
  },
  'deeply paused': {
    reach: up((account, course, pipeline) => pauseAndWait(account, course, pipeline, true)),
    isMet: async (account, pipeline) => (await applicationOf(account, pipeline)) === 'READY',
  },
};

/** True once the product's own load runs: one made by hand before it would be joined, not queued behind it. */
const loads = async ({ aws }: Account, pipeline: Pipeline): Promise<boolean> => {
  const { AwsAccountId, DataSetId } = second(pipeline);
  const { Ingestions = [] } = await aws.quicksight.send(new ListIngestionsCommand({ AwsAccountId, DataSetId }));
  return Ingestions.some(({ IngestionStatus }) => IngestionStatus === 'RUNNING');
};

/** An ingestion by hand, behind the one that the product makes. */
const second = (pipeline: Pipeline) => ({
  AwsAccountId: pipeline.account,
  DataSetId: names(pipeline).dataSets.history,
  IngestionId: 'by-hand',
});

const gameOf = (number: number, random: () => number): Pipeline => ({
  ...parseSpec(smallGame(`takedown${number}`, Math.floor(random() * 2 ** 32), { local: { speed: 10 } })),
  account: ACCOUNT,
});

/** Takes a pipeline down: first in each named state, then at a random moment of a life in which everything takes a while. */
export function takedownRun(account: Account, number: number, seed: number, within: number): Promise<Run> {
  const random = randomOf(seed, number);
  const pipeline = gameOf(number, random);
  const [name, state] = Object.entries(STATES)[number - 1] ?? [];
  return lived(
    within,
    ['leftovers'],
    async (course) => {
      course.phase('the beginning');
      const before = await inventoryOf(account, pipeline);
      course.phase(name ?? 'life');
      if (state) {
        await state.reach(account, course, pipeline);
        if (!(await state.isMet(account, pipeline))) throw new Error(`the state did not hold until the take-down: ${name}`);
        course.run.blows.push(`taken down: ${name}`);
      } else await anyMoment(account, course, pipeline, random);
      course.phase('down');
      await tearDown(account, course, pipeline);
      course.phase('the end');
      await expectNothingLeft(account, course, pipeline, before);
    },
    (run) => {
      slowly(account, 0);
      return cleared(account, run, pipeline);
    },
  ).finally(() => slowly(account, 0));
}

async function anyMoment(account: Account, { run, signal }: Course, pipeline: Pipeline, random: () => number): Promise<void> {
  slowly(account, 300 + random() * 700);
  await startPipeline(account.client, { pipeline });
  const after = Math.round(random() * LIFE_MS);
  await delay(after, undefined, { signal });
  const now = await seen(account, pipeline.name);
  const ready = Object.values(now?.pipeline.stages ?? {}).filter((stage) => stage === 'ready').length;
  run.blows.push(
    `taken down after ${after} ms: ${now?.pipeline.state}, ${ready} stages ready, notebook ${now?.notebook?.state ?? 'not begun'}`,
  );
}

/** Has everything take so many milliseconds; 0: no time, as the profile has it. */
function slowly({ takes }: Account, milliseconds: number): void {
  for (const transition of Object.keys(takes) as (keyof typeof takes)[]) delete takes[transition];
  if (milliseconds === 0) return;
  for (const transition of [
    'stream create',
    'delivery create',
    'crawl',
    'query',
    'data source',
    'analysis',
    'dashboard version',
    'ingestion',
  ] as const)
    takes[transition] = milliseconds;
}
