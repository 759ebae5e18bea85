import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  AthenaClient,
  CreateWorkGroupCommand,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  type StartQueryExecutionCommandInput,
} from '@aws-sdk/client-athena';
import { CreateDatabaseCommand, CreatePartitionCommand, CreateTableCommand, GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type Local, startLocal } from '../../local/start.ts';

/** Where the lake of two hours' kills lies, and the results. */
export const Bucket = 'athena-lake';
export const WorkGroup = 'game';
let dir: string;
export let local: Local;
/** Clients of the local AWS, which is there while the suite that imports this runs. */
export let athena: AthenaClient;
export let glue: GlueClient;
export let s3: S3Client;

/** Starts the local AWS on the state of before. */
export const start = async () => {
  local = await startLocal({ dir });
  athena = new AthenaClient({ ...local, maxAttempts: 1 });
  glue = new GlueClient({ ...local, maxAttempts: 1 });
  s3 = new S3Client({ ...local, forcePathStyle: true, maxAttempts: 1 });
};
/** An error of this name whose message has this text. */
export const failsWith = (name: string, text = '') => expect.objectContaining({ name, message: expect.stringContaining(text) });
/** Begins to run a statement, and gives the execution's id. */
export const begin = async (QueryString: string, more: Partial<StartQueryExecutionCommandInput> = {}) =>
  (await athena.send(new StartQueryExecutionCommand({ QueryString, WorkGroup, QueryExecutionContext: { Database: 'game' }, ...more })))
    .QueryExecutionId!;

/** The execution, once it has ended. */
export async function ended(QueryExecutionId: string) {
  for (;;) {
    const { QueryExecution: execution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    if (!['QUEUED', 'RUNNING'].includes(execution!.Status!.State!)) return execution!;
    await setTimeout(20);
  }
}

/** Runs a statement to its end and gives its rows as text; a failure gives its reason. */
export async function rows(sql: string, more: Partial<StartQueryExecutionCommandInput> = {}) {
  const { QueryExecutionId: id, Status: status } = await ended(await begin(sql, more));
  if (status!.State !== 'SUCCEEDED') throw new Error(status!.StateChangeReason);
  const { ResultSet: set } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: id }));
  return set!.Rows!.map(({ Data: cells }) => cells!.map(({ VarCharValue: value }) => value));
}
/** The bytes that a statement scanned. */
export const scanned = async (sql: string) => (await ended(await begin(sql))).Statistics!.DataScannedInBytes!;

/** The rows of the table `kills`, by hour. */
export const KILLS = [
  {
    hour: '17',
    rows: [{ eventId: 'a', player: 'ann', kills: 3, at: '2026-11-23T17:10:00.000Z', place: { mapName: 'dust', x: 1 }, tags: ['x', 'y'] }],
  },
  {
    hour: '18',
    rows: [
      { eventId: 'b', player: 'bob', kills: 4, at: '2026-11-23T18:10:00.000Z' },
      { eventId: 'b', player: 'bob', kills: 4, at: '2026-11-23T18:10:00.000Z' },
    ],
  },
];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'athena-'));
  await start();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await athena.send(
    new CreateWorkGroupCommand({
      Name: WorkGroup,
      Configuration: { ResultConfiguration: { OutputLocation: `s3://${Bucket}/results/` }, BytesScannedCutoffPerQuery: 10_000_000 },
    }),
  );
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'game' } }));
  const StorageDescriptor = {
    Location: `s3://${Bucket}/kills/`,
    Columns: [
      { Name: 'eventid', Type: 'string' },
      { Name: 'player', Type: 'string' },
      { Name: 'kills', Type: 'int' },
      { Name: 'at', Type: 'string' },
      { Name: 'place', Type: 'struct<mapname:string,x:int>' },
      { Name: 'tags', Type: 'array<string>' },
    ],
    SerdeInfo: {
      SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe',
      Parameters: { paths: 'eventId,player,kills,at', 'mapping.mapname': 'mapName' },
    },
  };
  await glue.send(
    new CreateTableCommand({
      DatabaseName: 'game',
      TableInput: { Name: 'kills', PartitionKeys: [{ Name: 'hour', Type: 'string' }], StorageDescriptor },
    }),
  );
  for (const { hour, rows: content } of [...KILLS, { hour: '19', rows: [{ eventId: 'unseen' }] }]) {
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: `kills/hour=${hour}/f.gz`,
        Body: gzipSync(content.map((row) => `${JSON.stringify(row)}\n`).join('')),
      }),
    );
    if (hour !== '19')
      await glue.send(
        new CreatePartitionCommand({
          DatabaseName: 'game',
          TableName: 'kills',
          PartitionInput: { Values: [hour], StorageDescriptor: { Location: `s3://${Bucket}/kills/hour=${hour}/` } },
        }),
      );
  }
});

afterAll(async () => {
  await local.close();
  await rm(dir, { recursive: true });
});
