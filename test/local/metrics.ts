import { setTimeout as delay } from 'node:timers/promises';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { expect } from '@jest/globals';
import { gameOf } from '../../pipeline/lanes.ts';
import type { GameEvent } from '../../pipeline/schema.ts';
import { heartbeat, laneOf } from '../../pipeline/simulation.ts';
import { parseSpec } from '../../pipeline/spec.ts';
import { until } from './studio-process.ts';

/** A row of the metrics streams; `players` only of teams, `player_id` only of players. */
interface Row {
  window_start: string;
  window_end: string;
  player_id?: string;
  team: string;
  kills: number;
  deaths: number;
  players?: number;
  kill_death_ratio: number;
}

interface Metric {
  kills: number;
  deaths: number;
  players: Set<string>;
}

const WINDOW_MS = 10_000;
const BATCH = 250;

/** Sends events `from` to `from + count` at 100 a second of event time after `start`, each tenth twice, then heartbeats that close their last window. */
export async function play(kinesis: KinesisClient, StreamName: string, from: number, count: number, start: number): Promise<GameEvent[]> {
  const lane = laneOf(gameOf(parseSpec({ shards: 1 }), 'r'), 0);
  lane.seek(from);
  const events = Array.from({ length: count }, (_, i) => JSON.parse(lane.next(start + i * 10)) as GameEvent);
  const record = (event: GameEvent, ExplicitHashKey?: string) => ({
    Data: Buffer.from(JSON.stringify(event)),
    PartitionKey: event.match_id,
    ExplicitHashKey,
  });
  const records = events.flatMap((event, i) => (i % 10 === 0 ? [record(event), record(event)] : [record(event)]));
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
  const closing = start + count * 10 + 2 * WINDOW_MS;
  const beats = Shards.map(({ HashKeyRange }, i) => record(heartbeat('r', i, closing), HashKeyRange!.StartingHashKey));
  for (let i = 0; i < records.length; i += BATCH) await put(kinesis, StreamName, records.slice(i, i + BATCH));
  await put(kinesis, StreamName, beats);
  return events;
}

async function put(kinesis: KinesisClient, StreamName: string, Records: { Data: Buffer; PartitionKey: string }[]): Promise<void> {
  for (let rest = Records; rest.length > 0; ) {
    const { Records: results } = await kinesis.send(new PutRecordsCommand({ StreamName, Records: rest }));
    rest = rest.filter((_, i) => results![i]!.ErrorCode !== undefined);
    if (rest.length > 0) await delay(200);
  }
}

/** Waits until a metrics stream holds a row for each that `events` call for, and compares them all. Rows of a re-run overwrite those before. */
export async function expectMetrics(kinesis: KinesisClient, StreamName: string, events: GameEvent[], by: 'player' | 'team'): Promise<void> {
  const wanted = metricsOf(events, by);
  const found = new Map<string, Row>();
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }));
  for (const { ShardId } of Shards) {
    const first = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }));
    let iterator = first.ShardIterator;
    const readOn = async () => {
      const { Records = [], NextShardIterator } = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
      iterator = NextShardIterator;
      for (const { Data } of Records) {
        const row = JSON.parse(Buffer.from(Data!).toString()) as Row;
        if (Date.parse(row.window_end) - Date.parse(row.window_start) !== WINDOW_MS) continue;
        found.set([row.window_start, ...(row.player_id ? [row.player_id] : []), row.team].join(' '), row);
      }
      return found.size;
    };
    await until(readOn, (size) => size >= wanted.size);
  }
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [key, { kills, deaths, players }] of wanted) {
    expect(found.get(key)).toMatchObject({ kills, deaths, kill_death_ratio: kills / Math.max(deaths, 1) });
    if (by === 'team') expect(found.get(key)!.players).toBe(players.size);
  }
}

/** The metrics of `events`, told another way than by SQL. */
function metricsOf(events: GameEvent[], by: 'player' | 'team'): Map<string, Metric> {
  const metrics = new Map<string, Metric>();
  for (const event of events.filter(({ event_type: type }) => type === 'kill' || (by === 'team' && type === 'objective'))) {
    const window = new Date(Math.floor(Date.parse(`${event.event_time}Z`) / WINDOW_MS) * WINDOW_MS).toISOString().slice(0, 19);
    const sides = [
      [event.killer_id, event.killer_team, 'kills'],
      [event.victim_id, event.victim_team, 'deaths'],
      [event.assist_id, event.killer_team, undefined],
      [event.player_id, event.team, undefined],
    ] as const;
    for (const [player, team, what] of sides) {
      if (player === undefined || team === undefined) continue;
      const key = by === 'team' ? `${window} ${team}` : `${window} ${player} ${team}`;
      const metric = metrics.get(key) ?? { kills: 0, deaths: 0, players: new Set() };
      if (what) metric[what] += 1;
      metric.players.add(player);
      metrics.set(key, metric);
    }
  }
  return metrics;
}
