import {
  AddApplicationCloudWatchLoggingOptionCommand,
  type ApplicationConfigurationUpdate,
  type ApplicationDetail,
  type ApplicationStatus,
  type CheckpointConfiguration,
  CreateApplicationCommand,
  type CustomArtifactConfiguration,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../../pipeline/names.ts';
import { parallelismFor } from '../../pipeline/parallelism.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { ofStudio, type Standing } from '../../pipeline/standing-cost.ts';
import type { Clients } from '../aws.ts';
import { differences } from '../differences.ts';
import { undefinedIfBusy, undefinedIfMissing } from '../errors.ts';
import { wantedShards } from '../kinesis/shards.ts';
import { notYet, retryIfLost } from '../not-yet.ts';
import type { Difference, Found, Resource, Status } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { buildNote, type Reading, readingOf, textOf } from './note.ts';
import { resumePoint } from './resume.ts';
import { pushToStop } from './stop.ts';

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
const ARTIFACTS: CustomArtifactConfiguration[] = [{ ArtifactType: 'DEPENDENCY_JAR', MavenReference: KINESIS_CONNECTOR }];

/** Set outright: with DEFAULT, AWS keeps to a checkpoint a minute whatever the note says, and a drain would wait for it longer than `ROUND_MS` of drain.ts. */
const CHECKPOINTS = {
  ConfigurationType: 'CUSTOM',
  CheckpointingEnabled: true,
  CheckpointInterval: 10_000,
  MinPauseBetweenCheckpoints: 5_000,
} satisfies CheckpointConfiguration;

/** The Studio application with its note. */
export function application(clients: Clients): Resource<Application> {
  const { kinesisAnalyticsV2: client } = clients;
  const applicationName = (pipeline: Pipeline) => names(pipeline).application;
  return {
    label: (pipeline) => `Studio application ${applicationName(pipeline)}`,
    arn: (pipeline) => names(pipeline).applicationArn,
    role: 'studio',
    find: async (pipeline) => {
      const ApplicationName = applicationName(pipeline);
      const ResourceARN = names(pipeline).applicationArn;
      const [answer, tags] = await Promise.all([
        undefinedIfMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING),
        undefinedIfMissing(client.send(new ListTagsForResourceCommand({ ResourceARN })), MISSING),
      ]);
      return answer?.ApplicationDetail && tags && { ...answer.ApplicationDetail, tags: tagMap(tags.Tags) };
    },
    look: async (pipeline) => {
      const ApplicationName = applicationName(pipeline);
      const answer = await undefinedIfMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING);
      return answer?.ApplicationDetail;
    },
    create: async (pipeline) => {
      const { roleArns, flinkDatabase, databaseArn, studioLogStreamArn, tags } = names(pipeline);
      const reading = await resumePoint(clients, pipeline, undefined);
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
                Parallelism: slotsOf(pipeline, reading),
                ParallelismPerKPU: 1,
                AutoScalingEnabled: false,
              },
              CheckpointConfiguration: CHECKPOINTS,
            },
            ApplicationCodeConfiguration: { CodeContentType: 'PLAINTEXT', CodeContent: { TextContent: buildNote(pipeline, reading) } },
            ZeppelinApplicationConfiguration: {
              MonitoringConfiguration: { LogLevel: 'INFO' },
              CatalogConfiguration: { GlueDataCatalogConfiguration: { DatabaseARN: databaseArn(flinkDatabase) } },
              CustomArtifactsConfiguration: ARTIFACTS,
            },
          },
          CloudWatchLoggingOptions: [{ LogStreamARN: studioLogStreamArn }],
          Tags: tagList(tags),
        }),
      );
      await retryIfLost(creation, 'ResourceInUseException');
    },
    differences: async (pipeline, found) => changesOf(pipeline, found, await wantedShards(clients.kinesis, pipeline)),
    // On a running application this is a restart, and its note has to be run again.
    change: async (pipeline, found, differing) => {
      const { ConditionalToken } = found;
      const ApplicationName = applicationName(pipeline);
      const { studioLogStreamArn, roleArns } = names(pipeline);
      const others = differing.filter(({ field }) => field !== LOGGING);
      if (others.length > 0) {
        const differs = (field: string) => others.some((each) => each.field === field);
        const reading = await resumePoint(clients, pipeline, found);
        const update = client.send(
          new UpdateApplicationCommand({
            ApplicationName,
            ConditionalToken,
            ...(differs('ServiceExecutionRole') && { ServiceExecutionRoleUpdate: roleArns.studio }),
            ApplicationConfigurationUpdate: updateOf(pipeline, others, reading),
          }),
        );
        if (!(await undefinedIfBusy(update, ...BUSY))) throw notYet(`Studio application ${ApplicationName} is busy`);
        if (others.length < differing.length) throw notYet(`Studio application ${ApplicationName} gets its log stream back next`);
        return;
      }
      const CloudWatchLoggingOption = { LogStreamARN: studioLogStreamArn };
      const addition = client.send(
        new AddApplicationCloudWatchLoggingOptionCommand({ ApplicationName, ConditionalToken, CloudWatchLoggingOption }),
      );
      if (!(await undefinedIfBusy(addition, ...BUSY))) throw notYet(`Studio application ${ApplicationName} is busy`);
    },
    tag: async (pipeline, _found, tags) => {
      await client.send(new TagResourceCommand({ ResourceARN: names(pipeline).applicationArn, Tags: tagList(tags) }));
    },
    untag: async (pipeline, _found, TagKeys) => {
      await client.send(new UntagResourceCommand({ ResourceARN: names(pipeline).applicationArn, TagKeys }));
    },
    status: ({ ApplicationStatus }) => STATUS[ApplicationStatus!],
    costs: studioCosts,
    remove: async (pipeline, { ApplicationStatus, CreateTimestamp }) => {
      const ApplicationName = applicationName(pipeline);
      if (ApplicationStatus === 'READY' || ApplicationStatus === 'ROLLED_BACK') {
        await undefinedIfBusy(
          undefinedIfMissing(client.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp })), MISSING),
          ...BUSY,
        );
      } else await pushToStop(client, pipeline, ApplicationStatus);
    },
  };
}

