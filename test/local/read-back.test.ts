import { CreateStreamCommand, KinesisClient, UpdateShardCountCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { generatorActivities } from '../../activities/kinesis/generate.ts';
import { rows, shardsOf } from '../../activities/kinesis/shards.ts';
import { type SendProgress, unsent } from '../../activities/kinesis/stretch.ts';
import type { Local } from '../../local/start.ts';
import { gameOf } from '../../pipeline/lanes.ts';
import { names } from '../../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../../pipeline/spec.ts';
import { localAws } from '../local-aws.ts';

const spec = parseSpec({ name: 'read-back', shards: 2, generator: { trouble: { malformed: 0.05 } } });
const pipeline: Pipeline = { ...spec, account: '000000000000' };
const StreamName = names(pipeline).streams.events;
const game = gameOf(spec, 'abcd1234');

let local: Local;
let kinesis: KinesisClient;

beforeAll(async () => {
  local = await localAws();
  kinesis = new KinesisClient(local);
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
});
afterAll(async () => {
  kinesis.destroy();
  await local.close();
});

/** How often each event of a lane is in the stream. */
async function copies(lane: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { ShardId } of await shardsOf(kinesis, StreamName))
    for await (const page of rows(kinesis, { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }))
      for (const { event_id: id = '' } of page) if (id.startsWith(`abcd1234-${lane}-`)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

it('sends nothing twice: an attempt finds in the stream what the one before did not tell, minutes or hours ago, though shards were split since', async () => {
  const { region, endpoint, credentials } = local;
  const activities = generatorActivities({ region, endpoint, credentials }, kinesis);
  const run = async (lane: number, to: number, hoursAgo: number, attempt: number, heartbeatDetails?: SendProgress) => {
    const stretch = { game, lane, from: 0, to, bases: [{ from: 0, base: Date.now() - hoursAgo * 3_600_000, rate: 100 }], since: 0 };
    const environment = new MockActivityEnvironment({ attempt, heartbeatDetails });
    return environment.run(() => activities['kinesis.generate']({ ...stretch, pipeline, again: false })) as Promise<SendProgress>;
  };
  for (const lane of [0, 1]) await run(lane, 200, 2, 1);
  await kinesis.send(new UpdateShardCountCommand({ StreamName, TargetShardCount: 4, ScalingType: 'UNIFORM_SCALING' }));
  const told = { ...unsent(0), next: 100, lane: 0 };
  expect(await run(0, 300, 2, 2, told)).toMatchObject({ next: 300, resent: [[100, 300]] });
  const found = await copies(0);
  expect(found.size).toBe(300);
  expect([...found.values()].filter((count) => count > 1)).toEqual([]);
  expect(await run(1, 300, 0.1, 2, { ...told, lane: 1 })).toMatchObject({ next: 300, resent: [[100, 300]] });
  const other = await copies(1);
  expect(other.size).toBe(300);
  expect([...other.values()].filter((count) => count > 1)).toEqual([]);
});

it('asks for no moment that is yet to come, which AWS refuses, though the next event is due only then', async () => {
  const { region, endpoint, credentials } = local;
  const activities = generatorActivities({ region, endpoint, credentials }, kinesis);
  const asked = jest.spyOn(kinesis, 'send');
  const stretch = { game, lane: 0, from: 300, to: 300, bases: [{ from: 300, base: Date.now() + 60_000, rate: 100 }], since: 0 };
  const environment = new MockActivityEnvironment({ attempt: 2 });
  const sent = environment.run(() => activities['kinesis.generate']({ ...stretch, pipeline, again: false }));
  expect(await sent).toMatchObject({ first: 300, next: 300, resent: [] });
  const moments = asked.mock.calls.flatMap(([{ input }]) => ('Timestamp' in input ? [input.Timestamp as Date] : []));
  expect(moments.length).toBeGreaterThan(0);
  expect(moments.filter((moment) => moment.getTime() > Date.now())).toEqual([]);
});
