import { gunzipSync } from 'node:zlib';
import { GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { type Game, type GameEvent, gameEvent } from '../pipeline/event.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import type { Clients } from './aws.ts';
import { isNamed } from './errors.ts';
import { killsOnDashboard } from './quicksight/page.ts';

/** What one place holds. Counts of game events, but for `heartbeats`; ids are distinct. */
export interface Holding {
  ids: number;
  /** Copies beyond the first of each id. */
  copies: number;
  heartbeats: number;
  kills: number;
}

/** Counts, place by place, by reading everything there is. */
export function auditing(clients: Clients) {
  const { kinesis, s3 } = clients;
  return {
    /** What the first `count` events of a game hold: recomputed, as every event is a function of its number. */
    'audit.generated': async (game: Game, count: number): Promise<Holding> => {
      const tally = newTally();
      for (let i = 0; i < count; i++) tally.add(gameEvent(game, i, 0));
      return tally.holding();
    },
    /** Reads the events stream from its oldest record on. */
    'audit.stream': async (pipeline: Pipeline): Promise<Holding> => {
      const StreamName = names(pipeline).streams.events;
      const tally = newTally();
      const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
      for (const { ShardId } of Shards) {
        let { ShardIterator: iterator } = await kinesis.send(
          new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
        );
        while (iterator !== undefined) {
          const page = await patiently(() => kinesis.send(new GetRecordsCommand({ ShardIterator: iterator })));
          for (const { Data } of page.Records ?? []) tally.add(JSON.parse(Buffer.from(Data ?? []).toString()) as GameEvent);
          iterator = page.MillisBehindLatest ? page.NextShardIterator : undefined;
        }
      }
      return tally.holding();
    },
    /** Reads every object of the events table in the lake. */
    'audit.lake': async (pipeline: Pipeline): Promise<Holding> => {
      const { bucket: Bucket, prefix } = names(pipeline);
      const tally = newTally();
      let ContinuationToken: string | undefined;
      do {
        const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix('events'), ContinuationToken }));
        for (const { Key } of page.Contents ?? []) {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
          const lines = gunzipSync((await Body?.transformToByteArray()) ?? new Uint8Array()).toString();
          for (const line of lines.split('\n')) if (line !== '') tally.add(JSON.parse(line) as GameEvent);
        }
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken);
      return tally.holding();
    },
    /** The kills that the dashboard shows, from the very data that its page fetches; undefined on AWS, whose page gives none out. */
    'audit.dashboard': async (pipeline: Pipeline): Promise<number | undefined> =>
      pipeline.target === 'aws' ? undefined : killsOnDashboard(clients, pipeline),
  };
}

function newTally() {
  const seen = new Set<string>();
  let copies = 0;
  let heartbeats = 0;
  let kills = 0;
  return {
    add: ({ event_id, event_type }: GameEvent) => {
      if (seen.has(event_id)) {
        if (event_type !== 'heartbeat') copies++;
        return;
      }
      seen.add(event_id);
      if (event_type === 'heartbeat') heartbeats++;
      if (event_type === 'kill') kills++;
    },
    holding: (): Holding => ({ ids: seen.size - heartbeats, copies, heartbeats, kills }),
  };
}

/** A shard allows five reads a second, and others read it too. */
async function patiently<Value>(read: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isNamed(error, 'ProvisionedThroughputExceededException')) throw error;
      await Context.current().sleep(250);
    }
  }
}
