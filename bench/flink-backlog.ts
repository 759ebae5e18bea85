import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { rows, shardIds } from '../activities/kinesis/shards.ts';
import { statements } from '../activities/sql.ts';
import { openJournal } from '../local/journal.ts';
import { type ShardLog, shardLogs } from '../local/kinesis/log.ts';
import { type Flink, flinks } from '../local/kinesis-analytics-v2/flink.ts';
import { openSession } from '../local/kinesis-analytics-v2/gateway.ts';
import { asOneJob, createdKinesisTable, isInsert, splitStatements } from '../local/kinesis-analytics-v2/statements.ts';
import { startLocal } from '../local/start.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import { parallelismFor } from '../pipeline/parallelism.ts';
import { heartbeat, laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { toolPaths } from '../setup/tools.mjs';
import { type AwsProcess, endAws, startAws } from '../test/local/studio-process.ts';
import { type Figure, round } from './figure.ts';

const SHARDS = 4;
/** Events a second of event time in a shard. */
const RATE = 1000;
const BATCH = 5_000;
const DONE = 'backlog-done';
const CLOSING_MS = 120_000;
const LOOK_MS = 500;
const SUBMIT_MS = 120_000;
/** On AWS a shard has a core of its own, and takes a thousand events a second: a backlog shrinks only if the core does more. */
const GOAL = 2_000;
/** Clock ticks of /proc a second. */
const TICKS = 100;
/** The backlog goes through in minutes: kept for the product's hour, its ids would not fit into the local Flink's memory. */
const TTL = '30 s';

const pipeline: Pipeline = { ...parseSpec({ name: 'backlog', shards: SHARDS }), account: '000000000000' };
const { streams } = names(pipeline);

const TABLES = [
  "CREATE TABLE nowhere (event_id STRING, happened_at TIMESTAMP(3)) WITH ('connector' = 'blackhole')",
  `CREATE TABLE done (event_id STRING) WITH ('connector' = 'kinesis', 'stream' = '${DONE}', 'aws.region' = '${pipeline.region}', 'sink.flush-buffer.timeout' = '1000', 'format' = 'json')`,
];
const intoNowhere = (view: string) => `INSERT INTO nowhere SELECT event_id, happened_at FROM ${view}`;
const intoDone = (view: string) => `INSERT INTO done SELECT event_id FROM ${view} WHERE event_type = 'heartbeat'`;

/** The same backlog is worked off three times, each time by more of the SQL. A marker in each shard says when its last record has come through. */
const VARIANTS = {
  parsing: [intoNowhere('events_read'), intoDone('events_read')],
  once: [intoNowhere('events_once'), intoDone('events_once')],
  all: [intoDone('events_once')],
} as const;
type Variant = keyof typeof VARIANTS;

/** Events per second and core of everything, from the CPU seconds that Flink's JVM took; and the shares of it that parsing and telling copies apart have. */
export async function backlog(dir: string, events: number): Promise<Figure[]> {
  await fill(dir, events);
  const aws = await startAws(dir);
  try {
    const seconds = { parsing: 0, once: 0, all: 0 };
    for (const [i, variant] of (Object.keys(VARIANTS) as Variant[]).entries())
      seconds[variant] = await cpuSeconds(join(dir, `flink-${variant}`), aws.config, variant, (i + 1) * SHARDS);
    const { parsing, once, all } = seconds;
    const percent = (part: number) => Math.round((100 * part) / all);
    const perSecond = Math.round(events / all);
    const shares = `${events} events; parsing ${percent(parsing)} %, telling copies apart ${percent(once - parsing)} %, windows and sinks ${percent(all - once)} %`;
    return [
      {
        name: 'Flink SQL, a core',
        unit: 'events/s',
        ours: perSecond,
        peer: null,
        ratio: round(perSecond / GOAL, 2),
        goal: 1,
        note: shares,
      },
    ];
  } finally {
    await endAws(aws, 'SIGTERM');
  }
}

/** Writes the backlog into the shards' logs themselves: past the quotas, which would take an hour. */
async function fill(dir: string, events: number): Promise<void> {
  const local = await startLocal({ dir, log: () => undefined });
  const kinesis = new KinesisClient(local);
  for (const StreamName of [...LAKE_TABLES.map((table) => streams[table]), DONE])
    await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: StreamName === streams.events ? SHARDS : 1 }));
  kinesis.destroy();
  await local.close();
  const journal = await openJournal(join(dir, 'catalog.log'));
  const { folder } = journal.table<{ folder: string }>('kinesis.streams').get(streams.events)!;
  await journal.close();
  const logs = shardLogs(join(dir, 'kinesis'));
  for (const [lane, shard] of shardIds(SHARDS).entries()) await fillShard(await logs.open(folder, shard), lane, events / SHARDS);
  await logs.close();
}

