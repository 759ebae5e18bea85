import { setTimeout as delay } from 'node:timers/promises';
import { type KinesisClient, PutRecordsCommand, type PutRecordsRequestEntry, type Shard } from '@aws-sdk/client-kinesis';
import { type Game, type GameEvent, gameEvent, heartbeat } from '../../pipeline/event.ts';
import { isNamed } from '../errors.ts';
import { isOpen, shardsOf } from './shards.ts';

/** Events `from` up to, not including, `to`. Event i happens at `base + (i - from) * 1000 / rate` milliseconds since the epoch. */
export interface Range {
  game: Game;
  from: number;
  to: number;
  base: number;
  rate: number;
}

/** How far sending has come: every event below `next` is acknowledged. */
export interface Sent {
  next: number;
  /** Event time of the latest record, milliseconds since the epoch; 0 before the first. */
  latest: number;
  heartbeats: number;
}

/** Where to send, and who is told. An abort ends sending after the batch under way, so that what is acknowledged stays one unbroken run of numbers. */
export interface Sending {
  kinesis: KinesisClient;
  stream: string;
  signal: AbortSignal;
  report(sent: Sent): void;
}

const BATCH_RECORDS = 500;
const TICK_MS = 100;
const BEAT_MS = 1000;

/** Sends a range at its pace, behind it as fast as the stream takes; each second also a heartbeat to every open shard, lest a quiet one hold windows open. */
export async function sendRange(
  { game, from, to, base, rate }: Range,
  start: Sent,
  { kinesis, stream, signal, report }: Sending,
): Promise<Sent> {
  const beat = beating(kinesis, stream, game.run);
  const sent = { ...start, next: Math.max(start.next, from) };
  let beaten = 0;
  while (sent.next < to && !signal.aborted) {
    const due = Math.min(to, from + Math.floor(((Date.now() - base) * rate) / 1000) + 1, sent.next + BATCH_RECORDS);
    if (due <= sent.next) {
      await pause(TICK_MS, signal);
      continue;
    }
    const events = Array.from({ length: due - sent.next }, (_, k) =>
      gameEvent(game, sent.next + k, base + ((sent.next + k - from) * 1000) / rate),
    );
    await put(
      kinesis,
      stream,
      events.map((event) => record(event)),
    );
    sent.next = due;
    sent.latest = Math.floor(base + ((due - 1 - from) * 1000) / rate);
    if (sent.latest - beaten >= BEAT_MS) {
      beaten = sent.latest;
      sent.heartbeats += await beat(sent.latest);
    }
    report({ ...sent });
    if (due === to || due < from + ((Date.now() - base) * rate) / 1000) continue;
    await pause(TICK_MS, signal);
  }
  return sent;
}

/** Sends heartbeats alone, one a second to every open shard, until the clock has passed `until` (milliseconds since the epoch). */
export async function sendHeartbeats(run: string, until: number, { kinesis, stream, signal, report }: Sending): Promise<Sent> {
  const beat = beating(kinesis, stream, run);
  const sent: Sent = { next: 0, latest: 0, heartbeats: 0 };
  while (sent.latest < until && !signal.aborted) {
    sent.latest = Date.now();
    sent.heartbeats += await beat(sent.latest);
    report({ ...sent });
    if (sent.latest < until) await pause(BEAT_MS, signal);
  }
  return sent;
}

/** Sends heartbeats to every open shard; shards that were split or merged meanwhile are noticed by where these arrive. */
function beating(kinesis: KinesisClient, stream: string, run: string): (time: number) => Promise<number> {
  let shards: Shard[] | undefined;
  return async (time) => {
    shards ??= (await shardsOf(kinesis, stream)).filter(isOpen);
    const { length } = shards;
    const beats = shards.map(({ ShardId = '', HashKeyRange }) => record(heartbeat(run, ShardId, time), HashKeyRange?.StartingHashKey));
    const placed = await put(kinesis, stream, beats);
    if (placed.some((shard, i) => shard !== shards?.[i]?.ShardId)) shards = undefined;
    return length;
  };
}

/** The match is the partition key: its events stay on one shard, in order. Only heartbeats are aimed at a shard. */
const record = (event: GameEvent, hashKey?: string): PutRecordsRequestEntry => ({
  Data: Buffer.from(JSON.stringify(event)),
  PartitionKey: event.match_id,
  ...(hashKey !== undefined && { ExplicitHashKey: hashKey }),
});

/**
 * Puts records until every one is acknowledged: refused records alone are sent again; after a call without an answer, all that were in it. A stream that
 * cannot be reached for long is reported by the last error, so that Temporal shows it and tries again. Gives the shard of each record.
 */
async function put(kinesis: KinesisClient, stream: string, records: PutRecordsRequestEntry[]): Promise<string[]> {
  let left = records.map((entry, at) => ({ entry, at }));
  const placed: string[] = [];
  let unanswered = 0;
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt > 0) await delay(Math.min(2000, 50 * 2 ** attempt) * (0.5 + Math.random() / 2));
    try {
      const { Records: results = [] } = await kinesis.send(
        new PutRecordsCommand({ StreamName: stream, Records: left.map(({ entry }) => entry) }),
      );
      for (const [i, { at }] of left.entries()) placed[at] = results[i]?.ShardId ?? '';
      left = left.filter((_, i) => results[i]?.SequenceNumber === undefined);
      unanswered = 0;
    } catch (error) {
      if (isNamed(error, ...HOPELESS) || ++unanswered >= MOST_UNANSWERED) throw error;
    }
  }
  return placed;
}

const HOPELESS = ['ResourceNotFoundException', 'ValidationException', 'InvalidArgumentException', 'AccessDeniedException'];
const MOST_UNANSWERED = 15;

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
