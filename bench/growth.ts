import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { auditActivities } from '../activities/audit/audit.ts';
import type { PlaceName } from '../activities/audit/places.ts';
import { type Clients, clients } from '../activities/aws.ts';
import { createActivities } from '../activities/index.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { crawled } from '../test/audit-lake.ts';
import { cancelled } from '../test/cancelled.ts';
import { bringUp } from '../test/dashboard-lake.ts';
import { matchFrom, metricsRows, putRows } from '../test/lake.ts';
import { type AwsProcess, endAws, startAws } from '../test/local/studio-process.ts';
import { begin } from '../workflows/cursor.ts';
import type { generate } from '../workflows/generate.ts';
import { type GeneratorState, generatorQuery } from '../workflows/messages.ts';
import { type Figure, flat, limited, round } from './figure.ts';
import { ownMegabytes, residentMegabytes } from './memory.ts';
import { cpuSeconds } from './producer/cpu.ts';
import { onServer, type Server } from './server.ts';

/** Events and shards of each row: what is compared is one column at a time. */
const ROWS = [
  { events: 100_000, shards: 16 },
  { events: 1_000_000, shards: 16 },
  { events: 10_000_000, shards: 16 },
  { events: 100_000, shards: 1 },
  { events: 100_000, shards: 4 },
] as const;
/** It goes first and is not counted: then the worker's code is compiled. */
const WARM_UP = { events: 50_000, shards: 4 };
/** Flat is what takes at most this many times as much as the least of the rows before: time an event, and memory. */
const FLAT = 1.5;
/** Memory is compared from here on: before, a process has not met everything that it loads and keeps. */
const FILLED = 1_000_000;
/** Of the SQL engine: the 512 MB of its data, and itself. */
const ENGINE_MEGABYTES = 1_024;
/** A run continues as new long before, whatever it has sent. */
const MOST_HISTORY = 2_000;
const STAGES: Stage[] = [
  'bucket',
  'firehoseRole',
  'firehoseLogs',
  'crawlerRole',
  'lakeDatabase',
  'crawler',
  'workgroup',
  'events',
  'eventsDelivery',
];
const LOOK_MS = 200;
const PATIENCE_MS = 30 * 60_000;
const QUIET_MS = 5_000;
/** The game's name. */
const RUN = 'growth00';

/**
 * What a row came to: microseconds an event, of these steps and of the CPU of worker and local AWS in all of them; the seconds of the whole audit, which is all steps but
 * the first; megabytes at most; and the longest history of a run of the generator's workflow, in events.
 */
interface Row {
  events: number;
  shards: number;
  sent: number;
  generated: number;
  stream: number;
  lake: number;
  athena: number;
  twice: number;
  audit: number;
  cpu: number;
  worker: number;
  localAws: number;
  engine: number;
  history: number;
}

/**
 * The generator's workflow at its fastest, into the local AWS and through its Firehose into S3, then all counts of an audit but those of the metrics, which are
 * Flink's: events from 10^5 to 10^7 (or `most`), shards from 1 to 16. Each row begins with nothing. Every place has to hold exactly what was sent.
 */