/** A lane's events, the last of them now, and a heartbeat that closes every window: the marker. */
async function fillShard(log: ShardLog, lane: number, count: number): Promise<void> {
  const trouble = { late: 0, duplicate: 0, malformed: 0, oversized: 0 };
  const lanes = laneOf({ run: 'backlog', seed: 1, players: 1000, lanes: SHARDS, trouble, lateAfter: 1000 }, lane);
  const arrival = Date.now();
  const start = arrival - (count * 1000) / RATE;
  const record = (json: string) => ({ arrival, partitionKey: 'one', data: Buffer.from(json) });
  for (let sent = 0; sent < count; sent += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - sent) }, (_, i) => record(lanes.next(start + ((sent + i) * 1000) / RATE)));
    await log.append(batch);
  }
  await log.append([record(JSON.stringify(heartbeat('backlog', lane, arrival + CLOSING_MS)))]);
}

/** CPU seconds of a Flink that works the backlog off, from the job's submission to the last marker. */
async function cpuSeconds(dir: string, aws: AwsProcess['config'], variant: Variant, markers: number): Promise<number> {
  const { java, flinkLib, flinkClasses } = toolPaths();
  const flink = await flinks(join(dir, 'jvm'), { java: java!, lib: flinkLib!, classes: flinkClasses! }).start({
    dir: join(dir, 'flink'),
    slots: parallelismFor(streams.events, shardIds(SHARDS)),
    connectors: ['flink-connector-kinesis'],
    region: aws.region,
    credentials: aws.credentials,
    log: () => undefined,
  });
  try {
    await submit(flink, aws.endpoint, variant);
    const before = cpuOf(flink.pid);
    await arrived(aws, markers, flink);
    return cpuOf(flink.pid) - before;
  } finally {
    await flink.stop('at once');
  }
}

/** Runs the product's SQL, its INSERTs those of the variant; read without pauses, since nobody else reads. */
async function submit({ gatewayUrl }: Flink, endpoint: string, variant: Variant): Promise<void> {
  const session = await openSession(gatewayUrl, {});
  const execute = async (sql: string) => {
    const operation = await session.execute(sql, { 'parallelism.default': String(parallelismFor(streams.events, shardIds(SHARDS))) });
    for await (const page of session.results(operation, AbortSignal.timeout(SUBMIT_MS))) if (page.jobId !== undefined) break;
    await session.close(operation);
  };
  const all = statements(pipeline, 'flink').flatMap(({ text }) => splitStatements(text));
  for (const sql of [...all.filter((each) => !isInsert(each)), ...TABLES]) {
    await execute(sql);
    const table = createdKinesisTable(sql);
    if (table !== undefined) await execute(`ALTER TABLE ${table} SET ('aws.endpoint' = '${endpoint}')`);
  }
  await execute("ALTER TABLE game_events SET ('scan.shard.getrecords.intervalmillis' = '200')");
  await execute(`SET 'table.exec.state.ttl' = '${TTL}'`);
  await execute(asOneJob([...(variant === 'all' ? all.filter(isInsert) : []), ...VARIANTS[variant]]));
}

/** Waits for so many markers. */
async function arrived({ endpoint, region, credentials }: AwsProcess['config'], markers: number, { exited }: Flink): Promise<void> {
  const kinesis = new KinesisClient({ endpoint, region, credentials });
  let ended: string | undefined;
  void exited.then((how) => {
    ended = how;
  });
  try {
    for (let seen = 0; seen < markers; await delay(LOOK_MS)) {
      if (ended !== undefined) throw new Error(`Flink ended before the backlog did: ${ended}`);
      seen = 0;
      for await (const page of rows(kinesis, { StreamName: DONE, ShardId: shardIds(1)[0]!, ShardIteratorType: 'TRIM_HORIZON' }))
        seen += page.length;
    }
  } finally {
    kinesis.destroy();
  }
}

/** CPU seconds of a process so far, as Linux's /proc tells them. */
function cpuOf(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13).map(Number) as [number, number];
  return (user + system) / TICKS;
}
