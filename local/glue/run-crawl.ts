import { randomUUID } from 'node:crypto';
import type { LastCrawlStatus } from '@aws-sdk/client-glue';
import { type Aws, AwsError } from '../aws.ts';
import { writeLog } from '../cloudwatch-logs/events.ts';
import { createLogGroup, groupArn, groups, streams } from '../cloudwatch-logs/groups.ts';
import { createLogStream } from '../cloudwatch-logs/streams.ts';
import { acting } from '../crash.ts';
import { type CrawlSummary, crawl, crawlerRights } from './crawl.ts';
import { type CrawlerRecord, crawlers, crawls } from './crawlers.ts';
import { fallsOn } from './schedule.ts';

const LOG_GROUP = '/aws-glue/crawlers';
const CRAWLS_KEPT = 1000;

const underWay = new WeakMap<Aws, Map<string, { abort: AbortController; done: Promise<void> }>>();

/** Marks the crawler as running and starts its crawl in the background. */
export function beginCrawl(aws: Aws, crawler: Readonly<CrawlerRecord>): void {
  const running = { id: randomUUID(), started: new Date(aws.now()) };
  crawlers(aws).set(crawler.name, { ...crawler, running });
  aws.begins('crawl', crawler.name);
  note(aws, crawler.name, running, { State: 'RUNNING' });
  launch(aws, crawler.name);
}

/** Marks the crawler as stopping; its crawl ends as CANCELLED. */
export function cancelCrawl(aws: Aws, crawler: Readonly<CrawlerRecord>): void {
  crawlers(aws).set(crawler.name, { ...crawler, running: { ...crawler.running!, isStopping: true } });
  underWay.get(aws)?.get(crawler.name)?.abort.abort();
}

/**
 * Takes up the crawls that were under way when the process ended: Glue's own do not end with a user's machine, and a crawl done
 * twice changes nothing. Then starts crawls by their schedules; ends with the local AWS.
 */
export function resumeCrawls(aws: Aws): void {
  for (const { name, running } of crawlers(aws).values()) if (running) launch(aws, name);
  const minute = 60_000;
  const closing = new AbortController();
  const everyMinute = async () => {
    for (;;) {
      await aws.sleep(minute - (aws.now() % minute), closing.signal);
      if (closing.signal.aborted) return;
      await tick(aws);
    }
  };
  const ticking = everyMinute().catch((error: Error) => aws.log('glue', `the schedule of the crawlers ended: ${error.stack}`));
  aws.onClose(async () => {
    closing.abort();
    await ticking;
    const all = [...(underWay.get(aws)?.values() ?? [])];
    underWay.delete(aws);
    for (const { abort } of all) abort.abort();
    await Promise.all(all.map(({ done }) => done));
  });
}

async function tick(aws: Aws): Promise<void> {
  for (const crawler of crawlers(aws).values()) {
    const schedule = crawler.input.Schedule;
    if (schedule && !crawler.running && fallsOn(schedule, new Date(aws.now()))) beginCrawl(aws, crawler);
  }
  await aws.journal.commit();
}

function launch(aws: Aws, name: string): void {
  const runs = underWay.get(aws) ?? underWay.set(aws, new Map()).get(aws)!;
  const abort = new AbortController();
  const done = run(aws, name, abort.signal).catch((error: Error) => aws.log('glue', `crawler ${name}: ${error.stack}`));
  runs.set(name, { abort, done });
}

async function run(aws: Aws, name: string, signal: AbortSignal): Promise<void> {
  const { input, running } = crawlers(aws).get(name)!;
  if (running!.isStopping) return end(aws, name, 'CANCELLED');
  try {
    const { summary, errors } = await acting(aws, 'glue', 'Crawl', () => crawl(aws, name, input, signal));
    await aws.sleep(running!.started.getTime() + aws.takes('crawl', name) - aws.now(), signal);
    if (signal.aborted) throw new Error('the crawl was stopped');
    for (const error of errors) await log(aws, name, `ERROR : ${error}`);
    await log(aws, name, finished('SUCCEEDED'));
    end(aws, name, 'SUCCEEDED', { summary });
  } catch (error) {
    if (signal.aborted) {
      // At shutdown the crawler stays marked as running, so that the next start takes the crawl up.
      if (!underWay.has(aws)) return;
      await log(aws, name, finished('CANCELLED'));
      end(aws, name, 'CANCELLED');
    } else {
      if (!(error instanceof AwsError)) aws.log('glue', `crawler ${name}: ${(error as Error).stack}`);
      const { message } = error as Error;
      await log(aws, name, message);
      end(aws, name, 'FAILED', { message });
    }
  }
  await aws.journal.commit();
}

const finished = (status: LastCrawlStatus) => `BENCHMARK : Crawler has finished running: ${status}`;

/**
 * Says what a crawl has to say where AWS says it: in a stream that the crawler makes itself in its role. Without the rights to that, the crawl is as good without a log.
 * It is written before the crawl has ended: a crawler that is ready can be deleted, and writes nothing more.
 */
async function log(aws: Aws, name: string, said: string): Promise<void> {
  const { running, input } = crawlers(aws).get(name)!;
  const may = crawlerRights(aws, input);
  const stream = `${groupArn(aws, LOG_GROUP)}:log-stream:${name}`;
  try {
    if (!groups(aws).has(LOG_GROUP)) {
      may('logs:CreateLogGroup', groupArn(aws, LOG_GROUP));
      await createLogGroup({ logGroupName: LOG_GROUP }, aws);
    }
    if (!streams(aws).has(`${LOG_GROUP}:${name}`)) {
      may('logs:CreateLogStream', stream);
      await createLogStream({ logGroupName: LOG_GROUP, logStreamName: name }, aws);
    }
    may('logs:PutLogEvents', stream);
    await writeLog(aws, LOG_GROUP, name, `[${running!.id}] ${said}`);
    await aws.journal.commit();
  } catch (error) {
    aws.log('glue', `crawler ${name} writes no log: ${(error as Error).message}`);
  }
}

function end(
  aws: Aws,
  name: string,
  status: LastCrawlStatus,
  { summary, message }: { summary?: CrawlSummary; message?: string } = {},
): void {
  const { running, ...crawler } = crawlers(aws).get(name)!;
  const ended = new Date(aws.now());
  const where = { LogGroup: LOG_GROUP, LogStream: name, MessagePrefix: running!.id, StartTime: running!.started, ErrorMessage: message };
  crawlers(aws).set(name, { ...crawler, ended, last: { Status: status, ...where } });
  aws.begins('crawler stop', name);
  const state = status === 'SUCCEEDED' ? 'COMPLETED' : status === 'CANCELLED' ? 'STOPPED' : 'FAILED';
  note(aws, name, running!, { State: state, EndTime: ended, ErrorMessage: message, Summary: summary && JSON.stringify(summary) });
  underWay.get(aws)?.delete(name);
  const old = crawls(aws)
    .keys()
    .filter((key) => key.startsWith(`${name}/`))
    .sort()
    .slice(0, -CRAWLS_KEPT);
  for (const key of old) crawls(aws).delete(key);
}

/** Nothing is billed here, so a crawl takes 0 DPU hours. */
function note(aws: Aws, name: string, { id, started }: { id: string; started: Date }, about: object): void {
  const key = `${name}/${started.toISOString()}`;
  crawls(aws).set(key, { CrawlId: id, StartTime: started, DPUHour: 0, LogGroup: LOG_GROUP, LogStream: name, MessagePrefix: id, ...about });
}
