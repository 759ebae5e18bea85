import { ApplicationFailure, condition, isCancellation, log, patched, proxyActivities, sleep } from '@temporalio/workflow';
import type { Calls } from '../activities/calls.ts';
import type { Activities } from '../activities/index.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, speedOf } from '../pipeline/spec.ts';
import { QUICK } from './activity-options.ts';
import { abandonedChild } from './children.ts';
import { rootCause, rootMessage } from './failure.ts';
import type { PipelineStatus } from './messages.ts';
import { replacingStale } from './run-child.ts';
import { callsOf, crawl } from './scheduled.ts';

const act = proxyActivities<Activities>({ ...QUICK, summary: 'which tables there are' });

/** The first windows and the first buffer take less, unless the SQL does not run. */
const DELIVERY_PATIENCE = '20 minutes';
/** Each is paid for. What is delivered a little later than the rest is there by the second. */
const MOST_CRAWLS = 6;
/** Until a crawl is tried again that failed, of AWS's time. */
const AGAIN_MS = 30_000;

/** Crawls what has been delivered until there is a table of everything. A crawl that Glue fails or somebody stops is one of those that it may take. */
export async function makeTables(pipeline: Pipeline, status: PipelineStatus): Promise<Calls> {
  const calls: Partial<Calls>[] = [];
  for (let count = 1; ; count++) {
    calls.push(await delivered(pipeline, status));
    try {
      const crawled = await firstCrawl(pipeline, status);
      calls.push(crawled);
      status.crawls = crawled.seen ?? status.crawls;
      status.tables = await act['lake.tabled'](pipeline, crawled.tables);
    } catch (error) {
      if (!mayPass(error) || count === MOST_CRAWLS) throw error;
      log.warn(`the first crawl is tried again: ${rootMessage(error)}`);
      await sleep(AGAIN_MS / speedOf(pipeline), { summary: 'until a crawl that failed is tried again' });
      continue;
    }
    if (status.tables) return callsOf(...calls);
    if (count === MOST_CRAWLS) throw noTables(count);
    await sleep('2 seconds', { summary: 'until more has been delivered' });
  }
}

/** Returns once something of everything has been delivered. */
async function delivered(pipeline: Pipeline, status: PipelineStatus): Promise<Calls> {
  for (;;) {
    const { pauses, desired } = status;
    try {
      const options = { summary: 'the first delivery', scheduleToCloseTimeout: DELIVERY_PATIENCE } as const;
      return await act['lake.delivered'].executeWithOptions(options, [pipeline]);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const wasPaused = status.paused || ((desired.paused || status.pauses !== pauses) && patched('paused-meanwhile'));
      if (!wasPaused) throw nothingDelivered(error);
      // Nothing could be delivered: the patience begins anew once it goes on.
      await condition(() => !status.paused);
    }
  }
}

function firstCrawl(pipeline: Pipeline, { crawls: seen }: PipelineStatus): ReturnType<typeof crawl> {
  const options = abandonedChild(pipeline, names(pipeline).workflows.crawl, 'the first crawl, which makes the tables');
  return replacingStale(crawl, { ...options, args: [{ pipeline, seen }] });
}

function mayPass(error: unknown): boolean {
  const cause = rootCause(error);
  return cause instanceof ApplicationFailure && cause.type === 'CrawlFailed';
}

const nothingDelivered = (error: unknown) =>
  ApplicationFailure.nonRetryable(
    `within ${DELIVERY_PATIENCE} ${rootMessage(error)}; npx d2d status says how generator and notebook are`,
    'NothingDelivered',
  );

const noTables = (crawls: number) =>
  ApplicationFailure.nonRetryable(
    `after ${crawls} crawls some table is still missing; its files or the crawler are not as they should be`,
    'NoTables',
  );
