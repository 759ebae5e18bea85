import type {
  CreateDataSourceRequest,
  CreateDataSourceResponse,
  DataSourceErrorInfo,
  DataSourceParameters,
  DeleteDataSourceRequest,
  DeleteDataSourceResponse,
  DescribeDataSourceRequest,
  DescribeDataSourceResponse,
  DataSource as Described,
  ListDataSourcesRequest,
  ListDataSourcesResponse,
  UpdateDataSourceRequest,
  UpdateDataSourceResponse,
} from '@aws-sdk/client-quicksight';
import { runAthenaSql } from '../athena/run.ts';
import { workGroupOf } from '../athena/work-groups.ts';
import { type Aws, arn, awsError, type Operation } from '../aws.ts';
import { placeOf } from '../glue/crawl.ts';
import { assertAssumable } from '../iam/assume.ts';
import { type Permissions, permissionsOf } from '../iam/permissions.ts';
import { assetArn, checkName, type DataSource, dataSources, found, lastVerb, newAsset, newId, page, statusOf } from './assets.ts';

export const createDataSource: Operation<CreateDataSourceRequest, CreateDataSourceResponse> = async (input, aws) => {
  const { DataSourceId: id = '', Type: type = 'ATHENA', DataSourceParameters: parameters } = input;
  if (type !== 'ATHENA')
    throw awsError('InvalidParameterValueException', `Data sources of type ${type} are not part of the local AWS; ATHENA is.`);
  const checked = checkedParameters(aws, parameters);
  const error = await testConnection(aws, checked);
  dataSources(aws).set(id, { ...newAsset(aws, 'datasource', { ...input, id }), type, parameters: checked, error });
  aws.begins('data source', id);
  return { Arn: assetArn(aws, 'datasource', id), DataSourceId: id, CreationStatus: 'CREATION_IN_PROGRESS', Status: 202 };
};

export const describeDataSource: Operation<DescribeDataSourceRequest, DescribeDataSourceResponse> = ({ DataSourceId: id }, aws) => ({
  DataSource: described(aws, sourceOf(aws, id)),
});

export const updateDataSource: Operation<UpdateDataSourceRequest, UpdateDataSourceResponse> = async (input, aws) => {
  const { DataSourceId: id = '', Name: name, DataSourceParameters: parameters } = input;
  checkName(name);
  const checked = parameters ? checkedParameters(aws, parameters) : sourceOf(aws, id).parameters;
  const error = await testConnection(aws, checked);
  const source = sourceOf(aws, id);
  const updated = new Date(Math.max(aws.now(), source.created.getTime() + 1));
  dataSources(aws).set(id, { ...source, name: name!, parameters: checked, updated, error });
  aws.begins('data source', id);
  return { Arn: assetArn(aws, 'datasource', id), DataSourceId: id, UpdateStatus: 'UPDATE_IN_PROGRESS', Status: 202 };
};

export const deleteDataSource: Operation<DeleteDataSourceRequest, DeleteDataSourceResponse> = ({ DataSourceId: id = '' }, aws) => {
  sourceOf(aws, id);
  dataSources(aws).delete(id);
  return { Arn: assetArn(aws, 'datasource', id), DataSourceId: id };
};

export const listDataSources: Operation<ListDataSourcesRequest, ListDataSourcesResponse> = (input, aws) => {
  const { items, NextToken } = page(dataSources(aws).values(), input);
  return { DataSources: items.map((source) => described(aws, source)), NextToken };
};

/** The data source, or ResourceNotFoundException. */
export const sourceOf = (aws: Aws, id: string | undefined) => found(aws, 'datasource', dataSources(aws), id);

/** The data source an ARN names, or InvalidParameterValueException. */
export function sourceByArn(aws: Aws, arn = ''): Readonly<DataSource> {
  const source = dataSources(aws)
    .values()
    .find(({ id }) => assetArn(aws, 'datasource', id) === arn);
  if (!source) throw awsError('InvalidParameterValueException', `Invalid DataSourceArn: ${arn} does not exist.`);
  return source;
}

/**
 * What a query through `source` may do: what its role allows; undefined where it has none and everything is allowed. Throws what the query would meet before it
 * begins: a role that QuickSight cannot assume or that may not use the workgroup, or a workgroup that is not there.
 */
export function rightsThrough(aws: Aws, { parameters }: Pick<DataSource, 'parameters'>): Permissions | undefined {
  const { RoleArn: role, WorkGroup: workGroup } = parameters.AthenaParameters ?? {};
  if (role) assertAssumable(aws, role, 'quicksight.amazonaws.com', 'AccessDeniedException');
  const group = workGroupOf(aws, workGroup);
  const may = role ? permissionsOf(aws, role, 'QuickSight', 'AccessDeniedException') : undefined;
  if (may) mayAsk(aws, group, may);
  if (group.State === 'DISABLED') throw awsError('InvalidRequestException', `WorkGroup ${group.Name} is disabled.`);
  return may;
}

/** What a query through a workgroup takes: of Athena, and of S3 where its results go. */
function mayAsk(aws: Aws, { Name: name, Configuration: configuration }: ReturnType<typeof workGroupOf>, may: Permissions): void {
  for (const action of ASKS) may(action, arn(aws, 'athena', `workgroup/${name}`));
  const location = configuration?.ResultConfiguration?.OutputLocation;
  if (location === undefined) return;
  const { bucket, prefix } = placeOf(location);
  may('s3:GetBucketLocation', `arn:aws:s3:::${bucket}`);
  for (const action of ['s3:PutObject', 's3:GetObject']) may(action, `arn:aws:s3:::${bucket}/${prefix}${newId()}.csv`);
}

const ASKS = ['athena:GetWorkGroup', 'athena:StartQueryExecution', 'athena:GetQueryExecution', 'athena:GetQueryResults'];

function checkedParameters(aws: Aws, parameters: DataSourceParameters | undefined): DataSourceParameters {
  if (!parameters?.AthenaParameters)
    throw awsError('InvalidParameterValueException', 'DataSourceParameters must have AthenaParameters for data source type ATHENA.');
  const { RoleArn: role } = parameters.AthenaParameters;
  if (role) assertAssumable(aws, role, 'quicksight.amazonaws.com', 'AccessDeniedException');
  return parameters;
}

/** What is wrong with the connection, if anything: the workgroup must be there and a query must run. */
async function testConnection(aws: Aws, parameters: DataSourceParameters): Promise<DataSourceErrorInfo | undefined> {
  try {
    const may = rightsThrough(aws, { parameters });
    await runAthenaSql(aws, 'SELECT 1', { database: 'default', may });
    return undefined;
  } catch (error) {
    return { Type: 'GENERIC_SQL_FAILURE', Message: (error as Error).message };
  }
}

function described(aws: Aws, source: Readonly<DataSource>): Described {
  const status = statusOf(aws, aws.takes('data source', source.id), lastVerb(source), source.updated, source.error === undefined);
  return {
    Arn: assetArn(aws, 'datasource', source.id),
    DataSourceId: source.id,
    Name: source.name,
    Type: source.type,
    Status: status,
    CreatedTime: source.created,
    LastUpdatedTime: source.updated,
    DataSourceParameters: source.parameters,
    SslProperties: { DisableSsl: false },
    ErrorInfo: status.endsWith('_FAILED') ? source.error : undefined,
  };
}
