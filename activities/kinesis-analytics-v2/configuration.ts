import type {
  ApplicationConfigurationUpdate,
  ApplicationDetail,
  CheckpointConfiguration,
  CreateApplicationRequest,
  CustomArtifactConfiguration,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../../pipeline/names.ts';
import { parallelismFor } from '../../pipeline/parallelism.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { differences } from '../differences.ts';
import { isOurs } from '../own-tags.ts';
import type { Difference, Found } from '../resource.ts';
import { tagList } from '../tags.ts';
import { buildNote, type Reading, readingOf, textOf } from './note.ts';

/** A Studio application as AWS reports it, with its tags. */
export type Application = Found & ApplicationDetail;

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

const slotsOf = (pipeline: Pipeline, { shards }: Reading): number => parallelismFor(names(pipeline).streams.events, shards);

/** The request that creates the application, with the note that reads so. AWS takes a note in no other way. */
export function creationOf(pipeline: Pipeline, reading: Reading): CreateApplicationRequest {
  const { application, roleArns, flinkDatabase, databaseArn, studioLogStreamArn, tags } = names(pipeline);
  return {
    ApplicationName: application,
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
  };
}

const LOGGING = 'CloudWatchLoggingOptions';
const ANEW = ' (made anew)';

/** Of an application that its stage has stopped to make it anew, and not come to it. */
export const UNFINISHED: Difference = { field: `renewal${ANEW}`, is: 'broken off', wanted: 'finished' };

/** True for the one difference that AddApplicationCloudWatchLoggingOption mends. */
export const isOfLogging = ({ field }: Difference): boolean => field === LOGGING;

/** True for a difference in what AWS takes only when an application is created. */
export const needsRenewal = ({ field }: Difference): boolean => field.endsWith(ANEW);

/** Everything that the creation sets and that AWS reports otherwise. The note of an application that is not ours yet is not ours to lose. */
export function changesOf(pipeline: Pipeline, found: Application, shards: string[]): Difference[] {
  const { roleArns, databaseArn, flinkDatabase, studioLogStreamArn } = names(pipeline);
  const reported = found.ApplicationConfigurationDescription ?? {};
  const zeppelin = reported.ZeppelinApplicationConfigurationDescription;
  const { ParallelismConfigurationDescription: parallelism, CheckpointConfigurationDescription: checkpoints } =
    reported.FlinkApplicationConfigurationDescription ?? {};
  const text = textOf(found);
  // Where it begins to read may differ, and it may read closed shards to their end besides.
  const reading = readingOf(text, pipeline, shards);
  const options = found.CloudWatchLoggingOptionDescriptions?.map(({ LogStreamARN }) => LogStreamARN);
  const code = [
    ...differences(
      { CodeContentType: 'PLAINTEXT' },
      { CodeContentType: reported.ApplicationCodeConfigurationDescription?.CodeContentType },
    ),
    ...(reading ? [] : [{ field: 'TextContent', is: text, wanted: buildNote(pipeline, { shards }) }]),
  ];
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
        LogLevel: 'INFO',
        DatabaseARN: databaseArn(flinkDatabase),
        CustomArtifacts: ARTIFACTS,
      },
      {
        ServiceExecutionRole: found.ServiceExecutionRole,
        ...parallelism,
        CheckpointConfiguration: checkpoints,
        LogLevel: zeppelin?.MonitoringConfigurationDescription?.LogLevel,
        DatabaseARN: zeppelin?.CatalogConfigurationDescription?.GlueDataCatalogConfigurationDescription?.DatabaseARN,
        CustomArtifacts: zeppelin?.CustomArtifactsConfigurationDescription?.map(
          ({ ArtifactType = 'DEPENDENCY_JAR', MavenReferenceDescription: MavenReference }) => ({ ArtifactType, MavenReference }),
        ),
      },
    ),
    ...code.map((each) => (isOurs(found, pipeline) ? { ...each, field: `${each.field}${ANEW}` } : { ...each, replace: true as const })),
    ...(options?.includes(studioLogStreamArn) ? [] : [{ field: LOGGING, is: options, wanted: [studioLogStreamArn] }]),
  ];
}

/** What UpdateApplication is asked for so that these differences go away; the note stays, and reads so. */
export function updateOf(pipeline: Pipeline, differing: Difference[], reading: Reading): ApplicationConfigurationUpdate {
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
    ...(differs('LogLevel', 'DatabaseARN', 'CustomArtifacts') && {
      ZeppelinApplicationConfigurationUpdate: {
        MonitoringConfigurationUpdate: { LogLevelUpdate: 'INFO' },
        CatalogConfigurationUpdate: { GlueDataCatalogConfigurationUpdate: { DatabaseARNUpdate } },
        CustomArtifactsConfigurationUpdate: ARTIFACTS,
      },
    }),
  };
}
