import { setTimeout as delay } from 'node:timers/promises';
import { GetRecordsCommand, GetShardIteratorCommand, type KinesisClient, PutRecordsCommand, type Shard } from '@aws-sdk/client-kinesis';
import type { Clients } from '../activities/aws.ts';
import { isOpen, patiently, shardsOf } from '../activities/kinesis/shards.ts';
import { application } from '../activities/kinesis-analytics-v2/application.ts';
import { type Reading, textOf, writtenIn } from '../activities/kinesis-analytics-v2/note.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import { stageActivities } from '../activities/registry.ts';
import { LAKE_TABLES, type LakeTable, names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Stage } from '../pipeline/stages.ts';
import type { Row } from './recomputed.ts';
import { AROUND_STUDIO, SQL_STREAMS } from './stand.ts';

const BATCH = 250;
const PATIENCE_MS = 120_000;

/** One pipeline's streams: what goes into the first, and what comes out of the others. */
export function streamsOf(aws: Clients, pipeline: Pipeline) {
  const metrics = LAKE_TABLES.filter((table) => table !== 'events').map((table) =>
    reader(aws.kinesis, names(pipeline).streams[table], table),
  );
  return {
    bringUp: () => made(aws, pipeline, SQL_STREAMS),
    /** The open shards, by rising id. */
    shards: async (): Promise<Shard[]> => (await shardsOf(aws.kinesis, names(pipeline).streams.events)).filter(isOpen),
    put: (records: Sent[]) => put(aws.kinesis, names(pipeline).streams.events, records),
    /** All rows of the metrics so far, by table. */
    rows: async (): Promise<Record<string, Row[]>> =>
      Object.fromEntries(await Promise.all(metrics.map(async ({ table, read }) => [table, await read()] as const))),
  };
}

/** And its SQL as the product runs it: its Studio application and the note in there. */
export function studioOf(aws: Clients, pipeline: Pipeline) {
  const streams = streamsOf(aws, pipeline);
  const book = notebookActivities(aws);
  const run = async () => {
    await done(() => book['notebook.start'](pipeline), 'the start');
    await done(() => book['notebook.awaitStarted'](pipeline), 'the application');
    await book['notebook.run'](pipeline);
    await done(() => book['notebook.awaitRunning'](pipeline), 'the note');
  };
  return {
    ...streams,
    bringUp: async () => {
      await made(aws, pipeline, AROUND_STUDIO);
      await streams.bringUp();
      await made(aws, pipeline, ['studio']);
      await run();
    },
    stop: () => done(() => book['notebook.stop'](pipeline), 'the stop'),
    run,
    /** Stops the SQL in the middle of its work, and lets it go on behind the last window that is out. */
    restart: async () => {
      await done(() => book['notebook.seed'](pipeline), 'the restart');
      await run();
    },
    /** How the note that runs reads the events. */
    reading: async (): Promise<Reading | undefined> => writtenIn(textOf(await application(aws).find(pipeline))),
  };
}

async function made(aws: Clients, pipeline: Pipeline, stages: Stage[]): Promise<void> {
  const act = stageActivities(aws);
  for (const stage of stages) {
    await act[`${stage}.ensure`](pipeline);
    await done(() => act[`${stage}.ready`](pipeline), stage);
  }
}

/** A record for a shard. */
export interface Sent {
  json: string;
  key: string;
}

/** Puts records in this order; to each shard, what it refuses goes again before what follows. */
async function put(kinesis: KinesisClient, StreamName: string, records: Sent[]): Promise<void> {
  for (let next = 0; next < records.length; ) {
    const Records = records
      .slice(next, next + BATCH)
      .map(({ json, key }) => ({ Data: Buffer.from(json), PartitionKey: 'one', ExplicitHashKey: key }));
    const { Records: results = [] } = await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
    const refused = results.findIndex(({ ErrorCode }) => ErrorCode !== undefined);
    next += refused < 0 ? Records.length : refused;
    if (refused >= 0) await delay(100);
  }
}

/** Reads a stream of one shard on, and gives all that it has read. */
function reader(kinesis: KinesisClient, StreamName: string, table: LakeTable) {
  const rows: Row[] = [];
  let iterator: string | undefined;
  return {
    table,
    read: async (): Promise<Row[]> => {
      iterator ??= (await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId: FIRST, ShardIteratorType: 'TRIM_HORIZON' })))
        .ShardIterator;
      for (let behind = 1; behind > 0; ) {
        const page = await patiently(() => kinesis.send(new GetRecordsCommand({ ShardIterator: iterator })));
        iterator = page.NextShardIterator;
        behind = page.MillisBehindLatest ?? 0;
        rows.push(...(page.Records ?? []).map(({ Data }) => JSON.parse(Buffer.from(Data!).toString()) as Row));
      }
      return rows;
    },
  };
}
const FIRST = 'shardId-000000000000';

/** Tries until AWS has got there, as Temporal would. */
async function done(attempt: () => Promise<unknown>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ; await delay(100)) {
    try {
      await attempt();
      return;
    } catch (error) {
      if ((error as { type?: string }).type !== 'NotYet' || Date.now() > end) throw new Error(`${what}: ${(error as Error).message}`);
    }
  }
}
