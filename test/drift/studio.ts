import {
  type ApplicationConfigurationUpdate,
  type ApplicationDetail,
  CreateApplicationCommand,
  DeleteApplicationCloudWatchLoggingOptionCommand,
  DeleteApplicationCommand,
  DescribeApplicationCommand,
  type FlinkApplicationConfigurationUpdate,
  UpdateApplicationCommand,
  type UpdateApplicationRequest,
  type ZeppelinApplicationConfigurationUpdate,
} from '@aws-sdk/client-kinesis-analytics-v2';
import { shardIds } from '../../activities/kinesis/shards.ts';
import { creationOf } from '../../activities/kinesis-analytics-v2/configuration.ts';
import { ground, n, other, type Pretence, pipeline, type Row, row } from './ground.ts';

const ApplicationName = n.application;
const described = async (): Promise<ApplicationDetail> =>
  (await ground.aws.kinesisAnalyticsV2.send(new DescribeApplicationCommand({ ApplicationName }))).ApplicationDetail!;
const update = async (change: Partial<UpdateApplicationRequest>) => {
  const { ConditionalToken } = await described();
  await ground.aws.kinesisAnalyticsV2.send(new UpdateApplicationCommand({ ApplicationName, ConditionalToken, ...change }));
};
const configured = (ApplicationConfigurationUpdate: ApplicationConfigurationUpdate) => update({ ApplicationConfigurationUpdate });
const parallelism = (change: FlinkApplicationConfigurationUpdate['ParallelismConfigurationUpdate']) =>
  configured({ FlinkApplicationConfigurationUpdate: { ParallelismConfigurationUpdate: change } });
const checkpoints = (change: FlinkApplicationConfigurationUpdate['CheckpointConfigurationUpdate']) =>
  configured({ FlinkApplicationConfigurationUpdate: { CheckpointConfigurationUpdate: change } });
const zeppelin = (change: ZeppelinApplicationConfigurationUpdate) => configured({ ZeppelinApplicationConfigurationUpdate: change });
/** AWS takes a note only with the creation. */
const madeWithOtherNote = async () => {
  const { CreateTimestamp } = await described();
  await ground.aws.kinesisAnalyticsV2.send(new DeleteApplicationCommand({ ApplicationName, CreateTimestamp }));
  const creation = creationOf(pipeline, { shards: shardIds(pipeline.shards) });
  const CodeContent = { TextContent: '{"paragraphs":[],"id":"D2DMETRIC","name":"x"}' };
  const code = { ApplicationCodeConfiguration: { CodeContentType: 'PLAINTEXT' as const, CodeContent } };
  const ApplicationConfiguration = { ...creation.ApplicationConfiguration, ...code };
  await ground.aws.kinesisAnalyticsV2.send(new CreateApplicationCommand({ ...creation, ApplicationConfiguration }));
};
const unlogged = async () => {
  const { ConditionalToken, CloudWatchLoggingOptionDescriptions: [option] = [] } = await described();
  const { CloudWatchLoggingOptionId } = option!;
  await ground.aws.kinesisAnalyticsV2.send(
    new DeleteApplicationCloudWatchLoggingOptionCommand({ ApplicationName, ConditionalToken, CloudWatchLoggingOptionId }),
  );
};
/** The service looks into the database with the application's role, which may not look into any other. */
const elsewhere = () =>
  zeppelin({
    CatalogConfigurationUpdate: { GlueDataCatalogConfigurationUpdate: { DatabaseARNUpdate: n.databaseArn(n.lakeDatabase) } },
  });
const OTHER_CONNECTOR = { GroupId: 'org.apache.flink', ArtifactId: 'flink-sql-connector-kinesis', Version: '1.15.3' };

