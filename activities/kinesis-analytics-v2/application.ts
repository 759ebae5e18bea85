import { isDeepStrictEqual } from 'node:util';
import {
  type ApplicationConfigurationUpdate,
  type ApplicationDetail,
  type ApplicationStatus,
  CreateApplicationCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  ListTagsForResourceCommand,
  StopApplicationCommand,
  UpdateApplicationCommand,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { names } from '../../pipeline/names.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import type { Clients } from '../aws.ts';
import { unlessBusy, unlessMissing } from '../errors.ts';
import { type Found, type Resource, type Status, unlessLost } from '../resource.ts';
import { tagList, tagMap } from '../tags.ts';
import { buildNote, noteContent } from './note.ts';

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
    find: async (pipeline) => {
      const ApplicationName = applicationName(pipeline);
      const answer = await unlessMissing(client.send(new DescribeApplicationCommand({ ApplicationName })), MISSING);
      const detail = answer?.ApplicationDetail;
      if (!detail) return undefined;
      const tags = await unlessMissing(client.send(new ListTagsForResourceCommand({ ResourceARN: detail.ApplicationARN })), MISSING);
      return tags && { ...detail, tags: tagMap(tags.Tags) };
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
    // On a running application this is a restart, and its note has to be run again.
    update: async (pipeline, found) => {
      const { changed, update } = changes(pipeline, found);
      if (changed.length > 0)
        await client.send(
          new UpdateApplicationCommand({
            ApplicationName: applicationName(pipeline),
            ConditionalToken: found.ConditionalToken,
            ApplicationConfigurationUpdate: update,
          }),
        );
      return changed;
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

function changes(pipeline: Pipeline, { ApplicationConfigurationDescription: reported = {} }: Application) {
  const changed: string[] = [];
  const update: ApplicationConfigurationUpdate = {};
  const parallelism = reported.FlinkApplicationConfigurationDescription?.ParallelismConfigurationDescription;
  if (parallelism?.Parallelism !== pipeline.shards || parallelism.ParallelismPerKPU !== 1 || parallelism.AutoScalingEnabled) {
    changed.push('Parallelism');
    update.FlinkApplicationConfigurationUpdate = {
      ParallelismConfigurationUpdate: {
        ConfigurationTypeUpdate: 'CUSTOM',
        ParallelismUpdate: pipeline.shards,
        ParallelismPerKPUUpdate: 1,
        AutoScalingEnabledUpdate: false,
      },
    };
  }
  const note = buildNote(pipeline);
  const text = reported.ApplicationCodeConfigurationDescription?.CodeContentDescription?.TextContent;
  if (!isDeepStrictEqual(noteContent(text), noteContent(note))) {
    changed.push('TextContent');
    update.ApplicationCodeConfigurationUpdate = { CodeContentUpdate: { TextContentUpdate: note } };
  }
  return { changed, update };
}
