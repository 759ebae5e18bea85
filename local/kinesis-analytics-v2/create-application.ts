import { randomUUID } from 'node:crypto';
import type {
  CheckpointConfiguration,
  CreateApplicationRequest,
  CreateApplicationResponse,
  CustomArtifactConfiguration,
  ParallelismConfiguration,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { awsError, type Operation } from '../aws.ts';
import { type Application, applications, described } from './application.ts';
import { seedNote } from './note.ts';
import { checkSurroundings } from './preconditions.ts';
import { applicationStatus } from './studio.ts';
import { tagMap } from './tags.ts';

const KPU_LIMIT = 64;

export const createApplication: Operation<CreateApplicationRequest, CreateApplicationResponse> = (input, aws) => {
  const { ApplicationName: name = '', ServiceExecutionRole: role = '', ApplicationConfiguration: configuration = {} } = input;
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name))
    throw awsError('InvalidArgumentException', `ApplicationName '${name}' must match [a-zA-Z0-9_.-]{1,128}.`);
  checkKind(input);
  if (applications(aws).has(name))
    throw awsError('ResourceInUseException', `Application ${name} under account ${aws.account} already exists.`);

  const { SnapshotsEnabled: snapshots } = configuration.ApplicationSnapshotConfiguration ?? {};
  const zeppelin = configuration.ZeppelinApplicationConfiguration ?? {};
  const glueDatabase = zeppelin.CatalogConfiguration?.GlueDataCatalogConfiguration?.DatabaseARN;
  const logStreams = (input.CloudWatchLoggingOptions ?? []).map(({ LogStreamARN: arn = '' }, index) => ({ id: `${index + 1}.1`, arn }));
  const now = new Date(aws.now());
  const application: Application = {
    name,
    created: now,
    updated: now,
    version: 1,
    conditionalToken: randomUUID(),
    wanted: 'READY',
    settled: 0,
    ...(input.ApplicationDescription !== undefined && { description: input.ApplicationDescription }),
    role,
    parallelism: parallelismOf(configuration.FlinkApplicationConfiguration?.ParallelismConfiguration),
    checkpoints: checkpointsOf(configuration.FlinkApplicationConfiguration?.CheckpointConfiguration),
    textContent: configuration.ApplicationCodeConfiguration?.CodeContent?.TextContent ?? '',
    ...(snapshots !== undefined && { snapshots }),
    logLevel: zeppelin.MonitoringConfiguration?.LogLevel ?? 'INFO',
    ...(glueDatabase !== undefined && { glueDatabase }),
    artifacts: artifactsOf(zeppelin.CustomArtifactsConfiguration),
    logStreams,
    tags: tagMap(input.Tags),
  };
  checkSurroundings(aws, application);
  seedNote(aws, name, application.textContent);
  applications(aws).set(name, application);
  return { ApplicationDetail: described(aws, application, applicationStatus(aws, application)) };
};

/** Of all the kinds of application, the local AWS has the one kind of notebook that AWS still makes. */
function checkKind({
  ApplicationMode: mode = 'STREAMING',
  RuntimeEnvironment: runtime = '' as never,
  ApplicationConfiguration: configuration = {},
}: CreateApplicationRequest): void {
  if (mode === 'INTERACTIVE' && !runtime.startsWith('ZEPPELIN-'))
    throw awsError('InvalidArgumentException', `RuntimeEnvironment ${runtime} is not supported with application mode INTERACTIVE.`);
  if (mode === 'STREAMING' && runtime.startsWith('ZEPPELIN-'))
    throw awsError('InvalidArgumentException', `RuntimeEnvironment ${runtime} is supported only with application mode INTERACTIVE.`);
  if (runtime !== 'ZEPPELIN-FLINK-3_0')
    throw awsError('UnsupportedOperationException', `The local AWS runs ZEPPELIN-FLINK-3_0 notebooks, not ${runtime} applications.`);
  const { ApplicationCodeConfiguration: code, VpcConfigurations: vpcs = [], ZeppelinApplicationConfiguration: zeppelin } = configuration;
  const content = code?.CodeContent ?? {};
  if (vpcs.length > 0 || zeppelin?.DeployAsApplicationConfiguration || configuration.EnvironmentProperties)
    throw awsError(
      'UnsupportedOperationException',
      'The local AWS has no VPCs, no deployment as an application and no environment properties.',
    );
  if (code && (code.CodeContentType !== 'PLAINTEXT' || content.ZipFileContent || content.S3ContentLocation))
    throw awsError('InvalidArgumentException', 'The code of an INTERACTIVE application must be PLAINTEXT TextContent.');
}

