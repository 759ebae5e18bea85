import { setTimeout as delay } from 'node:timers/promises';
import { GetQueryExecutionCommand, GetQueryResultsCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { type Clients, clients } from '../activities/aws.ts';
import { pollUntil } from '../activities/poll.ts';
import { names } from '../pipeline/names.ts';
import { heartbeat, laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { WATERMARK_SECONDS } from '../pipeline/windows.ts';
import { bringUp, crawl } from '../test/dashboard-lake.ts';
import { endAws, startAws } from '../test/local/studio-process.ts';
import { studioOf } from '../test/studio-metrics.ts';
import { type Figure, limited, quantile } from './figure.ts';

const RATE = 200;
const WINDOW_MS = 1_000;
const TICK_MS = 100;
/** A measurement begins and ends within an hour: the partition of the next one would have to be crawled first. */
const MOST_MS = 6 * 60_000;
const FIRST_DELIVERY_MS = 120_000;
const STAGES: Stage[] = ['bucket', 'firehoseRole', 'firehoseLogs', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup'];

/** When the watermark passed a window's end: when the record that moves it there was in the stream, by the window's end. */
type Passed = Map<number, number>;

/** From the watermark passing a window's end to its row in Athena, p95, when Firehose buffers for `seconds`; it has to be `limit` seconds at most. */
export async function freshness(dir: string, seconds: number, limit: number): Promise<Figure[]> {
  const spec = parseSpec({ name: `fresh-${seconds}`, shards: 1, windowSeconds: WINDOW_MS / 1000, delivery: { seconds } });
  const pipeline: Pipeline = { ...spec, account: '000000000000' };
  const left = HOUR_MS - (Date.now() % HOUR_MS);
  if (left < MOST_MS) await delay(left);
  const process = await startAws(dir);
  const aws = clients(process.config);
  const stop = new AbortController();
  try {
    await bringUp(aws, STAGES, pipeline);
    const studio = studioOf(aws, pipeline);
    await studio.bringUp();
    await bringUp(aws, ['eventsDelivery', 'playerDelivery'], pipeline);
    const passed: Passed = new Map();
    const sending = send(studio.put, passed, stop.signal);
    await pollUntil(() => isDelivered(aws, pipeline), Boolean, { within: FIRST_DELIVERY_MS, what: 'the first delivery' });
    await crawl(aws, pipeline);
    const delays = await measured(aws, pipeline, passed, Math.max(40_000, 3 * seconds * 1000));
    stop.abort();
    await sending;
    const what = `window in Athena, p95, buffering ${seconds} s`;
    return [
      limited(
        what,
        's',
        quantile(delays, 0.95),
        limit,
        `${delays.length} windows of a second; the median ${quantile(delays, 0.5).toFixed(2)} s`,
      ),
    ];
  } finally {
    stop.abort();
    for (const client of Object.values(aws)) client.destroy();
    await endAws(process, 'SIGTERM');
  }
}

/** Sends the events of a game as they happen, and notes when the watermark passes the end of a window. */
async function send(put: ReturnType<typeof studioOf>['put'], passed: Passed, signal: AbortSignal): Promise<void> {
  const trouble = { late: 0, duplicate: 0, malformed: 0, oversized: 0 };
  const events = laneOf({ run: 'fresh', seed: 1, players: 40, lanes: 1, trouble, lateAfter: 1000 }, 0);
  let next = Date.now();
  let ended = Math.ceil(next / WINDOW_MS) * WINDOW_MS;
  while (!signal.aborted) {
    const sent: string[] = [];
    for (; next <= Date.now(); next += 1000 / RATE) sent.push(events.next(next));
    sent.push(JSON.stringify(heartbeat('fresh', 0, Date.now())));
    const latest = Date.now();
    await put(sent.map((json) => ({ json, key: '0' })));
    for (; ended + WATERMARK_SECONDS * 1000 <= latest; ended += WINDOW_MS) passed.set(ended, Date.now());
    await delay(TICK_MS);
  }
}

/** How long each window took that came to Athena in this time, in seconds. */
async function measured(aws: Clients, pipeline: Pipeline, passed: Passed, milliseconds: number): Promise<number[]> {
  const delays: number[] = [];
  let seen = await newestWindow(aws, pipeline);
  for (const end = Date.now() + milliseconds; Date.now() < end; ) {
    const newest = await newestWindow(aws, pipeline);
    const now = Date.now();
    for (let window = seen + WINDOW_MS; window <= newest; window += WINDOW_MS)
      if (passed.has(window)) delays.push((now - passed.get(window)!) / 1000);
    seen = Math.max(seen, newest);
    await delay(TICK_MS);
  }
  return delays;
}

/** The end of the newest window that a query finds, milliseconds since the epoch; 0 if there is none. */
async function newestWindow({ athena }: Clients, pipeline: Pipeline): Promise<number> {
  const { lakeDatabase, workgroup: WorkGroup } = names(pipeline);
  const hour = new Date().toISOString().slice(0, 13).replace(/\D/g, '');
  const QueryString = `SELECT max(window_end) FROM ${lakeDatabase}.player_metrics WHERE year || month || day || hour = '${hour}'`;
  const { QueryExecutionId } = await athena.send(new StartQueryExecutionCommand({ QueryString, WorkGroup }));
  const look = async () => (await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution?.Status?.State ?? '';
  const state = await pollUntil(look, (is) => is !== 'QUEUED' && is !== 'RUNNING', { within: 20_000, what: 'the query' });
  if (state !== 'SUCCEEDED') throw new Error(`the query ended as ${state}`);
  const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
  const text = ResultSet?.Rows?.[1]?.Data?.[0]?.VarCharValue;
  return text === undefined ? 0 : Date.parse(`${text}Z`);
}

async function isDelivered({ s3 }: Clients, pipeline: Pipeline): Promise<boolean> {
  const { bucket: Bucket, prefix } = names(pipeline);
  return ((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix('player_metrics') }))).KeyCount ?? 0) > 0;
}
