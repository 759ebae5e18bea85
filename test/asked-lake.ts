import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueryExecutionCommand, GetQueryResultsCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { clients } from '../activities/aws.ts';
import { pollUntil } from '../activities/poll.ts';
import { stageActivities } from '../activities/registry.ts';
import { statements } from '../activities/sql.ts';
import { type LakeTable, names } from '../pipeline/names.ts';
import type { GameEvent } from '../pipeline/schema.ts';
import { heartbeat } from '../pipeline/simulation.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { HOUR_MS } from '../pipeline/time.ts';
import { crawl, metricsRows, putRows } from './lake.ts';
import { localAws } from './local-aws.ts';
import { lanesOf, type Scenario, scenario, sentBy, toldApart } from './scenarios.ts';

export const WINDOW_SECONDS = 10;
/** What the questions of a suite may take: ranges are whole hours, and none may end meanwhile. */
const TAKES_MS = 180_000;
const hourLeft = HOUR_MS - (Date.now() % HOUR_MS);
if (hourLeft < TAKES_MS) await sleep(hourLeft + 1_000);
/** The last full hour: within every range that is asked for. */
export const HOUR = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;

const pipelineOf = (windowSeconds: number): Pipeline => ({ ...parseSpec({ name: 'questions', windowSeconds }), account: '000000000000' });
const n = names(pipelineOf(WINDOW_SECONDS));

/** Two minutes of so many lanes, from `base` on. */
export const sceneOf = (lanes: number, base: number): Scenario => ({
  ...scenario('asked', 1, lanes, { trouble: { late: 0.05, duplicate: 0.05 } }),
  base,
});

/** What a lake holds of a scene: its raw rows, each event once, those of them that came late, copies among the rows, and the metrics; `leaders` are those of the windows with late events in. */
export function heldOf(scene: Scenario) {
  const lanes = lanesOf(scene);
  const records = lanes.flatMap((lane) => sentBy(scene, lane)).map((json) => JSON.parse(json) as GameEvent);
  const { onTime, late } = toldApart(scene);
  const events = [...onTime, ...late];
  return {
    records,
    events,
    onTime,
    late,
    kills: events.filter(({ event_type: type }) => type === 'kill'),
    copies: records.length - lanes.length - events.length,
    metrics: metricsRows(onTime, late, WINDOW_SECONDS),
    leaders: metricsRows(events, [], WINDOW_SECONDS).leaderboards,
  };
}

/** What the lake holds unless it is given another scene. */
export const ASKED = heldOf(sceneOf(1, HOUR + 3_000));

/** A lake with events and metrics of the last hour, and the questions to ask of it. */
export async function askedLake(windowSeconds = WINDOW_SECONDS, { records, onTime, late } = ASKED) {
  const pipeline = pipelineOf(windowSeconds);
  const local = await localAws();
  const aws = clients(local);
  const act = stageActivities(aws);
  const put = (table: LakeTable, name: string, rows: object[], hour = HOUR) => putRows(aws, pipeline, table, name, rows, hour);
  for (const stage of ['bucket', 'crawlerRole', 'lakeDatabase', 'crawler', 'workgroup', 'questions'] as const)
    await act[`${stage}.ensure`](pipeline);
  await put('events', 'a', [...records, heartbeat('q', 1, HOUR), heartbeat('q', 2, HOUR)]);
  for (const [table, rows] of Object.entries(metricsRows(onTime, late, windowSeconds))) await put(table as LakeTable, 'a', rows);
  await crawl(aws, pipeline);
  await act['views.ensure'](pipeline);

  const textOf = (question: string): string => statements(pipeline, 'athena').find(({ name }) => name === question)!.text;

  /** Runs a statement to its end. */
  async function execute(text: string, what = text): Promise<{ QueryExecutionId: string; bytes: number }> {
    const { QueryExecutionId } = await aws.athena.send(new StartQueryExecutionCommand({ QueryString: text, WorkGroup: n.workgroup }));
    const look = async () => (await aws.athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution;
    const execution = await pollUntil(look, (seen) => seen?.Status?.State !== 'QUEUED' && seen?.Status?.State !== 'RUNNING', {
      within: 20_000,
      what,
    });
    if (execution?.Status?.State !== 'SUCCEEDED') throw new Error(`${what}: ${execution?.Status?.StateChangeReason}`);
    return { QueryExecutionId: QueryExecutionId!, bytes: execution.Statistics?.DataScannedInBytes ?? 0 };
  }

  /** The rows of a statement's answer, numbers as numbers. */
  async function rows(text: string, what = text): Promise<Record<string, string | number>[]> {
    const { QueryExecutionId } = await execute(text, what);
    const { ResultSet } = await aws.athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
    const [columns = [], ...found] = (ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue = '' }) => VarCharValue));
    return found.map((row) =>
      Object.fromEntries(row.map((value, i) => [columns[i], value === '' || Number.isNaN(Number(value)) ? value : Number(value)])),
    );
  }

  return {
    pipeline,
    aws,
    database: n.lakeDatabase,
    /** Puts rows into an hour of a table, and returns the object's key. */
    put,
    remove: (...keys: string[]) => Promise.all(keys.map((Key) => aws.s3.send(new DeleteObjectCommand({ Bucket: n.bucket, Key })))),
    crawl: () => crawl(aws, pipeline),
    rows,
    bytesScanned: async (text: string): Promise<number> => (await execute(text)).bytes,
    bytesOf: async (question: string): Promise<number> => (await execute(textOf(question), question)).bytes,
    /** The rows of a question's answer. */
    ask: (question: string) => rows(textOf(question), question),
    close: async () => {
      for (const client of Object.values(aws)) client.destroy();
      await local.close();
    },
  };
}