/** The parallelism as the catalog keeps it, within what AWS allows. */
export function parallelismOf(given: ParallelismConfiguration = { ConfigurationType: 'DEFAULT' }): Application['parallelism'] {
  const {
    ConfigurationType: type = 'DEFAULT',
    Parallelism: parallelism = 1,
    ParallelismPerKPU: perKpu = 1,
    AutoScalingEnabled: autoScaling = false,
  } = given;
  if (type === 'DEFAULT') return { type, parallelism: 1, perKpu: 1, autoScaling: false };
  if (!Number.isInteger(parallelism) || parallelism < 1)
    throw awsError('InvalidArgumentException', `Parallelism ${parallelism} must be at least 1.`);
  if (!Number.isInteger(perKpu) || perKpu < 1 || perKpu > 8)
    throw awsError('InvalidArgumentException', `ParallelismPerKPU ${perKpu} must be between 1 and 8.`);
  const kpus = Math.ceil(parallelism / perKpu);
  if (kpus > KPU_LIMIT)
    throw awsError('LimitExceededException', `Parallelism ${parallelism} needs ${kpus} KPUs; the limit is ${KPU_LIMIT}.`);
  return { type, parallelism, perKpu, autoScaling };
}

/** The checkpoints as the catalog keeps them: those of DEFAULT are fixed, whatever else is given. */
export function checkpointsOf(given: CheckpointConfiguration = { ConfigurationType: 'DEFAULT' }): Application['checkpoints'] {
  const {
    ConfigurationType: type = 'DEFAULT',
    CheckpointingEnabled: enabled = DEFAULT_CHECKPOINTS.enabled,
    CheckpointInterval: intervalMs = DEFAULT_CHECKPOINTS.intervalMs,
    MinPauseBetweenCheckpoints: minPauseMs = DEFAULT_CHECKPOINTS.minPauseMs,
  } = given;
  if (type === 'DEFAULT') return { type, ...DEFAULT_CHECKPOINTS };
  if (intervalMs < 1) throw awsError('InvalidArgumentException', `CheckpointInterval ${intervalMs} must be at least 1.`);
  if (minPauseMs < 0) throw awsError('InvalidArgumentException', `MinPauseBetweenCheckpoints ${minPauseMs} must be at least 0.`);
  return { type, enabled, intervalMs, minPauseMs };
}

const DEFAULT_CHECKPOINTS = { enabled: true, intervalMs: 60_000, minPauseMs: 5_000 };

/** The connectors as the catalog keeps them. The API adds none by itself: without the Kinesis connector, no statement finds Kinesis. */
export const artifactsOf = (given: CustomArtifactConfiguration[] = []): Application['artifacts'] =>
  given.map(({ ArtifactType: type, MavenReference: reference }) => {
    if (type !== 'DEPENDENCY_JAR' || !reference)
      throw awsError('UnsupportedOperationException', 'The local AWS takes custom artifacts by MavenReference only.');
    const { GroupId: group = '', ArtifactId: artifact = '', Version: version = '' } = reference;
    if (group !== 'org.apache.flink' || artifact !== 'flink-sql-connector-kinesis' || !/^1\.15\.\d+$/.test(version))
      throw awsError(
        'InvalidArgumentException',
        `Maven artifact ${group}:${artifact}:${version} is not supported with ZEPPELIN-FLINK-3_0 here; org.apache.flink:flink-sql-connector-kinesis:1.15.4 is.`,
      );
    return { group, artifact, version };
  });
