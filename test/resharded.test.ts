import { setTimeout as delay } from 'node:timers/promises';
import { UpdateShardCountCommand } from '@aws-sdk/client-kinesis';
import { StartApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { shardIds } from '../activities/kinesis/shards.ts';
import { notebookActivities } from '../activities/kinesis-analytics-v2/notebook.ts';
import { create } from '../activities/kinesis-analytics-v2/renewal.ts';
import { pollUntil } from '../activities/poll.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { heartbeat } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { eventually } from './eventually.ts';
import { matchFrom } from './lake.ts';
import { localAws } from './local-aws.ts';
import { keyOf, type Row, recomputed } from './recomputed.ts';
import { AROUND_STUDIO, SQL_STREAMS, stand } from './stand.ts';
import { type Sent, studioOf } from './studio-metrics.ts';

const pipelineOf = (name: string, shards: number): Pipeline => ({ ...parseSpec({ name, shards }), account: '000000000000' });
const pipeline = pipelineOf('resharded', 1);
const WINDOW_MS = pipeline.windowSeconds * 1000;
const BEGIN = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
/** How long Flink takes at most, by its default, to find shards that a stream has got since. */
const FOUND_MS = 10_000;

let local: Local;
let aws: Clients;
beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
});

type Studio = ReturnType<typeof studioOf>;
const first = matchFrom(BEGIN, 'first');
const ahead = matchFrom(BEGIN + 60_000, 'ahead');
const behind = matchFrom(BEGIN + 30_000, 'behind');

async function put(studio: Studio, shard: number, rows: object[]): Promise<void> {
  const key = (await studio.shards())[shard]!.HashKeyRange!.StartingHashKey!;
  await studio.put(rows.map((row): Sent => ({ json: JSON.stringify(row), key })));
}

/** Waits for a row of each player and window that these events have, and expects no other, nor anything late. */
async function expectWindowsOf(studio: Studio, events: GameEvent[]): Promise<void> {
  const { players, 'sliding players': sliding } = recomputed(events, [], WINDOW_MS);
  const wanted = killsOf([...players.values(), ...sliding.values()]);
  const rows = await pollUntil(
    studio.rows,
    ({ player_metrics: all = [] }) => {
      const come = killsOf(all);
      return [...wanted.keys()].every((key) => come.has(key));
    },
    { within: 60_000, what: 'the last window' },
  );
  expect(killsOf(rows.player_metrics!)).toEqual(wanted);
  expect(rows.late_events!.filter(({ event_type: type }) => type !== 'heartbeat')).toEqual([]);
}

it('a lane that comes behind the others after a reshard counts once: its shard is read by the SQL that has a subtask for it, and by none before', async () => {
  const studio = studioOf(aws, pipeline);
  try {
    await studio.bringUp();
    await put(studio, 0, first);
    await aws.kinesis.send(
      new UpdateShardCountCommand({ StreamName: names(pipeline).streams.events, TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' }),
    );
    await pollUntil(studio.shards, ({ length }) => length === 2, { within: 20_000, what: 'the reshard' });
    await put(studio, 0, ahead);
    await delay(1.5 * FOUND_MS);
    await put(studio, 1, behind);
    await delay(0.5 * FOUND_MS);
    await studio.restart();
    for (const shard of [0, 1]) await put(studio, shard, [heartbeat('end', shard, BEGIN + 200_000)]);
    await expectWindowsOf(studio, [...first, ...ahead, ...behind]);
  } finally {
    await studio.stop();
  }
});

it('a shard that came between the note and the start of its SQL is not read, and the SQL is known to need another note', async () => {
  const two = pipelineOf('between', 2);
  const studio = studioOf(aws, two);
  const book = notebookActivities(aws);
  try {
    await stand(aws, two, ...AROUND_STUDIO, ...SQL_STREAMS);
    await create(aws, two, { shards: shardIds(1) });
    await aws.kinesisAnalyticsV2.send(new StartApplicationCommand({ ApplicationName: names(two).application }));
    await eventually(() => book['notebook.awaitStarted'](two));
    await book['notebook.run'](two);
    await expect(eventually(() => book['notebook.awaitRunning'](two))).rejects.toMatchObject({ type: 'StartNeeded' });
    await put(studio, 1, [...ahead, heartbeat('end', 1, BEGIN + 200_000)]);
    // Flink reads once a second.
    await delay(3_000);
    await put(studio, 0, [...first, heartbeat('end', 0, BEGIN + 200_000)]);
    await expectWindowsOf(studio, first);
  } finally {
    await studio.stop();
  }
});

/** Of two rows of one key, as a restart leaves them, the larger. */
function killsOf(rows: Row[]): Map<string, number> {
  const kills = new Map<string, number>();
  for (const row of rows) kills.set(keyOf(row), Math.max(Number(row.kills), kills.get(keyOf(row)) ?? 0));
  return kills;
}
