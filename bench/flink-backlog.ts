import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateStreamCommand, type GetShardIteratorCommandInput, KinesisClient } from '@aws-sdk/client-kinesis';
import { records, shardIds } from '../activities/kinesis/shards.ts';
import { statements } from '../activities/sql.ts';
import { openJournal } from '../local/journal.ts';
import { type ShardLog, shardLogs } from '../local/kinesis/log.ts';
import { type Flink, flinks } from '../local/kinesis-analytics-v2/flink.ts';
import { openSession } from '../local/kinesis-analytics-v2/gateway.ts';
import { asOneJob, createdKinesisTable, isInsert, splitStatements } from '../local/kinesis-analytics-v2/statements.ts';
import { startLocal } from '../local/start.ts';
import { payloads } from '../pipeline/aggregation.ts';
import { laneTotal } from '../pipeline/lanes.ts';
import { LAKE_TABLES, names } from '../pipeline/names.ts';
import { parallelismFor } from '../pipeline/parallelism.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { heartbeat, laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec, shardTakes } from '../pipeline/spec.ts';
import { slidingSeconds } from '../pipeline/windows.ts';
import { toolPaths } from '../setup/tools.mjs';
import { type AwsProcess, endAws, startAws } from '../test/local/studio-process.ts';
import { type Figure, quantile, roundDown } from './figure.ts';

const ROUNDS = 5;
const SHARDS = 4;
/** Events a second of event time in a shard. */
const RATE = 1000;
const BATCH = 5_000;
/** One event of so many comes twice. */
const COPIED_EACH = 100;
const COUNTED = 'backlog-counted';
const CLOSING_MS = 120_000;
const LOOK_MS = 500;
/** Twice what a sink may hold rows back: by then a row too many has come, too. */
const FLUSHED_MS = 2_000;
/** So long after the last row of a result nobody waits for another. */
const STALLED_MS = 90_000;
const SUBMIT_MS = 120_000;
/** Clock ticks of /proc a second. */
const TICKS = 100;
/** The backlog goes through in minutes: kept for the product's hour, its ids would not fit into the local Flink's memory. */
const TTL = '30 s';

const pipeline: Pipeline = { ...parseSpec({ name: 'backlog', shards: SHARDS }), account: '000000000000' };
/** On AWS a shard has a core of its own: a backlog shrinks only if that does more than the shard takes. */
const GOAL = shardTakes(pipeline);
const { streams } = names(pipeline);
const WINDOW_MS = pipeline.windowSeconds * 1000;

const COUNTED_TABLE = `CREATE TABLE counted (events BIGINT) WITH ('connector' = 'kinesis', 'stream' = '${COUNTED}', 'aws.region' = '${pipeline.region}', 'sink.flush-buffer.timeout' = '1000', 'format' = 'json')`;
const countOf = (view: string) =>
  `INSERT INTO counted SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE ${view}, DESCRIPTOR(happened_at), INTERVAL '${pipeline.windowSeconds}' SECOND(4))) WHERE event_type <> 'heartbeat' GROUP BY window_start, window_end`;

/** The same backlog is worked off by more and more of the SQL; all but the last count in windows what comes out of it, which is little work beside theirs. */
const VARIANTS = { parsing: [countOf('events_read')], once: [countOf('events_once')], all: [] } as const;
type Variant = keyof typeof VARIANTS;

/** What a backlog's results have to add up to, by what is counted in which stream. */
type Counts = Record<string, number>;
interface Filled {
  /** Each once. */
  events: number;
  copies: number;
  kills: number;
  /** Starts of the windows with a kill: each has a best player. */
  killed: Set<number>;
}
/** A row of any of the streams that are read back. */
type ResultRow = Partial<Record<'events' | 'kills' | 'deaths' | 'place', number>>;

