import { setTimeout as delay } from 'node:timers/promises';
import * as athena from '@aws-sdk/client-athena';
import * as glue from '@aws-sdk/client-glue';
import * as iam from '@aws-sdk/client-iam';
import * as studio from '@aws-sdk/client-kinesis-analytics-v2';
import * as quicksight from '@aws-sdk/client-quicksight';
import type { Clients } from '../activities/aws.ts';
import { isNamed } from '../activities/errors.ts';
import { dashboardDefinition } from '../pipeline/dashboard.ts';
import { names } from '../pipeline/names.ts';
import type { Pipeline } from '../pipeline/spec.ts';
import { type Course, until } from './run.ts';

/** One thing that somebody does behind a pipeline's back. */
export type Deed = (aws: Clients, pipeline: Pipeline) => Promise<unknown>;

const ANYBODY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';

/** What somebody changes behind the pipeline's back: one thing for each call by which the product mends such things. */
export const OF_THINGS: Record<string, Deed> = {
  "the crawler's target": ({ glue: client }, pipeline) =>
    client.send(new glue.UpdateCrawlerCommand({ Name: names(pipeline).crawler, Targets: { S3Targets: [{ Path: elsewhere(pipeline) }] } })),
  "the work group's output location": ({ athena: client }, pipeline) =>
    client.send(
      new athena.UpdateWorkGroupCommand({
        WorkGroup: names(pipeline).workgroup,
        ConfigurationUpdates: { ResultConfigurationUpdates: { OutputLocation: elsewhere(pipeline) } },
      }),
    ),
  'the text of a named query': async ({ athena: client }, pipeline) => {
    const { NamedQueryIds: [NamedQueryId] = [] } = await client.send(
      new athena.ListNamedQueriesCommand({ WorkGroup: names(pipeline).workgroup }),
    );
    const { NamedQueries: [query] = [] } = await client.send(new athena.BatchGetNamedQueryCommand({ NamedQueryIds: [NamedQueryId!] }));
    const { Name, Description } = query!;
    await client.send(new athena.UpdateNamedQueryCommand({ NamedQueryId, Name, Description, QueryString: 'SELECT 1' }));
  },
  "the application's logging": async ({ kinesisAnalyticsV2: client }, pipeline) => {
    const { application: ApplicationName } = names(pipeline);
    const { ApplicationDetail } = await client.send(new studio.DescribeApplicationCommand({ ApplicationName }));
    const { ConditionalToken, CloudWatchLoggingOptionDescriptions: [option] = [] } = ApplicationDetail!;
    const { CloudWatchLoggingOptionId } = option!;
    await client.send(
      new studio.DeleteApplicationCloudWatchLoggingOptionCommand({ ApplicationName, ConditionalToken, CloudWatchLoggingOptionId }),
    );
  },
  "the data source's name": ({ quicksight: client }, pipeline) => {
    const { dataSource, workgroup: WorkGroup, roleArns } = names(pipeline);
    const DataSourceParameters = { AthenaParameters: { WorkGroup, RoleArn: roleArns.quicksight } };
    const id = { AwsAccountId: pipeline.account, DataSourceId: dataSource };
    return client.send(new quicksight.UpdateDataSourceCommand({ ...id, Name: 'mine', DataSourceParameters }));
  },
  "a data set's name": async ({ quicksight: client }, pipeline) => {
    const id = { AwsAccountId: pipeline.account, DataSetId: names(pipeline).dataSets.teams };
    const { DataSet } = await client.send(new quicksight.DescribeDataSetCommand(id));
    const { ImportMode, PhysicalTableMap } = DataSet!;
    await client.send(new quicksight.UpdateDataSetCommand({ ...id, Name: 'mine', ImportMode, PhysicalTableMap }));
  },
  "the dashboard's name": ({ quicksight: client }, pipeline) => {
    const id = { AwsAccountId: pipeline.account, DashboardId: names(pipeline).dashboard };
    return client.send(new quicksight.UpdateDashboardCommand({ ...id, Name: 'mine', Definition: dashboardDefinition(pipeline) }));
  },
  'the analysis, deleted with its days of recovery': async ({ quicksight: client }, pipeline) => {
    const id = { AwsAccountId: pipeline.account, AnalysisId: names(pipeline).analysis };
    await client.send(new quicksight.UpdateAnalysisCommand({ ...id, Name: 'mine', Definition: dashboardDefinition(pipeline) }));
    await client.send(new quicksight.DeleteAnalysisCommand(id)); // with its 30 days of recovery
  },
};

