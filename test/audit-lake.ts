import { setTimeout as delay } from 'node:timers/promises';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import type { Clients } from '../activities/aws.ts';
import { crawlActivities } from '../activities/glue/crawl.ts';
import { stageActivities } from '../activities/registry.ts';
import { ledger } from '../activities/s3/ledger.ts';
import { hashKeyOf } from '../pipeline/lanes.ts';
import type { LedgerRange } from '../pipeline/ledger.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import { laneOf } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { malformed, troubleOf } from '../pipeline/trouble.ts';
import { bringUp } from './dashboard-lake.ts';
import { eventually } from './eventually.ts';
import { metricsRows, putRows } from './lake.ts';
import { lanesOf, type Scenario, scenario, sentBy, toldApart } from './scenarios.ts';

const EVENTS = 1200;
const LANES = 2;

/** A pipeline of two shards whose game was quiet for hours when it is audited: a stream, a lake and its metrics, in which nothing is amiss. */
export interface Audited {
  pipeline: Pipeline;
  scene: Scenario;
  /** The full hour in which all of it was delivered. */
  hour: number;
  /** What was sent, by lane and in this order. */
  sent: string[][];
  metrics: ReturnType<typeof metricsRows>;
}

/** Two minutes of a game were sent from then on, with late and malformed records and second copies on purpose. */
export function audited(name: string, base: number, trouble = { late: 0.05, duplicate: 0.05, malformed: 0.05 }): Audited {
  const pipeline: Pipeline = { ...parseSpec({ name, shards: LANES, windowSeconds: 10 }), account: '000000000000' };
  const scene = { ...scenario(name, 1, LANES, { trouble }), base };
  const hour = Math.floor(base / HOUR_MS) * HOUR_MS;
  const { onTime, late } = toldApart(scene);
  const sent = lanesOf(scene).map((lane) => [...sentBy(scene, lane), ...halvesOf(scene, lane)]);
  return { pipeline, scene, hour, sent, metrics: metricsRows(onTime, late, pipeline.windowSeconds) };
}

/** The malformed records of a lane. */
function halvesOf({ base, game }: Scenario, lane: number): string[] {
  const events = laneOf(game, lane);
  return Array.from({ length: EVENTS }, (_, i) => events.next(base + i * 100)).flatMap((json, i) =>
    troubleOf(game, lane, i) === 'malformed' ? [malformed(json)] : [],
  );
}

/** Brings all of it into the local AWS, crawled; but for what never reaches the stream. */
export async function standing(aws: Clients, { pipeline, scene, hour, sent, metrics }: Audited, lost: string[] = []): Promise<void> {
  const stages = ['bucket', 'events', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup', 'questions', 'auditTable'] as const;
  await bringUp(aws, [...stages], pipeline);
  const ranges = sent.map(
    (_, lane): LedgerRange => ({
      ...{ lane, first: 0, end: EVENTS, resent: [], since: 0, at: hour },
      time: { from: 0, base: scene.base, rate: 10 },
    }),
  );
  await ledger(aws)['ledger.write'](pipeline, 0, { game: scene.game, ranges });
  for (const [lane, records] of sent.entries()) {
    await putRows(aws, pipeline, 'events', `lane-${lane}`, records, hour);
    await putRecords(
      aws,
      pipeline,
      lane,
      records.filter((record) => !lost.includes(record)),
    );
  }
  for (const [table, rows] of Object.entries(metrics)) await putRows(aws, pipeline, table as LakeTable, 'all', rows, hour);
  await crawled(aws, pipeline);
  await stageActivities(aws)['views.ensure'](pipeline);
}

/** One crawl of the product's, which forgives lines that are no JSON. */
export async function crawled(aws: Clients, pipeline: Pipeline): Promise<void> {
  const act = crawlActivities(aws);
  const since = await eventually(() => act['crawl.since'](pipeline));
  await eventually(() => act['crawl.start'](pipeline, since));
  await eventually(() => act['crawl.finished'](pipeline, since));
}

/** Puts records into the shard of a lane, which takes a thousand a second. */
export async function putRecords({ kinesis }: Clients, pipeline: Pipeline, lane: number, records: string[]): Promise<void> {
  const ExplicitHashKey = hashKeyOf(lane, LANES);
  for (let i = 0; i < records.length; i += 500) {
    let Records = records.slice(i, i + 500).map((json) => ({ Data: Buffer.from(json), PartitionKey: 'match', ExplicitHashKey }));
    while (Records.length > 0) {
      const answer = await kinesis.send(new PutRecordsCommand({ StreamName: names(pipeline).streams.events, Records }));
      Records = Records.filter((_, place) => answer.Records?.[place]?.ErrorCode !== undefined);
      if (Records.length > 0) await delay(200);
    }
  }
}