/** What is read back of each variant, and what it has to come to. A player's kill is in one window, and in each of the sliding ones that it takes to fill one. */
const wantedOf = (variant: Variant, { events, copies, kills, killed }: Filled): Counts => {
  if (variant !== 'all') return { [`${COUNTED} events`]: variant === 'once' ? events : events + copies };
  const windows = 1 + slidingSeconds(pipeline) / pipeline.windowSeconds;
  return {
    [`${streams.server_metrics} events`]: events,
    [`${streams.team_metrics} kills`]: kills,
    [`${streams.team_metrics} deaths`]: kills,
    [`${streams.player_metrics} kills`]: windows * kills,
    [`${streams.player_metrics} deaths`]: windows * kills,
    [`${streams.leaderboards} first places`]: killed.size,
    [`${streams.late_events} rows`]: 0,
  };
};
const READ_BACK: Record<string, (row: ResultRow) => Counts> = {
  [COUNTED]: ({ events = 0 }) => ({ events }),
  [streams.server_metrics]: ({ events = 0 }) => ({ events }),
  [streams.team_metrics]: ({ kills = 0, deaths = 0 }) => ({ kills, deaths }),
  [streams.player_metrics]: ({ kills = 0, deaths = 0 }) => ({ kills, deaths }),
  [streams.leaderboards]: ({ place }) => ({ 'first places': place === 1 ? 1 : 0 }),
  [streams.late_events]: () => ({ rows: 1 }),
};

/**
 * Events per second and core of everything, from the CPU seconds that Flink's JVM took; and the shares of it that parsing and telling copies apart have. The variants
 * take turns, round by round, and of each the results are read back: one that loses or doubles a row fails.
 */
export async function backlog(dir: string, events: number): Promise<Figure[]> {
  const filled = await fill(dir, events);
  const aws = await startAws(dir);
  const taken: Record<Variant, number>[] = [];
  try {
    for (let i = 0; i < ROUNDS; i++) {
      const seconds = { parsing: 0, once: 0, all: 0 };
      for (const variant of Object.keys(VARIANTS) as Variant[])
        seconds[variant] = await cpuSeconds(join(dir, `flink-${i}-${variant}`), aws.config, variant, wantedOf(variant, filled));
      taken.push(seconds);
      process.stderr.write(`${events} events, seconds of CPU: ${JSON.stringify(seconds)}\n`);
    }
  } finally {
    await endAws(aws, 'SIGTERM');
  }
  const share = (part: (seconds: Record<Variant, number>) => number) =>
    `${spread(taken.map((seconds) => (100 * part(seconds)) / seconds.all))} %`;
  const rates = taken.map(({ all }) => events / all);
  const shares = [
    `parsing ${share(({ parsing }) => parsing)}`,
    `telling copies apart ${share(({ parsing, once }) => once - parsing)}`,
    `windows and sinks ${share(({ once, all }) => all - once)}`,
  ];
  const ours = quantile(rates, 0.5);
  const note = `${ROUNDS} rounds of ${events} events, ids kept for ${TTL}, ${spread(rates)}; ${shares.join(', ')}`;
  return [
    { name: 'Flink SQL, a core', unit: 'events/s', ours: Math.round(ours), peer: null, ratio: roundDown(ours / GOAL, 2), goal: 1, note },
  ];
}

/** The median, and between what all are. */
const spread = (values: number[]): string => {
  const [median, least, most] = [quantile(values, 0.5), Math.min(...values), Math.max(...values)].map(Math.round);
  return `${median} (${least} to ${most})`;
};

/** Writes the backlog into the shards' logs themselves: past the quotas, which would take an hour. */
async function fill(dir: string, events: number): Promise<Filled> {
  const local = await startLocal({ dir, log: () => undefined });
  const kinesis = new KinesisClient(local);
  for (const StreamName of [...LAKE_TABLES.map((table) => streams[table]), COUNTED])
    await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: StreamName === streams.events ? SHARDS : 1 }));
  kinesis.destroy();
  await local.close();
  const journal = await openJournal(join(dir, 'catalog.log'));
  const { folder } = journal.table<{ folder: string }>('kinesis.streams').get(streams.events)!;
  await journal.close();
  const logs = shardLogs(join(dir, 'kinesis'));
  const filled: Filled = { events: 0, copies: 0, kills: 0, killed: new Set() };
  for (const [lane, shard] of shardIds(SHARDS).entries())
    await fillShard(await logs.open(folder, shard), lane, laneTotal(lane, SHARDS, events), filled);
  await logs.close();
  return filled;
}