export async function growth(most = Number.POSITIVE_INFINITY): Promise<Figure[]> {
  const rows: Row[] = [];
  if (most < ROWS[0].events) throw new Error(`growth begins with ${ROWS[0].events} events; --events ${most} leaves nothing to measure`);
  await onServer((server) => measured(server, WARM_UP));
  for (const row of ROWS.filter(({ events }) => events <= most)) {
    rows.push(await onServer((server) => measured(server, row)));
    process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
  }
  const table = rows.map(({ events, shards, ...row }) => `${events} over ${shards}: ${JSON.stringify(row)}`).join('; ');
  const many = rows.filter(({ shards }) => shards === ROWS[0].shards);
  const filled = many.filter(({ events }) => events >= FILLED);
  const few = rows.filter(({ events }) => events === ROWS[0].events).sort((a, b) => a.shards - b.shards);
  return [
    ...flat('growth with events, time an event', many, ({ events, sent, audit }) => sent + (audit * 1e6) / events, FLAT, table),
    limited('growth, longest history of a run', 'events', Math.max(...rows.map(({ history }) => history)), MOST_HISTORY),
    ...flat('growth with events, memory of the worker', filled, ({ worker }) => worker, FLAT),
    ...flat('growth with events, memory of the local AWS', filled, ({ localAws }) => localAws, FLAT),
    limited('growth, memory of the SQL engine', 'MB', Math.max(...rows.map(({ engine }) => engine)), ENGINE_MEGABYTES),
    // Not the time: at their fastest, more shards send more a second.
    ...flat('growth with shards, CPU an event of worker and local AWS', few, ({ cpu }) => cpu, FLAT),
  ];
}

async function measured(server: Server, { events, shards }: { events: number; shards: number }): Promise<Row> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  const local = await startAws(dir);
  const aws = clients(local.config);
  const spec = parseSpec({ name: 'growth', delivery: { seconds: 1 }, generator: { rate: 'max', total: events, players: 1_000 } });
  // More shards than the local Flink reads without loss; it does not run here.
  const pipeline: Pipeline = { ...spec, shards, account: '000000000000' };
  const peak = { worker: 0, localAws: 0, engine: 0 };
  const watching = setInterval(() => {
    peak.worker = Math.max(peak.worker, process.memoryUsage().rss / 2 ** 20);
    const [own, all] = [ownMegabytes(local.process.pid!), residentMegabytes(local.process.pid!)];
    peak.localAws = Math.max(peak.localAws, own);
    peak.engine = Math.max(peak.engine, all - own);
  }, LOOK_MS);
  try {
    await bringUp(aws, STAGES, pipeline);
    const spent = cpuOf(local.process.pid!);
    const { seconds, history } = await played(server, local, pipeline, events, spent.during);
    const sent = round((seconds * 1e6) / events, 2);
    await spent.during(() => delivered(aws, pipeline));
    await crawlWithMetrics(aws, pipeline);
    const audited = await audit(auditActivities(aws, local.config), pipeline, events, spent.during);
    const cpu = round((spent.seconds() * 1e6) / events, 2);
    const [worker, localAws, engine] = [peak.worker, peak.localAws, peak.engine].map(Math.round) as [number, number, number];
    return { events, shards, sent, ...audited, cpu, history, worker, localAws, engine };
  } finally {
    clearInterval(watching);
    for (const client of Object.values(aws)) client.destroy();
    await endAws(local, 'SIGTERM');
    await rm(dir, { recursive: true, force: true });
  }
}

/** Every count of an audit, one after the other; each has to agree with what was sent. */
async function audit(
  counting: ReturnType<typeof auditActivities>,
  pipeline: Pipeline,
  events: number,
  during: <Result>(work: () => Promise<Result>) => Promise<Result>,
): Promise<Pick<Row, 'generated' | 'stream' | 'lake' | 'athena' | 'twice' | 'audit'>> {
  const beginning = performance.now();
  const perEvent = async <Result>(activityId: string, count: () => Promise<Result>, isRight: (result: Result) => boolean) => {
    const began = performance.now();
    const result = (await during(() => new MockActivityEnvironment({ activityId }).run(count))) as Result;
    if (!isRight(result)) throw new Error(`${activityId} of ${events} events: ${JSON.stringify(result).slice(0, 2000)}`);
    return round(((performance.now() - began) * 1000) / events, 2);
  };
  const inPlace = (place: PlaceName) =>
    perEvent(
      place,
      () => counting['audit.count'](pipeline, place),
      ({ events: found, missing, altered, copies, unknown }) => found === events && missing + altered + copies.unexplained + unknown === 0,
    );
  return {
    generated: await perEvent(
      'generated',
      () => counting['audit.generated'](pipeline),
      ({ events: sent }) => sent === events,
    ),
    stream: await inPlace('stream'),
    lake: await inPlace('lake'),
    athena: await perEvent(
      'athena',
      () => counting['audit.athena'](pipeline),
      ({ events: found, wrong }) => found === events && wrong.length === 0,
    ),
    twice: await perEvent(
      'twice',
      () => counting['audit.counted'](pipeline, 0),
      ({ duplicates }) => duplicates === 0,
    ),
    audit: round((performance.now() - beginning) / 1000),
  };
}

