import {
  AddApplicationCloudWatchLoggingOptionCommand,
  type ApplicationConfigurationUpdate,
  type ApplicationDetail,
  type ApplicationStatus,
  CreateApplicationCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  ListTagsForResourceCommand,
  StopApplicationCommand,
  TagResourceCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { unlessBusy, unlessMissing } from '../errors.ts';
import { type Difference, type Found, notYet, type Resource, type Status, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { buildNote, sameNote } from './note.ts';

type Application = Found & ApplicationDetail;

const MISSING = 'ResourceNotFoundException';
const BUSY = ['ResourceInUseException', 'ConcurrentModificationException'];

/** Studio reports READY while it is stopped; both READY and RUNNING are a finished creation. Who starts it is the notebook's workflow. */
const STATUS = {
  READY: 'ready',
  RUNNING: 'ready',
  AUTOSCALING: 'ready',
  ROLLED_BACK: 'ready',
  STARTING: 'pending',
  STOPPING: 'pending',
  FORCE_STOPPING: 'pending',
  UPDATING: 'pending',
  ROLLING_BACK: 'pending',
  MAINTENANCE: 'pending',
  DELETING: 'leaving',
} satisfies Record<ApplicationStatus, Status>;

/** The API adds no connector by itself; Studio 3.0 is Flink 1.15. */
const KINESIS_CONNECTOR = { GroupId: 'org.apache.flink', ArtifactId: 'flink-sql-connector-kinesis', Version: '1.15.4' };

/** The Studio application with its note. */
export function application({ kinesisAnalyticsV2: client }: Clients): Resource<Application> {
  const applicationName = (pipeline: Pipeline) => names(pipeline).application;
  return {
    label: (pipeline) => `Studio application ${applicationName(pipeline)}`,
    arn: (pipeline) => names(pipeline).applicationArn,
    role: 'studio',
    find: async (pipeline) => {
      const ApplicationName = applicationName(pipeline);
      const ResourceARN = names(pipeline).applicationArn;
      const [answer, tags] = await Promise.all([
        unlessMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING),
        unlessMissing(client.send(new ListTagsForResourceCommand({ ResourceARN })), MISSING),
      ]);
      return answer?.ApplicationDetail && tags && { ...answer.ApplicationDetail, tags: tagMap(tags.Tags) };
    },
    look: async (pipeline) => {
      const ApplicationName = applicationName(pipeline);
      const answer = await unlessMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING);
      return answer?.ApplicationDetail;
    },
    create: async (pipeline) => {
      const { roleArns, flinkDatabase, databaseArn, studioLogStreamArn, tags } = names(pipeline);
      const creation = client.send(
        new CreateApplicationCommand({
          ApplicationName: applicationName(pipeline),
          ApplicationMode: 'INTERACTIVE',
          RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0',
          ServiceExecutionRole: roleArns.studio,
          ApplicationConfiguration: {
            FlinkApplicationConfiguration: {
              ParallelismConfiguration: {
                ConfigurationType: 'CUSTOM',
                Parallelism: pipeline.shards,
                ParallelismPerKPU: 1,
                AutoScalingEnabled: false,
              },
            },
            ApplicationCodeConfiguration: { CodeContentType: 'PLAINTEXT', CodeContent: { TextContent: buildNote(pipeline) } },
            ApplicationSnapshotConfiguration: { SnapshotsEnabled: false },
            ZeppelinApplicationConfiguration: {
              MonitoringConfiguration: { LogLevel: 'INFO' },
              CatalogConfiguration: { GlueDataCatalogConfiguration: { DatabaseARN: databaseArn(flinkDatabase) } },
              CustomArtifactsConfiguration: [{ ArtifactType: 'DEPENDENCY_JAR', MavenReference: KINESIS_CONNECTOR }],
            },
          },
          CloudWatchLoggingOptions: [{ LogStreamARN: studioLogStreamArn }],
          Tags: tagList(tags),
        }),
      );
      await unlessLost(creation, 'ResourceInUseException');
    },
    differences: changesOf,
    // On a running application this is a restart, and its note has to be run again.
    change: async (pipeline, found, differing) => {
      const { ConditionalToken } = found;
      const ApplicationName = applicationName(pipeline);
      const { studioLogStreamArn, roleArns } = names(pipeline);
      const others = differing.filter(({ field }) => field !== LOGGING);
      if (others.length > 0) {
        const differs = (field: string) => others.some((each) => each.field === field);
        const update = client.send(
          new UpdateApplicationCommand({
            ApplicationName,
            ConditionalToken,
            ...(differs('ServiceExecutionRole') && { ServiceExecutionRoleUpdate: roleArns.studio }),
            ApplicationConfigurationUpdate: updateOf(pipeline, others),
          }),
        );
        if (!(await unlessBusy(update, ...BUSY))) throw notYet(`Studio application ${ApplicationName} is busy`);
        if (others.length < differing.length) throw notYet(`Studio application ${ApplicationName} gets its log stream back next`);
        return;
      }
      const CloudWatchLoggingOption = { LogStreamARN: studioLogStreamArn };
      const addition = client.send(
        new AddApplicationCloudWatchLoggingOptionCommand({ ApplicationName, ConditionalToken, CloudWatchLoggingOption }),
      );
      if (!(await unlessBusy(addition, ...BUSY))) throw notYet(`Studio application ${ApplicationName} is busy`);
    },
    tag: async (pipeline, _found, tags) => {
      await client.send(new TagResourceCommand({ ResourceARN: names(pipeline).applicationArn, Tags: tagList(tags) }));
    },
    status: ({ ApplicationStatus }) => STATUS[ApplicationStatus!],
    remove: async (pipeline, { ApplicationStatus, CreateTimestamp }) => {
      const ApplicationName = applicationName(pipeline);
      if (ApplicationStatus === 'READY' || ApplicationStatus === 'ROLLED_BACK') {
        await unlessBusy(unlessMissing(client.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp })), MISSING), ...BUSY);
      } else if (ApplicationStatus !== 'STOPPING' && ApplicationStatus !== 'FORCE_STOPPING') {
        await unlessBusy(unlessMissing(client.send(new StopApplicationCommand({ ApplicationName, Force: true })), MISSING), ...BUSY);
      }
    },
  };
}