/** A lane's events, some of them twice, the last of them now, and a heartbeat that closes every window; what they are is added to `filled`. */
async function fillShard(log: ShardLog, lane: number, count: number, filled: Filled): Promise<void> {
  const trouble = { late: 0, duplicate: 0, malformed: 0, oversized: 0 };
  const lanes = laneOf({ run: 'backlog', seed: 1, players: 1000, lanes: SHARDS, trouble, lateAfter: 1000 }, lane);
  const arrival = Date.now();
  const start = arrival - (count * 1000) / RATE;
  const record = (json: string) => ({ arrival, partitionKey: 'one', data: Buffer.from(json) });
  for (let sent = 0; sent < count; sent += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - sent) }, (_, i) => lanes.next(start + ((sent + i) * 1000) / RATE));
    const kills = batch.map((json) => JSON.parse(json) as GameEvent).filter(({ event_type: type }) => type === 'kill');
    filled.events += batch.length;
    filled.kills += kills.length;
    for (const { event_time: time } of kills) filled.killed.add(Math.floor(Date.parse(`${time}Z`) / WINDOW_MS));
    const copies = batch.filter((_, i) => i % COPIED_EACH === 0);
    filled.copies += copies.length;
    await log.append([...batch, ...copies].map(record));
  }
  await log.append([record(JSON.stringify(heartbeat('backlog', lane, arrival + CLOSING_MS)))]);
}

/** CPU seconds of a Flink that works the backlog off, from the job's submission until its results are what they have to be. */
async function cpuSeconds(dir: string, aws: AwsProcess['config'], variant: Variant, wanted: Counts): Promise<number> {
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
    const since = new Date();
    await submit(flink, aws.endpoint, variant);
    const before = cpuOf(flink.pid);
    await arrived(aws, since, wanted, flink);
    return cpuOf(flink.pid) - before;
  } catch (error) {
    throw new Error(`${variant}: ${(error as Error).message}`, { cause: error });
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
  for (const sql of [...all.filter((each) => !isInsert(each)), COUNTED_TABLE]) {
    await execute(sql);
    const table = createdKinesisTable(sql);
    if (table !== undefined) await execute(`ALTER TABLE ${table} SET ('aws.endpoint' = '${endpoint}')`);
  }
  await execute("ALTER TABLE game_events SET ('scan.shard.getrecords.intervalmillis' = '200')");
  await execute(`SET 'table.exec.state.ttl' = '${TTL}'`);
  await execute(asOneJob([...(variant === 'all' ? all.filter(isInsert) : []), ...VARIANTS[variant]]));
}

/** Waits until what was put since a time adds up to what is wanted; throws if it comes to more, or no more of it comes. */
async function arrived(aws: AwsProcess['config'], since: Date, wanted: Counts, { exited }: Flink): Promise<void> {
  const kinesis = new KinesisClient(aws);
  const found: Counts = Object.fromEntries(Object.keys(wanted).map((what) => [what, 0]));
  const readOn = Object.keys(READ_BACK).map((stream) => resultsOf(kinesis, stream, since, found));
  const said = () => `the streams hold ${JSON.stringify(found)} of ${JSON.stringify(wanted)}`;
  let ended: string | undefined;
  void exited.then((how) => {
    ended = how;
  });
  try {
    for (let grewAt = Date.now(); Object.entries(wanted).some(([what, count]) => found[what]! < count); await delay(LOOK_MS)) {
      if (ended !== undefined) throw new Error(`Flink ended before the backlog did (${ended}): ${said()}`);
      const more = (await Promise.all(readOn.map((read) => read()))).some(Boolean);
      if (more) grewAt = Date.now();
      if (Date.now() - grewAt > STALLED_MS) throw new Error(`no more rows come: ${said()}`);
    }
    await delay(FLUSHED_MS);
    await Promise.all(readOn.map((read) => read()));
    if (Object.entries(wanted).some(([what, count]) => found[what] !== count)) throw new Error(`rows too many: ${said()}`);
  } finally {
    kinesis.destroy();
  }
}

/** Adds what a stream got since a time to what was found; each call goes on where the last ended, and says whether there was more. */
function resultsOf(kinesis: KinesisClient, StreamName: string, since: Date, found: Counts): () => Promise<boolean> {
  const shard = { StreamName, ShardId: shardIds(1)[0]! };
  let position: GetShardIteratorCommandInput = { ...shard, ShardIteratorType: 'AT_TIMESTAMP', Timestamp: since };
  return async () => {
    let more = false;
    for await (const page of records(kinesis, position))
      for (const { Data, SequenceNumber } of page) {
        more = true;
        position = { ...shard, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: SequenceNumber };
        for (const data of payloads(Data!))
          for (const [what, count] of Object.entries(READ_BACK[StreamName]!(JSON.parse(Buffer.from(data).toString()) as ResultRow)))
            found[`${StreamName} ${what}`] = (found[`${StreamName} ${what}`] ?? 0) + count;
      }
    return more;
  };
}

/** CPU seconds of a process so far, as Linux's /proc tells them. */
function cpuOf(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13).map(Number) as [number, number];
  return (user + system) / TICKS;
}