/** The views stand on all tables: those of the metrics get the rows of one match. */
async function crawlWithMetrics(aws: Clients, pipeline: Pipeline): Promise<void> {
  const [first, ...others] = matchFrom(Date.now());
  for (const [table, rows] of Object.entries(metricsRows(others, [first!], pipeline.windowSeconds)))
    await putRows(aws, pipeline, table as LakeTable, 'one', rows);
  await crawled(aws, pipeline);
  await bringUp(aws, ['views'], pipeline);
}

/** Adds up the CPU that this process, which is the worker, and another with its descendants spend while something is done. */
function cpuOf(pid: number) {
  const now = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6 + cpuSeconds(pid);
  };
  let sum = 0;
  return {
    during: async <Result>(work: () => Promise<Result>): Promise<Result> => {
      const before = now();
      const result = await work();
      sum += now() - before;
      return result;
    },
    seconds: () => sum,
  };
}

/** Has the workflow send everything; gives the seconds until all is acknowledged, and the length of the longest history of its runs. */
async function played(
  { client, working }: Server,
  { config }: AwsProcess,
  pipeline: Pipeline,
  events: number,
  during: (work: () => Promise<void>) => Promise<void>,
): Promise<{ seconds: number; history: number }> {
  const taskQueue = 'bench-growth';
  const workflowId = names(pipeline).workflows.generate;
  return working(taskQueue, createActivities({ target: config, client, taskQueue }), async () => {
    const began = performance.now();
    const args = [{ pipeline, cursor: begin(pipeline, RUN, false) }] as Parameters<typeof generate>;
    const handle = await client.workflow.start<typeof generate>('generate', { taskQueue, workflowId, args });
    const until = Date.now() + PATIENCE_MS;
    const reached = async (isSo: (state: GeneratorState) => boolean) => {
      for (;;) {
        const now = await handle.query(generatorQuery);
        if (isSo(now)) return;
        if (Date.now() > until) throw new Error(`after ${PATIENCE_MS / 60_000} minutes the generator has sent ${now.acknowledged} events`);
        await delay(LOOK_MS);
      }
    };
    await during(() => reached(({ acknowledged }) => acknowledged === events));
    const seconds = (performance.now() - began) / 1000;
    await reached(({ state }) => state === 'finished');
    const history = await longestHistory(client, workflowId);
    await cancelled(handle);
    return { seconds, history };
  });
}

async function longestHistory(client: Client, workflowId: string): Promise<number> {
  let longest = 0;
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
    longest = Math.max(longest, (await client.workflow.getHandle(workflowId, runId).describe()).historyLength);
  return longest;
}

/** Waits until Firehose has nothing more to put into the lake: its buffers hold back for a second. */
async function delivered({ s3 }: Clients, pipeline: Pipeline): Promise<void> {
  const { bucket: Bucket, prefix } = names(pipeline);
  const until = Date.now() + PATIENCE_MS;
  let [before, since] = [0, Date.now()];
  while (before === 0 || Date.now() - since < QUIET_MS) {
    if (Date.now() > until) throw new Error(`after ${PATIENCE_MS / 60_000} minutes Firehose still delivers`);
    await delay(LOOK_MS);
    let bytes = 0;
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: prefix('events') }))
      for (const { Size = 0 } of Contents) bytes += Size;
    if (bytes !== before) [before, since] = [bytes, Date.now()];
  }
}
