import type { UpdateApplicationRequest, UpdateApplicationResponse } from '@aws-sdk/client-kinesis-analytics-v2';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { type Application, applicationOf, begin, described, end, save } from './application.ts';
import { artifactsOf, checkpointsOf, parallelismOf } from './create-application.ts';
import { checkSurroundings } from './preconditions.ts';
import { applicationStatus, halt, launch } from './studio.ts';

export const updateApplication: Operation<UpdateApplicationRequest, UpdateApplicationResponse> = (input, aws) => {
  const before = applicationOf(aws, input.ApplicationName);
  checkVersion(before, input);
  checkCode(input);
  const after = changed(before, input);
  checkSurroundings(aws, after);
  const status = applicationStatus(aws, before);
  if (status !== 'READY' && status !== 'RUNNING')
    throw awsError('ResourceInUseException', `Application ${before.name} is ${status}; it can be updated when READY or RUNNING.`);
  aws.begins('application update', before.name);
  save(aws, { ...after, version: before.version + 1, settled: aws.now() + aws.takes('application update', before.name) });
  const operation = begin(aws, after.name, 'UpdateApplication');
  if (status === 'RUNNING')
    void restart(aws, after.name, operation).catch((error: Error) => aws.log('flink', `${after.name}: ${error.stack}`));
  else end(aws, operation, 'SUCCESSFUL');
  const saved = applicationOf(aws, after.name);
  return { ApplicationDetail: described(aws, saved, applicationStatus(aws, saved)), OperationId: operation };
};

/** As on AWS, a running application takes its new configuration up by a restart: its jobs end, and its note has to be run again. */
async function restart(aws: Aws, name: string, operation: string): Promise<void> {
  await halt(aws, name, 'UPDATING');
  launch(aws, applicationOf(aws, name), operation, 'UPDATING');
}

/** Refuses a change that was not made from the application as it is now. */
export function checkVersion(
  { name, conditionalToken, version }: Readonly<Application>,
  input: Pick<UpdateApplicationRequest, 'ConditionalToken' | 'CurrentApplicationVersionId'>,
): void {
  const { ConditionalToken: token, CurrentApplicationVersionId: current } = input;
  if ((token === undefined) === (current === undefined))
    throw awsError('InvalidArgumentException', 'Exactly one of ConditionalToken and CurrentApplicationVersionId must be given.');
  if (token !== undefined ? token !== conditionalToken : current !== version)
    throw awsError(
      'ConcurrentModificationException',
      `Application ${name} was changed by another request: it is at version ${version}. Read it again.`,
    );
}

/** The service's model says of CodeContentUpdate "Not supported for Apache Zeppelin"; that AWS refuses it, and in which words, nobody here has seen. */
function checkCode({ ApplicationConfigurationUpdate: update = {} }: UpdateApplicationRequest): void {
  if (update.ApplicationCodeConfigurationUpdate)
    throw awsError(
      'UnsupportedOperationException',
      'ApplicationCodeConfigurationUpdate is not supported with application mode INTERACTIVE.',
    );
}

function changed(before: Readonly<Application>, input: UpdateApplicationRequest): Application {
  const { ApplicationConfigurationUpdate: update = {}, ServiceExecutionRoleUpdate: role = before.role } = input;
  if (input.RuntimeEnvironmentUpdate !== undefined && input.RuntimeEnvironmentUpdate !== 'ZEPPELIN-FLINK-3_0')
    throw awsError('UnsupportedOperationException', `The runtime of an application cannot become ${input.RuntimeEnvironmentUpdate} here.`);
  const { ParallelismConfigurationUpdate: parallelism, CheckpointConfigurationUpdate: checkpoints } =
    update.FlinkApplicationConfigurationUpdate ?? {};
  const snapshots = update.ApplicationSnapshotConfigurationUpdate?.SnapshotsEnabledUpdate ?? before.snapshots;
  const zeppelin = update.ZeppelinApplicationConfigurationUpdate;
  const artifacts = zeppelin?.CustomArtifactsConfigurationUpdate;
  const glueDatabase = zeppelin?.CatalogConfigurationUpdate?.GlueDataCatalogConfigurationUpdate?.DatabaseARNUpdate ?? before.glueDatabase;
  const streams = new Map(
    input.CloudWatchLoggingOptionUpdates?.map(({ CloudWatchLoggingOptionId: id, LogStreamARNUpdate: arn }) => [id, arn]),
  );
  return {
    ...before,
    role,
    parallelism: parallelism
      ? parallelismOf({
          ConfigurationType: parallelism.ConfigurationTypeUpdate ?? before.parallelism.type,
          Parallelism: parallelism.ParallelismUpdate ?? before.parallelism.parallelism,
          ParallelismPerKPU: parallelism.ParallelismPerKPUUpdate ?? before.parallelism.perKpu,
          AutoScalingEnabled: parallelism.AutoScalingEnabledUpdate ?? before.parallelism.autoScaling,
        })
      : before.parallelism,
    checkpoints: checkpoints
      ? checkpointsOf({
          ConfigurationType: checkpoints.ConfigurationTypeUpdate ?? before.checkpoints.type,
          CheckpointingEnabled: checkpoints.CheckpointingEnabledUpdate ?? before.checkpoints.enabled,
          CheckpointInterval: checkpoints.CheckpointIntervalUpdate ?? before.checkpoints.intervalMs,
          MinPauseBetweenCheckpoints: checkpoints.MinPauseBetweenCheckpointsUpdate ?? before.checkpoints.minPauseMs,
        })
      : before.checkpoints,
    ...(snapshots !== undefined && { snapshots }),
    logLevel: zeppelin?.MonitoringConfigurationUpdate?.LogLevelUpdate ?? before.logLevel,
    ...(glueDatabase !== undefined && { glueDatabase }),
    artifacts: artifacts ? artifactsOf(artifacts) : before.artifacts,
    logStreams: before.logStreams.map(({ id, arn }) => ({ id, arn: streams.get(id) ?? arn })),
  };
}
