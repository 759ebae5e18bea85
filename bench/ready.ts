import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BatchGetNamedQueryCommand, ListNamedQueriesCommand } from '@aws-sdk/client-athena';
import { GetCrawlerCommand } from '@aws-sdk/client-glue';
import { StopApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import type { Client } from '@temporalio/client';
import type { Answer } from '../activities/athena/query.ts';
import { type Clients, clients } from '../activities/aws.ts';
import { createActivities } from '../activities/index.ts';
import { type Local, type LocalOptions, startLocal } from '../local/start.ts';
import { names } from '../pipeline/names.ts';
import { type Pipeline, parseSpec } from '../pipeline/spec.ts';
import { bringUp, crawl, deliver, until, windowsFrom } from '../test/dashboard-lake.ts';
import { type Airflow, airflow } from './airflow.ts';
import { compared, type Figure, limited, mean, round } from './figure.ts';
import { onServer } from './server.ts';
import { asAwsKnows, KINDS, type Kind, type Seen, type Wait } from './waits.ts';

const ROUNDS = 3;
const AT_ONCE = 2;
/** Starting an application takes a JVM here, which AWS would start elsewhere: all else begins when that has happened. */
const LATER_MS = 20_000;
const QUESTION = 'team_performance';
const TASK_QUEUE = 'bench-ready';
const SINKS = ['playerMetrics', 'teamMetrics', 'leaderboards', 'serverMetrics', 'lateEvents'] as const;

/** One side's part of a round, with things of its own. */
interface Turn {
  side: Side;
  pipelines: Pipeline[];
}
type Side = 'ours' | 'peer';

const turns = (): Turn[] =>
  Array.from({ length: ROUNDS }, (_, round) =>
    (['ours', 'peer'] as const).map((side) => ({ side, pipelines: pipelinesOf(side, round) })),
  ).flat();

const pipelinesOf = (side: Side, round: number): Pipeline[] =>
  Array.from({ length: AT_ONCE }, (_, i) => {
    const spec = parseSpec({ name: `bench-${side}-${round}-${i}`, local: { profile: 'aws' } });
    return { ...spec, account: '000000000000' };
  });

/**
 * From 'ready' at AWS until it is seen: by our workflows, and by the operators of Airflow's amazon provider at their defaults. Both wait for the same kinds of
 * things on one local AWS that takes as long as AWS does; all kinds of a turn at once, the turns of the sides one after the other.
 */
export async function ready(): Promise<Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), 'd2d-bench-'));
  const all = turns();
  try {
    await onLocal({ dir }, (_, aws) =>
      prepare(
        aws,
        all.flatMap(({ pipelines }) => pipelines),
      ),
    );
    // Nobody waits for roles here.
    return figures(await onLocal({ dir, profile: 'aws', durations: { 'role spread': 0 } }, (local, aws) => waited(all, local, aws)));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function onLocal<Result>(options: LocalOptions, work: (local: Local, aws: Clients) => Promise<Result>): Promise<Result> {
  const local = await startLocal({ ...options, log: () => undefined });
  const aws = clients(local);
  try {
    return await work(local, aws);
  } finally {
    for (const client of Object.values(aws)) client.destroy();
    await local.close();
  }
}

/** Makes everything that is waited for later. */
async function prepare(aws: Clients, pipelines: Pipeline[]): Promise<void> {
  const windows = windowsFrom(new Date('2026-11-23T18:00:00Z'), 60, 20);
  for (const pipeline of pipelines) {
    await bringUp(aws, ['bucket', 'crawlerRole', 'quicksightRole', 'lakeDatabase', 'crawler', 'workgroup', 'dataSource'], pipeline);
    await deliver(aws, windows, 'first', pipeline);
    await crawl(aws, pipeline);
    await bringUp(aws, ['views', 'history', 'questions'], pipeline);
    await bringUp(aws, ['studioRole', 'studioLogs', 'flinkDatabase', 'events', ...SINKS, 'studio'], pipeline);
  }
}

type Waits = Record<Side, Wait[]>;

async function waited(all: Turn[], local: Local, aws: Clients): Promise<Waits> {
  const waits: Waits = { ours: [], peer: [] };
  const { accessKeyId, secretAccessKey } = local.credentials;
  const peer = await airflow({
    AWS_ENDPOINT_URL: local.endpoint,
    AWS_DEFAULT_REGION: local.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AIRFLOW_CONN_AWS_DEFAULT: 'aws://',
  });
  try {
    await onServer(async ({ client, working }) => {
      const activities = createActivities({ target: local, client, taskQueue: TASK_QUEUE });
      await working(TASK_QUEUE, activities, async () => {
        for (const { side, pipelines } of all) {
          for (const pipeline of pipelines) await atRest(aws, pipeline);
          const seen = side === 'ours' ? await ourTurn(client, pipelines) : await theirTurn(peer, aws, pipelines);
          waits[side].push(...(await Promise.all(seen.map((each) => asAwsKnows(each, local, aws)))));
          for (const pipeline of pipelines) await stop(aws, pipeline);
        }
      });
    });
  } finally {
    await peer.close();
  }
  return waits;
}

const stop = ({ kinesisAnalyticsV2 }: Clients, pipeline: Pipeline): Promise<unknown> =>
  kinesisAnalyticsV2.send(new StopApplicationCommand({ ApplicationName: names(pipeline).application, Force: true }));

/** After the crawl of the preparation the crawler is stopping, now that stopping takes time. */
const atRest = ({ glue }: Clients, pipeline: Pipeline): Promise<void> => {
  const { crawler: Name } = names(pipeline);
  return until(async () => (await glue.send(new GetCrawlerCommand({ Name }))).Crawler?.State === 'READY', `crawler ${Name}`, 60);
};

/** Seen is what has reached whoever waits for the workflow. */
const ourTurn = async (client: Client, pipelines: Pipeline[]): Promise<Seen[]> =>
  (await Promise.all(pipelines.map((pipeline) => ourWaits(client, pipeline)))).flat();

async function ourWaits(client: Client, pipeline: Pipeline): Promise<Seen[]> {
  const { application, crawler, dataSets } = names(pipeline);
  const run = async (kind: Kind, workflow: string, input: object, idOf: (result: unknown, run: string) => string) => {
    if (kind !== 'application') await delay(LATER_MS);
    const workflowId = `${pipeline.name}/${kind}`;
    const handle = await client.workflow.start(workflow, { taskQueue: TASK_QUEUE, workflowId, args: [input] });
    const result: unknown = await handle.result();
    return { kind, seen: Date.now(), id: idOf(result, handle.firstExecutionRunId) };
  };
  return Promise.all([
    run('application', 'startApplication', pipeline, () => application),
    run('crawl', 'crawl', { pipeline }, () => crawler),
    run('query', 'query', { pipeline, questions: [QUESTION] }, (answers) => (answers as Answer[])[0]!.execution),
    run('ingestion', 'refresh', { pipeline, dataSet: 'history' }, (_, id) => `${dataSets.history}/${id}`),
  ]);
}

/** Seen is what an operator has returned from. */
async function theirTurn(peer: Airflow, aws: Clients, pipelines: Pipeline[]): Promise<Seen[]> {
  const jobs = pipelines.map(async (pipeline) => {
    const { application, crawler, workgroup, lakeDatabase: database, dataSets } = names(pipeline);
    const after = LATER_MS / 1000;
    return [
      { kind: 'application', id: application, after: 0 },
      { kind: 'crawl', id: crawler, after },
      { kind: 'query', sql: await textOf(aws, workgroup), database, workgroup, after },
      { kind: 'ingestion', id: `${dataSets.history}/airflow`, after },
    ];
  });
  const lines = await peer.python<Seen>('waits.py', (await Promise.all(jobs)).flat());
  return lines.map((line) => ({ ...line, seen: line.seen * 1000 }));
}

/** The question that ours asks, too. */
async function textOf({ athena }: Clients, WorkGroup: string): Promise<string> {
  const { NamedQueryIds } = await athena.send(new ListNamedQueriesCommand({ WorkGroup }));
  const { NamedQueries = [] } = await athena.send(new BatchGetNamedQueryCommand({ NamedQueryIds }));
  return NamedQueries.find(({ Name }) => Name === QUESTION)!.QueryString!;
}

function figures(waits: Waits): Figure[] {
  const of = (side: Side, kind: Kind) => waits[side].filter((wait) => wait.kind === kind);
  const late = (side: Side, kind: Kind) => mean(of(side, kind).map(({ ready, seen }) => (seen - ready) / 1000));
  const meanOf = (side: Side) => mean(KINDS.map((kind) => late(side, kind)));
  const rate = (side: Side, kind: Kind) => callsPerSecond(of(side, kind));
  const each = (what: typeof late) =>
    `${KINDS.map((kind) => `${kind} ${round(what('ours', kind), 2)} : ${round(what('peer', kind), 2)}`).join(', ')}`;
  const most = Math.max(...KINDS.map((kind) => rate('ours', kind)));
  return [
    compared('from ready at AWS to seen, mean', 's', meanOf('ours'), meanOf('peer'), 15, `ours : Airflow's operators, ${each(late)}`),
    limited('calls while waiting, of the kind with most', '/s', most, 1, `ours : Airflow's operators, ${each(rate)}`),
  ];
}

/** From the first look to the last, over all waits of a kind: one a second is a look, and another a second later. */
function callsPerSecond(waits: Wait[]): number {
  const sum = (what: (looks: number[]) => number) => waits.reduce((all, { looks }) => all + what(looks), 0);
  return sum((looks) => looks.length - 1) / sum((looks) => (looks.at(-1)! - looks[0]!) / 1000);
}
