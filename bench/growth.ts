import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import type { Client } from '@temporalio/client';
import { blocksInAthena } from '../activities/athena/blocks.ts';
import { auditActivities } from '../activities/audit/audit.ts';
import type { PlaceName } from '../activities/audit/places.ts';
import type { Holding } from '../activities/audit/tally.ts';
import { type Clients, clients } from '../activities/aws.ts';
import { createActivities } from '../activities/index.ts';
import { laneTotal } from '../pipeline/lanes.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import { cancelled } from '../test/cancelled.ts';
import { bringUp, crawl } from '../test/dashboard-lake.ts';
import { type AwsProcess, endAws, startAws } from '../test/local/studio-process.ts';
import { begin } from '../workflows/cursor.ts';
import type { generate } from '../workflows/generate.ts';
import { type GeneratorState, generatorQuery } from '../workflows/messages.ts';
import { type Figure, flat, limited, round } from './figure.ts';
import { residentMegabytes } from './memory.ts';
import { cpuSeconds } from './producer/cpu.ts';
import { onServer, type Server } from './server.ts';

/** Events and shards of each row: what is compared is one column at a time. `D2D_BENCH_MOST` leaves out rows of more events. */
const ROWS = [
  { events: 100_000, shards: 16 },
  { events: 1_000_000, shards: 16 },
  { events: 10_000_000, shards: 16 },
  { events: 100_000, shards: 1 },
  { events: 100_000, shards: 4 },
] as const;
/** It goes first and is not counted: then the worker's code is compiled. */
const WARM_UP = { events: 50_000, shards: 4 };
const MOST = Number(process.env.D2D_BENCH_MOST ?? Number.POSITIVE_INFINITY);
/** Flat is what takes at most this many times as much an event. */
const FLAT = 1.5;
/** A run continues as new long before, whatever it has sent. */
const MOST_HISTORY = 2_000;
/** A hundred times as many events may have at most this many times as much in memory: garbage that nobody has collected yet is resident, too. */
const FLAT_MEMORY = 4;
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

/** What a row came to: microseconds an event, of these steps and of the CPU of worker and local AWS in all of them, megabytes at most, and the longest history of a run of the generator's workflow, in events. */
interface Row {
  events: number;
  shards: number;
  sent: number;
  stream: number;
  lake: number;
  athena: number;
  cpu: number;
  worker: number;
  localAws: number;
  history: number;
}

/**
 * The generator's workflow at its fastest, into the local AWS and through its Firehose into S3, then the audit of every place: events from 10^5 to 10^7, shards from
 * 1 to 16. Each row begins with nothing. Every place has to hold exactly what was sent.
 */
export async function growth(): Promise<Figure[]> {
  const rows: Row[] = [];
  await onServer((server) => measured(server, WARM_UP));
  for (const row of ROWS.filter(({ events }) => events <= MOST)) {
    rows.push(await onServer((server) => measured(server, row)));
    process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
  }
  const table = rows.map(({ events, shards, ...row }) => `${events} over ${shards}: ${JSON.stringify(row)}`).join('; ');
  const many = rows.filter(({ shards }) => shards === ROWS[0].shards);
  const few = rows.filter(({ events }) => events === ROWS[0].events).sort((a, b) => a.shards - b.shards);
  return [
    flat('growth with events, time an event', many, ({ sent, stream, lake, athena }) => sent + stream + lake + athena, FLAT, table),
    limited('growth, longest history of a run', 'events', Math.max(...rows.map(({ history }) => history)), MOST_HISTORY),
    flat('growth with events, memory of the worker', many, ({ worker }) => worker, FLAT_MEMORY),
    flat('growth with events, memory of the local AWS', many, ({ localAws }) => localAws, FLAT_MEMORY),
    // Not the time: at their fastest, more shards send more a second.
    flat('growth with shards, CPU an event of worker and local AWS', few, ({ cpu }) => cpu, FLAT),
  ];
}

async function measured(server: Server, { events, shards }: { events: number; shards: number }): Promise<Row> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  const local = await startAws(dir);
  const aws = clients(local.config);
  const spec = parseSpec({ name: 'growth', delivery: { seconds: 1 }, generator: { rate: 'max', total: events, players: 1_000 } });
  // More shards than the local Flink reads without loss; it does not run here.
  const pipeline: Pipeline = { ...spec, shards, account: '000000000000' };
  const peak = { worker: 0, localAws: 0 };
  const watching = setInterval(() => {
    peak.worker = Math.max(peak.worker, process.memoryUsage().rss / 2 ** 20);
    peak.localAws = Math.max(peak.localAws, residentMegabytes(local.process.pid!));
  }, LOOK_MS);
  try {
    await bringUp(aws, STAGES, pipeline);
    const spent = cpuOf(local.process.pid!);
    const perEvent = async (work: () => Promise<unknown>) => {
      const began = performance.now();
      await spent.during(work);
      return round(((performance.now() - began) * 1000) / events, 2);
    };
    const { seconds, history } = await played(server, local, pipeline, events, spent.during);
    const sent = round((seconds * 1e6) / events, 2);
    await delivered(aws, pipeline);
    await crawl(aws, pipeline);
    const counting = auditActivities(aws, local.config);
    const whole = (place: PlaceName) => async () => check(place, events, (await counting['audit.count'](pipeline, place)) as Holding);
    const stream = await perEvent(whole('stream'));
    const lake = await perEvent(whole('lake'));
    const athena = await perEvent(async () => {
      const ends = Array.from({ length: shards }, (_, lane) => ({ run: RUN, lane, end: laneTotal(lane, shards, events) }));
      const { blocks } = await blocksInAthena(aws.athena, pipeline, { since: 0, ends }, randomUUID());
      const found = blocks.reduce((sum, block) => sum + block.events, 0);
      if (found !== events) throw new Error(`Athena has ${found} of ${events} events`);
    });
    const cpu = round((spent.seconds() * 1e6) / events, 2);
    const memory = { worker: Math.round(peak.worker), localAws: Math.round(peak.localAws) };
    return { events, shards, sent, stream, lake, athena, cpu, history, ...memory };
  } finally {
    clearInterval(watching);
    for (const client of Object.values(aws)) client.destroy();
    await endAws(local, 'SIGTERM');
    await rm(dir, { recursive: true, force: true });
  }
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

function check(place: PlaceName, events: number, found: Holding): void {
  const { missing, altered, copies, unknown } = found;
  if (found.events !== events || missing + altered + copies.unexplained + unknown > 0)
    throw new Error(`the ${place} does not hold exactly what was sent: ${JSON.stringify(found)}`);
}