const LOGGING = 'CloudWatchLoggingOptions';

/** Everything that the creation sets and that AWS reports otherwise. */
function changesOf(pipeline: Pipeline, found: Application): Difference[] {
  const { roleArns, databaseArn, flinkDatabase, studioLogStreamArn } = names(pipeline);
  const reported = found.ApplicationConfigurationDescription ?? {};
  const zeppelin = reported.ZeppelinApplicationConfigurationDescription;
  const parallelism = reported.FlinkApplicationConfigurationDescription?.ParallelismConfigurationDescription;
  const note = buildNote(pipeline);
  const text = reported.ApplicationCodeConfigurationDescription?.CodeContentDescription?.TextContent;
  const options = found.CloudWatchLoggingOptionDescriptions?.map(({ LogStreamARN }) => LogStreamARN);
  return [
    ...differences(
      { RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0', ApplicationMode: 'INTERACTIVE' },
      { RuntimeEnvironment: found.RuntimeEnvironment, ApplicationMode: found.ApplicationMode },
    ).map((each) => ({ ...each, replace: true as const })),
    ...differences(
      {
        ServiceExecutionRole: roleArns.studio,
        Parallelism: pipeline.shards,
        ParallelismPerKPU: 1,
        AutoScalingEnabled: false,
        LogLevel: 'INFO',
        DatabaseARN: databaseArn(flinkDatabase),
        CustomArtifacts: [KINESIS_CONNECTOR],
      },
      {
        ServiceExecutionRole: found.ServiceExecutionRole,
        ...parallelism,
        LogLevel: zeppelin?.MonitoringConfigurationDescription?.LogLevel,
        DatabaseARN: zeppelin?.CatalogConfigurationDescription?.GlueDataCatalogConfigurationDescription?.DatabaseARN,
        CustomArtifacts: zeppelin?.CustomArtifactsConfigurationDescription?.map(
          ({ MavenReferenceDescription }) => MavenReferenceDescription,
        ),
      },
    ),
    ...(sameNote(text, pipeline) ? [] : [{ field: 'TextContent', is: text, wanted: note }]),
    ...(options?.includes(studioLogStreamArn) ? [] : [{ field: LOGGING, is: options, wanted: [studioLogStreamArn] }]),
  ];
}

function updateOf(pipeline: Pipeline, differing: Difference[]): ApplicationConfigurationUpdate {
  const differs = (...fields: string[]) => differing.some(({ field }) => fields.includes(field));
  const { databaseArn, flinkDatabase } = names(pipeline);
  const DatabaseARNUpdate = databaseArn(flinkDatabase);
  return {
    ...(differs('Parallelism', 'ParallelismPerKPU', 'AutoScalingEnabled') && {
      FlinkApplicationConfigurationUpdate: {
        ParallelismConfigurationUpdate: {
          ConfigurationTypeUpdate: 'CUSTOM',
          ParallelismUpdate: pipeline.shards,
          ParallelismPerKPUUpdate: 1,
          AutoScalingEnabledUpdate: false,
        },
      },
    }),
    ...(differs('TextContent') && {
      ApplicationCodeConfigurationUpdate: { CodeContentUpdate: { TextContentUpdate: buildNote(pipeline) } },
    }),
    ...(differs('LogLevel', 'DatabaseARN', 'CustomArtifacts') && {
      ZeppelinApplicationConfigurationUpdate: {
        MonitoringConfigurationUpdate: { LogLevelUpdate: 'INFO' },
        CatalogConfigurationUpdate: { GlueDataCatalogConfigurationUpdate: { DatabaseARNUpdate } },
        CustomArtifactsConfigurationUpdate: [{ ArtifactType: 'DEPENDENCY_JAR', MavenReference: KINESIS_CONNECTOR }],
      },
    }),
  };
}
