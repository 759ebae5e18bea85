import { CloudWatchLogsClient, CreateLogGroupCommand, CreateLogStreamCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateDatabaseCommand, GlueClient } from '@aws-sdk/client-glue';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateApplicationCommand,
  type CreateApplicationCommandInput,
  CreateApplicationPresignedUrlCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  DescribeApplicationOperationCommand,
  KinesisAnalyticsV2Client,
  ListApplicationOperationsCommand,
  ListApplicationsCommand,
  ListTagsForResourceCommand,
  StartApplicationCommand,
  StopApplicationCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readSource } from '../../local/kinesis-analytics-v2/interpreter.ts';
import { innermostCause } from '../../local/kinesis-analytics-v2/job.ts';
import { createdKinesisTable, splitStatements } from '../../local/kinesis-analytics-v2/statements.ts';
import { afterPage, emptyTable, resultMessages } from '../../local/kinesis-analytics-v2/table.ts';
import type { Local } from '../../local/start.ts';
import { localAws } from '../local-aws.ts';

const SETTLE_MS = 60_000;
const note = { id: 'D2DMETRIC', name: 'metrics', paragraphs: [{ title: 'tables', text: '%flink.ssql\nSHOW TABLES' }] };
let local: Local;
let client: KinesisAnalyticsV2Client;
let ahead = 0;
let roleArn: string;

const application = (change: Partial<CreateApplicationCommandInput> = {}, text: unknown = note): CreateApplicationCommandInput => ({
  ApplicationName: 'studio',
  RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0',
  ApplicationMode: 'INTERACTIVE',
  ServiceExecutionRole: roleArn,
  ApplicationConfiguration: {
    FlinkApplicationConfiguration: {
      ParallelismConfiguration: { ConfigurationType: 'CUSTOM', Parallelism: 2, ParallelismPerKPU: 1, AutoScalingEnabled: false },
    },
    ApplicationCodeConfiguration: {
      CodeContentType: 'PLAINTEXT',
      CodeContent: { TextContent: typeof text === 'string' ? text : JSON.stringify(text) },
    },
    ApplicationSnapshotConfiguration: { SnapshotsEnabled: false },
    ZeppelinApplicationConfiguration: {
      CatalogConfiguration: { GlueDataCatalogConfiguration: { DatabaseARN: arn('glue', 'database/game') } },
      CustomArtifactsConfiguration: [
        {
          ArtifactType: 'DEPENDENCY_JAR',
          MavenReference: { GroupId: 'org.apache.flink', ArtifactId: 'flink-sql-connector-kinesis', Version: '1.15.4' },
        },
      ],
    },
  },
  CloudWatchLoggingOptions: [{ LogStreamARN: arn('logs', 'log-group:/aws/flink:log-stream:studio') }],
  Tags: [{ Key: 'owner', Value: 'test' }],
  ...change,
});
const arn = (service: string, resource: string) => `arn:aws:${service}:${local.region}:${local.account}:${resource}`;
const create = (change?: Partial<CreateApplicationCommandInput>, text?: unknown) =>
  client.send(new CreateApplicationCommand(application(change, text)));
const describeIt = async () => (await client.send(new DescribeApplicationCommand({ ApplicationName: 'studio' }))).ApplicationDetail!;

beforeAll(async () => {
  local = await localAws({ settle: SETTLE_MS, now: () => Date.now() + ahead });
  client = new KinesisAnalyticsV2Client({ ...local, maxAttempts: 1 });
  const [iam, glue, logs] = [new IAMClient(local), new GlueClient(local), new CloudWatchLogsClient(local)];
  const trust = { Effect: 'Allow', Principal: { Service: 'kinesisanalytics.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: 'studio', AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }) }),
  );
  roleArn = Role!.Arn!;
  const allowed = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'glue:GetDatabase', Resource: '*' }] };
  await iam.send(new PutRolePolicyCommand({ RoleName: 'studio', PolicyName: 'glue', PolicyDocument: JSON.stringify(allowed) }));
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'game' } }));
  await logs.send(new CreateLogGroupCommand({ logGroupName: '/aws/flink' }));
  await logs.send(new CreateLogStreamCommand({ logGroupName: '/aws/flink', logStreamName: 'studio' }));
  for (const used of [iam, glue, logs]) used.destroy();
});

afterAll(async () => {
  client.destroy();
  await local.close();
});

