import { randomUUID } from 'node:crypto';
import type { ApplicationDetail, ApplicationStatus, OperationStatus } from '@aws-sdk/client-kinesis-analytics-v2';
import { type Aws, arn, awsError } from '../aws.ts';
import { noteKey, notes, notesOf } from './note.ts';

/** A Studio application as the catalog keeps it. */
export interface Application {
  name: string;
  created: Date;
  updated: Date;
  version: number;
  conditionalToken: string;
  /** What was last asked for; what it is at this moment is `applicationStatus`. */
  wanted: 'READY' | 'RUNNING';
  /** Until then the status is UPDATING, or DELETING when `deleting`. */
  settled: number;
  deleting?: true;
  description?: string;
  role: string;
  parallelism: { parallelism: number; perKpu: number; autoScaling: boolean; type: 'CUSTOM' | 'DEFAULT' };
  checkpoints: { enabled: boolean; intervalMs: number; minPauseMs: number; type: 'CUSTOM' | 'DEFAULT' };
  textContent: string;
  /** Left out: the application has no such configuration. */
  snapshots?: boolean;
  logLevel: 'INFO' | 'WARN' | 'ERROR' | 'DEBUG';
  glueDatabase?: string;
  artifacts: { group: string; artifact: string; version: string }[];
  logStreams: { id: string; arn: string }[];
  tags: Record<string, string>;
}

/** One start, stop or update of an application, as DescribeApplicationOperation tells it. */
export interface ApplicationOperation {
  id: string;
  application: string;
  operation: 'StartApplication' | 'StopApplication' | 'UpdateApplication';
  started: Date;
  ended?: Date;
  status: OperationStatus;
  error?: string;
}

/** The catalog's applications, by name. */
export const applications = (aws: Aws) => aws.journal.table<Application>('kinesisanalytics.applications');

/** The catalog's operations, by id. */
export const operations = (aws: Aws) => aws.journal.table<ApplicationOperation>('kinesisanalytics.operations');

/** The ARN of the application called `name`. */
export const applicationArn = (aws: Aws, name: string): string => arn(aws, 'kinesisanalytics', `application/${name}`);

/** Finds an application, or throws ResourceNotFoundException; forgets one whose deletion has settled. */
export function applicationOf(aws: Aws, name = ''): Readonly<Application> {
  const found = applications(aws).get(name);
  if (found?.deleting && found.settled <= aws.now()) forget(aws, name);
  else if (found) return found;
  throw awsError('ResourceNotFoundException', `Application ${name} under account ${aws.account} not found.`);
}

/** Writes a changed application under a new conditional token. */
export function save(aws: Aws, application: Application): void {
  applications(aws).set(application.name, { ...application, updated: new Date(aws.now()), conditionalToken: randomUUID() });
}

/** Notes that an operation has begun, and returns its id. */
export function begin(aws: Aws, application: string, operation: ApplicationOperation['operation']): string {
  const id = randomUUID();
  operations(aws).set(id, { id, application, operation, started: new Date(aws.now()), status: 'IN_PROGRESS' });
  return id;
}

/** Notes how an operation ended. */
export function end(aws: Aws, id: string, status: 'SUCCESSFUL' | 'FAILED' | 'CANCELLED', error?: string): void {
  const operation = operations(aws).get(id);
  if (operation?.status === 'IN_PROGRESS')
    operations(aws).set(id, { ...operation, status, ended: new Date(aws.now()), ...(error && { error }) });
}

/** Drops an application, its notes and its operations from the catalog. */
export function forget(aws: Aws, name: string): void {
  applications(aws).delete(name);
  for (const note of notesOf(aws, name)) notes(aws).delete(noteKey(note));
  for (const { id, application } of operations(aws).values()) if (application === name) operations(aws).delete(id);
}

/** The application as DescribeApplication shows it. */
export function described(aws: Aws, application: Readonly<Application>, status: ApplicationStatus): ApplicationDetail {
  const { parallelism, checkpoints, snapshots } = application;
  return {
    ApplicationARN: applicationArn(aws, application.name),
    ApplicationName: application.name,
    ...(application.description !== undefined && { ApplicationDescription: application.description }),
    RuntimeEnvironment: 'ZEPPELIN-FLINK-3_0',
    ApplicationMode: 'INTERACTIVE',
    ServiceExecutionRole: application.role,
    ApplicationStatus: status,
    ApplicationVersionId: application.version,
    ConditionalToken: application.conditionalToken,
    CreateTimestamp: application.created,
    LastUpdateTimestamp: application.updated,
    ApplicationConfigurationDescription: {
      FlinkApplicationConfigurationDescription: {
        ParallelismConfigurationDescription: {
          ConfigurationType: parallelism.type,
          Parallelism: parallelism.parallelism,
          ParallelismPerKPU: parallelism.perKpu,
          CurrentParallelism: parallelism.parallelism,
          AutoScalingEnabled: parallelism.autoScaling,
        },
        CheckpointConfigurationDescription: {
          ConfigurationType: checkpoints.type,
          CheckpointingEnabled: checkpoints.enabled,
          CheckpointInterval: checkpoints.intervalMs,
          MinPauseBetweenCheckpoints: checkpoints.minPauseMs,
        },
      },
      ApplicationCodeConfigurationDescription: {
        CodeContentType: 'PLAINTEXT',
        CodeContentDescription: { TextContent: application.textContent },
      },
      ...(snapshots !== undefined && { ApplicationSnapshotConfigurationDescription: { SnapshotsEnabled: snapshots } }),
      ZeppelinApplicationConfigurationDescription: {
        MonitoringConfigurationDescription: { LogLevel: application.logLevel },
        ...(application.glueDatabase && {
          CatalogConfigurationDescription: { GlueDataCatalogConfigurationDescription: { DatabaseARN: application.glueDatabase } },
        }),
        CustomArtifactsConfigurationDescription: application.artifacts.map(({ group, artifact, version }) => ({
          ArtifactType: 'DEPENDENCY_JAR',
          MavenReferenceDescription: { GroupId: group, ArtifactId: artifact, Version: version },
        })),
      },
    },
    CloudWatchLoggingOptionDescriptions: application.logStreams.map(({ id, arn: LogStreamARN }) => ({
      CloudWatchLoggingOptionId: id,
      LogStreamARN,
    })),
  };
}
