import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis';
import { CreateApplicationCommand, StartApplicationCommand } from '@aws-sdk/client-kinesis-analytics-v2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { aggregate } from '../../pipeline/aggregation.ts';
import { type AwsProcess, endAws, notebookOf, startAws, until } from './studio-process.ts';

const [ApplicationName, NOTE] = ['aggregates', 'aggregates'];
const MAX_HASH = (1n << 128n) - 1n;
let dir: string;
let aws: AwsProcess;
let kinesis: KinesisClient;
let studio: ReturnType<typeof notebookOf>;

const table = (name: string, more = '') =>
  `CREATE TABLE ${name} (id STRING) WITH ('connector' = 'kinesis', 'stream' = '${name}', 'aws.region' = 'us-east-1', 'format' = 'json'${more});`;
const SQL = [
  table('source', ", 'scan.stream.initpos' = 'TRIM_HORIZON', 'scan.shard.getrecords.intervalmillis' = '1000'"),
  table('sink'),
  'INSERT INTO sink SELECT id FROM source;',
];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aggregates-'));
  aws = await startAws(dir);
  kinesis = new KinesisClient(aws.config);
  studio = notebookOf(aws.config, ApplicationName, NOTE);
  const iam = new IAMClient(aws.config);
  const trust = { Effect: 'Allow', Principal: { Service: 'kinesisanalytics.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [trust] });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'studio', AssumeRolePolicyDocument }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'kinesis:*', Resource: '*' }] });
  await iam.send(new PutRolePolicyCommand({ RoleName: 'studio', PolicyName: 'all', PolicyDocument }));
  iam.destroy();
  await kinesis.send(new CreateStreamCommand({ StreamName: 'source', ShardCount: 2 }));
  await kinesis.send(new CreateStreamCommand({ StreamName: 'sink', ShardCount: 1 }));
  const header = '%flink.ssql(type=update, runAsOne=true)';
  const TextContent = JSON.stringify({ id: NOTE, name: NOTE, paragraphs: SQL.map((text) => ({ text: `${header}\n${text}` })) });
  const MavenReference = { GroupId: 'org.apache.flink', ArtifactId: 'flink-sql-connector-kinesis', Version: '1.15.4' };
  await studio.client.send(
    new CreateApplicationCommand({
      ApplicationName,
      RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0',
      ApplicationMode: 'INTERACTIVE',
      ServiceExecutionRole: Role!.Arn,
      ApplicationConfiguration: {
        ApplicationCodeConfiguration: { CodeContentType: 'PLAINTEXT', CodeContent: { TextContent } },
        ZeppelinApplicationConfiguration: { CustomArtifactsConfiguration: [{ ArtifactType: 'DEPENDENCY_JAR', MavenReference }] },
      },
    }),
  );
});

afterAll(async () => {
  for (const client of [kinesis, studio.client]) client.destroy();
  await endAws(aws, 'SIGTERM');
  await rm(dir, { recursive: true });
});

/** One record of the stream, with these records in it: an id, and the hash key that it says it has. */
const together = (records: [id: string, hashKey: string | undefined][]): Buffer => {
  const into = aggregate();
  for (const [id, hashKey] of records) into.add('match', hashKey, JSON.stringify({ id }));
  return into.finish();
};

test('Flink reads the records of an aggregate one by one, but drops a whole aggregate if one of them says that it belongs to another shard', async () => {
  const put = (Data: Uint8Array, ExplicitHashKey: string) =>
    kinesis.send(new PutRecordCommand({ StreamName: 'source', PartitionKey: 'a', ExplicitHashKey, Data }));
  const [low, high] = ['0', String(MAX_HASH)];
  await put(together([0, 1, 2].map((i) => [`low-${i}`, low])), low);
  await put(together([0, 1, 2].map((i) => [`high-${i}`, high])), high);
  const mixed: [string, string][] = [
    ['low-3', low],
    ['astray', high],
    ['low-4', low],
  ];
  await put(together(mixed), low);
  await put(Buffer.from('{"id":"last"}'), low);
  await put(Buffer.from('{"id":"alone"}'), high);

  await studio.client.send(new StartApplicationCommand({ ApplicationName }));
  await studio.running();
  await studio.run();
  await studio.noteRuns();
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: 'sink' }));
  const rows = async () => {
    const first = await kinesis.send(
      new GetShardIteratorCommand({ StreamName: 'sink', ShardId: Shards[0]!.ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator: first.ShardIterator }));
    return Records.map(({ Data }) => (JSON.parse(Buffer.from(Data!).toString()) as { id: string }).id).sort();
  };
  expect(await until(rows, (ids) => ids.length >= 8 && ids.includes('last'))).toEqual([
    'alone',
    ...['high-0', 'high-1', 'high-2'],
    'last',
    ...['low-0', 'low-1', 'low-2'],
  ]);
});