describe('an application', () => {
  test('waits for its role, database and log stream', async () => {
    await expect(create()).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: expect.stringMatching(/doesn't have sufficient privileges/),
    });
    ahead += SETTLE_MS;
    const configuration = application().ApplicationConfiguration!;
    const elsewhere = { CatalogConfiguration: { GlueDataCatalogConfiguration: { DatabaseARN: arn('glue', 'database/nope') } } };
    const refusals: [Partial<CreateApplicationCommandInput>, RegExp][] = [
      [{ ServiceExecutionRole: `${roleArn}-nope` }, /sufficient privileges/],
      [{ ApplicationConfiguration: { ...configuration, ZeppelinApplicationConfiguration: elsewhere } }, /Glue database provided: nope/],
      [{ CloudWatchLoggingOptions: [{ LogStreamARN: arn('logs', 'log-group:/aws/flink:log-stream:nope') }] }, /log stream provided/],
    ];
    for (const [change, message] of refusals)
      await expect(create(change)).rejects.toMatchObject({ name: 'InvalidArgumentException', message: expect.stringMatching(message) });
  });

  test('is refused when it is no Studio notebook, or its note no note', async () => {
    const refused = async (name: string, change: Partial<CreateApplicationCommandInput>, text?: unknown) =>
      expect(create(change, text)).rejects.toMatchObject({ name });
    await refused('InvalidArgumentException', { ApplicationName: 'not good' });
    await refused('InvalidArgumentException', { RuntimeEnvironment: 'FLINK-1_20' });
    await refused('InvalidArgumentException', { ApplicationMode: 'STREAMING' });
    await refused('UnsupportedOperationException', { RuntimeEnvironment: 'ZEPPELIN-FLINK-2_0' });
    await refused('ValidationException', { ServiceExecutionRole: undefined });
    await refused('InvalidArgumentException', {}, 'no JSON');
    await refused('InvalidArgumentException', {}, { name: 'x', paragraphs: [{ text: 1 }] });
    await refused('InvalidArgumentException', {}, { ...note, paragraphs: [{ text: 'x'.repeat(102_400) }] });
  });

  test('is described as it was made, listed, tagged, and made once', async () => {
    const { ApplicationDetail: made } = await create();
    expect(made).toMatchObject({
      ApplicationStatus: 'READY',
      ApplicationVersionId: 1,
      ApplicationARN: arn('kinesisanalytics', 'application/studio'),
    });
    expect(await describeIt()).toEqual(made);
    expect(made!.ApplicationConfigurationDescription!.ApplicationCodeConfigurationDescription!.CodeContentDescription!.TextContent).toBe(
      JSON.stringify(note),
    );
    await expect(create()).rejects.toMatchObject({ name: 'ResourceInUseException' });
    const { ApplicationSummaries } = await client.send(new ListApplicationsCommand({}));
    expect(ApplicationSummaries).toMatchObject([{ ApplicationName: 'studio', ApplicationStatus: 'READY' }]);
    const ResourceARN = made!.ApplicationARN!;
    await client.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'stage', Value: 'one' }] }));
    await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['owner'] }));
    expect((await client.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags).toEqual([{ Key: 'stage', Value: 'one' }]);
  });

  test('is updated only by who knows its present version', async () => {
    const { ConditionalToken, ApplicationVersionId } = await describeIt();
    const ApplicationConfigurationUpdate = {
      FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: { ParallelismUpdate: 3 } },
    };
    const update = (by: object) =>
      client.send(new UpdateApplicationCommand({ ApplicationName: 'studio', ApplicationConfigurationUpdate, ...by }));
    await expect(update({ ConditionalToken: 'stale' })).rejects.toMatchObject({ name: 'ConcurrentModificationException' });
    await expect(update({})).rejects.toMatchObject({ name: 'InvalidArgumentException' });
    const { OperationId } = await update({ ConditionalToken });
    await expect(update({ CurrentApplicationVersionId: ApplicationVersionId })).rejects.toMatchObject({
      name: 'ConcurrentModificationException',
    });
    expect((await describeIt()).ApplicationStatus).toBe('UPDATING');
    ahead += SETTLE_MS;
    const after = await describeIt();
    expect(after).toMatchObject({ ApplicationStatus: 'READY', ApplicationVersionId: 2 });
    const { FlinkApplicationConfigurationDescription: flink, ApplicationCodeConfigurationDescription: code } =
      after.ApplicationConfigurationDescription!;
    expect(flink!.ParallelismConfigurationDescription).toMatchObject({ Parallelism: 3, ParallelismPerKPU: 1 });
    expect(code!.CodeContentDescription!.TextContent).toBe(JSON.stringify(note));
    const told = await client.send(new DescribeApplicationOperationCommand({ ApplicationName: 'studio', OperationId }));
    expect(told.ApplicationOperationInfoDetails).toMatchObject({ Operation: 'UpdateApplication', OperationStatus: 'SUCCESSFUL' });
    const { ApplicationOperationInfoList } = await client.send(new ListApplicationOperationsCommand({ ApplicationName: 'studio' }));
    expect(ApplicationOperationInfoList).toMatchObject([{ OperationId }]);
  });

  test('keeps the note that it was created with', async () => {
    const before = await describeIt();
    const ApplicationCodeConfigurationUpdate = { CodeContentUpdate: { TextContentUpdate: JSON.stringify({ ...note, name: 'changed' }) } };
    const update = new UpdateApplicationCommand({
      ApplicationName: 'studio',
      ConditionalToken: before.ConditionalToken,
      ApplicationConfigurationUpdate: { ApplicationCodeConfigurationUpdate },
    });
    await expect(client.send(update)).rejects.toMatchObject({ name: 'UnsupportedOperationException' });
    expect(await describeIt()).toEqual(before);
  });

  test('is neither opened nor stopped while it does not run', async () => {
    const url = new CreateApplicationPresignedUrlCommand({ ApplicationName: 'studio', UrlType: 'ZEPPELIN_UI_URL' });
    await expect(client.send(url)).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await expect(client.send(new StopApplicationCommand({ ApplicationName: 'studio' }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    expect((await fetch(`${local.endpoint}/zeppelin/api/notebook`)).status).toBe(403);
  });

  test('is deleted by its exact time of creation, and then unknown to every operation', async () => {
    const { CreateTimestamp } = await describeIt();
    const remove = (time: Date) => client.send(new DeleteApplicationCommand({ ApplicationName: 'studio', CreateTimestamp: time }));
    await expect(remove(new Date(CreateTimestamp!.getTime() + 1))).rejects.toMatchObject({ name: 'InvalidArgumentException' });
    await remove(CreateTimestamp!);
    expect((await describeIt()).ApplicationStatus).toBe('DELETING');
    ahead += SETTLE_MS;
    await expect(describeIt()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(client.send(new StartApplicationCommand({ ApplicationName: 'studio' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await create();
    expect((await describeIt()).ApplicationVersionId).toBe(1);
  });
});

describe("a paragraph's text", () => {
  test('is split at semicolons outside of quotes and comments', () => {
    const sql = "-- a; b\nSET 'a' = ';''--';\n/* ; */ CREATE VIEW `x;y` AS SELECT 1 - 2 / 3;;\n";
    expect(splitStatements(sql)).toEqual(["SET 'a' = ';''--'", 'CREATE VIEW `x;y` AS SELECT 1 - 2 / 3']);
    const statement = fc.stringMatching(/^[a-z]( ?('[^']*'|`[^`]*`|[a-z1-9,()])){0,20}$/);
    fc.assert(fc.property(fc.array(statement), (all) => expect(splitStatements(all.join(';\n'))).toEqual(all)));
  });

  test('names its interpreter and local properties', () => {
    expect(readSource('%flink.ssql(type=update, parallelism=2, runAsOne=true)\nSELECT 1')).toEqual({
      interpreter: 'flink.ssql',
      properties: { type: 'update', parallelism: '2', runAsOne: 'true' },
      body: 'SELECT 1',
    });
    expect(readSource('%md hello')).toEqual({ interpreter: 'md', properties: {}, body: 'hello' });
    expect(readSource('val x = 1').interpreter).toBe('flink');
  });

  test('tells which tables lie in Kinesis', () => {
    expect(createdKinesisTable("CREATE TABLE IF NOT EXISTS `a`.b (x INT) WITH ('connector' = 'kinesis')")).toBe('`a`.b');
    expect(createdKinesisTable("CREATE TABLE b (x INT) WITH ('connector' = 'datagen')")).toBeUndefined();
    expect(createdKinesisTable("CREATE VIEW b AS SELECT 'connector' = 'kinesis'")).toBeUndefined();
  });
});

describe('a result', () => {
  test('follows the changes of a streaming query', () => {
    const page = (rows: [string, unknown[]][]) => ({
      isQuery: true,
      columns: ['team', 'kills'],
      ready: true,
      rows: rows.map(([kind, fields]) => ({ kind, fields })),
    });
    let table = afterPage(
      emptyTable(),
      page([
        ['INSERT', ['red', 1]],
        ['INSERT', ['blue\t', null]],
      ]),
    );
    table = afterPage(
      table,
      page([
        ['UPDATE_BEFORE', ['red', 1]],
        ['UPDATE_AFTER', ['red', 2]],
      ]),
    );
    expect(resultMessages('SELECT 1', table)).toEqual([{ type: 'TABLE', data: 'team\tkills\nblue \tnull\nred\t2\n' }]);
  });

  test("gives Flink's innermost reason", () => {
    expect(innermostCause('A: a\n\tat x\nCaused by: B: b\n\tat y\n\t... 2 more\nCaused by: C: c\nmore of c\n\tat z')).toBe(
      'C: c\nmore of c',
    );
    expect(innermostCause('A: a\n\tat x')).toBe('A: a');
  });
});
