import { setTimeout as delay } from 'node:timers/promises';
import { UpdateShardCountCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Clients, clients } from '../activities/aws.ts';
import { pollUntil } from '../activities/poll.ts';
import type { Local } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { heartbeat } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { matchFrom } from './lake.ts';
import { localAws } from './local-aws.ts';
import { keyOf, type Row, recomputed } from './recomputed.ts';
import { type Sent, studioOf } from './studio-metrics.ts';

const pipeline: Pipeline = { ...parseSpec({ name: 'resharded', shards: 1 }), account: '000000000000' };
const WINDOW_MS = pipeline.windowSeconds * 1000;
const BEGIN = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
/** How long Flink takes at most, by its default, to find shards that a stream has got since. */
const FOUND_MS = 10_000;

let local: Local;
let aws: Clients;
let studio: ReturnType<typeof studioOf>;
beforeAll(async () => {
  local = await localAws();
  aws = clients(local);
  studio = studioOf(aws, pipeline);
  await studio.bringUp();
}, 120_000);
afterAll(async () => {
  await studio?.stop();
  for (const client of Object.values(aws)) client.destroy();
  await local.close();
}, 60_000);

it('a lane that comes behind the others after a reshard counts once: its shard is read by the SQL that has a subtask for it, and by none before', async () => {
  const put = async (shard: number, rows: object[]) => {
    const key = (await studio.shards())[shard]!.HashKeyRange!.StartingHashKey!;
    await studio.put(rows.map((row): Sent => ({ json: JSON.stringify(row), key })));
  };
  const first = matchFrom(BEGIN, 'first');
  const ahead = matchFrom(BEGIN + 60_000, 'ahead');
  const behind = matchFrom(BEGIN + 30_000, 'behind');
  await put(0, first);
  await aws.kinesis.send(
    new UpdateShardCountCommand({ StreamName: names(pipeline).streams.events, TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' }),
  );
  await pollUntil(studio.shards, ({ length }) => length === 2, { within: 20_000, what: 'the reshard' });
  await put(0, ahead);
  await delay(1.5 * FOUND_MS);
  await put(1, behind);
  await delay(0.5 * FOUND_MS);
  await studio.restart();
  for (const shard of [0, 1]) await put(shard, [heartbeat('end', shard, BEGIN + 200_000)]);
  const { players, 'sliding players': sliding } = recomputed([...first, ...ahead, ...behind], [], WINDOW_MS);
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
}, 180_000);

/** Of two rows of one key, as a restart leaves them, the larger. */
function killsOf(rows: Row[]): Map<string, number> {
  const kills = new Map<string, number>();
  for (const row of rows) kills.set(keyOf(row), Math.max(Number(row.kills), kills.get(keyOf(row)) ?? 0));
  return kills;
}