export const rows: Row[] = [
  row('studio', ['ServiceExecutionRole'], () => update({ ServiceExecutionRoleUpdate: other.roleArn })),
  row('studio', ['ConfigurationType', 'Parallelism'], () => parallelism({ ConfigurationTypeUpdate: 'DEFAULT' })),
  row('studio', ['Parallelism'], () => parallelism({ ParallelismUpdate: 3 })),
  row('studio', ['ParallelismPerKPU'], () => parallelism({ ParallelismPerKPUUpdate: 2 })),
  row('studio', ['AutoScalingEnabled'], () => parallelism({ AutoScalingEnabledUpdate: true })),
  row('studio', ['CheckpointConfiguration.ConfigurationType', 'CheckpointConfiguration.CheckpointInterval'], () =>
    checkpoints({ ConfigurationTypeUpdate: 'DEFAULT' }),
  ),
  row('studio', ['CheckpointConfiguration.CheckpointingEnabled'], () => checkpoints({ CheckpointingEnabledUpdate: false })),
  row('studio', ['CheckpointConfiguration.CheckpointInterval'], () => checkpoints({ CheckpointIntervalUpdate: 20_000 })),
  row('studio', ['CheckpointConfiguration.MinPauseBetweenCheckpoints'], () => checkpoints({ MinPauseBetweenCheckpointsUpdate: 0 })),
  row('studio', ['TextContent (made anew)'], madeWithOtherNote),
  row('studio', ['LogLevel'], () => zeppelin({ MonitoringConfigurationUpdate: { LogLevelUpdate: 'DEBUG' } })),
  row('studio', ['DatabaseARN', 'ServiceExecutionRole'], async () => {
    await update({ ServiceExecutionRoleUpdate: other.roleArn });
    await elsewhere();
  }),
  row('studio', ['CloudWatchLoggingOptions'], unlogged),
  row('studio', ['CustomArtifacts'], () => zeppelin({ CustomArtifactsConfigurationUpdate: [] })),
  row('studio', ['CustomArtifacts[0].MavenReference.Version'], () =>
    zeppelin({ CustomArtifactsConfigurationUpdate: [{ ArtifactType: 'DEPENDENCY_JAR', MavenReference: OTHER_CONNECTOR }] }),
  ),
];

const pretence = (field: string, alter: (found: ApplicationDetail) => ApplicationDetail, mends?: string): Pretence => ({
  stage: 'studio',
  fields: [field],
  command: 'DescribeApplication',
  alter: (answer) => ({ ...answer, ApplicationDetail: alter((answer as { ApplicationDetail: ApplicationDetail }).ApplicationDetail) }),
  mends,
});
const inside = (found: ApplicationDetail, change: object): ApplicationDetail => ({
  ...found,
  ApplicationConfigurationDescription: { ...found.ApplicationConfigurationDescription, ...change },
});

/** The local AWS makes notebooks of one kind, of text, with connectors from Maven. */
export const pretences: Pretence[] = [
  pretence('RuntimeEnvironment', (found) => ({ ...found, RuntimeEnvironment: 'ZEPPELIN-FLINK-2_0' })),
  pretence('ApplicationMode', (found) => ({ ...found, ApplicationMode: 'STREAMING' })),
  pretence(
    'CodeContentType (made anew)',
    (found) => {
      const code = found.ApplicationConfigurationDescription!.ApplicationCodeConfigurationDescription!;
      return inside(found, { ApplicationCodeConfigurationDescription: { ...code, CodeContentType: 'ZIPFILE' } });
    },
    'CreateApplication',
  ),
  pretence(
    'CustomArtifacts[0].ArtifactType',
    (found) => {
      const zeppelinConfiguration = found.ApplicationConfigurationDescription!.ZeppelinApplicationConfigurationDescription!;
      const CustomArtifactsConfigurationDescription = zeppelinConfiguration.CustomArtifactsConfigurationDescription!.map((each) => ({
        ...each,
        ArtifactType: 'UDF' as const,
      }));
      return inside(found, {
        ZeppelinApplicationConfigurationDescription: { ...zeppelinConfiguration, CustomArtifactsConfigurationDescription },
      });
    },
    'UpdateApplication',
  ),
];