/** What an application costs as it is now. */
export function studioCosts({ ApplicationStatus, ApplicationConfigurationDescription: reported }: ApplicationDetail): Standing {
  const { Parallelism } = reported?.FlinkApplicationConfigurationDescription?.ParallelismConfigurationDescription ?? {};
  return ofStudio(Parallelism ?? 1, ApplicationStatus === 'READY');
}

const LOGGING = 'CloudWatchLoggingOptions';

const slotsOf = (pipeline: Pipeline, { shards }: Reading): number => parallelismFor(names(pipeline).streams.events, shards);

/** Everything that the creation sets and that AWS reports otherwise. */
function changesOf(pipeline: Pipeline, found: Application, shards: string[]): Difference[] {
  const { roleArns, databaseArn, flinkDatabase, studioLogStreamArn } = names(pipeline);
  const reported = found.ApplicationConfigurationDescription ?? {};
  const zeppelin = reported.ZeppelinApplicationConfigurationDescription;
  const { ParallelismConfigurationDescription: parallelism, CheckpointConfigurationDescription: checkpoints } =
    reported.FlinkApplicationConfigurationDescription ?? {};
  const text = textOf(found);
  // Where it begins to read may differ, and it may read closed shards to their end besides.
  const reading = readingOf(text, pipeline, shards);
  const options = found.CloudWatchLoggingOptionDescriptions?.map(({ LogStreamARN }) => LogStreamARN);
  return [
    ...differences(
      { RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0', ApplicationMode: 'INTERACTIVE' },
      { RuntimeEnvironment: found.RuntimeEnvironment, ApplicationMode: found.ApplicationMode },
    ).map((each) => ({ ...each, replace: true as const })),
    ...differences(
      {
        ServiceExecutionRole: roleArns.studio,
        ConfigurationType: 'CUSTOM',
        Parallelism: slotsOf(pipeline, reading ?? { shards }),
        ParallelismPerKPU: 1,
        AutoScalingEnabled: false,
        CheckpointConfiguration: CHECKPOINTS,
        CodeContentType: 'PLAINTEXT',
        LogLevel: 'INFO',
        DatabaseARN: databaseArn(flinkDatabase),
        CustomArtifacts: ARTIFACTS,
      },
      {
        ServiceExecutionRole: found.ServiceExecutionRole,
        ...parallelism,
        CheckpointConfiguration: checkpoints,
        CodeContentType: reported.ApplicationCodeConfigurationDescription?.CodeContentType,
        LogLevel: zeppelin?.MonitoringConfigurationDescription?.LogLevel,
        DatabaseARN: zeppelin?.CatalogConfigurationDescription?.GlueDataCatalogConfigurationDescription?.DatabaseARN,
        CustomArtifacts: zeppelin?.CustomArtifactsConfigurationDescription?.map(
          ({ ArtifactType = 'DEPENDENCY_JAR', MavenReferenceDescription: MavenReference }) => ({ ArtifactType, MavenReference }),
        ),
      },
    ),
    ...(reading ? [] : [{ field: 'TextContent', is: text, wanted: buildNote(pipeline, { shards }) }]),
    ...(options?.includes(studioLogStreamArn) ? [] : [{ field: LOGGING, is: options, wanted: [studioLogStreamArn] }]),
  ];
}

/** The note goes with every change, since each is a restart: so it goes on where the windows stopped. */
function updateOf(pipeline: Pipeline, differing: Difference[], reading: Reading): ApplicationConfigurationUpdate {
  const differs = (...fields: string[]) => differing.some(({ field }) => fields.includes(field.replace(/[.[].*/, '')));
  const { databaseArn, flinkDatabase } = names(pipeline);
  const DatabaseARNUpdate = databaseArn(flinkDatabase);
  return {
    FlinkApplicationConfigurationUpdate: {
      ParallelismConfigurationUpdate: {
        ConfigurationTypeUpdate: 'CUSTOM',
        ParallelismUpdate: slotsOf(pipeline, reading),
        ParallelismPerKPUUpdate: 1,
        AutoScalingEnabledUpdate: false,
      },
      ...(differs('CheckpointConfiguration') && {
        CheckpointConfigurationUpdate: {
          ConfigurationTypeUpdate: CHECKPOINTS.ConfigurationType,
          CheckpointingEnabledUpdate: CHECKPOINTS.CheckpointingEnabled,
          CheckpointIntervalUpdate: CHECKPOINTS.CheckpointInterval,
          MinPauseBetweenCheckpointsUpdate: CHECKPOINTS.MinPauseBetweenCheckpoints,
        },
      }),
    },
    ApplicationCodeConfigurationUpdate: {
      ...(differs('CodeContentType') && { CodeContentTypeUpdate: 'PLAINTEXT' }),
      CodeContentUpdate: { TextContentUpdate: buildNote(pipeline, reading) },
    },
    ...(differs('LogLevel', 'DatabaseARN', 'CustomArtifacts') && {
      ZeppelinApplicationConfigurationUpdate: {
        MonitoringConfigurationUpdate: { LogLevelUpdate: 'INFO' },
        CatalogConfigurationUpdate: { GlueDataCatalogConfigurationUpdate: { DatabaseARNUpdate } },
        CustomArtifactsConfigurationUpdate: ARTIFACTS,
      },
    }),
  };
}