/** And then of roles, which the calls above still need. */
export const OF_ROLES: Record<string, Deed> = {
  "a role's description": ({ iam: client }, pipeline) =>
    client.send(new iam.UpdateRoleCommand({ RoleName: names(pipeline).roles.quicksight, Description: 'mine' })),
  "a role's trust policy": ({ iam: client }, pipeline) =>
    client.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName: names(pipeline).roles.studio, PolicyDocument: ANYBODY })),
  'a policy attached to a role': ({ iam: client }, pipeline) =>
    client.send(new iam.AttachRolePolicyCommand({ RoleName: names(pipeline).roles.crawler, PolicyArn: ADMINISTRATOR })),
};

const elsewhere = (pipeline: Pipeline) => `s3://${names(pipeline).bucket}/elsewhere/`;

/** Does all of that. */
export async function changesThings(aws: Clients, pipeline: Pipeline, { signal }: Course): Promise<void> {
  for (const deeds of [OF_THINGS, OF_ROLES])
    await Promise.all(Object.values(deeds).map((deed) => stubbornly(signal, () => deed(aws, pipeline))));
}

/** Takes the application's log stream away, while its note may stay as it is. */
export async function takesTheLoggingAway(aws: Clients, pipeline: Pipeline, { signal }: Course): Promise<void> {
  await stubbornly(signal, () => OF_THINGS["the application's logging"]!(aws, pipeline));
}

/** Stops the Studio application by force while it starts: the start that goes ahead of all else, and the one that the notebook's keeper waits for. */
export async function stopsTheStart({ kinesisAnalyticsV2 }: Clients, pipeline: Pipeline, { signal }: Course): Promise<void> {
  const { application: ApplicationName } = names(pipeline);
  for (const _start of ['ahead', 'by the keeper']) {
    await until(
      signal,
      async () => {
        const found = await stubbornly(signal, () => kinesisAnalyticsV2.send(new studio.DescribeApplicationCommand({ ApplicationName })));
        return found?.ApplicationDetail?.ApplicationStatus === 'STARTING' || undefined;
      },
      20,
    );
    await stubbornly(signal, () => kinesisAnalyticsV2.send(new studio.StopApplicationCommand({ ApplicationName, Force: true })));
    await delay(STOPPED_MS, undefined, { signal });
  }
}

/** By then the start that was stopped is none any more. */
const STOPPED_MS = 300;

/** Makes a role that is named as the pipeline's are, and sets a crawl and a query going. */
export async function getsInTheWay(
  { iam: roles, glue: crawlers, athena: queries }: Clients,
  pipeline: Pipeline,
  { signal }: Course,
): Promise<void> {
  await stubbornly(signal, () => roles.send(new iam.CreateRoleCommand({ RoleName: roleOf(pipeline), AssumeRolePolicyDocument: ANYBODY })));
  await stubbornly(signal, () => crawlers.send(new glue.StartCrawlerCommand({ Name: names(pipeline).crawler })));
  const query = { QueryString: 'SELECT 1', WorkGroup: names(pipeline).workgroup };
  await stubbornly(signal, () => queries.send(new athena.StartQueryExecutionCommand(query)));
}

/** Takes that role away again: it is theirs, and take-down has to leave it. */
export async function takesTheRoleAway({ iam: client }: Clients, pipeline: Pipeline, { signal }: Course): Promise<void> {
  await stubbornly(signal, () => client.send(new iam.DeleteRoleCommand({ RoleName: roleOf(pipeline) })));
}

const roleOf = ({ name }: Pipeline) => `${name}-mine`;

const DONE = ['EntityAlreadyExists', 'EntityAlreadyExistsException', 'CrawlerRunningException'];

/** The faults of a run befall somebody's calls, too, and a busy machine answers late: then somebody calls again. */
export async function stubbornly<Answer>(signal: AbortSignal, call: () => Promise<Answer>): Promise<Answer | undefined> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (isNamed(error, ...DONE)) return undefined;
      await delay(50, undefined, { signal });
    }
  }
}
